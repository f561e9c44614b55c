/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* added-tokens.c - words of a text that are one token whatever they contain.
 *
 * Knows no files.  Takes time in proportion to the text, times the length of
 * the longest word.
 * Source: tokenizers, added_vocabulary.rs (leftmost, then longest match; a
 * match that its flags forbid is not looked into).
 */
#include "text/added-tokens.h"

#include <string.h>

#include "text/normalize.h"
#include "text/trie.h"

struct _DifAddedTokens
{
  GArray     *words; /* DifAddedToken */
  GHashTable *index; /* content -> place in words + 1 */
  DifTrie    *sought[2];
};

static void
clear_word (gpointer data)
{
  g_free ((char *) ((DifAddedToken *) data)->content);
}

DifAddedTokens *
dif_added_tokens_new (void)
{
  DifAddedTokens *added = g_new0 (DifAddedTokens, 1);

  added->words = g_array_new (FALSE, FALSE, sizeof (DifAddedToken));
  added->index = g_hash_table_new (g_str_hash, g_str_equal);
  g_array_set_clear_func (added->words, clear_word);
  return added;
}

void
dif_added_tokens_free (DifAddedTokens *added)
{
  if (! added)
    return;
  g_hash_table_unref (added->index);
  g_array_unref (added->words);
  dif_trie_free (added->sought[0]);
  dif_trie_free (added->sought[1]);
  g_free (added);
}

static DifAddedToken *
find_word (DifAddedTokens *added, const char *content)
{
  guint at = GPOINTER_TO_UINT (g_hash_table_lookup (added->index, content));

  return at ? &g_array_index (added->words, DifAddedToken, at - 1) : NULL;
}

void
dif_added_tokens_add (DifAddedTokens *added, const DifAddedToken *token)
{
  DifAddedToken *word = find_word (added, token->content);
  DifAddedToken  copy = *token;

  if (word)
    {
      copy.content = word->content;
      *word        = copy;
      return;
    }
  copy.content = g_strdup (token->content);
  g_array_append_val (added->words, copy);
  g_hash_table_insert (added->index, (gpointer) copy.content,
                       GUINT_TO_POINTER (added->words->len));
}

gint32
dif_added_tokens_find (DifAddedTokens *added, const char *content)
{
  const DifAddedToken *word = find_word (added, content);

  return word ? word->id : -1;
}

const DifAddedToken *
dif_added_tokens_of_id (DifAddedTokens *added, gint32 id)
{
  for (guint i = 0; i < added->words->len; i++)
    if (g_array_index (added->words, DifAddedToken, i).id == id)
      return &g_array_index (added->words, DifAddedToken, i);
  return NULL;
}

guint
dif_added_tokens_count (DifAddedTokens *added)
{
  return added->words->len;
}

gint32
dif_added_tokens_max_id (DifAddedTokens *added)
{
  gint32 max = -1;

  for (guint i = 0; i < added->words->len; i++)
    max = MAX (max, g_array_index (added->words, DifAddedToken, i).id);
  return max;
}

void
dif_added_tokens_freeze (DifAddedTokens *added, DifNormalizer normalizer, gpointer user_data)
{
  for (guint group = 0; group < 2; group++)
    {
      dif_trie_free (added->sought[group]);
      added->sought[group] = dif_trie_new ();
    }
  for (guint i = 0; i < added->words->len; i++)
    {
      const DifAddedToken *word   = &g_array_index (added->words, DifAddedToken, i);
      gsize                n      = strlen (word->content);
      GString             *sought = word->normalized && normalizer
                                        ? normalizer (word->content, n, user_data)
                                        : g_string_new_len (word->content, (gssize) n);

      if (sought->len > 0)
        dif_trie_add (added->sought[word->normalized ? 1 : 0], sought->str, sought->len,
                      (gint32) i);
      g_string_free (sought, TRUE);
    }
}

/* The longest word that begins at @at; its length in *@length. */
static gint32
match_at (const DifTrie *trie, const char *text, gsize left, gsize *length)
{
  guint32 node  = DIF_TRIE_ROOT;
  gint32  found = -1;

  for (gsize i = 0; i < left; i++)
    {
      node = dif_trie_step (trie, node, (guint8) text[i]);
      if (! node)
        break;
      if (dif_trie_value (trie, node) >= 0)
        {
          found   = dif_trie_value (trie, node);
          *length = i + 1;
        }
    }
  return found;
}

/* Whether the word at [@begin, @end) touches a letter of another word. */
static gboolean
touches_word (const char *text, gsize length, gsize begin, gsize end)
{
  if (begin > 0 &&
      dif_char_is_word (g_utf8_get_char (g_utf8_find_prev_char (text, text + begin))))
    return TRUE;
  return end < length && dif_char_is_word (g_utf8_get_char (text + end));
}

/* The white space before @begin, not beyond @from, is cut off. */
static gsize
strip_left (const char *text, gsize from, gsize begin)
{
  while (begin > from)
    {
      const char *p = g_utf8_find_prev_char (text + from, text + begin);

      if (! p || dif_char_class (g_utf8_get_char (p)) != DIF_CHAR_SPACE)
        break;
      begin = (gsize) (p - text);
    }
  return begin;
}

static gsize
strip_right (const char *text, gsize length, gsize end)
{
  while (end < length && dif_char_class (g_utf8_get_char (text + end)) == DIF_CHAR_SPACE)
    end = (gsize) (g_utf8_next_char (text + end) - text);
  return end;
}

gint32
dif_added_tokens_next (DifAddedTokens *added, gboolean normalized, const char *text, gsize length,
                       DifAddedCursor *at, gsize *end)
{
  const DifTrie *trie = added->sought[normalized ? 1 : 0];

  while (at->sought < length)
    {
      const DifAddedToken *word;
      gsize                begin = at->sought, n = 0;
      gint32               found = match_at (trie, text + begin, length - begin, &n);

      if (found < 0)
        {
          at->sought++;
          continue;
        }
      at->sought += n;
      word = &g_array_index (added->words, DifAddedToken, found);
      if (word->single_word && touches_word (text, length, begin, at->sought))
        continue;
      *end     = MAX (at->from, word->lstrip ? strip_left (text, at->from, begin) : begin);
      at->from = word->rstrip ? strip_right (text, length, at->sought) : at->sought;
      return word->id;
    }
  *end     = MAX (at->from, length);
  at->from = *end;
  return -1;
}
