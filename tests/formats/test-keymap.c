/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-keymap.c - spellings of tensor names. */
#include "formats/keymap.h"

static const struct
{
  const char *class;
  const char *name;
  const char *canonical; /* NULL: skipped */
} rows[] = {
  { "AutoencoderKL", "encoder.mid_block.attentions.0.query.weight",
    "encoder.mid_block.attentions.0.to_q.weight" },
  { "AutoencoderKL", "encoder.mid_block.attentions.0.query.bias",
    "encoder.mid_block.attentions.0.to_q.bias" },
  { "AutoencoderKL", "decoder.mid_block.attentions.0.key.weight",
    "decoder.mid_block.attentions.0.to_k.weight" },
  { "AutoencoderKL", "decoder.mid_block.attentions.0.value.bias",
    "decoder.mid_block.attentions.0.to_v.bias" },
  { "AutoencoderKL", "decoder.mid_block.attentions.0.proj_attn.weight",
    "decoder.mid_block.attentions.0.to_out.0.weight" },
  { "UNet2DModel", "down_blocks.4.attentions.12.query.weight",
    "down_blocks.4.attentions.12.to_q.weight" },
  { "AutoencoderKL", "attentions.0.query.weight", "attentions.0.to_q.weight" },
  { "AutoencoderKL", "encoder.mid_block.attentions.0.to_q.weight",
    "encoder.mid_block.attentions.0.to_q.weight" },
  { "AutoencoderKL", "encoder.mid_block.attentions.0.group_norm.weight",
    "encoder.mid_block.attentions.0.group_norm.weight" },
  { "AutoencoderKL", "attentions.query.weight", "attentions.query.weight" },
  { "AutoencoderKL", "attentions.x.query.weight", "attentions.x.query.weight" },
  { "AutoencoderKL", "attentions.0.query.scale", "attentions.0.query.scale" },
  { "AutoencoderKL", "other.0.query.weight", "other.0.query.weight" },
  { "AutoencoderKL", "query.weight", "query.weight" },
  { "AutoencoderKL", "0.query.weight", "0.query.weight" },
  { "AutoencoderKL", ".query.weight", ".query.weight" },
  { "AutoencoderKL", "weight", "weight" },
  { "AutoencoderKL", "", "" },
  { "AutoencoderKL", ".", "." },
  { "CLIPTextModel", "text_model.embeddings.token_embedding.weight",
    "text_model.embeddings.token_embedding.weight" },
  { "CLIPTextModel", "embeddings.token_embedding.weight",
    "text_model.embeddings.token_embedding.weight" },
  { "CLIPTextModel", "encoder.layers.0.mlp.fc1.bias", "text_model.encoder.layers.0.mlp.fc1.bias" },
  { "CLIPTextModel", "final_layer_norm.weight", "text_model.final_layer_norm.weight" },
  { "CLIPTextModelWithProjection", "encoder.layers.0.mlp.fc1.bias",
    "text_model.encoder.layers.0.mlp.fc1.bias" },
  { "CLIPTextModelWithProjection", "text_projection.weight", "text_projection.weight" },
  { "CLIPTextModel", "text_model.embeddings.position_ids", NULL },
  { "CLIPTextModel", "embeddings.position_ids", NULL },
  { "StableDiffusionSafetyChecker", "vision_model.vision_model.embeddings.position_ids", NULL },
  { "StableDiffusionSafetyChecker", "vision_model.pre_layrnorm.weight",
    "vision_model.vision_model.pre_layrnorm.weight" },
  { "StableDiffusionSafetyChecker", "vision_model.vision_model.encoder.layers.0.mlp.fc1.bias",
    "vision_model.vision_model.encoder.layers.0.mlp.fc1.bias" },
  { "StableDiffusionSafetyChecker", "concept_embeds", "concept_embeds" },
  { "AutoencoderKL", "encoder.conv_in.weight", "encoder.conv_in.weight" },
};

static void
test_names (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name  = dif_keymap_canonical (rows[i].class, rows[i].name);
      g_autofree char *again = name ? dif_keymap_canonical (rows[i].class, name) : NULL;

      g_assert_cmpstr (name, ==, rows[i].canonical);
      g_assert_cmpstr (again, ==, name);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/keymap/knows-every-spelling", test_names);
  return g_test_run ();
}
