/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sentencepiece.c - SentencePiece's model file, read.
 *
 * A message is a run of fields; unknown ones are passed over.  No length is
 * believed before it is compared with the bytes that are left.
 */
#include "text/sentencepiece.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define MAX_PIECES 1000000

enum
{
  WIRE_VARINT  = 0,
  WIRE_FIXED64 = 1,
  WIRE_BYTES   = 2,
  WIRE_FIXED32 = 5
};

/* Fields, by message. */
enum
{
  MODEL_PIECES     = 1,
  MODEL_TRAINER    = 2,
  MODEL_NORMALIZER = 3,

  PIECE_TEXT  = 1,
  PIECE_SCORE = 2,
  PIECE_TYPE  = 3,

  TRAINER_MODEL_TYPE           = 3,
  TRAINER_WHITESPACE_AS_SUFFIX = 24,
  TRAINER_BYTE_FALLBACK        = 35,
  TRAINER_UNK_ID               = 40,

  NORMALIZER_CHARSMAP     = 2,
  NORMALIZER_DUMMY_PREFIX = 3,
  NORMALIZER_REMOVE_EXTRA = 4,
  NORMALIZER_ESCAPE       = 5
};

/* A message or what is left of it. */
typedef struct
{
  const guint8 *p, *end;
} Message;

/* A field: a number, or the bytes of a string or message. */
typedef struct
{
  guint32 number;
  guint   wire;
  guint64 value;
  Message bytes;
} Field;

static gboolean
read_varint (Message *m, guint64 *value)
{
  *value = 0;
  for (guint shift = 0; shift < 64 && m->p < m->end; shift += 7)
    {
      guint8 byte = *m->p++;

      *value |= (guint64) (byte & 0x7f) << shift;
      if (! (byte & 0x80))
        return TRUE;
    }
  return FALSE;
}

static gboolean
read_fixed (Message *m, gsize n, guint64 *value)
{
  if ((gsize) (m->end - m->p) < n)
    return FALSE;
  *value = 0;
  for (gsize i = 0; i < n; i++)
    *value |= (guint64) m->p[i] << (8 * i);
  m->p += n;
  return TRUE;
}

static gboolean
read_field (Message *m, Field *f)
{
  guint64 tag;

  if (! read_varint (m, &tag) || tag >> 3 == 0 || tag >> 3 > G_MAXINT32)
    return FALSE;
  f->number = (guint32) (tag >> 3);
  f->wire   = (guint) (tag & 7);
  f->bytes  = (Message) { 0 };
  if (f->wire == WIRE_VARINT)
    return read_varint (m, &f->value);
  if (f->wire == WIRE_FIXED64)
    return read_fixed (m, 8, &f->value);
  if (f->wire == WIRE_FIXED32)
    return read_fixed (m, 4, &f->value);
  if (f->wire != WIRE_BYTES || ! read_varint (m, &f->value) ||
      f->value > (guint64) (m->end - m->p))
    return FALSE;
  f->bytes = (Message) { m->p, m->p + f->value };
  m->p += f->value;
  return TRUE;
}

static gboolean
is (const Field *f, guint32 number, guint wire)
{
  return f->number == number && f->wire == wire;
}

static float
float_of (guint64 bits)
{
  guint32 low = (guint32) bits;
  float   value;

  memcpy (&value, &low, sizeof value);
  return value;
}

static gboolean
refuse (GError **error, int code, const char *where, const char *expected)
{
  g_set_error (error, DIF_FORMAT_ERROR, code, "%s: expected %s, found none", where, expected);
  return FALSE;
}

static gboolean
read_piece (DifSentencePiece *sp, Message m, const char *where, GError **error)
{
  DifPiece piece = { .type = DIF_PIECE_NORMAL };
  Message  text  = { 0 };
  guint64  type  = DIF_PIECE_NORMAL;
  gsize    n;

  while (m.p < m.end)
    {
      Field f;

      if (! read_field (&m, &f))
        return refuse (error, DIF_FORMAT_ERROR_CORRUPT, where, "whole pieces");
      if (is (&f, PIECE_TEXT, WIRE_BYTES))
        text = f.bytes;
      else if (is (&f, PIECE_SCORE, WIRE_FIXED32))
        piece.score = float_of (f.value);
      else if (is (&f, PIECE_TYPE, WIRE_VARINT))
        type = f.value;
    }
  n = (gsize) (text.end - text.p);
  if (sp->pieces->len >= MAX_PIECES || n > DIF_PIECE_MAX_BYTES)
    return refuse (error, DIF_FORMAT_ERROR_TOO_LARGE, where,
                   "at most 1000000 pieces of at most 512 bytes");
  if (n == 0 || ! g_utf8_validate_len ((const char *) text.p, n, NULL) ||
      ! isfinite (piece.score) || type < DIF_PIECE_NORMAL || type > DIF_PIECE_BYTE)
    return refuse (error, DIF_FORMAT_ERROR_BAD_VALUE, where,
                   "pieces of UTF-8 text with a number and a known type");
  piece.text = g_strndup ((const char *) text.p, n);
  piece.type = (DifPieceType) type;
  g_array_append_val (sp->pieces, piece);
  return TRUE;
}

static gboolean
read_trainer (DifSentencePiece *sp, Message m)
{
  while (m.p < m.end)
    {
      Field f;

      if (! read_field (&m, &f))
        return FALSE;
      if (is (&f, TRAINER_MODEL_TYPE, WIRE_VARINT))
        sp->model_type = (gint32) MIN (f.value, G_MAXINT32);
      else if (is (&f, TRAINER_WHITESPACE_AS_SUFFIX, WIRE_VARINT))
        sp->whitespace_as_suffix = f.value != 0;
      else if (is (&f, TRAINER_BYTE_FALLBACK, WIRE_VARINT))
        sp->byte_fallback = f.value != 0;
      else if (is (&f, TRAINER_UNK_ID, WIRE_VARINT))
        sp->unk_id = (gint32) MIN (f.value, G_MAXINT32);
    }
  return TRUE;
}

static gboolean
read_normalizer (DifSentencePiece *sp, Message m)
{
  while (m.p < m.end)
    {
      Field f;

      if (! read_field (&m, &f))
        return FALSE;
      if (is (&f, NORMALIZER_CHARSMAP, WIRE_BYTES))
        {
          g_clear_pointer (&sp->charsmap, g_bytes_unref);
          if (f.bytes.p < f.bytes.end)
            sp->charsmap = g_bytes_new (f.bytes.p, (gsize) (f.bytes.end - f.bytes.p));
        }
      else if (is (&f, NORMALIZER_DUMMY_PREFIX, WIRE_VARINT))
        sp->add_dummy_prefix = f.value != 0;
      else if (is (&f, NORMALIZER_REMOVE_EXTRA, WIRE_VARINT))
        sp->remove_extra_whitespaces = f.value != 0;
      else if (is (&f, NORMALIZER_ESCAPE, WIRE_VARINT))
        sp->escape_whitespaces = f.value != 0;
    }
  return TRUE;
}

static gboolean
read_model (DifSentencePiece *sp, Message m, const char *where, GError **error)
{
  while (m.p < m.end)
    {
      Field f;

      if (! read_field (&m, &f) ||
          (is (&f, MODEL_TRAINER, WIRE_BYTES) && ! read_trainer (sp, f.bytes)) ||
          (is (&f, MODEL_NORMALIZER, WIRE_BYTES) && ! read_normalizer (sp, f.bytes)))
        return refuse (error, DIF_FORMAT_ERROR_CORRUPT, where, "a whole SentencePiece model");
      if (is (&f, MODEL_PIECES, WIRE_BYTES) && ! read_piece (sp, f.bytes, where, error))
        return FALSE;
    }
  return sp->pieces->len > 0 ||
         refuse (error, DIF_FORMAT_ERROR_CORRUPT, where, "pieces in a SentencePiece model");
}

static void
clear_piece (gpointer data)
{
  g_free (((DifPiece *) data)->text);
}

DifSentencePiece *
dif_sentencepiece_parse (GBytes *bytes, const char *where, GError **error)
{
  gsize             size;
  const guint8     *data = g_bytes_get_data (bytes, &size);
  DifSentencePiece *sp   = g_new0 (DifSentencePiece, 1);

  sp->pieces = g_array_new (FALSE, FALSE, sizeof (DifPiece));
  g_array_set_clear_func (sp->pieces, clear_piece);
  sp->model_type               = 1;
  sp->add_dummy_prefix         = TRUE;
  sp->remove_extra_whitespaces = TRUE;
  sp->escape_whitespaces       = TRUE;
  if (! read_model (sp, (Message) { data, data + size }, where, error))
    g_clear_pointer (&sp, dif_sentencepiece_free);
  return sp;
}

void
dif_sentencepiece_free (DifSentencePiece *sp)
{
  if (! sp)
    return;
  g_array_unref (sp->pieces);
  if (sp->charsmap)
    g_bytes_unref (sp->charsmap);
  g_free (sp);
}
