/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-tokenizer.c - any files as a tokenizer, and any bytes as a prompt.
 *
 * An input that begins with a mark "==LETTER" is a folder of files and perhaps
 * a prompt; any other is a prompt for a small tokenizer kept for the process.
 */
#include "fuzz/fuzz.h"
#include "text/bpe.h"

#include <string.h>

static const FuzzFile files[] = {
  { 't', "tokenizer.json" },
  { 'v', "vocab.json" },
  { 'm', "merges.txt" },
  { 'c', "tokenizer_config.json" },
  { 's', "special_tokens_map.json" },
  { 'a', "added_tokens.json" },
};

/* Unknown bytes, merges, and a special token of either kind. */
static const char small[] =
    "==t\n"
    "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"<|startoftext|>\": 1, \"!\": 2, \"a\": 3, "
    "\"b\": 4, "
    "\"a</w>\": 5, \"b</w>\": 6, \"ab\": 7, \"ab</w>\": 8, \"aa\": 9, \"aa</w>\": 10, \"aaaa\": "
    "11, "
    "\"\xc3\x8c\": 12, \"\xc4\xa3\": 13, \"\xc3\x8c\xc4\xa3\": 14}, \"merges\": [\"a a\", \"a "
    "b</w>\", \"a a</w>\", "
    "\"a b\", \"aa aa\", \"\xc3\x8c \xc4\xa3\"]}}\n"
    "==s\n"
    "{\"pad_token\": \"!\", \"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}}";

static void
encode (DifTokenizer *t, const guint8 *text, gsize length)
{
  guint              max  = dif_tokenizer_max_length (t);
  g_autofree gint32 *ids  = g_new (gint32, max);
  g_autofree char   *copy = g_strndup ((const char *) text, length);
  g_autoptr (GArray) all  = dif_tokenizer_split (t, (const char *) text, (gssize) length, NULL);
  guint              used, dropped;

  for (guint i = 0; all && i < all->len; i++)
    g_assert_cmpuint ((guint) g_array_index (all, gint32, i), <, dif_tokenizer_vocabulary_size (t));
  if (! dif_tokenizer_encode (t, copy, ids, &used, &dropped, NULL))
    return;
  g_assert_cmpuint (used, <=, max);
  g_assert_cmpint (ids[0], ==, dif_tokenizer_bos (t));
  g_assert_cmpint (ids[used - 1], ==, dif_tokenizer_eos (t));
  for (guint i = used; i < max; i++)
    g_assert_cmpint (ids[i], ==, dif_tokenizer_pad (t));
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

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
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
      return 0;
    }
  t = load (data, size);
  if (! t)
    return 0;
  prompt = fuzz_find_part (data, size, 'p', &length);
  encode (t, prompt ? prompt : (const guint8 *) "a photo of a cat", prompt ? length : 16);
  return 0;
}
