/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe-merges.h - byte-pair encoding: bytes to symbols, and pairs of them joined by rank. */
#ifndef DIF_TEXT_BPE_MERGES_H
#define DIF_TEXT_BPE_MERGES_H

#include "text/tokenizer-files.h"

G_BEGIN_DECLS

/**
 * DifMerge:
 * @pair: ids of the left and the right symbol; 0 where a table has room
 * @rank: lower ones are joined first
 * @joined: id of the symbol they become
 */
typedef struct
{
  guint64 pair;
  gint32  rank;
  gint32  joined;
} DifMerge;

/**
 * DifBpe:
 * @byte_ids: ids of the 256 bytes as symbols, inside and at the end of a word;
 *   -1 where such a byte is left out
 * @merges: `2^bits` places, hashed by pair
 * @bits: of the number of places
 */
typedef struct
{
  gint32    byte_ids[2][256];
  DifMerge *merges;
  guint     bits;
} DifBpe;

/** DifBpeScratch: what encoding one word takes, kept from word to word. */
typedef struct
{
  GArray *symbols;
  GArray *heap;
} DifBpeScratch;

/**
 * _dif_bpe_read:
 * @bpe: (out caller-allocates): zeros
 * @files: vocabulary and merges
 * @end_of_word: (nullable): what the last symbol of a word ends with
 * @unknown: id of bytes that the vocabulary has not; -1: with a @end_of_word
 *   they are an error, else left out
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR; file errors with the path.
 *
 * Returns: FALSE on error
 */
gboolean _dif_bpe_read (DifBpe *bpe, DifTokenizerFiles *files, const char *end_of_word,
                        gint32 unknown, GError **error);

/**
 * _dif_bpe_clear:
 * @bpe: read or zeros
 */
void _dif_bpe_clear (DifBpe *bpe);

/**
 * _dif_bpe_scratch_init: _dif_bpe_scratch_clear:
 * @scratch: memory for _dif_bpe_encode()
 */
void _dif_bpe_scratch_init (DifBpeScratch *scratch);
void _dif_bpe_scratch_clear (DifBpeScratch *scratch);

/**
 * _dif_bpe_encode:
 * @bpe: what is joined
 * @scratch: memory
 * @word: bytes
 * @length: how many
 * @ids: (element-type gint32): gets the ids
 *
 * Takes n log n time in the length of the word.
 */
void _dif_bpe_encode (const DifBpe *bpe, DifBpeScratch *scratch, const char *word, gsize length,
                      GArray *ids);

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

/**
 * _dif_byte_word_show:
 * @word: a word of a byte-level vocabulary
 *
 * Returns: (transfer full): its bytes
 */
char *_dif_byte_word_show (const char *word);

G_END_DECLS

#endif /* DIF_TEXT_BPE_MERGES_H */
