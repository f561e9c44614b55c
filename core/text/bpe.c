/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe.c - CLIP's byte-pair tokenizer, at work.
 *
 * A text is cut at the added tokens that stand in it as typed; what is between
 * them is normalized and cut at the other added tokens; what is then left is
 * split into words, and each word's bytes are joined by rank.  Time grows with
 * n log n in the length of the longest word, never with its square.
 *
 * Source: tokenizers, added_vocabulary.rs, models/bpe/word.rs; transformers 5,
 * tokenization_clip.py.
 */
#include "text/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "text/bpe-private.h"
#include "text/normalize.h"

/* ---- joining the symbols of a word ---- */

/* A symbol; those still in the word form a list. */
typedef struct
{
  gint32 id;
  gint32 previous, next; /* -1 at the ends */
} Symbol;

/* A pair that may be joined. */
typedef struct
{
  gint32 rank;
  gint32 at;     /* its left symbol */
  gint32 joined; /* what it becomes */
} Candidate;

/* Everything needed for one word, kept from word to word. */
typedef struct
{
  DifTokenizer *t;
  GArray       *symbols; /* Symbol */
  GArray       *heap;    /* Candidate, a binary heap: least rank, then leftmost */
  GArray       *ids;     /* gint32, the result */
} Joiner;

int
_dif_merge_compare (gconstpointer a, gconstpointer b)
{
  const DifMerge *x = a;
  const DifMerge *y = b;

  if (x->left != y->left)
    return x->left < y->left ? -1 : 1;
  return x->right < y->right ? -1 : x->right > y->right;
}

static const DifMerge *
find_merge (const DifTokenizer *t, gint32 left, gint32 right)
{
  DifMerge wanted = { .left = left, .right = right };

  if (t->n_merges == 0)
    return NULL;
  return bsearch (&wanted, t->merges, t->n_merges, sizeof wanted, _dif_merge_compare);
}

static gboolean
comes_before (const Candidate *a, const Candidate *b)
{
  return a->rank < b->rank || (a->rank == b->rank && a->at < b->at);
}

static void
heap_push (GArray *heap, Candidate candidate)
{
  Candidate *h;
  guint      i = heap->len;

  g_array_append_val (heap, candidate);
  h = (Candidate *) heap->data;
  for (; i > 0 && comes_before (&candidate, &h[(i - 1) / 2]); i = (i - 1) / 2)
    h[i] = h[(i - 1) / 2];
  h[i] = candidate;
}

static Candidate
heap_pop (GArray *heap)
{
  Candidate *h    = (Candidate *) heap->data;
  Candidate  top  = h[0];
  Candidate  last = h[heap->len - 1];
  guint      n    = heap->len - 1;
  guint      i    = 0;

  while (2 * i + 1 < n)
    {
      guint child = 2 * i + 1;

      if (child + 1 < n && comes_before (&h[child + 1], &h[child]))
        child++;
      if (! comes_before (&h[child], &last))
        break;
      h[i] = h[child];
      i    = child;
    }
  h[i] = last;
  g_array_set_size (heap, n);
  return top;
}

/* Notes the pair that begins at symbol @at, if there is one to join. */
static void
consider (Joiner *j, gint32 at)
{
  const Symbol   *s = (const Symbol *) j->symbols->data;
  const DifMerge *merge;

  if (at < 0 || s[at].next < 0)
    return;
  merge = find_merge (j->t, s[at].id, s[s[at].next].id);
  if (merge)
    heap_push (j->heap, (Candidate) { .rank = merge->rank, .at = at, .joined = merge->joined });
}

static void
join_all (Joiner *j)
{
  Symbol *s = (Symbol *) j->symbols->data;

  while (j->heap->len > 0)
    {
      Candidate       c     = heap_pop (j->heap);
      gint32          right = s[c.at].next;
      const DifMerge *merge;

      /* The pair may be gone, its symbols joined to others meanwhile. */
      if (s[c.at].id < 0 || right < 0)
        continue;
      merge = find_merge (j->t, s[c.at].id, s[right].id);
      if (! merge || merge->joined != c.joined)
        continue;
      s[c.at].id   = c.joined;
      s[c.at].next = s[right].next;
      s[right].id  = -1;
      if (s[c.at].next >= 0)
        s[s[c.at].next].previous = c.at;
      consider (j, s[c.at].previous);
      consider (j, c.at);
    }
}

static void
encode_word (Joiner *j, const char *word, gsize length)
{
  gint32 n = 0;

  g_array_set_size (j->symbols, 0);
  for (gsize i = 0; i < length; i++)
    {
      Symbol symbol = { .id       = j->t->byte_ids[i + 1 == length][(guint8) word[i]],
                        .previous = n - 1,
                        .next     = n + 1 };

      g_array_append_val (j->symbols, symbol);
      n++;
    }
  if (n == 0)
    return;
  g_array_index (j->symbols, Symbol, n - 1).next = -1;
  for (gint32 i = 0; i + 1 < n; i++)
    consider (j, i);
  join_all (j);
  for (gint32 i = 0; i >= 0; i = g_array_index (j->symbols, Symbol, i).next)
    g_array_append_val (j->ids, g_array_index (j->symbols, Symbol, i).id);
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
encode_plain (Joiner *j, const char *text, gsize length)
{
  static const char *const literals[]     = { "<|startoftext|>", "<|endoftext|>", NULL };
  static const char *const contractions[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", NULL };
  const char              *end            = text + length;

  while (text < end)
    {
      gsize left         = (gsize) (end - text);
      DifCharClass class = dif_char_class (g_utf8_get_char (text));
      gsize n            = prefix_length (text, left, literals);

      if (n > 0)
        {
          encode_word (j, text, 2);
          encode_word (j, text + 2, n - 4);
          encode_word (j, text + n - 2, 2);
          text += n;
          continue;
        }
      n = prefix_length (text, left, contractions);
      if (n == 0 && class == DIF_CHAR_NUMBER)
        n = (gsize) (g_utf8_next_char (text) - text);
      if (n == 0)
        n = run_length (text, left, class);
      if (class != DIF_CHAR_SPACE)
        encode_word (j, text, n);
      text += n;
    }
}

static void
encode_normalized (Joiner *j, const char *text, gsize length)
{
  gsize begin, end;

  do
    {
      gint32 id = dif_added_tokens_next (j->t->added, TRUE, text, length, &begin, &end);

      encode_plain (j, text, begin);
      if (id >= 0)
        g_array_append_val (j->ids, id);
      text += end;
      length -= end;
    }
  while (length > 0);
}

static void
encode_typed (Joiner *j, const char *text, gsize length)
{
  gsize begin, end;

  do
    {
      gint32   id    = dif_added_tokens_next (j->t->added, FALSE, text, length, &begin, &end);
      GString *plain = dif_text_normalize (text, begin);

      encode_normalized (j, plain->str, plain->len);
      g_string_free (plain, TRUE);
      if (id >= 0)
        g_array_append_val (j->ids, id);
      text += end;
      length -= end;
    }
  while (length > 0);
}

/* ---- learned words ---- */

static gboolean
has_id (GArray *ids, gint32 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint32, i) == id)
      return TRUE;
  return FALSE;
}

/* @text with the words written out that stand for several; NULL if there are
 * none.  As diffusers does it: found in either case, written out in the case
 * in which it was learned. */
static GString *
write_out (Joiner *j, const char *text, gsize length)
{
  GString *out = NULL;

  for (guint i = 0; j->t->learned && i < j->t->learned->len; i++)
    {
      const DifLearned *l = &g_array_index (j->t->learned, DifLearned, i);

      if (! j->ids->len)
        encode_typed (j, text, length);
      if (! has_id (j->ids, l->id))
        continue;
      if (! out)
        out = g_string_new_len (text, (gssize) length);
      g_string_replace (out, l->word, l->all, 0);
    }
  g_array_set_size (j->ids, 0);
  return out;
}

/* ---- public ---- */

GArray *
dif_tokenizer_split (DifTokenizer *t, const char *text, gssize length, GError **error)
{
  gsize    n = length < 0 ? strlen (text) : (gsize) length;
  Joiner   j = { .t = t };
  GString *written;

  if (n > DIF_TOKENIZER_MAX_BYTES)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "prompt: expected at most %u bytes, found %" G_GSIZE_FORMAT,
                   DIF_TOKENIZER_MAX_BYTES, n);
      return NULL;
    }
  if (! dif_text_is_valid (text, n))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "prompt: expected UTF-8 text, found bytes that are none");
      return NULL;
    }
  j.symbols = g_array_new (FALSE, FALSE, sizeof (Symbol));
  j.heap    = g_array_new (FALSE, FALSE, sizeof (Candidate));
  j.ids     = g_array_new (FALSE, FALSE, sizeof (gint32));
  written   = write_out (&j, text, n);
  encode_typed (&j, written ? written->str : text, written ? written->len : n);
  if (written)
    g_string_free (written, TRUE);
  g_array_unref (j.symbols);
  g_array_unref (j.heap);
  return j.ids;
}

gboolean
dif_tokenizer_encode (DifTokenizer *t, const char *text, gint32 *ids, guint *n_used,
                      guint *n_dropped, GError **error)
{
  g_autoptr (GArray) all = dif_tokenizer_split (t, text, -1, error);
  guint              kept;

  if (! all)
    return FALSE;
  kept   = MIN (all->len, t->max_length - 2);
  ids[0] = t->bos;
  if (kept > 0)
    memcpy (ids + 1, all->data, kept * sizeof (gint32));
  ids[kept + 1] = t->eos;
  for (guint i = kept + 2; i < t->max_length; i++)
    ids[i] = t->pad;
  if (n_used)
    *n_used = kept + 2;
  if (n_dropped)
    *n_dropped = all->len - kept;
  return TRUE;
}

static void
clear_learned (gpointer data)
{
  DifLearned *l = data;

  g_free (l->word);
  g_free (l->all);
}

/* Whether @word can be added; sets @error if it cannot. */
static gboolean
check_new (DifTokenizer *t, const char *word, GError **error)
{
  gsize            length = strlen (word);
  gboolean         known  = dif_added_tokens_find (t->added, word) >= 0;
  g_autofree char *shown  = g_utf8_make_valid (word, (gssize) MIN (length, 60));

  if (length > 0 && length <= 255 && ! known && dif_text_is_valid (word, length) &&
      dif_added_tokens_count (t->added) < DIF_MAX_ADDED_TOKENS)
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "embedding: expected a new word of 1 to 255 bytes, found %s\"%s\"",
               known ? "the known one " : "", shown);
  return FALSE;
}

gboolean
dif_tokenizer_learn (DifTokenizer *t, const char *word, guint first, guint n, GError **error)
{
  GString   *all = g_string_new (word);
  DifLearned l   = { NULL, NULL, (gint32) first };
  gboolean   ok  = TRUE;

  for (guint i = 0; ok && i < n; i++)
    {
      g_autofree char *one = i ? g_strdup_printf ("%s_%u", word, i) : g_strdup (word);

      ok = check_new (t, one, error);
      if (ok)
        dif_added_tokens_add (t->added, one, (gint32) (first + i), TRUE);
      if (i)
        g_string_append_printf (all, " %s", one);
    }
  dif_added_tokens_freeze (t->added);
  t->vocabulary_size = MAX (t->vocabulary_size, first + n);
  if (! t->learned)
    {
      t->learned = g_array_new (FALSE, FALSE, sizeof (DifLearned));
      g_array_set_clear_func (t->learned, clear_learned);
    }
  l.word = g_strdup (word);
  l.all  = g_string_free (all, FALSE);
  if (n > 1 && ok)
    g_array_append_val (t->learned, l);
  else
    clear_learned (&l);
  return ok;
}

guint
dif_tokenizer_max_length (DifTokenizer *t)
{
  return t->max_length;
}

guint
dif_tokenizer_vocabulary_size (DifTokenizer *t)
{
  return t->vocabulary_size;
}

gint32
dif_tokenizer_bos (DifTokenizer *t)
{
  return t->bos;
}

gint32
dif_tokenizer_eos (DifTokenizer *t)
{
  return t->eos;
}

gint32
dif_tokenizer_pad (DifTokenizer *t)
{
  return t->pad;
}

void
dif_tokenizer_free (DifTokenizer *t)
{
  if (! t)
    return;
  g_free (t->merges);
  dif_added_tokens_free (t->added);
  if (t->learned)
    g_array_unref (t->learned);
  g_free (t);
}
