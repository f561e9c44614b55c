/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-unigram.c - any files as a unigram tokenizer, and any bytes as a prompt. */
#include "fuzz/fuzz-tokens.h"

/* Pieces that overlap, and an extra id that takes white space. */
static const char small[] =
    "==t\n"
    "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 2, \"vocab\": [[\"<pad>\", 0], "
    "[\"</s>\", 0], [\"<unk>\", 0], [\"\u2581\", -2], [\"a\", -3], [\"\u2581a\", -2.5], "
    "[\"aa\", -4], [\"aaa\", -5.5], [\"ab\", -4.25], [\"b\", -6], [\"\u00e9\", -7]]}, "
    "\"added_tokens\": [{\"id\": 11, \"content\": \"<extra_id_0>\", \"lstrip\": true, "
    "\"rstrip\": true}]}\n"
    "==c\n"
    "{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 1}";

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  fuzz_tokens (data, size, small);
  return 0;
}
