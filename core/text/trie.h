/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* trie.h - words by their bytes, one step a byte. */
#ifndef DIF_TEXT_TRIE_H
#define DIF_TEXT_TRIE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DifTrie: a set of words, each with a number. */
typedef struct _DifTrie DifTrie;

/** DIF_TRIE_ROOT: the node that every walk begins at. */
#define DIF_TRIE_ROOT 1u

/**
 * dif_trie_new:
 *
 * Returns: (transfer full): an empty trie
 */
DifTrie *dif_trie_new (void);

/**
 * dif_trie_free:
 * @trie: (nullable) (transfer full): a trie
 */
void dif_trie_free (DifTrie *trie);

/**
 * dif_trie_add:
 * @trie: a trie
 * @word: bytes, U+0000 may be among them
 * @length: how many
 * @value: at least 0; replaces that of the same word
 */
void dif_trie_add (DifTrie *trie, const char *word, gsize length, gint32 value);

/**
 * dif_trie_step:
 * @trie: a trie
 * @node: where a walk is
 * @byte: where it goes
 *
 * Returns: the node behind @byte, or 0 if no word goes on so
 */
guint32 dif_trie_step (const DifTrie *trie, guint32 node, guint8 byte);

/**
 * dif_trie_value:
 * @trie: a trie
 * @node: where a walk is
 *
 * Returns: the number of the word that ends here, or -1
 */
gint32 dif_trie_value (const DifTrie *trie, guint32 node);

/**
 * dif_trie_find:
 * @trie: a trie
 * @word: bytes
 * @length: how many
 *
 * Returns: the number of @word, or -1
 */
gint32 dif_trie_find (const DifTrie *trie, const char *word, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifTrie, dif_trie_free)

G_END_DECLS

#endif /* DIF_TEXT_TRIE_H */
