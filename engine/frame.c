/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* frame.c - a stream of bytes as messages.
 *
 * Invariant of the reader: `head` starts with a prefix, unless the frame whose
 * header was the last is not complete; then `head` is empty, and what arrives goes
 * to `payload`.
 */
#include "config.h"

#include <string.h>

#include "engine/frame.h"

/* Read at a time, and the least that a payload grows by. */
#define CHUNK (64 * 1024)

/* Bytes, of which the first @length are there. */
typedef struct
{
  guint8 *data;
  gsize   length, size;
} Buffer;

struct _DifFrameReader
{
  Buffer   head;
  DifJson *header; /* of the frame whose payload is arriving */
  Buffer   payload;
  gsize    n_payload;
  gsize    max_header;
  gsize    max_payload;
  gboolean is_full; /* no memory for what arrived */
};

void
dif_frame_free (DifFrame *frame)
{
  if (frame == NULL)
    return;
  dif_json_unref (frame->header);
  g_clear_pointer (&frame->payload, g_bytes_unref);
  g_free (frame);
}

GBytes *
dif_frame_pack (DifJson *header, gsize n_payload)
{
  g_autofree char *text   = dif_json_to_string (header, FALSE);
  gsize            n_text = strlen (text);
  guint32          n1     = GUINT32_TO_LE ((guint32) n_text);
  guint64          n2     = GUINT64_TO_LE ((guint64) n_payload);
  guint8          *bytes  = g_malloc (DIF_FRAME_PREFIX + n_text);

  memcpy (bytes, &n1, 4);
  memcpy (bytes + 4, &n2, 8);
  memcpy (bytes + DIF_FRAME_PREFIX, text, n_text);
  return g_bytes_new_take (bytes, DIF_FRAME_PREFIX + n_text);
}

DifFrameReader *
dif_frame_reader_new (gsize max_header, gsize max_payload)
{
  DifFrameReader *reader = g_new0 (DifFrameReader, 1);

  dif_frame_reader_allow (reader, max_header, max_payload);
  return reader;
}

void
dif_frame_reader_free (DifFrameReader *reader)
{
  if (reader == NULL)
    return;
  g_free (reader->head.data);
  g_free (reader->payload.data);
  g_clear_pointer (&reader->header, dif_json_unref);
  g_free (reader);
}

void
dif_frame_reader_allow (DifFrameReader *reader, gsize max_header, gsize max_payload)
{
  reader->max_header  = max_header;
  reader->max_payload = max_payload;
}

/* Makes room for @more bytes behind those that are there; not for above @most in
 * all, and never more than twice what is there and a chunk. */
static gboolean
buffer_grow (Buffer *buffer, gsize more, gsize most)
{
  gsize   size = MIN (MAX (2 * buffer->length, buffer->length + more), most);
  guint8 *data = g_try_realloc (buffer->data, size);

  if (data == NULL)
    return FALSE;
  buffer->data = data;
  buffer->size = size;
  return TRUE;
}

static gboolean
is_in_payload (DifFrameReader *reader)
{
  return reader->header != NULL && reader->payload.length < reader->n_payload;
}

guint8 *
dif_frame_reader_room (DifFrameReader *reader, gsize *n)
{
  gboolean is_payload = is_in_payload (reader);
  Buffer  *buffer     = is_payload ? &reader->payload : &reader->head;
  gsize    most       = is_payload ? reader->n_payload : G_MAXSIZE;

  if (buffer->length == buffer->size && ! buffer_grow (buffer, CHUNK, most))
    {
      reader->is_full = TRUE;
      return NULL;
    }
  *n = buffer->size - buffer->length;
  return buffer->data + buffer->length;
}

void
dif_frame_reader_filled (DifFrameReader *reader, gsize n)
{
  Buffer *buffer = is_in_payload (reader) ? &reader->payload : &reader->head;

  buffer->length += n;
}

void
dif_frame_reader_feed (DifFrameReader *reader, gconstpointer bytes, gsize n)
{
  const guint8 *next = bytes;

  while (n > 0)
    {
      gsize   room = 0;
      guint8 *to   = dif_frame_reader_room (reader, &room);

      if (to == NULL)
        return;
      room = MIN (room, n);
      memcpy (to, next, room);
      dif_frame_reader_filled (reader, room);
      next += room;
      n -= room;
    }
}

static DifJson *
parse_header (const guint8 *text, gsize length, GError **error)
{
  g_autoptr (DifJson) header = NULL;

  header = dif_json_parse ((const char *) text, length, "engine message", error);
  if (header == NULL)
    return NULL;
  if (dif_json_type (header) != DIF_JSON_OBJECT)
    {
      g_set_error_literal (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                           "engine message: expected a JSON object, found another value");
      return NULL;
    }
  return g_steal_pointer (&header);
}

/* Takes @n bytes off the front of what is there. */
static void
buffer_drop (Buffer *buffer, gsize n)
{
  buffer->length -= n;
  memmove (buffer->data, buffer->data + n, buffer->length);
}

/* Takes the next header, if it is there, and what there is of its payload. */
static gboolean
take_header (DifFrameReader *reader, GError **error)
{
  Buffer *head = &reader->head;
  guint32 n_header;
  guint64 n_payload;
  gsize   n;

  if (head->length < DIF_FRAME_PREFIX)
    return TRUE;
  memcpy (&n_header, head->data, 4);
  memcpy (&n_payload, head->data + 4, 8);
  n_header  = GUINT32_FROM_LE (n_header);
  n_payload = GUINT64_FROM_LE (n_payload);
  if (n_header > reader->max_header || n_payload > reader->max_payload)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "engine message: expected at most %" G_GSIZE_FORMAT " and %" G_GSIZE_FORMAT
                   " bytes, found %u and %" G_GUINT64_FORMAT,
                   reader->max_header, reader->max_payload, n_header, n_payload);
      return FALSE;
    }
  if (head->length < DIF_FRAME_PREFIX + n_header)
    return TRUE;
  reader->header = parse_header (head->data + DIF_FRAME_PREFIX, n_header, error);
  if (reader->header == NULL)
    return FALSE;
  buffer_drop (head, DIF_FRAME_PREFIX + n_header);
  reader->n_payload = (gsize) n_payload;
  n                 = MIN (head->length, reader->n_payload);
  if (n > 0)
    {
      reader->is_full = ! buffer_grow (&reader->payload, MAX (n, CHUNK), reader->n_payload);
      if (reader->is_full)
        return TRUE;
      memcpy (reader->payload.data, head->data, n);
      reader->payload.length = n;
      buffer_drop (head, n);
    }
  return TRUE;
}

gboolean
dif_frame_reader_next (DifFrameReader *reader, DifFrame **frame, GError **error)
{
  *frame = NULL;
  if (reader->header == NULL && ! take_header (reader, error))
    return FALSE;
  if (reader->is_full)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "out of memory: an engine message of %" G_GSIZE_FORMAT " bytes",
                   reader->n_payload);
      return FALSE;
    }
  if (reader->header == NULL || is_in_payload (reader))
    return TRUE;
  *frame           = g_new0 (DifFrame, 1);
  (*frame)->header = g_steal_pointer (&reader->header);
  if (reader->n_payload > 0)
    (*frame)->payload = g_bytes_new_take (reader->payload.data, reader->n_payload);
  reader->payload   = (Buffer) { NULL, 0, 0 };
  reader->n_payload = 0;
  return TRUE;
}
