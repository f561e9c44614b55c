/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-model-files.c - any bytes as a single-file checkpoint, a LoRA and an embedding.
 *
 * What is accepted is put to use: parts are taken out, LoRAs merged into a
 * small network's tensors, words added to its table.
 */
#include <string.h>

#include "formats/embedding.h"
#include "formats/lora.h"
#include "fuzz/fuzz.h"
#include "pipelines/open-checkpoint.h"

static const FuzzFile files[] = {
  { '1', "one.safetensors" },
  { 'd', "one.dif.json" },
  { 'y', "one.yaml" },
};

static const float zeros[64];

static void
check_message (GError **error)
{
  g_assert_nonnull (*error);
  g_assert_null (strchr ((*error)->message, '\n'));
  g_clear_error (error);
}

/* Every number is read, and brought into what a backend takes. */
static void
read_numbers (DifWeights *weights)
{
  g_autoptr (GPtrArray) names = dif_weights_names (weights);

  for (guint i = 0; i < names->len; i++)
    {
      DifHostArray      array  = *dif_weights_lookup (weights, names->pdata[i]);
      g_autofree float *all    = dif_host_to_f32 (&array, NULL);
      g_autofree void  *memory = NULL;

      g_assert_nonnull (all);
      if (dif_host_is_weight (&array) && ! dif_host_is_plain (&array, NULL))
        memory = dif_host_expand (&array);
    }
}

static void
open_single (const char *path)
{
  GError                   *error = NULL;
  g_autoptr (DifCheckpoint) c     = dif_checkpoint_open (path, &error);
  const char *const        *parts = c ? dif_checkpoint_parts (c) : NULL;

  if (! c)
    check_message (&error);
  for (guint i = 0; parts && parts[i]; i++)
    {
      g_autoptr (DifJson)    config  = dif_checkpoint_config (c, parts[i], &error);
      g_autoptr (DifWeights) weights = NULL;

      if (! config)
        check_message (&error);
      if (! g_str_has_prefix (parts[i], "tokenizer") && strcmp (parts[i], "scheduler") != 0)
        {
          weights = dif_checkpoint_weights (c, parts[i], &error);
          if (! weights)
            check_message (&error);
          else
            read_numbers (weights);
        }
    }
}

static DifWeights *
part_new (void)
{
  static const struct
  {
    const char *name;
    DifShape    shape;
  } rows[] = {
    { "down_blocks.0.resnets.0.conv1.weight", DIF_SHAPE (2, 1, 1, 2) },
    { "down_blocks.0.attentions.0.to_q.weight", DIF_SHAPE (2, 3) },
    { "text_model.embeddings.token_embedding.weight", DIF_SHAPE (4, 2) },
  };
  DifWeights *w = dif_weights_new ("part");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      DifHostArray array = { .encoding = DIF_ENC_F32, .shape = rows[i].shape, .data = zeros };

      dif_weights_add (w, rows[i].name, &array, NULL);
    }
  return w;
}

static void
open_lora (const char *path)
{
  const char *const      specs[] = { path, NULL };
  GError                *error   = NULL;
  g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
  g_autoptr (DifWeights) part    = part_new ();
  g_autoptr (GPtrArray)  names   = dif_weights_names (part);

  if (! set || ! dif_lora_set_bind (set, "unet", part, &error))
    {
      check_message (&error);
      return;
    }
  for (guint i = 0; i < names->len; i++)
    {
      DifHostArray       array = *dif_weights_lookup (part, names->pdata[i]);
      g_autoptr (GBytes) owner = NULL;

      g_assert_true (dif_lora_set_patch (names->pdata[i], &array, &owner, set, &error));
    }
  if (! dif_lora_set_finish (set, &error))
    check_message (&error);
}

static gboolean
learn (const char *token, guint first, guint n, gpointer user_data, GError **error)
{
  g_assert_cmpuint (n, >, 0);
  return TRUE;
}

static void
open_embedding (const char *path)
{
  const char *const           specs[] = { path, NULL };
  GError                     *error   = NULL;
  g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);
  g_autoptr (DifWeights)      part    = part_new ();
  g_autoptr (DifJson)         config  = dif_json_new_object ("config");

  if (! set || ! dif_embedding_set_apply (set, "text_encoder", part, config, learn, NULL, &error))
    check_message (&error);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  const char      *folder = fuzz_write_files (data, size, files, G_N_ELEMENTS (files));
  g_autofree char *path   = g_build_filename (folder, files[0].name, NULL);

  open_single (path);
  open_lora (path);
  open_embedding (path);
  return 0;
}
