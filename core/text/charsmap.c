/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* charsmap.c - SentencePiece's precompiled rules of normalization. */
#include "text/charsmap.h"

#include <string.h>
#include <utf8proc.h>

#include "base/error.h"

/* Graphemes of this many bytes and more are never looked up whole. */
#define WHOLE_GRAPHEME 6

struct _DifCharsmap
{
  GBytes       *bytes;
  const guint8 *units; /* n_units times 4 bytes */
  gsize         n_units;
  const char   *replacements;
  gsize         n_replacements; /* bytes; the last one is 0 */
};

static guint32
read_u32 (const guint8 *at)
{
  return (guint32) at[0] | (guint32) at[1] << 8 | (guint32) at[2] << 16 | (guint32) at[3] << 24;
}

DifCharsmap *
dif_charsmap_new (GBytes *bytes, const char *where, GError **error)
{
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gsize         n    = size >= 4 ? read_u32 (data) : 0;
  DifCharsmap  *map;

  if (n < 4 || n % 4 != 0 || n >= size - 4 || data[size - 1] != 0)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected rules of normalization (precompiled_charsmap), found "
                   "%" G_GSIZE_FORMAT " bytes that are none",
                   where, size);
      return NULL;
    }
  map                 = g_new0 (DifCharsmap, 1);
  map->bytes          = g_bytes_ref (bytes);
  map->units          = data + 4;
  map->n_units        = n / 4;
  map->replacements   = (const char *) data + 4 + n;
  map->n_replacements = size - 4 - n;
  return map;
}

void
dif_charsmap_free (DifCharsmap *map)
{
  if (! map)
    return;
  g_bytes_unref (map->bytes);
  g_free (map);
}

/* A walk through the double array. */
typedef struct
{
  guint32 at;
  guint32 unit;
} Walk;

static guint32
offset_of (guint32 unit)
{
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* Goes on by @byte; returns FALSE where no rule goes on so. */
static gboolean
step (const DifCharsmap *map, Walk *w, guint8 byte)
{
  w->at ^= byte;
  if (byte == 0 || w->at >= map->n_units)
    return FALSE;
  w->unit = read_u32 (map->units + (gsize) w->at * 4);
  if ((w->unit & (0x80000000u | 0xff)) != byte)
    return FALSE;
  w->at ^= offset_of (w->unit);
  return TRUE;
}

/* The replacement of the rule that ends here; NULL if none does. */
static const char *
replacement (const DifCharsmap *map, const Walk *w)
{
  const char *found;
  guint32     value;

  if (! ((w->unit >> 8) & 1) || w->at >= map->n_units)
    return NULL;
  value = read_u32 (map->units + (gsize) w->at * 4) & 0x7fffffff;
  if (value >= map->n_replacements)
    return NULL;
  found = map->replacements + value;
  return g_utf8_validate (found, -1, NULL) ? found : NULL;
}

static Walk
begin (const DifCharsmap *map)
{
  Walk w = { .unit = read_u32 (map->units) };

  w.at = offset_of (w.unit);
  return w;
}

const char *
dif_charsmap_longest (const DifCharsmap *map, const char *text, gsize left, gsize *length)
{
  const char *found = NULL;
  Walk        w     = begin (map);

  for (gsize i = 0; i < left && step (map, &w, (guint8) text[i]); i++)
    {
      const char *here = replacement (map, &w);

      if (here)
        {
          found   = here;
          *length = i + 1;
        }
    }
  return found;
}

/* What the shortest rule at the beginning of @text says; NULL if there is none. */
static const char *
shortest (const DifCharsmap *map, const char *text, gsize length)
{
  Walk w = begin (map);

  for (gsize i = 0; i < length && step (map, &w, (guint8) text[i]); i++)
    if ((w.unit >> 8) & 1)
      return replacement (map, &w);
  return NULL;
}

static void
append_part (const DifCharsmap *map, GString *out, const char *text, gsize length)
{
  const char *found = shortest (map, text, length);

  if (found)
    g_string_append (out, found);
  else
    g_string_append_len (out, text, (gssize) length);
}

/* The marks of Unicode 16 and 17 that a grapheme of so few bytes can hold, which
 * utf8proc may not know yet, stand for an old one. */
static utf8proc_int32_t
as_known (gunichar c)
{
  if (c == 0x897 || (c >= 0x1acf && c <= 0x1add) || (c >= 0x1ae0 && c <= 0x1aeb))
    return 0x301;
  return (utf8proc_int32_t) c;
}

GString *
dif_charsmap_apply (const DifCharsmap *map, const char *text, gsize length)
{
  GString    *out = g_string_sized_new (length);
  const char *end = text + length;

  while (text < end)
    {
      const char      *p     = g_utf8_next_char (text);
      gunichar         c     = g_utf8_get_char (text);
      utf8proc_int32_t state = 0;
      const char      *found = NULL;

      while (p < end && ! utf8proc_grapheme_break_stateful (
                            as_known (c), as_known (g_utf8_get_char (p)), &state))
        {
          c = g_utf8_get_char (p);
          p = g_utf8_next_char (p);
        }
      if (p - text < WHOLE_GRAPHEME)
        found = shortest (map, text, (gsize) (p - text));
      if (found)
        g_string_append (out, found);
      for (; ! found && text < p; text = g_utf8_next_char (text))
        append_part (map, out, text, (gsize) (g_utf8_next_char (text) - text));
      text = p;
    }
  return out;
}
