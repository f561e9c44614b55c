/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vocabulary.c - the tokenizer of a checkpoint, which a single file has not. */
#include "pipelines/vocabulary.h"

#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"

/* The tokenizer of @folder if it has @n words, else NULL: a vocabulary that
 * cannot be read is one that is not there. */
static DifTokenizer *
try_folder (const char *folder, DifJson *config, guint n)
{
  g_autoptr (DifTokenizer) t = NULL;

  if (! g_file_test (folder, G_FILE_TEST_IS_DIR))
    return NULL;
  t = dif_tokenizer_load_configured (folder, config, NULL);
  return t && dif_tokenizer_vocabulary_size (t) == n ? g_steal_pointer (&t) : NULL;
}

static DifTokenizer *
find (const char *path, DifJson *config, guint n)
{
  g_autofree char *beside    = g_path_get_dirname (path);
  g_autofree char *tokenizer = g_build_filename (beside, "tokenizer", NULL);
  g_auto (GStrv)   known     = dif_catalog_tokenizers ();
  DifTokenizer    *t         = try_folder (beside, config, n);

  if (! t)
    t = try_folder (tokenizer, config, n);
  for (guint i = 0; ! t && known[i]; i++)
    t = try_folder (known[i], config, n);
  return t;
}

DifTokenizer *
dif_vocabulary_load (DifCheckpoint *c, const char *part, GError **error)
{
  gboolean            second  = g_str_has_suffix (part, "_2");
  const char         *encoder = second ? "text_encoder_2" : "text_encoder";
  g_autofree char    *folder  = dif_checkpoint_part_folder (c, part);
  g_autoptr (DifJson) text    = NULL;
  g_autoptr (DifJson) config  = NULL;
  DifTokenizer       *t;
  guint               n;

  if (! dif_checkpoint_is_file (c))
    return dif_tokenizer_load (folder, error);
  text   = dif_checkpoint_config (c, encoder, error);
  config = text ? dif_checkpoint_config (c, part, error) : NULL;
  if (! config)
    return NULL;
  n = (guint) dif_json_int (text, "vocab_size", 0, 0, G_MAXINT);
  if (! dif_json_finish (text, error))
    return NULL;
  t = find (dif_checkpoint_path (c), config, n);
  if (! t)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected CLIP's vocabulary of %u words beside the file, in an installed "
                 "model or in the user's data folder, found none; `dif import-tokenizer FILE` "
                 "takes it from a diffusers folder, a tokenizer.json, or the "
                 "bpe_simple_vocab_16e6.txt.gz in open_clip_torch's wheel",
                 dif_checkpoint_path (c), n);
  return t;
}
