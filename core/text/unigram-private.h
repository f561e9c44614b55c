/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unigram-private.h - a loaded unigram tokenizer, for unigram.c and unigram-load.c. */
#ifndef DIF_TEXT_UNIGRAM_PRIVATE_H
#define DIF_TEXT_UNIGRAM_PRIVATE_H

#include "text/charsmap.h"
#include "text/sentencepiece.h"
#include "text/tokenizer-private.h"

G_BEGIN_DECLS

/** What a blank is written as, U+2581. */
#define DIF_BLANK "\xe2\x96\x81"

/** Steps of normalization, as tokenizer.json lists them. */
typedef enum
{
  DIF_STEP_NONE,
  DIF_STEP_CHARSMAP,
  DIF_STEP_NFC,
  DIF_STEP_NFKC
} DifStep;

#define DIF_MAX_STEPS 4

/**
 * DifUnigram:
 * @pieces: ids by text
 * @scores: by id
 * @types: (nullable): by id, DifPieceType; only where @sentence
 * @min_score: the least of those that are text
 * @max_score: the greatest
 * @unk: id of what no piece is
 * @byte_fallback: bytes stand for what no piece is
 * @byte_ids: ids of the bytes, -1 for none
 * @charsmap: (nullable): rules of normalization
 * @sentence: SentencePiece's own way: the whole text at once, numbers in float
 * @user_defined: (nullable): with @sentence: pieces that are not normalized
 * @dummy_prefix: a text, or each word, begins with a blank
 * @remove_extra: with @sentence: as DifSentencePiece has it
 * @escape: with @sentence: the same
 * @steps: else: what is done to a text first
 * @split_space: else: white space separates words and vanishes
 * @split_blank: else: a word is cut before every U+2581
 */
typedef struct
{
  DifTokenizer base;
  DifTrie     *pieces;
  double      *scores;
  guint8      *types;
  double       min_score, max_score;
  gint32       unk;
  gboolean     byte_fallback;
  gint32       byte_ids[256];
  DifCharsmap *charsmap;
  gboolean     sentence;
  DifTrie     *user_defined;
  gboolean     dummy_prefix, remove_extra, escape;
  DifStep      steps[DIF_MAX_STEPS];
  gboolean     split_space, split_blank;
} DifUnigram;

/**
 * _dif_unigram_load:
 * @t: a DifUnigram of zeros
 * @files: tokenizer.json or spiece.model
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR; file errors with the path.
 *
 * Returns: FALSE on error
 */
gboolean _dif_unigram_load (DifTokenizer *t, DifTokenizerFiles *files, GError **error);

/**
 * _dif_unigram_fits:
 * @files: opened
 *
 * Returns: whether they hold a unigram model
 */
gboolean _dif_unigram_fits (DifTokenizerFiles *files);

G_END_DECLS

#endif /* DIF_TEXT_UNIGRAM_PRIVATE_H */
