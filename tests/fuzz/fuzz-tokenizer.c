/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-tokenizer.c - any files as a CLIP tokenizer, and any bytes as a prompt. */
#include "fuzz/fuzz-tokens.h"

/* Unknown bytes, merges, and a special token of either kind. */
static const char small[] =
    "==t\n"
    "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"<|startoftext|>\": 1, \"!\": 2, \"a\": 3, "
    "\"b\": 4, "
    "\"a</w>\": 5, \"b</w>\": 6, \"ab\": 7, \"ab</w>\": 8, \"aa\": 9, \"aa</w>\": 10, \"aaaa\": "
    "11, "
    "\"\xc3\x8c\": 12, \"\xc4\xa3\": 13, \"\xc3\x8c\xc4\xa3\": 14}, \"merges\": [\"a a\", \"a "
    "b</w>\", \"a a</w>\", "
    "\"a b\", \"aa aa\", \"\xc3\x8c \xc4\xa3\"]}}\n"
    "==s\n"
    "{\"pad_token\": \"!\", \"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}}";

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  fuzz_tokens (data, size, small);
  return 0;
}
