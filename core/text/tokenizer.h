/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tokenizer.h - text to token ids: the class that every kind of tokenizer is of.
 *
 * Kinds, and what they are the same as in the reference (transformers 5 with
 * its `tokenizers`), id by id:
 *   clip-bpe   CLIPTokenizer: lower case, "</w>" on the last symbol of a word
 *   byte-bpe   Qwen2Tokenizer, GPT2Tokenizer: bytes joined by rank
 *   unigram    T5Tokenizer, from tokenizer.json or spiece.model; other unigram
 *              models as their file says
 *
 * A text is cut at the added tokens that stand in it as typed; what is between
 * them is normalized and cut at the other added tokens; what is then left goes
 * to the kind's own method.  Time grows with n log n in the length of a text at
 * most.  A loaded tokenizer may be used by several threads at once.
 */
#ifndef DIF_TEXT_TOKENIZER_H
#define DIF_TEXT_TOKENIZER_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_TOKENIZER_MAX_BYTES: longer texts are refused. */
#define DIF_TOKENIZER_MAX_BYTES (16u * 1024 * 1024)

/**
 * dif_tokenizer_load:
 * @folder: holds tokenizer.json alone, or vocab.json and merges.txt, or
 *   spiece.model, and usually special_tokens_map.json and tokenizer_config.json
 * @error: return location
 *
 * The kind is that of tokenizer_class in tokenizer_config.json; where it says
 * none, what the vocabulary looks like decides.
 *
 * Errors: DIF_FORMAT_ERROR, and file errors prefixed with the path.
 *
 * Returns: (transfer full) (nullable): a tokenizer
 */
DIF_API DifTokenizer *dif_tokenizer_load (const char *folder, GError **error);

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
DIF_API DifTokenizer *dif_tokenizer_load_configured (const char *folder, DifJson *config,
                                                     GError **error);

/**
 * dif_tokenizer_add_placeholder:
 * @t: a tokenizer that nobody else uses yet
 * @word: found in a prompt wherever its letters are, for CLIP in either case
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
DIF_API gboolean dif_tokenizer_add_placeholder (DifTokenizer *t, const char *word, guint first,
                                                guint    n,
                                                GError **error);

/**
 * dif_tokenizer_free:
 * @t: (nullable) (transfer full): a tokenizer
 */
DIF_API void dif_tokenizer_free (DifTokenizer *t);

/**
 * dif_tokenizer_kind:
 * @t: a tokenizer
 *
 * Returns: (transfer none): "clip-bpe", "byte-bpe" or "unigram"
 */
DIF_API const char *dif_tokenizer_kind (DifTokenizer *t);

/**
 * dif_tokenizer_max_length:
 * @t: a tokenizer
 *
 * Returns: ids in an encoded prompt, begin and end included, as its files say
 * (CLIP: 77); models often take fewer
 */
DIF_API guint dif_tokenizer_max_length (DifTokenizer *t);

/**
 * dif_tokenizer_vocabulary_size:
 * @t: a tokenizer
 *
 * Returns: one more than the largest id
 */
DIF_API guint dif_tokenizer_vocabulary_size (DifTokenizer *t);

/**
 * dif_tokenizer_bos: dif_tokenizer_eos: dif_tokenizer_unk: dif_tokenizer_pad:
 * @t: a tokenizer
 *
 * Returns: the id that begins or ends a prompt, stands for what is in no
 * vocabulary, or fills a prompt; -1 where there is none (padding there always
 * is)
 */
DIF_API gint32 dif_tokenizer_bos (DifTokenizer *t);
DIF_API gint32 dif_tokenizer_eos (DifTokenizer *t);
DIF_API gint32 dif_tokenizer_unk (DifTokenizer *t);
DIF_API gint32 dif_tokenizer_pad (DifTokenizer *t);

/**
 * dif_tokenizer_overhead:
 * @t: a tokenizer
 * @before: (out) (optional): how many of them stand before the text
 *
 * Returns: ids that a prompt has besides its text's: begin and end (CLIP 2, T5
 * 1, Qwen 0)
 */
DIF_API guint dif_tokenizer_overhead (DifTokenizer *t, guint *before);

/**
 * dif_tokenizer_find:
 * @t: a tokenizer
 * @token: a special or other added token, such as "<|im_end|>"
 *
 * Returns: its id, or -1
 */
DIF_API gint32 dif_tokenizer_find (DifTokenizer *t, const char *token);

/**
 * dif_tokenizer_is_special:
 * @t: a tokenizer
 * @id: an id
 *
 * Returns: whether it is of a special token, not of text
 */
DIF_API gboolean dif_tokenizer_is_special (DifTokenizer *t, gint32 id);

/**
 * dif_tokenizer_show:
 * @t: a tokenizer
 * @id: any number
 *
 * Returns: (transfer full): what the token looks like to a reader: a blank
 * where it has one before or behind it, U+FFFD for the bytes of half a
 * character; "" for no token
 */
DIF_API char *dif_tokenizer_show (DifTokenizer *t, gint32 id);

/**
 * dif_tokenizer_split:
 * @t: a tokenizer
 * @text: UTF-8
 * @length: bytes, U+0000 may be among them; -1 if NUL-terminated
 * @error: return location
 *
 * All ids of @text, with neither begin, end, padding nor limit.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for invalid UTF-8 and for texts beyond
 * %DIF_TOKENIZER_MAX_BYTES.
 *
 * Returns: (transfer full) (nullable) (element-type gint32): ids
 */
DIF_API GArray *dif_tokenizer_split (DifTokenizer *t, const char *text, gssize length,
                                     GError **error);

/**
 * dif_tokenizer_wrap:
 * @t: a tokenizer
 * @text_ids: (nullable): ids of text
 * @n: how many; those that do not fit are left out, the last ones first
 * @ids: (out caller-allocates): begin, @text_ids, end, padding
 * @length: ids there, at least dif_tokenizer_overhead()
 *
 * Returns: ids before the padding
 */
DIF_API guint dif_tokenizer_wrap (DifTokenizer *t, const gint32 *text_ids, guint n, gint32 *ids,
                                  guint length);

/**
 * dif_tokenizer_encode:
 * @t: a tokenizer
 * @text: a prompt; invalid UTF-8 is refused
 * @ids: (out caller-allocates): @length ids: begin, text cut to fit, end,
 *   padding on the right
 * @length: what the text encoder takes, at least dif_tokenizer_overhead();
 *   dif_tokenizer_max_length() if it takes what its tokenizer says
 * @n_used: (out) (optional): ids before the padding, which an attention mask
 *   has 1 for
 * @n_dropped: (out) (optional): text tokens that did not fit
 * @error: return location
 *
 * Errors: as dif_tokenizer_split().
 *
 * Returns: FALSE on error, @ids untouched
 */
DIF_API gboolean dif_tokenizer_encode (DifTokenizer *t, const char *text, gint32 *ids, guint length,
                                       guint *n_used, guint *n_dropped, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifTokenizer, dif_tokenizer_free)

G_END_DECLS

#endif /* DIF_TEXT_TOKENIZER_H */
