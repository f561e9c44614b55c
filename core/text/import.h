/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* import.h - CLIP's vocabulary from whatever it comes in. */
#ifndef DIF_TEXT_IMPORT_H
#define DIF_TEXT_IMPORT_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_tokenizer_import:
 * @from: a folder with vocab.json and merges.txt or with tokenizer.json (or
 *   with a folder `tokenizer` of such), a tokenizer.json, or OpenAI's
 *   bpe_simple_vocab_16e6.txt (or .txt.gz)
 * @folder: where vocab.json and merges.txt will be, whole or not at all; what
 *   was there before is replaced
 * @n_words: (out) (optional): words of the vocabulary
 * @error: return location
 *
 * What was read is tried as a tokenizer before it is put in its place.
 *
 * Source of the numbering of words: openai/CLIP, simple_tokenizer.py.
 *
 * Errors: those of dif_tokenizer_load() and dif_gunzip(); DIF_FORMAT_ERROR
 * UNSUPPORTED if @from is nothing of the above, such as a zip archive; file
 * errors with the path.
 *
 * Returns: FALSE on error, @folder as before
 */
DIF_API gboolean dif_tokenizer_import (const char *from, const char *folder, guint *n_words,
                                       GError **error);

G_END_DECLS

#endif /* DIF_TEXT_IMPORT_H */
