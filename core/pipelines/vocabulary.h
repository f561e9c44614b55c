/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vocabulary.h - the tokenizer of a checkpoint, which a single file has not. */
#ifndef DIF_PIPELINES_VOCABULARY_H
#define DIF_PIPELINES_VOCABULARY_H

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

/**
 * dif_vocabulary_load:
 * @c: a checkpoint
 * @part: "tokenizer" or "tokenizer_2"
 * @error: return location
 *
 * Of a folder, its part.  A single file's vocabulary is looked for beside it
 * (`vocab.json` with `merges.txt`, or `tokenizer.json`, or a folder `tokenizer`
 * of such), then in the user's data folder and in the installed models; the
 * first that has as many words as the text encoder has rows is taken.
 *
 * Errors: those of dif_tokenizer_load(); DIF_FORMAT_ERROR MISSING_KEY if none
 * is known, saying how to get one.
 *
 * Returns: (transfer full) (nullable): a tokenizer
 */
DIF_API DifTokenizer *dif_vocabulary_load (DifCheckpoint *c, const char *part, GError **error);

G_END_DECLS

#endif /* DIF_PIPELINES_VOCABULARY_H */
