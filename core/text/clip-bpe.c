/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-bpe.c - CLIP's byte-pair tokenizer.
 *
 * Gives the same ids as transformers 5's CLIPTokenizer: NFC, runs of
 * whitespace to one space, lower case, split, byte-level byte-pair encoding
 * with "</w>" on the last symbol of a word.
 *
 * Source: transformers 5, tokenization_clip.py; tokenizers, normalizers/.
 */
#include "text/tokenizer.h"

#include <string.h>

#include "text/bpe-merges.h"
#include "text/normalize.h"
#include "text/tokenizer-private.h"

#define END_OF_WORD "</w>"

typedef struct
{
  DifTokenizer base;
  DifBpe       bpe;
} ClipBpe;

/* Normalization form C, then runs of white space to one space, then lower case
 * character by character. */
static GString *
clip_normalize (DifTokenizer *t, const char *text, gsize length)
{
  GString *plain = dif_text_to_form (text, length, DIF_TEXT_NFC);
  GString *out   = g_string_sized_new (length);
  gboolean space = FALSE;

  for (const char *p = plain->str; p < plain->str + plain->len; p = g_utf8_next_char (p))
    {
      gunichar c        = g_utf8_get_char (p);
      gboolean is_space = dif_char_class (c) == DIF_CHAR_SPACE;

      if (is_space && ! space)
        g_string_append_c (out, ' ');
      else if (! is_space)
        dif_text_append_lower (out, c);
      space = is_space;
    }
  g_string_free (plain, TRUE);
  return out;
}

/* ---- splitting into words ---- */

static gsize
prefix_length (const char *text, gsize length, const char *const *prefixes)
{
  for (; *prefixes; prefixes++)
    {
      gsize n = strlen (*prefixes);

      if (n <= length && memcmp (text, *prefixes, n) == 0)
        return n;
    }
  return 0;
}

/* Length of the run of @class at the beginning of @text. */
static gsize
run_length (const char *text, gsize length, DifCharClass class)
{
  const char *p = text;

  while (p < text + length && dif_char_class (g_utf8_get_char (p)) == class)
    p = g_utf8_next_char (p);
  return (gsize) (p - text);
}

/* Splits normalized @text as the regular expressions of CLIP and, on each of
 * its matches, of ByteLevel do:
 *   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|
 *   [^\s\p{L}\p{N}]+
 * The second splits only the matches of the first two alternatives, into
 * "<|", "startoftext" or "endoftext", and "|>". */
static void
encode (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  static const char *const literals[]     = { "<|startoftext|>", "<|endoftext|>", NULL };
  static const char *const contractions[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", NULL };
  const DifBpe            *bpe            = &((ClipBpe *) t)->bpe;
  const char              *end            = text + length;
  DifBpeScratch            scratch;

  _dif_bpe_scratch_init (&scratch);
  while (text < end)
    {
      gsize left         = (gsize) (end - text);
      DifCharClass class = dif_char_class (g_utf8_get_char (text));
      gsize n            = prefix_length (text, left, literals);

      if (n > 0)
        {
          _dif_bpe_encode (bpe, &scratch, text, 2, ids);
          _dif_bpe_encode (bpe, &scratch, text + 2, n - 4, ids);
          _dif_bpe_encode (bpe, &scratch, text + n - 2, 2, ids);
          text += n;
          continue;
        }
      n = prefix_length (text, left, contractions);
      if (n == 0 && class == DIF_CHAR_NUMBER)
        n = (gsize) (g_utf8_next_char (text) - text);
      if (n == 0)
        n = run_length (text, left, class);
      if (class != DIF_CHAR_SPACE)
        _dif_bpe_encode (bpe, &scratch, text, n, ids);
      text += n;
    }
  _dif_bpe_scratch_clear (&scratch);
}

/* ---- the class ---- */

/* Takes what no other kind does. */
static gboolean
fits (DifTokenizerFiles *files)
{
  return TRUE;
}

static gboolean
load (DifTokenizer *t, DifTokenizerFiles *files, GError **error)
{
  const char *unknown = files->specials[DIF_SPECIAL_UNK].token.content;

  return _dif_files_read_words (files, t, error) &&
         _dif_bpe_read (&((ClipBpe *) t)->bpe, files, END_OF_WORD,
                        unknown ? _dif_files_lookup (files, unknown) : -1, error);
}

static char *
show (const char *word)
{
  gsize            n     = strlen (word);
  gboolean         ends  = g_str_has_suffix (word, END_OF_WORD);
  g_autofree char *plain = g_strndup (word, ends ? n - strlen (END_OF_WORD) : n);
  g_autofree char *bytes = _dif_byte_word_show (plain);

  return g_strconcat (bytes, ends ? " " : NULL, NULL);
}

static void
clear (DifTokenizer *t)
{
  _dif_bpe_clear (&((ClipBpe *) t)->bpe);
}

static const char *const model_classes[] = { "CLIPTokenizer", "CLIPTokenizerFast", NULL };

const DifTokenizerClass _dif_clip_bpe_class = {
  .name           = "clip-bpe",
  .model_classes  = model_classes,
  .size           = sizeof (ClipBpe),
  .specials       = { [DIF_SPECIAL_BOS] = "<|startoftext|>",
                      [DIF_SPECIAL_EOS] = "<|endoftext|>",
                      [DIF_SPECIAL_UNK] = "<|endoftext|>",
                      [DIF_SPECIAL_PAD] = "<|endoftext|>" },
  .begins         = TRUE,
  .ends           = TRUE,
  .default_length = 77,
  .max_length     = 8192,
  .fits           = fits,
  .load           = load,
  .normalize      = clip_normalize,
  .encode         = encode,
  .show           = show,
  .clear          = clear,
};
