/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-tokens.c - any files as a tokenizer, and any bytes as a prompt. */
#include "fuzz/fuzz-tokens.h"

#include <string.h>

#include "text/tokenizer.h"

/* More ids than this are not put out whole. */
#define MAX_LENGTH 8192u

static const FuzzFile files[] = {
  { 't', "tokenizer.json" },
  { 'v', "vocab.json" },
  { 'm', "merges.txt" },
  { 'x', "spiece.model" },
  { 'c', "tokenizer_config.json" },
  { 's', "special_tokens_map.json" },
  { 'a', "added_tokens.json" },
};

static void
check_row (DifTokenizer *t, const gint32 *ids, guint length, guint used)
{
  guint before, overhead = dif_tokenizer_overhead (t, &before);

  g_assert_cmpuint (used, <=, length);
  g_assert_cmpuint (used, >=, overhead);
  if (before)
    g_assert_cmpint (ids[0], ==, dif_tokenizer_bos (t));
  if (overhead > before)
    g_assert_cmpint (ids[used - 1], ==, dif_tokenizer_eos (t));
  for (guint i = used; i < length; i++)
    g_assert_cmpint (ids[i], ==, dif_tokenizer_pad (t));
}

static void
encode (DifTokenizer *t, const guint8 *text, gsize length)
{
  guint              max  = MIN (dif_tokenizer_max_length (t), MAX_LENGTH);
  g_autofree gint32 *ids  = g_new (gint32, max);
  g_autofree char   *copy = g_strndup ((const char *) text, length);
  g_autoptr (GArray) all  = dif_tokenizer_split (t, (const char *) text, (gssize) length, NULL);
  guint              used, dropped;

  for (guint i = 0; all && i < all->len; i++)
    {
      gint32 id = g_array_index (all, gint32, i);

      g_assert_cmpuint ((guint) id, <, dif_tokenizer_vocabulary_size (t));
      if (i < 64)
        {
          g_autofree char *shown = dif_tokenizer_show (t, id);

          g_assert_true (g_utf8_validate (shown, -1, NULL));
        }
    }
  if (! dif_tokenizer_encode (t, copy, ids, max, &used, &dropped, NULL))
    return;
  check_row (t, ids, max, used);
}

static DifTokenizer *
load (const guint8 *data, gsize size)
{
  g_autoptr (GError) error  = NULL;
  const char        *folder = fuzz_write_files (data, size, files, G_N_ELEMENTS (files));
  DifTokenizer      *t      = dif_tokenizer_load (folder, &error);

  g_assert_true ((t == NULL) == (error != NULL));
  if (error)
    g_assert_null (strchr (error->message, '\n'));
  return t;
}

void
fuzz_tokens (const guint8 *data, gsize size, const char *small)
{
  static DifTokenizer     *kept;
  g_autoptr (DifTokenizer) t = NULL;
  const guint8            *prompt;
  gsize                    length;

  if (size < 2 || data[0] != '=' || data[1] != '=')
    {
      if (! kept)
        kept = load ((const guint8 *) small, strlen (small));
      g_assert_nonnull (kept);
      encode (kept, data, size);
      return;
    }
  t = load (data, size);
  if (! t)
    return;
  prompt = fuzz_find_part (data, size, 'p', &length);
  encode (t, prompt ? prompt : (const guint8 *) "a photo of a cat", prompt ? length : 16);
}
