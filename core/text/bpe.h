/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe.h - CLIP's byte-pair tokenizer.
 *
 * Gives the same ids as transformers 5's CLIPTokenizer: NFC, runs of
 * whitespace to one space, lower case, split, byte-level byte-pair encoding
 * with "</w>" on the last symbol of a word.
 */
#ifndef DIF_TEXT_BPE_H
#define DIF_TEXT_BPE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_TOKENIZER_MAX_BYTES: longer texts are refused. */
#define DIF_TOKENIZER_MAX_BYTES (16u * 1024 * 1024)

/**
 * dif_tokenizer_load:
 * @folder: holds vocab.json and merges.txt, or tokenizer.json alone, and
 *   usually special_tokens_map.json and tokenizer_config.json
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR, and file errors prefixed with the path.
 *
 * Returns: (transfer full) (nullable): a tokenizer
 */
DifTokenizer *dif_tokenizer_load (const char *folder, GError **error);

/**
 * dif_tokenizer_load_configured:
 * @folder: as for dif_tokenizer_load(); words and merges alone are taken from it
 * @config: as a tokenizer_config.json, counted instead of the folder's settings
 * @error: return location
 *
 * CLIP's vocabulary is the same in every Stable Diffusion; what fills a short
 * prompt is not.
 *
 * Errors: as dif_tokenizer_load().
 *
 * Returns: (transfer full) (nullable): a tokenizer
 */
DifTokenizer *dif_tokenizer_load_configured (const char *folder, DifJson *config, GError **error);

/**
 * dif_tokenizer_learn:
 * @t: a tokenizer
 * @word: found in a prompt wherever its letters are, in either case
 * @first: id that it gets
 * @n: how many ids it stands for: @first and those after it
 * @error: return location
 *
 * A word of several ids is written out, where it is spelled as here, as
 * "WORD WORD_1 WORD_2 ..." before a prompt is split; in another case it is its
 * first id alone.
 *
 * Source: diffusers, textual_inversion.py, `_maybe_convert_prompt`.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM if @word is none (empty, or longer than
 * 255 bytes) or means something already; the tokenizer is of no use then.
 *
 * Returns: FALSE on error
 */
gboolean dif_tokenizer_learn (DifTokenizer *t, const char *word, guint first, guint n,
                              GError **error);

/**
 * dif_tokenizer_free:
 * @t: (nullable) (transfer full): a tokenizer
 */
void dif_tokenizer_free (DifTokenizer *t);

/**
 * dif_tokenizer_max_length:
 * @t: a tokenizer
 *
 * Returns: ids in an encoded prompt, begin and end included (CLIP: 77)
 */
guint dif_tokenizer_max_length (DifTokenizer *t);

/**
 * dif_tokenizer_vocabulary_size:
 * @t: a tokenizer
 *
 * Returns: one more than the largest id
 */
guint dif_tokenizer_vocabulary_size (DifTokenizer *t);

/**
 * dif_tokenizer_bos: dif_tokenizer_eos: dif_tokenizer_pad:
 * @t: a tokenizer
 *
 * Returns: the id that begins, ends or fills a prompt
 */
gint32 dif_tokenizer_bos (DifTokenizer *t);
gint32 dif_tokenizer_eos (DifTokenizer *t);
gint32 dif_tokenizer_pad (DifTokenizer *t);

/**
 * dif_tokenizer_encode:
 * @t: a tokenizer
 * @text: a prompt; invalid UTF-8 is refused
 * @ids: (out caller-allocates): dif_tokenizer_max_length() ids: begin, text cut
 *   to fit, end, padding
 * @n_used: (out) (optional): ids before the padding
 * @n_dropped: (out) (optional): text tokens that did not fit
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for invalid UTF-8 and for texts beyond
 * %DIF_TOKENIZER_MAX_BYTES.
 *
 * Returns: FALSE on error, @ids untouched
 */
gboolean dif_tokenizer_encode (DifTokenizer *t, const char *text, gint32 *ids, guint *n_used,
                               guint *n_dropped, GError **error);

/**
 * dif_tokenizer_split:
 * @t: a tokenizer
 * @text: UTF-8
 * @length: bytes; -1 if NUL-terminated
 * @error: return location
 *
 * All ids of @text, with neither begin, end, padding nor limit.
 *
 * Returns: (transfer full) (nullable) (element-type gint32): ids
 */
GArray *dif_tokenizer_split (DifTokenizer *t, const char *text, gssize length, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifTokenizer, dif_tokenizer_free)

G_END_DECLS

#endif /* DIF_TEXT_BPE_H */
