/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-adapters.c - any bytes as a LoRA with its settings, and as textual-inversion words.
 *
 * What is accepted is put to use: merged into the tensors of a small network,
 * put behind the tables of two text encoders.  A setting may be a pattern that
 * never ends: time is bounded by the fuzzer's own limit.
 */
#include <math.h>
#include <string.h>

#include "formats/embedding.h"
#include "formats/lora.h"
#include "fuzz/fuzz.h"

static const FuzzFile files[] = {
  { '1', "one.safetensors" },
  { '2', "two.safetensors" },
  { 'c', "adapter_config.json" },
};

static const float zeros[256];

static void
check_message (GError **error)
{
  g_assert_nonnull (*error);
  g_assert_null (strchr ((*error)->message, '\n'));
  g_clear_error (error);
}

static DifWeights *
part_new (gsize width)
{
  const struct
  {
    const char *name;
    DifShape    shape;
  } rows[] = {
    { "down_blocks.0.resnets.0.conv1.weight", DIF_SHAPE (2, 2, 1, 2) },
    { "down_blocks.0.resnets.0.conv1.bias", DIF_SHAPE (2) },
    { "down_blocks.0.attentions.0.to_q.weight", DIF_SHAPE (2, 3) },
    { "down_blocks.0.norm1.weight", DIF_SHAPE (2) },
    { "down_blocks.0.norm1.bias", DIF_SHAPE (2) },
    { "conv_in.weight", DIF_SHAPE (1, 9, 1, 1) },
    { "text_model.encoder.layers.0.mlp.fc1.weight", DIF_SHAPE (4, 4) },
    { "text_model.embeddings.token_embedding.weight", DIF_SHAPE (4, width) },
  };
  DifWeights *w = dif_weights_new ("part");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      DifHostArray array = { DIF_ENC_F32, rows[i].shape, zeros };

      dif_weights_add (w, rows[i].name, &array, NULL);
    }
  return w;
}

/* FALSE if the set does not fit the part. */
static gboolean
merge (DifLoraSet *set, const char *part)
{
  g_autoptr (DifWeights) weights = part_new (2);
  g_autoptr (GPtrArray)  names   = dif_weights_names (weights);
  GError                *error   = NULL;

  if (! dif_lora_set_bind (set, part, weights, &error))
    {
      check_message (&error);
      return FALSE;
    }
  for (guint i = 0; i < names->len; i++)
    {
      DifHostArray       array = *dif_weights_lookup (weights, names->pdata[i]);
      g_autoptr (GBytes) owner = NULL;
      gsize              n;

      g_assert_true (dif_lora_set_patch (names->pdata[i], &array, &owner, set, &error));
      g_assert_true (dif_shape_count (&array.shape, &n));
      g_assert_true (! owner || g_bytes_get_size (owner) == n * sizeof (float));
    }
  return TRUE;
}

static void
tell (const char *path)
{
  GError             *error = NULL;
  g_autoptr (DifLora) lora  = dif_lora_open (path, &error);
  g_autofree char    *kinds = lora ? dif_lora_kinds (lora) : NULL;
  const char         *example;
  gsize               least, greatest;
  double              weakest, strongest;

  if (! lora)
    {
      check_message (&error);
      return;
    }
  g_assert_true (dif_lora_is_one (path));
  g_assert_nonnull (dif_lora_family (lora));
  dif_lora_ranks (lora, &least, &greatest);
  g_assert_cmpuint (least, <=, greatest);
  dif_lora_scales (lora, &weakest, &strongest);
  dif_lora_unknown (lora, &example);
  dif_lora_idle (lora);
}

static void
use_lora (const char *path)
{
  g_autofree char       *weak    = g_strconcat (path, ":-0.5", NULL);
  const char *const      specs[] = { path, weak, NULL };
  GError                *error   = NULL;
  g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);

  if (! set)
    check_message (&error);
  else if (merge (set, "text_encoder") && merge (set, "text_encoder_2") && merge (set, "unet") &&
           ! dif_lora_set_finish (set, &error))
    check_message (&error);
}

static gboolean
learn (const char *token, guint first, guint n, gpointer user_data, GError **error)
{
  g_assert_cmpuint (first, >=, 4);
  g_assert_cmpuint (n, >, 0);
  return TRUE;
}

static void
use_words (const char *one, const char *two)
{
  static const char *const    parts[] = { "text_encoder", "text_encoder_2" };
  const char *const           specs[] = { one, two, NULL };
  GError                     *error   = NULL;
  g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);

  if (! set)
    check_message (&error);
  for (guint i = 0; set && i < G_N_ELEMENTS (parts); i++)
    {
      g_autoptr (DifWeights) weights = part_new (2 + i);
      g_autoptr (DifJson)    config  = dif_json_new_object ("config");

      if (! dif_embedding_set_apply (set, parts[i], weights, config, learn, NULL, &error))
        {
          check_message (&error);
          return;
        }
    }
  if (set && ! dif_embedding_set_finish (set, &error))
    check_message (&error);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  const char      *folder = fuzz_write_files (data, size, files, G_N_ELEMENTS (files));
  g_autofree char *one    = g_build_filename (folder, files[0].name, NULL);
  g_autofree char *two    = g_build_filename (folder, files[1].name, NULL);

  tell (one);
  use_lora (one);
  use_words (one, g_file_test (two, G_FILE_TEST_EXISTS) ? two : NULL);
  return 0;
}
