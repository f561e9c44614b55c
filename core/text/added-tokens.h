/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* added-tokens.h - words of a text that are one token whatever they contain. */
#ifndef DIF_TEXT_ADDED_TOKENS_H
#define DIF_TEXT_ADDED_TOKENS_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_MAX_ADDED_TOKENS: DIF_MAX_ADDED_BYTES: more, and longer ones, are refused. */
#define DIF_MAX_ADDED_TOKENS 4096
#define DIF_MAX_ADDED_BYTES  1024

/** DifAddedTokens: a set of such words. */
typedef struct _DifAddedTokens DifAddedTokens;

/**
 * DifAddedToken:
 * @content: the word
 * @id: its id
 * @special: one that begins, ends, fills or separates, not text
 * @normalized: looked for in the normalized text rather than as it was typed
 * @lstrip: takes the white space before it
 * @rstrip: takes the white space behind it
 * @single_word: only where neither neighbour is a letter of a word (`\w`)
 */
typedef struct
{
  const char *content;
  gint32      id;
  gboolean    special;
  gboolean    normalized;
  gboolean    lstrip;
  gboolean    rstrip;
  gboolean    single_word;
} DifAddedToken;

/**
 * DifAddedCursor:
 * @from: where the text that is not settled yet begins
 * @sought: where the search goes on; rstrip moves @from alone
 *
 * Where a search is; begins as zeros.
 */
typedef struct
{
  gsize from;
  gsize sought;
} DifAddedCursor;

/**
 * DifNormalizer:
 * @text: UTF-8
 * @length: bytes
 * @user_data: what it was given with
 *
 * Returns: (transfer full): what a tokenizer sees of a text
 */
typedef GString *(*DifNormalizer) (const char *text, gsize length, gpointer user_data);

/**
 * dif_added_tokens_new:
 *
 * Returns: (transfer full): an empty set
 */
DifAddedTokens *dif_added_tokens_new (void);

/**
 * dif_added_tokens_free:
 * @added: (nullable) (transfer full): a set
 */
void dif_added_tokens_free (DifAddedTokens *added);

/**
 * dif_added_tokens_add:
 * @added: a set
 * @token: a word, copied; replaces the entry of the same word
 */
void dif_added_tokens_add (DifAddedTokens *added, const DifAddedToken *token);

/**
 * dif_added_tokens_find:
 * @added: a set
 * @content: a word
 *
 * Returns: its id, or -1
 */
gint32 dif_added_tokens_find (DifAddedTokens *added, const char *content);

/**
 * dif_added_tokens_of_id:
 * @added: a set
 * @id: an id
 *
 * Returns: (transfer none) (nullable): the word that has it, valid until the
 * next addition
 */
const DifAddedToken *dif_added_tokens_of_id (DifAddedTokens *added, gint32 id);

/**
 * dif_added_tokens_count:
 * @added: a set
 *
 * Returns: how many words are in it
 */
guint dif_added_tokens_count (DifAddedTokens *added);

/**
 * dif_added_tokens_max_id:
 * @added: a set
 *
 * Returns: the largest id, or -1
 */
gint32 dif_added_tokens_max_id (DifAddedTokens *added);

/**
 * dif_added_tokens_freeze:
 * @added: a set, complete
 * @normalizer: (nullable): makes of normalized words what is looked for
 * @user_data: for it
 *
 * Prepares the search; to be called after the last addition.
 */
void dif_added_tokens_freeze (DifAddedTokens *added, DifNormalizer normalizer, gpointer user_data);

/**
 * dif_added_tokens_next:
 * @added: a frozen set
 * @normalized: which words to look for
 * @text: where to look
 * @length: bytes
 * @at: (inout): where the search is; goes behind the word
 * @end: (out): where the text before the word ends, which begins at the
 *   former @at->from; @length if there is no word
 *
 * Finds the next word; of several that begin there, the longest.
 *
 * Source: tokenizers, added_vocabulary.rs, find_matches().
 *
 * Returns: its id, or -1 if there is none
 */
gint32 dif_added_tokens_next (DifAddedTokens *added, gboolean normalized, const char *text,
                              gsize length, DifAddedCursor *at, gsize *end);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifAddedTokens, dif_added_tokens_free)

G_END_DECLS

#endif /* DIF_TEXT_ADDED_TOKENS_H */
