/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* stranger.c - what a file holds that is not what was asked for. */
#include "formats/stranger.h"

#include <string.h>

/* What else a file may be, by the name of a tensor it has or by how one ends. */
static const struct
{
  const char *key;
  const char *what;
  gboolean    is_ending;
} others[] = {
  { "model.diffusion_model.input_blocks.0.0.weight", "the U-Net of a checkpoint", FALSE },
  { "model_ema.diffusion_modelinput_blocks00weight",
    "averaged weights (model_ema.) alone, whose names cannot be read back", FALSE },
  { "joint_blocks.0.context_block.adaLN_modulation.1.bias", "Stable Diffusion 3", TRUE },
  { "double_blocks.0.img_attn.norm.key_norm.scale", "Flux", TRUE },
  { "control_model.time_embed.0.weight", "a ControlNet", FALSE },
  { "controlnet_cond_embedding.conv_in.weight", "a ControlNet", FALSE },
  { "lora_down.weight", "a LoRA, which --lora takes", TRUE },
  { "lora.down.weight", "a LoRA, which --lora takes", TRUE },
  { "lora_A.weight", "a LoRA, which --lora takes", TRUE },
  { ".hada_w1_a", "a LoHa, which --lora takes", TRUE },
  { ".lokr_w1", "a LoKr, which --lora takes", TRUE },
  { "emb_params", "an embedding, which --embedding takes", FALSE },
  { "clip_g", "an embedding, which --embedding takes", FALSE },
  { "down_blocks.0.resnets.0.conv1.weight", "the U-Net of a diffusers folder", FALSE },
  { "encoder.down_blocks.0.resnets.0.conv1.weight", "the VAE of a diffusers folder", FALSE },
  { "embeddings.token_embedding.weight", "a text encoder alone", TRUE },
  { "decoder.conv_in.weight", "a VAE alone", TRUE },
};

const char *
dif_stranger_describe (GPtrArray *names)
{
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    for (guint k = 0; k < names->len; k++)
      if (strcmp (names->pdata[k], others[i].key) == 0 ||
          (others[i].is_ending && g_str_has_suffix (names->pdata[k], others[i].key)))
        return others[i].what;
  /* diffusers' embeddings hold one tensor, named as the word */
  if (names->len == 1 && ! strchr (names->pdata[0], '.'))
    return "an embedding, which --embedding takes";
  return names->len ? "tensors of something else" : "no tensors";
}
