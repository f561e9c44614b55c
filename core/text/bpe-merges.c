/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe-merges.c - byte-pair encoding: bytes to symbols, and pairs of them joined by rank.
 *
 * Source: tokenizers, models/bpe/word.rs.
 */
#include "text/bpe-merges.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define MAX_MERGES_BYTES (64u * 1024 * 1024)

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

/* A word at work. */
typedef struct
{
  const DifBpe *bpe;
  GArray       *symbols; /* Symbol */
  GArray       *heap;    /* Candidate, a binary heap: least rank, then leftmost */
} Joiner;

static guint64
pair_of (gint32 left, gint32 right)
{
  return (((guint64) left << 32) | (guint32) right) + 1;
}

/* The place of @pair, or the free one where it belongs. */
static DifMerge *
place_of (const DifBpe *bpe, guint64 pair)
{
  guint64 mask = ((guint64) 1 << bpe->bits) - 1;
  guint64 at   = (pair * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> (64 - bpe->bits);

  while (bpe->merges[at].pair && bpe->merges[at].pair != pair)
    at = (at + 1) & mask;
  return &bpe->merges[at];
}

static const DifMerge *
find_merge (const DifBpe *bpe, gint32 left, gint32 right)
{
  const DifMerge *merge = place_of (bpe, pair_of (left, right));

  return merge->pair ? merge : NULL;
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
  merge = find_merge (j->bpe, s[at].id, s[s[at].next].id);
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
      merge = find_merge (j->bpe, s[c.at].id, s[right].id);
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

void
_dif_bpe_encode (const DifBpe *bpe, DifBpeScratch *scratch, const char *word, gsize length,
                 GArray *ids)
{
  Joiner j = { bpe, scratch->symbols, scratch->heap };
  gint32 n = 0;

  g_array_set_size (j.symbols, 0);
  for (gsize i = 0; i < length; i++)
    {
      Symbol symbol = { .id       = bpe->byte_ids[i + 1 == length][(guint8) word[i]],
                        .previous = n - 1,
                        .next     = n + 1 };

      if (symbol.id < 0)
        continue;
      g_array_append_val (j.symbols, symbol);
      n++;
    }
  if (n == 0)
    return;
  g_array_index (j.symbols, Symbol, n - 1).next = -1;
  for (gint32 i = 0; i + 1 < n; i++)
    consider (&j, i);
  join_all (&j);
  for (gint32 i = 0; i >= 0; i = g_array_index (j.symbols, Symbol, i).next)
    g_array_append_val (ids, g_array_index (j.symbols, Symbol, i).id);
}

void
_dif_bpe_scratch_init (DifBpeScratch *scratch)
{
  scratch->symbols = g_array_new (FALSE, FALSE, sizeof (Symbol));
  scratch->heap    = g_array_new (FALSE, FALSE, sizeof (Candidate));
}

void
_dif_bpe_scratch_clear (DifBpeScratch *scratch)
{
  g_array_unref (scratch->symbols);
  g_array_unref (scratch->heap);
}

/* ---- bytes as symbols ---- */

gunichar
_dif_byte_symbol (guint byte)
{
  guint others = 0;

  for (guint b = 0; b < 256; b++)
    {
      gboolean printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

      if (b == byte)
        return printable ? b : 256 + others;
      others += ! printable;
    }
  return 0;
}

char *
_dif_byte_word_show (const char *word)
{
  GString *bytes = g_string_new (NULL);

  for (; *word; word = g_utf8_next_char (word))
    {
      gunichar c = g_utf8_get_char (word);
      guint    byte;

      for (byte = 0; byte < 256 && _dif_byte_symbol (byte) != c;)
        byte++;
      if (byte < 256)
        g_string_append_c (bytes, (char) byte);
      else
        g_string_append_unichar (bytes, c);
    }
  return g_string_free (bytes, FALSE);
}

static gboolean
read_bytes (DifBpe *bpe, DifTokenizerFiles *l, const char *end_of_word, gint32 unknown,
            GError **error)
{
  for (guint byte = 0; byte < 256; byte++)
    for (guint at_end = 0; at_end < 2; at_end++)
      {
        char   symbol[16] = "";
        gint32 id;

        g_unichar_to_utf8 (_dif_byte_symbol (byte), symbol);
        if (at_end && end_of_word)
          g_strlcat (symbol, end_of_word, sizeof symbol);
        id = _dif_files_lookup (l, symbol);
        if (id < 0 && unknown < 0 && end_of_word)
          dif_json_fail (l->vocabulary, DIF_FORMAT_ERROR_MISSING_KEY,
                         "expected \"%s\" or the unknown token, found neither", symbol);
        bpe->byte_ids[at_end][byte] = id < 0 ? unknown : id;
      }
  return dif_json_finish (l->main, error);
}

/* ---- merges ---- */

/* A merge as it is read; its rank is its place. */
typedef struct
{
  gint32 left, right, joined;
} Pair;

/* Notes the merge of @left and @right; returns FALSE if a symbol is unknown. */
static gboolean
add_merge (DifTokenizerFiles *l, GArray *merges, const char *left, const char *right)
{
  g_autofree char *joined = g_strconcat (left, right, NULL);
  Pair             pair   = { 0 };

  pair.left   = _dif_files_lookup (l, left);
  pair.right  = _dif_files_lookup (l, right);
  pair.joined = _dif_files_lookup (l, joined);
  g_array_append_val (merges, pair);
  return pair.left >= 0 && pair.right >= 0 && pair.joined >= 0;
}

/* A line or string "left right". */
static gboolean
add_merge_text (DifTokenizerFiles *l, GArray *merges, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", 3);

  return g_strv_length (parts) == 2 && add_merge (l, merges, parts[0], parts[1]);
}

static gboolean
read_merges_text (DifTokenizerFiles *l, GArray *merges, GError **error)
{
  g_autofree char   *path  = g_build_filename (l->folder, "merges.txt", NULL);
  g_autoptr (GBytes) bytes = dif_file_read (path, MAX_MERGES_BYTES, error);
  g_autofree char   *text  = NULL;
  g_auto (GStrv)     lines = NULL;
  const char        *data;
  gsize              size;

  if (! bytes)
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  text = g_strndup (data ? data : "", size);
  if (strlen (text) != size)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected text, found a zero byte", path);
      return FALSE;
    }
  lines = g_strsplit (text, "\n", DIF_MAX_VOCABULARY + 2);
  for (guint i = 0; lines[i]; i++)
    {
      g_strchomp (lines[i]);
      if (! *lines[i] || g_str_has_prefix (lines[i], "#version"))
        continue;
      if (! add_merge_text (l, merges, lines[i]))
        {
          g_set_error (
              error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
              "%s: line %u: expected two words of the vocabulary that make a third, found none",
              path, i + 1);
          return FALSE;
        }
    }
  return dif_json_finish (l->main, error);
}

static gboolean
read_merges_json (DifTokenizerFiles *l, GArray *merges, GError **error)
{
  DifJson *list = dif_json_member (dif_json_member (l->main, "model"), "merges");

  if (! list || dif_json_type (list) != DIF_JSON_ARRAY)
    dif_json_fail (l->main, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected an array \"model.merges\", found none");
  for (guint i = 0; list && i < dif_json_length (list); i++)
    {
      DifJson *entry = dif_json_at (list, i);
      gboolean good  = FALSE;

      if (dif_json_type (entry) == DIF_JSON_STRING)
        good = add_merge_text (l, merges, dif_json_value_string (entry));
      else if (dif_json_type (entry) == DIF_JSON_ARRAY && dif_json_length (entry) == 2)
        good = add_merge (l, merges, dif_json_value_string (dif_json_at (entry, 0)),
                          dif_json_value_string (dif_json_at (entry, 1)));
      if (! good)
        {
          dif_json_fail_value (entry, DIF_FORMAT_ERROR_BAD_VALUE,
                               "two words of the vocabulary that make a third");
          break;
        }
    }
  return dif_json_finish (l->main, error);
}

/* Of a pair that is listed twice the last rank counts. */
static void
fill_table (DifBpe *bpe, GArray *pairs)
{
  bpe->bits = 4;
  while ((gsize) 1 << bpe->bits < pairs->len * (gsize) 2)
    bpe->bits++;
  bpe->merges = g_new0 (DifMerge, (gsize) 1 << bpe->bits);
  for (guint i = 0; i < pairs->len; i++)
    {
      const Pair *p    = &g_array_index (pairs, Pair, i);
      guint64     pair = pair_of (p->left, p->right);

      *place_of (bpe, pair) =
          (DifMerge) { .pair = pair, .rank = (gint32) i, .joined = p->joined };
    }
}

gboolean
_dif_bpe_read (DifBpe *bpe, DifTokenizerFiles *files, const char *end_of_word, gint32 unknown,
               GError **error)
{
  g_autoptr (GArray) pairs = g_array_new (FALSE, FALSE, sizeof (Pair));

  if (! read_bytes (bpe, files, end_of_word, unknown, error))
    return FALSE;
  if (! (files->whole ? read_merges_json (files, pairs, error)
                      : read_merges_text (files, pairs, error)))
    return FALSE;
  fill_table (bpe, pairs);
  return TRUE;
}

void
_dif_bpe_clear (DifBpe *bpe)
{
  g_clear_pointer (&bpe->merges, g_free);
}
