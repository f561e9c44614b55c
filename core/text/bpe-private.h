/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe-private.h - a loaded tokenizer, for bpe-load.c and bpe.c. */
#ifndef DIF_TEXT_BPE_PRIVATE_H
#define DIF_TEXT_BPE_PRIVATE_H

#include "text/added-tokens.h"
#include "text/bpe.h"

G_BEGIN_DECLS

/**
 * DifMerge:
 * @left: id of the left symbol
 * @right: id of the right symbol
 * @rank: lower ones are joined first
 * @joined: id of the symbol they become
 */
typedef struct
{
  gint32 left;
  gint32 right;
  gint32 rank;
  gint32 joined;
} DifMerge;

/**
 * DifLearned:
 * @word: as it is added
 * @all: the words it stands for: itself and "WORD_1", "WORD_2" ...
 * @id: id of the first of them
 */
typedef struct
{
  char  *word;
  char  *all;
  gint32 id;
} DifLearned;

/**
 * DifTokenizer:
 * @byte_ids: ids of the 256 bytes as symbols, inside and at the end of a word;
 *   that of the unknown token where the vocabulary has none
 * @merges: sorted by left and right, each pair once
 * @added: words that are one token
 * @learned: (nullable) (element-type DifLearned): words that stand for several
 */
struct _DifTokenizer
{
  gint32          byte_ids[2][256];
  DifMerge       *merges;
  guint           n_merges;
  DifAddedTokens *added;
  GArray         *learned;
  gint32          bos, eos, pad;
  guint           max_length;
  guint           vocabulary_size;
};

/**
 * _dif_merge_compare:
 * @a: a DifMerge
 * @b: another
 *
 * Returns: order by left, then right
 */
int _dif_merge_compare (gconstpointer a, gconstpointer b);

/**
 * _dif_byte_symbol:
 * @byte: 0 to 255
 *
 * Source: GPT-2, bytes_to_unicode().
 *
 * Returns: the code point that stands for @byte in a vocabulary: printable
 * Latin-1 for itself, the others from U+0100 on
 */
gunichar _dif_byte_symbol (guint byte);

G_END_DECLS

#endif /* DIF_TEXT_BPE_PRIVATE_H */
