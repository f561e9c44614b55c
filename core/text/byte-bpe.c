/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* byte-bpe.c - byte-level byte-pair encoding as GPT-2 began it and Qwen has it.
 *
 * Gives the same ids as transformers 5's Qwen2Tokenizer and as the tokenizers
 * package on a tokenizer.json of this kind: NFC, split, bytes joined by rank.
 *
 * Source: transformers 5, tokenization_qwen2.py, tokenization_gpt2.py.
 */
#include "text/tokenizer.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "text/bpe-merges.h"
#include "text/normalize.h"
#include "text/tokenizer-private.h"

/* How a text is cut into words. */
typedef enum
{
  SPLIT_QWEN2,
  SPLIT_GPT2
} Split;

/* Word by word what `split` below finds. */
#define QWEN2_PATTERN                                                    \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?" \
  "[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

typedef struct
{
  DifTokenizer base;
  DifBpe       bpe;
  Split        split;
  gboolean     nfc;
} ByteBpe;

/* ---- splitting into words ---- */

/* A place in a text; @c and @class are of the character there. */
typedef struct
{
  const char *p, *end;
  gunichar    c;
  DifCharClass class;
} Place;

static Place
place_at (const char *p, const char *end)
{
  Place at = { .p = p, .end = end, .class = DIF_CHAR_OTHER };

  if (p < end)
    {
      at.c     = g_utf8_get_char (p);
      at.class = dif_char_class (at.c);
    }
  return at;
}

static Place
next (Place at)
{
  return place_at (g_utf8_next_char (at.p), at.end);
}

static gboolean
is (Place at, DifCharClass class)
{
  return at.p < at.end && at.class == class;
}

static gboolean
is_newline (Place at)
{
  return at.p < at.end && (at.c == '\n' || at.c == '\r');
}

static Place
skip (Place at, DifCharClass class)
{
  while (is (at, class))
    at = next (at);
  return at;
}

/* 's|'t|'re|'ve|'m|'ll|'d; @fold in either case, to which the long s belongs. */
static gsize
contraction (const char *text, gsize left, gboolean fold)
{
  static const char *const endings[] = { "s", "t", "re", "ve", "m", "ll", "d" };

  if (left < 2 || text[0] != '\'')
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      gsize n = strlen (endings[i]);

      if (n < left && (fold ? g_ascii_strncasecmp (text + 1, endings[i], n)
                            : strncmp (text + 1, endings[i], n)) == 0)
        return n + 1;
    }
  return fold && left >= 3 && memcmp (text + 1, "\xc5\xbf", 2) == 0 ? 3 : 0;
}

/* \s+(?!\S)|\s+ : white space, without its last character where text follows. */
static const char *
blanks (Place at)
{
  Place       end  = skip (at, DIF_CHAR_SPACE);
  const char *last = g_utf8_find_prev_char (at.p, end.p);

  return end.p < end.end && last && last > at.p ? last : end.p;
}

/* \s*[\r\n]+ : white space up to its last newline; NULL if it has none. */
static const char *
newlines (Place at)
{
  const char *found = NULL;

  for (; is (at, DIF_CHAR_SPACE); at = next (at))
    if (is_newline (at))
      found = at.p + 1;
  return found;
}

/* The end of the word at @text, Qwen's way. */
static const char *
split_qwen2 (const char *text, const char *end)
{
  Place       at = place_at (text, end), then = next (at), other;
  gsize       n = contraction (text, (gsize) (end - text), TRUE);
  const char *found;

  if (n > 0)
    return text + n;
  if (is (at, DIF_CHAR_LETTER))
    return skip (at, DIF_CHAR_LETTER).p;
  if (! is_newline (at) && ! is (at, DIF_CHAR_NUMBER) && is (then, DIF_CHAR_LETTER))
    return skip (then, DIF_CHAR_LETTER).p;
  if (is (at, DIF_CHAR_NUMBER))
    return then.p;
  other = at.c == ' ' ? then : at;
  if (is (other, DIF_CHAR_OTHER))
    {
      other = skip (other, DIF_CHAR_OTHER);
      while (is_newline (other))
        other = next (other);
      return other.p;
    }
  found = newlines (at);
  return found ? found : blanks (at);
}

/* The same, GPT-2's way:
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static const char *
split_gpt2 (const char *text, const char *end)
{
  Place at   = place_at (text, end);
  Place word = at.c == ' ' ? next (at) : at;
  gsize n    = contraction (text, (gsize) (end - text), FALSE);

  if (n > 0)
    return text + n;
  if (word.p < end && word.class != DIF_CHAR_SPACE)
    return skip (word, word.class).p;
  return blanks (at);
}

static void
encode (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  const ByteBpe *b   = (const ByteBpe *) t;
  const char    *end = text + length;
  DifBpeScratch  scratch;

  _dif_bpe_scratch_init (&scratch);
  while (text < end)
    {
      const char *to = b->split == SPLIT_GPT2 ? split_gpt2 (text, end) : split_qwen2 (text, end);

      _dif_bpe_encode (&b->bpe, &scratch, text, (gsize) (to - text), ids);
      text = to;
    }
  _dif_bpe_scratch_clear (&scratch);
}

static GString *
byte_normalize (DifTokenizer *t, const char *text, gsize length)
{
  return ((ByteBpe *) t)->nfc ? dif_text_to_form (text, length, DIF_TEXT_NFC)
                              : g_string_new_len (text, (gssize) length);
}

/* ---- loading ---- */

static gboolean
is_gpt2 (DifTokenizerFiles *files)
{
  const char *name = dif_json_string (files->config, "tokenizer_class", "");

  return g_str_has_prefix (name, "GPT2Tokenizer");
}

static gboolean
is_qwen2 (DifTokenizerFiles *files)
{
  const char *name = dif_json_string (files->config, "tokenizer_class", "");

  return g_str_has_prefix (name, "Qwen2Tokenizer");
}

/* "</w>" is on a word of CLIP's, and "Ġ", a blank, is none; a tokenizer.json
 * says more. */
static gboolean
fits (DifTokenizerFiles *files)
{
  DifJson *model;

  if (! files->main)
    return FALSE;
  if (! files->whole)
    return dif_json_type (files->main) == DIF_JSON_OBJECT && dif_json_has (files->main, "\u0120") &&
           ! dif_json_has (files->main, "\u0120</w>");
  model = dif_json_member (files->main, "model");
  return model && dif_json_type (model) == DIF_JSON_OBJECT &&
         dif_json_member (files->main, "pre_tokenizer") &&
         ! *dif_json_string (model, "end_of_word_suffix", "");
}

/* The step that cuts words: the splitter before a byte level without one, or
 * the byte level itself. */
static void
read_step (ByteBpe *b, DifJson *step)
{
  const char *type    = dif_json_string (step, "type", "");
  DifJson    *pattern = dif_json_member (step, "pattern");

  if (strcmp (type, "ByteLevel") == 0)
    {
      if (dif_json_bool (step, "add_prefix_space", FALSE))
        dif_json_fail (step, DIF_FORMAT_ERROR_UNSUPPORTED,
                       "expected \"add_prefix_space\": false, found true");
      if (dif_json_bool (step, "use_regex", TRUE))
        b->split = SPLIT_GPT2;
    }
  else if (strcmp (type, "Split") != 0 || ! pattern ||
           strcmp (dif_json_string (pattern, "Regex", ""), QWEN2_PATTERN) != 0)
    dif_json_fail (step, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected GPT-2's or Qwen2's way to split text, found another");
}

static void
read_pipeline (ByteBpe *b, DifTokenizerFiles *files)
{
  DifJson *normalizer = dif_json_member (files->main, "normalizer");
  DifJson *before     = dif_json_member (files->main, "pre_tokenizer");
  DifJson *steps      = before ? dif_json_member (before, "pretokenizers") : NULL;

  b->nfc = normalizer != NULL;
  if (normalizer && strcmp (dif_json_string (normalizer, "type", ""), "NFC") != 0)
    dif_json_fail (normalizer, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected the normalizer NFC or none, found another");
  if (! before)
    return;
  if (! steps)
    read_step (b, before);
  for (guint i = 0; steps && i < dif_json_length (steps); i++)
    read_step (b, dif_json_at (steps, i));
}

static gboolean
load (DifTokenizer *t, DifTokenizerFiles *files, GError **error)
{
  ByteBpe *b = (ByteBpe *) t;

  b->nfc   = ! is_gpt2 (files);
  b->split = is_gpt2 (files) ? SPLIT_GPT2 : SPLIT_QWEN2;
  if (! files->main)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected vocab.json and merges.txt, or tokenizer.json, found none",
                   files->folder);
      return FALSE;
    }
  /* The reference builds these two kinds itself, whatever the file says. */
  if (files->whole && ! is_gpt2 (files) && ! is_qwen2 (files))
    read_pipeline (b, files);
  return _dif_files_read_words (files, t, error) && _dif_bpe_read (&b->bpe, files, NULL, -1, error);
}

/* ---- the class ---- */

static void
clear (DifTokenizer *t)
{
  _dif_bpe_clear (&((ByteBpe *) t)->bpe);
}

static const char *const model_classes[] = { "Qwen2Tokenizer", "Qwen2TokenizerFast",
                                             "GPT2Tokenizer", "GPT2TokenizerFast", NULL };

const DifTokenizerClass _dif_byte_bpe_class = {
  .name           = "byte-bpe",
  .model_classes  = model_classes,
  .size           = sizeof (ByteBpe),
  .specials       = { [DIF_SPECIAL_EOS] = "<|endoftext|>",
                      [DIF_SPECIAL_UNK] = "<|endoftext|>",
                      [DIF_SPECIAL_PAD] = "<|endoftext|>" },
  .default_length = 32768,
  .max_length     = 1u << 20,
  .fits           = fits,
  .load           = load,
  .normalize      = byte_normalize,
  .encode         = encode,
  .show           = _dif_byte_word_show,
  .clear          = clear,
};
