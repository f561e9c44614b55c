/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* frame.c - see frame.h.
 *
 * Invariant of the reader: `buffer` starts with a prefix; frames are taken off
 * its front only when they are complete.
 */
#include "config.h"

#include <string.h>

#include "engine/frame.h"

struct _DifFrameReader
{
  GByteArray *buffer;
  gsize       max_header;
  gsize       max_payload;
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

/* The prefix and the header, in front of @n_room bytes that are not filled. */
static guint8 *
pack (DifJson *header, gsize n_payload, gsize n_room, gsize *n)
{
  g_autofree char *text   = dif_json_to_string (header, FALSE);
  gsize            n_text = strlen (text);
  guint32          n1     = GUINT32_TO_LE ((guint32) n_text);
  guint64          n2     = GUINT64_TO_LE ((guint64) n_payload);
  guint8          *bytes  = g_malloc (DIF_FRAME_PREFIX + n_text + n_room);

  memcpy (bytes, &n1, 4);
  memcpy (bytes + 4, &n2, 8);
  memcpy (bytes + DIF_FRAME_PREFIX, text, n_text);
  *n = DIF_FRAME_PREFIX + n_text;
  return bytes;
}

GBytes *
dif_frame_pack_head (DifJson *header, gsize n_payload)
{
  gsize   n     = 0;
  guint8 *bytes = pack (header, n_payload, 0, &n);

  return g_bytes_new_take (bytes, n);
}

GBytes *
dif_frame_pack (DifJson *header, gconstpointer payload, gsize n_payload)
{
  gsize   n     = 0;
  guint8 *bytes = pack (header, n_payload, n_payload, &n);

  if (n_payload > 0)
    memcpy (bytes + n, payload, n_payload);
  return g_bytes_new_take (bytes, n + n_payload);
}

DifFrameReader *
dif_frame_reader_new (gsize max_header, gsize max_payload)
{
  DifFrameReader *reader = g_new0 (DifFrameReader, 1);

  reader->buffer = g_byte_array_new ();
  dif_frame_reader_allow (reader, max_header, max_payload);
  return reader;
}

void
dif_frame_reader_free (DifFrameReader *reader)
{
  if (reader == NULL)
    return;
  g_byte_array_unref (reader->buffer);
  g_free (reader);
}

void
dif_frame_reader_allow (DifFrameReader *reader, gsize max_header, gsize max_payload)
{
  reader->max_header  = max_header;
  reader->max_payload = max_payload;
}

void
dif_frame_reader_feed (DifFrameReader *reader, gconstpointer bytes, gsize n)
{
  g_byte_array_append (reader->buffer, bytes, (guint) n);
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

gboolean
dif_frame_reader_next (DifFrameReader *reader, DifFrame **frame, GError **error)
{
  const guint8       *bytes  = reader->buffer->data;
  g_autoptr (DifJson) header = NULL;
  guint32             n_header;
  guint64             n_payload;
  gsize               whole;

  *frame = NULL;
  if (reader->buffer->len < DIF_FRAME_PREFIX)
    return TRUE;

  memcpy (&n_header, bytes, 4);
  memcpy (&n_payload, bytes + 4, 8);
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
  whole = DIF_FRAME_PREFIX + n_header + (gsize) n_payload;
  if (reader->buffer->len < whole)
    return TRUE;

  header = parse_header (bytes + DIF_FRAME_PREFIX, n_header, error);
  if (header == NULL)
    return FALSE;
  *frame           = g_new0 (DifFrame, 1);
  (*frame)->header = g_steal_pointer (&header);
  if (n_payload > 0)
    (*frame)->payload = g_bytes_new (bytes + DIF_FRAME_PREFIX + n_header, (gsize) n_payload);
  g_byte_array_remove_range (reader->buffer, 0, (guint) whole);
  return TRUE;
}
