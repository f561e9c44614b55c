/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-tokens.h - any files as a tokenizer of any kind, and any bytes as a prompt. */
#ifndef DIF_TESTS_FUZZ_TOKENS_H
#define DIF_TESTS_FUZZ_TOKENS_H

#include "fuzz/fuzz.h"

G_BEGIN_DECLS

/**
 * fuzz_tokens:
 * @data: an input: files and perhaps a prompt (letter p) if it begins with a
 *   mark "==LETTER", else a prompt for a tokenizer that is kept for the process
 * @size: bytes
 * @small: the files of that tokenizer, as an input
 *
 * Loads, encodes and checks what came of it.
 */
void fuzz_tokens (const guint8 *data, gsize size, const char *small);

G_END_DECLS

#endif /* DIF_TESTS_FUZZ_TOKENS_H */
