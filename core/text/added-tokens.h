/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* added-tokens.h - words of a text that are one token whatever they contain. */
#ifndef DIF_TEXT_ADDED_TOKENS_H
#define DIF_TEXT_ADDED_TOKENS_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_MAX_ADDED_TOKENS: more are refused. */
#define DIF_MAX_ADDED_TOKENS 1024

/** DifAddedTokens: a set of such words. */
typedef struct _DifAddedTokens DifAddedTokens;

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
 * @content: a word; replaces the entry of the same word
 * @id: its id
 * @normalized: looked for in the normalized text rather than as it was typed
 */
void dif_added_tokens_add (DifAddedTokens *added, const char *content, gint32 id,
                           gboolean normalized);

/**
 * dif_added_tokens_find:
 * @added: a set
 * @content: a word
 *
 * Returns: its id, or -1
 */
gint32 dif_added_tokens_find (DifAddedTokens *added, const char *content);

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
 *
 * Prepares the search; to be called after the last addition.
 */
void dif_added_tokens_freeze (DifAddedTokens *added);

/**
 * dif_added_tokens_next:
 * @added: a frozen set
 * @normalized: which words to look for
 * @text: where to look
 * @length: bytes
 * @begin: (out): where the word begins, or @length
 * @end: (out): where it ends, or @length
 *
 * Finds the first word; of several that begin there, the longest.
 *
 * Returns: its id, or -1 if there is none
 */
gint32 dif_added_tokens_next (DifAddedTokens *added, gboolean normalized, const char *text,
                              gsize length, gsize *begin, gsize *end);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifAddedTokens, dif_added_tokens_free)

G_END_DECLS

#endif /* DIF_TEXT_ADDED_TOKENS_H */
