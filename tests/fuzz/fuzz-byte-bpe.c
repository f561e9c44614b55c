/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-byte-bpe.c - any files as a byte-level tokenizer, and any bytes as a prompt. */
#include "fuzz/fuzz-tokens.h"

/* A blank, a newline, merges, and added tokens with every flag; other bytes
 * are left out. */
static const char small[] =
    "==t\n"
    "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 1, \"\u0120\": 2, \"\u010a\": 3, \"'\": "
    "4, \"s\": 5, \"1\": 6, \"!\": 7, \"aa\": 8, \"ab\": 9, \"\u0120a\": 10, \"aaaa\": "
    "11, \"\u010a\u010a\": 12, \"'s\": 13, \"\u00c3\": 14, \"\u00a9\": 15, \"\u00c3\u00a9\": "
    "16}, \"merges\": [[\"a\", \"a\"], [\"a\", \"b\"], [\"\u0120\", \"a\"], [\"aa\", "
    "\"aa\"], [\"\u010a\", \"\u010a\"], [\"'\", \"s\"], [\"\u00c3\", \"\u00a9\"]]}}\n"
    "==c\n"
    "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"17\": {\"content\": "
    "\"<x>\", \"special\": true}, \"18\": {\"content\": \"<l>\", \"lstrip\": true}, "
    "\"19\": {\"content\": \"<r>\", \"rstrip\": true}, \"20\": {\"content\": \"<w>\", "
    "\"single_word\": true}, \"21\": {\"content\": \"e\u0301\", \"normalized\": true}}}";

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  fuzz_tokens (data, size, small);
  return 0;
}
