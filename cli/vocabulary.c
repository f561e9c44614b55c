/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vocabulary.c - a byte-level vocabulary in CLIP's format, made up.
 *
 * The layout of ids is CLIP's: 256 bytes, the same with "</w>" (end of word),
 * merges in order of rank, begin and end of text.  The merges are not learned
 * from any text: they join letters to pairs and pairs to longer pieces.
 */
#include <string.h>

#include "vocabulary.h"

#define LETTERS    26
#define WORD_END   "</w>"
#define TEXT_BEGIN "<|startoftext|>"
#define TEXT_END   "<|endoftext|>"

typedef struct
{
  GString *vocab;  /* vocab.json */
  GString *merges; /* merges.txt */
  guint    n, n_merged_max;
} Writer;

static void
add_token (Writer *w, const char *token)
{
  g_autofree char *quoted = dif_json_quote (token);

  g_string_append_printf (w->vocab, "%s\n  %s: %u", w->n ? "," : "", quoted, w->n);
  w->n++;
}

/* A character for every byte: itself where printable, else one from U+0100 on.
 * Source: openai/CLIP, simple_tokenizer.py `bytes_to_unicode`: printable ones
 * come first. */
static void
add_bytes (Writer *w, const char *suffix)
{
  for (int printable = 1; printable >= 0; printable--)
    {
      gunichar next = 0x100;

      for (guint b = 0; b < 256; b++)
        {
          gboolean is = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
          char     token[16];
          int      length;

          if (is != printable)
            continue;
          length = g_unichar_to_utf8 (is ? b : next++, token);
          g_strlcpy (token + length, suffix, sizeof token - (gsize) length);
          add_token (w, token);
        }
    }
}

static void
add_merge (Writer *w, const char *left, const char *right)
{
  char token[32];

  if (w->n >= w->n_merged_max)
    return;
  g_string_append_printf (w->merges, "%s %s\n", left, right);
  g_snprintf (token, sizeof token, "%s%s", left, right);
  add_token (w, token);
}

static void
pair (char *text, guint i, const char *suffix)
{
  text[0] = (char) ('a' + i / LETTERS);
  text[1] = (char) ('a' + i % LETTERS);
  g_strlcpy (text + 2, suffix, 8);
}

static void
add_merges (Writer *w)
{
  const char *const ends[]  = { "", WORD_END };
  const guint       n_pairs = LETTERS * LETTERS;

  for (guint e = 0; e < 2; e++)
    for (guint i = 0; i < n_pairs; i++)
      {
        char left[2]  = { (char) ('a' + i / LETTERS), 0 };
        char right[8] = { (char) ('a' + i % LETTERS), 0 };

        g_strlcat (right, ends[e], sizeof right);
        add_merge (w, left, right);
      }
  for (guint e = 0; e < 2; e++)
    for (guint i = 0; i < n_pairs * LETTERS; i++)
      {
        char left[16], right[8] = { (char) ('a' + i % LETTERS), 0 };

        pair (left, i / LETTERS, "");
        g_strlcat (right, ends[e], sizeof right);
        add_merge (w, left, right);
      }
  for (guint i = 0; i < n_pairs * n_pairs && w->n < w->n_merged_max; i++)
    {
      char left[16], right[16];

      pair (left, i / n_pairs, "");
      pair (right, i % n_pairs, WORD_END);
      add_merge (w, left, right);
    }
}

static gboolean
write_text (const char *folder, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_set_contents (path, text, -1, error);
}

static gboolean
write_special (const char *folder, const char *pad_token, GError **error)
{
  g_autoptr (DifJson) map      = dif_json_new_object ("special_tokens_map.json");
  g_autoptr (DifJson) config   = dif_json_new_object ("tokenizer_config.json");
  DifJson            *both[]   = { map, config };
  g_autofree char    *map_text = NULL, *config_text = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    {
      dif_json_set_string (both[i], "bos_token", TEXT_BEGIN);
      dif_json_set_string (both[i], "eos_token", TEXT_END);
      dif_json_set_string (both[i], "unk_token", TEXT_END);
      dif_json_set_string (both[i], "pad_token", pad_token ? pad_token : TEXT_END);
    }
  dif_json_set_bool (config, "add_prefix_space", FALSE);
  dif_json_set_bool (config, "do_lower_case", TRUE);
  dif_json_set_string (config, "errors", "replace");
  dif_json_set_double (config, "model_max_length", 77);
  dif_json_set_string (config, "tokenizer_class", "CLIPTokenizer");
  map_text    = dif_json_to_string (map, TRUE);
  config_text = dif_json_to_string (config, TRUE);
  return write_text (folder, "special_tokens_map.json", map_text, error) &&
         write_text (folder, "tokenizer_config.json", config_text, error);
}

gboolean
cli_vocabulary_write (const char *folder, guint size, const char *pad_token, GError **error)
{
  g_autoptr (GString) vocab  = g_string_new ("{");
  g_autoptr (GString) merges = g_string_new ("#version: 0.2\n");
  Writer              w      = { vocab, merges, 0, size - 2 };

  add_bytes (&w, "");
  add_bytes (&w, WORD_END);
  add_merges (&w);
  add_token (&w, TEXT_BEGIN);
  add_token (&w, TEXT_END);
  g_string_append (vocab, "\n}\n");
  return write_text (folder, "vocab.json", vocab->str, error) &&
         write_text (folder, "merges.txt", merges->str, error) &&
         write_special (folder, pad_token, error);
}
