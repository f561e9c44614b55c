/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vocabulary.h - a byte-level vocabulary in CLIP's format, made up. */
#ifndef DIF_CLI_VOCABULARY_H
#define DIF_CLI_VOCABULARY_H

#include "dif-parts.h"

G_BEGIN_DECLS

/* Fewest tokens: every byte, alone and at the end of a word, begin and end. */
#define CLI_VOCABULARY_MIN 514

/* Most: CLIP's own number. */
#define CLI_VOCABULARY_MAX 49408

/* Writes vocab.json, merges.txt, special_tokens_map.json and
 * tokenizer_config.json to @folder.  @size: tokens, CLI_VOCABULARY_MIN to
 * CLI_VOCABULARY_MAX; @pad_token: nullable, the end-of-text token then.
 * Errors: G_FILE_ERROR. */
gboolean cli_vocabulary_write (const char *folder, guint size, const char *pad_token,
                               GError **error);

G_END_DECLS

#endif /* DIF_CLI_VOCABULARY_H */
