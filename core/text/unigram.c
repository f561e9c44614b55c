/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unigram.c - the most probable way to make a text of pieces, as T5 has it.
 *
 * Gives the same ids as transformers 5's T5Tokenizer; for other models, as the
 * tokenizers package on a tokenizer.json, and as the sentencepiece package on
 * a spiece.model.
 *
 * Source: tokenizers, models/unigram/model.rs, pre_tokenizers/metaspace.rs;
 * sentencepiece, unigram_model.cc (EncodeOptimized), normalizer.cc.
 */
#include "text/tokenizer.h"

#include <string.h>

#include "text/normalize.h"
#include "text/unigram-private.h"

/* What an unknown character costs beyond the least probable piece. */
#define UNK_PENALTY 10.0

#define NOWHERE G_MAXUINT32

/* The best way to a place in the text: its last piece and where that begins. */
typedef struct
{
  double  score;
  gint32  id;
  guint32 from;
} Node;

/* What encoding takes, kept from word to word. */
typedef struct
{
  const DifUnigram *u;
  GArray           *nodes; /* Node */
  GArray           *path;  /* Node, from the end; score is not used */
  GArray           *ids;   /* gint32, the result */
} Work;

static double
score_of (const DifUnigram *u, gint32 id, gsize length)
{
  if (u->types && u->types[id] == DIF_PIECE_USER_DEFINED)
    return (double) ((float) length * (float) u->max_score) - 0.1;
  return u->scores[id];
}

static void
consider (Work *w, gsize from, gsize to, gint32 id, double score)
{
  Node *node = &g_array_index (w->nodes, Node, to);

  if (node->from != NOWHERE && ! (score > node->score))
    return;
  /* SentencePiece keeps its sums in float. */
  node->score = w->u->sentence ? (double) (float) score : score;
  node->id    = id;
  node->from  = (guint32) from;
}

/* Every piece that begins at @from, or the unknown where no piece is one
 * character long. */
static void
consider_pieces (Work *w, const char *text, gsize length, gsize from)
{
  const DifUnigram *u      = w->u;
  gsize             one    = (gsize) (g_utf8_next_char (text + from) - (text + from));
  double            so_far = g_array_index (w->nodes, Node, from).score;
  guint32           node   = DIF_TRIE_ROOT;
  gboolean          single = FALSE;
  double            unk;

  for (gsize to = from; to < length;)
    {
      gint32 id;

      node = dif_trie_step (u->pieces, node, (guint8) text[to++]);
      if (! node)
        break;
      id = dif_trie_value (u->pieces, node);
      if (id < 0 || (u->types && u->types[id] == DIF_PIECE_UNUSED))
        continue;
      consider (w, from, to, id, score_of (u, id, to - from) + so_far);
      single = single || to - from == one;
    }
  if (single)
    return;
  unk = u->min_score - UNK_PENALTY;
  unk = u->sentence ? (double) ((float) unk + (float) so_far) : unk + so_far;
  consider (w, from, from + one, u->unk, unk);
}

static gboolean
append_bytes (Work *w, const char *text, gsize length)
{
  guint before = w->ids->len;

  for (gsize i = 0; i < length; i++)
    {
      gint32 id = w->u->byte_ids[(guint8) text[i]];

      if (id < 0)
        {
          g_array_set_size (w->ids, before);
          return FALSE;
        }
      g_array_append_val (w->ids, id);
    }
  return TRUE;
}

/* Neighbouring unknowns are one. */
static void
append_path (Work *w, const char *text)
{
  const DifUnigram *u = w->u;

  for (guint i = w->path->len; i > 0;)
    {
      const Node *first = &g_array_index (w->path, Node, --i);
      gsize       to    = (gsize) first->score;

      if (first->id == u->unk)
        while (i > 0 && g_array_index (w->path, Node, i - 1).id == u->unk)
          to = (gsize) g_array_index (w->path, Node, --i).score;
      if (first->id != u->unk || ! u->byte_fallback ||
          ! append_bytes (w, text + first->from, to - first->from))
        g_array_append_val (w->ids, first->id);
    }
}

static void
encode_run (Work *w, const char *text, gsize length)
{
  const Node nowhere = { .id = -1, .from = NOWHERE };

  g_array_set_size (w->nodes, (guint) length + 1);
  for (gsize i = 0; i <= length; i++)
    g_array_index (w->nodes, Node, i) = nowhere;
  for (gsize from = 0; from < length;
       from       = (gsize) (g_utf8_next_char (text + from) - text))
    consider_pieces (w, text, length, from);
  g_array_set_size (w->path, 0);
  for (gsize to = length; to > 0;)
    {
      Node node = g_array_index (w->nodes, Node, to);

      node.score = (double) to;
      g_array_append_val (w->path, node);
      to = node.from;
    }
  append_path (w, text);
}

/* ---- words, as transformers makes them ---- */

/* A word; blanks in it are written as they are in pieces. */
static void
encode_word (Work *w, GString *word, const char *text, gsize length)
{
  gsize n = strlen (DIF_BLANK), begin = 0;

  g_string_truncate (word, 0);
  if (w->u->dummy_prefix && *text != ' ' &&
      (length < n || memcmp (text, DIF_BLANK, n) != 0))
    g_string_append (word, DIF_BLANK);
  for (gsize i = 0; i < length; i++)
    if (text[i] == ' ')
      g_string_append (word, DIF_BLANK);
    else
      g_string_append_c (word, text[i]);
  for (gsize i = 1; w->u->split_blank && i + n <= word->len; i++)
    if (memcmp (word->str + i, DIF_BLANK, n) == 0)
      {
        encode_run (w, word->str + begin, i - begin);
        begin = i;
      }
  encode_run (w, word->str + begin, word->len - begin);
}

static gsize
run_length (const char *text, const char *end, gboolean space)
{
  const char *p = text;

  while (p < end && (dif_char_class (g_utf8_get_char (p)) == DIF_CHAR_SPACE) == space)
    p = g_utf8_next_char (p);
  return (gsize) (p - text);
}

static void
encode_words (Work *w, const char *text, gsize length)
{
  g_autoptr (GString) word = g_string_new (NULL);
  const char         *end  = text + length;

  if (! w->u->split_space)
    {
      encode_word (w, word, text, length);
      return;
    }
  while (text < end)
    {
      gsize n;

      text += run_length (text, end, TRUE);
      n = run_length (text, end, FALSE);
      if (n > 0)
        encode_word (w, word, text, n);
      text += n;
    }
}

/* ---- sentences, as SentencePiece makes them ---- */

/* The next piece of normalized text, [@from, @from + @length) in what is
 * returned; @used bytes of @text are done. */
static const char *
normalize_prefix (const DifUnigram *u, const char *text, gsize left, gsize *used, gsize *length)
{
  guint32     node  = DIF_TRIE_ROOT;
  const char *found = NULL;

  *used = 0;
  for (gsize i = 0; u->user_defined && i < left; i++)
    {
      node = dif_trie_step (u->user_defined, node, (guint8) text[i]);
      if (! node)
        break;
      if (dif_trie_value (u->user_defined, node) >= 0)
        *used = i + 1;
    }
  if (*used == 0 && u->charsmap)
    found = dif_charsmap_longest (u->charsmap, text, left, used);
  if (found)
    {
      *length = strlen (found);
      return found;
    }
  if (*used == 0)
    *used = (gsize) (g_utf8_next_char (text) - text);
  *length = *used;
  return text;
}

static void
append_escaped (const DifUnigram *u, GString *out, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (text[i] == ' ' && u->escape)
      g_string_append (out, DIF_BLANK);
    else
      g_string_append_c (out, text[i]);
}

static GString *
normalize_sentence (const DifUnigram *u, const char *text, gsize length)
{
  GString    *out     = g_string_sized_new (length + 3);
  const char *blank   = u->escape ? DIF_BLANK : " ";
  gsize       n_blank = strlen (blank);
  gboolean    spaced  = u->remove_extra; /* blanks are left out here */
  gboolean    begun   = FALSE;

  while (length > 0)
    {
      gsize       used, n;
      const char *part = normalize_prefix (u, text, length, &used, &n);

      for (; spaced && n > 0 && *part == ' '; part++)
        n--;
      text += used;
      length -= used;
      if (n == 0)
        continue;
      if (! begun && u->dummy_prefix)
        g_string_append (out, blank);
      begun = TRUE;
      append_escaped (u, out, part, n);
      spaced = u->remove_extra && part[n - 1] == ' ';
    }
  while (u->remove_extra && out->len >= n_blank &&
         memcmp (out->str + out->len - n_blank, blank, n_blank) == 0)
    g_string_truncate (out, out->len - n_blank);
  return out;
}

/* ---- the class ---- */

static void
encode (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  Work w = { .u = (const DifUnigram *) t, .ids = ids };

  w.nodes = g_array_new (FALSE, FALSE, sizeof (Node));
  w.path  = g_array_new (FALSE, FALSE, sizeof (Node));
  if (w.u->sentence)
    {
      GString *normal = normalize_sentence (w.u, text, length);

      encode_run (&w, normal->str, normal->len);
      g_string_free (normal, TRUE);
    }
  else
    encode_words (&w, text, length);
  g_array_unref (w.nodes);
  g_array_unref (w.path);
}

static GString *
unigram_normalize (DifTokenizer *t, const char *text, gsize length)
{
  const DifUnigram *u   = (const DifUnigram *) t;
  GString          *out = g_string_new_len (text, (gssize) length);

  for (guint i = 0; ! u->sentence && i < DIF_MAX_STEPS && u->steps[i] != DIF_STEP_NONE; i++)
    {
      GString *before = out;

      if (u->steps[i] == DIF_STEP_CHARSMAP)
        out = dif_charsmap_apply (u->charsmap, before->str, before->len);
      else
        out = dif_text_to_form (before->str, before->len,
                                u->steps[i] == DIF_STEP_NFC ? DIF_TEXT_NFC : DIF_TEXT_NFKC);
      g_string_free (before, TRUE);
    }
  return out;
}

static char *
show (const char *word)
{
  GString *out = g_string_new (word);

  g_string_replace (out, DIF_BLANK, " ", 0);
  return g_string_free (out, FALSE);
}

static void
clear (DifTokenizer *t)
{
  DifUnigram *u = (DifUnigram *) t;

  dif_trie_free (u->pieces);
  dif_trie_free (u->user_defined);
  dif_charsmap_free (u->charsmap);
  g_free (u->scores);
  g_free (u->types);
}

static const char *const model_classes[] = { "T5Tokenizer", "T5TokenizerFast", NULL };

const DifTokenizerClass _dif_unigram_class = {
  .name           = "unigram",
  .model_classes  = model_classes,
  .size           = sizeof (DifUnigram),
  .specials       = { [DIF_SPECIAL_EOS] = "</s>",
                      [DIF_SPECIAL_UNK] = "<unk>",
                      [DIF_SPECIAL_PAD] = "<pad>" },
  .ends           = TRUE,
  .default_length = 512,
  .max_length     = 1u << 20,
  .fits           = _dif_unigram_fits,
  .load           = _dif_unigram_load,
  .normalize      = unigram_normalize,
  .encode         = encode,
  .show           = show,
  .clear          = clear,
};
