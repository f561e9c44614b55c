/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* added-tokens.c - words of a text that are one token whatever they contain.
 *
 * Knows no files.  Invariant after freezing: each of the two groups (typed,
 * normalized) is sorted by first byte, longest word first.
 * Source: tokenizers, added_vocabulary.rs (leftmost, then longest match).
 */
#include "text/added-tokens.h"

#include <stdlib.h>
#include <string.h>

#include "text/normalize.h"

typedef struct
{
  char    *content;
  GString *sought; /* the bytes to look for, set by freezing */
  gint32   id;
  gboolean normalized;
} Word;

struct _DifAddedTokens
{
  GPtrArray *words;
  /* [normalized][first byte]: where its words begin in words */
  guint16 first[2][257];
};

static void
word_free (gpointer data)
{
  Word *word = data;

  if (word->sought)
    g_string_free (word->sought, TRUE);
  g_free (word->content);
  g_free (word);
}

DifAddedTokens *
dif_added_tokens_new (void)
{
  DifAddedTokens *added = g_new0 (DifAddedTokens, 1);

  added->words = g_ptr_array_new_with_free_func (word_free);
  return added;
}

void
dif_added_tokens_free (DifAddedTokens *added)
{
  if (! added)
    return;
  g_ptr_array_unref (added->words);
  g_free (added);
}

static Word *
find_word (DifAddedTokens *added, const char *content)
{
  for (guint i = 0; i < added->words->len; i++)
    {
      Word *word = g_ptr_array_index (added->words, i);

      if (strcmp (word->content, content) == 0)
        return word;
    }
  return NULL;
}

void
dif_added_tokens_add (DifAddedTokens *added, const char *content, gint32 id, gboolean normalized)
{
  Word *word = find_word (added, content);

  if (! word)
    {
      word          = g_new0 (Word, 1);
      word->content = g_strdup (content);
      g_ptr_array_add (added->words, word);
    }
  word->id         = id;
  word->normalized = normalized;
}

gint32
dif_added_tokens_find (DifAddedTokens *added, const char *content)
{
  const Word *word = find_word (added, content);

  return word ? word->id : -1;
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
    max = MAX (max, ((const Word *) g_ptr_array_index (added->words, i))->id);
  return max;
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  const Word *x = *(const Word *const *) a;
  const Word *y = *(const Word *const *) b;
  guint8      p = (guint8) x->sought->str[0];
  guint8      q = (guint8) y->sought->str[0];

  if (x->normalized != y->normalized)
    return x->normalized - y->normalized;
  if (p != q)
    return p - q;
  return x->sought->len > y->sought->len ? -1 : x->sought->len < y->sought->len;
}

void
dif_added_tokens_freeze (DifAddedTokens *added)
{
  guint i = 0;

  for (guint k = 0; k < added->words->len; k++)
    {
      Word *word = g_ptr_array_index (added->words, k);
      gsize n    = strlen (word->content);

      if (word->sought)
        g_string_free (word->sought, TRUE);
      word->sought = word->normalized ? dif_text_normalize (word->content, n)
                                      : g_string_new (word->content);
    }
  g_ptr_array_sort (added->words, compare_words);
  for (guint group = 0; group < 2; group++)
    for (guint byte = 0; byte <= 256; byte++)
      {
        while (i < added->words->len)
          {
            const Word *word = g_ptr_array_index (added->words, i);

            if ((guint) word->normalized > group ||
                ((guint) word->normalized == group && (guint8) word->sought->str[0] >= byte))
              break;
            i++;
          }
        added->first[group][byte] = (guint16) i;
      }
}

gint32
dif_added_tokens_next (DifAddedTokens *added, gboolean normalized, const char *text, gsize length,
                       gsize *begin, gsize *end)
{
  const guint16 *first = added->first[normalized ? 1 : 0];

  for (gsize at = 0; at < length; at++)
    {
      guint8 byte = (guint8) text[at];

      for (guint i = first[byte]; i < first[byte + 1]; i++)
        {
          const Word *word = g_ptr_array_index (added->words, i);

          if (word->sought->len > 0 && word->sought->len <= length - at &&
              memcmp (word->sought->str, text + at, word->sought->len) == 0)
            {
              *begin = at;
              *end   = at + word->sought->len;
              return word->id;
            }
        }
    }
  *begin = length;
  *end   = length;
  return -1;
}
