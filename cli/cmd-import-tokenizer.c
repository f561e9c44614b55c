/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-import-tokenizer.c - CLIP's vocabulary for single-file checkpoints. */
#include <stdio.h>

#include "commands.h"

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  g_autofree char *folder = dif_catalog_tokenizer_folder ();
  guint            n_words;

  if (! dif_tokenizer_import (args->rest->pdata[0], folder, &n_words, error))
    return FALSE;
  printf ("%s: %u words\n", folder, n_words);
  return TRUE;
}

const CliCommand cmd_import_tokenizer = {
  .name     = "import-tokenizer",
  .summary  = "Takes CLIP's vocabulary, which checkpoints in one file lack",
  .usage    = "FILE",
  .details  = "FILE is a diffusers folder or its tokenizer folder, a tokenizer.json, or OpenAI's\n"
              "bpe_simple_vocab_16e6.txt.gz, which is inside open_clip_torch's wheel.\n"
              "The vocabulary is written to the user's data folder, whole or not at all.\n"
              "\n"
              "Example:\n"
              "  pip download --no-deps open_clip_torch\n"
              "  unzip -j open_clip_torch-*.whl '*/bpe_simple_vocab_16e6.txt.gz'\n"
              "  dif import-tokenizer bpe_simple_vocab_16e6.txt.gz\n",
  .min_args = 1,
  .max_args = 1,
  .run      = run,
};
