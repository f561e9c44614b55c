/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm.c - how files with Stability's names are told apart, and where their parts are. */
#include "families/ldm.h"

/* Stable Diffusion 2.x listens to the last layer but one; diffusers leaves the last
 * one out (single_file_utils.py, SD_2_TEXT_ENCODER_KEYS_TO_IGNORE). */
static const DifLdmPart one[] = {
  DIF_LDM_PARTS,
  { "cond_stage_model.transformer.", "text_encoder", DIF_LDM_CLIP },
  { "cond_stage_model.model.", "text_encoder", DIF_LDM_OPEN_CLIP, .is_open = TRUE, .n_layers = 23 },
};

static const DifLdmPart two[] = {
  DIF_LDM_PARTS,
  { "conditioner.embedders.0.transformer.", "text_encoder", DIF_LDM_CLIP },
  { "conditioner.embedders.1.model.", "text_encoder_2", DIF_LDM_OPEN_CLIP, .is_open = TRUE },
  { "conditioner.embedders.0.model.", "text_encoder_2", DIF_LDM_OPEN_CLIP, .is_open = TRUE },
  { "conditioner.embedders.1.transformer.", "text_encoder_2", DIF_LDM_CLIP, .is_open = TRUE },
};

/* CLIP's temperature and mask, and the projections of encoders whose pooled output
 * nobody takes. */
static const char *const one_left_out[] = {
  "cond_stage_model.model.transformer.resblocks.23.",
  "cond_stage_model.model.text_projection",
  "cond_stage_model.model.logit_scale",
  "cond_stage_model.model.attn_mask",
  "cond_stage_model.transformer.text_projection.",
  "cond_stage_model.transformer.logit_scale",
  NULL,
};

static const char *const two_left_out[] = {
  "conditioner.embedders.0.transformer.text_projection.",
  "conditioner.embedders.0.transformer.logit_scale",
  "conditioner.embedders.0.model.logit_scale",
  "conditioner.embedders.0.model.attn_mask",
  "conditioner.embedders.1.model.logit_scale",
  "conditioner.embedders.1.model.attn_mask",
  "conditioner.embedders.1.transformer.logit_scale",
  NULL,
};

const DifLdmKeys dif_ldm_keys_one = { one, G_N_ELEMENTS (one), one_left_out };
const DifLdmKeys dif_ldm_keys_two = { two, G_N_ELEMENTS (two), two_left_out };

static gsize
dimension (const DifSingleHeader *header, const char *name, guint i)
{
  const DifHostArray *array = dif_weights_lookup (header->shapes, name);

  return array && i < array->shape.n ? array->shape.d[i] : 0;
}

DifLdmTraits
dif_ldm_traits (const DifSingleHeader *header)
{
  static const char context[] =
      DIF_LDM_UNET_NAME ("input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight");
  static const char two_open[] = "conditioner.embedders.1.model.token_embedding.weight";
  static const char two_hf[] =
      "conditioner.embedders.1.transformer.text_model.embeddings.token_embedding.weight";
  static const char alone[] = "conditioner.embedders.0.model.token_embedding.weight";
  DifWeights       *shapes  = header->shapes;

  return (DifLdmTraits) {
    .channels = dimension (header, DIF_LDM_UNET_NAME ("input_blocks.0.0.weight"), 1),
    .is_2     = dimension (header, context, 1) == 1024 ||
            dif_weights_lookup (shapes, "cond_stage_model.model.token_embedding.weight"),
    .has_second =
        dif_weights_lookup (shapes, two_open) || dif_weights_lookup (shapes, two_hf),
    .has_second_alone = dif_weights_lookup (shapes, alone) != NULL,
    .takes_guidance =
        dif_weights_lookup (shapes, DIF_LDM_UNET_NAME ("time_embed.cond_proj.weight")) != NULL,
  };
}

gboolean
dif_ldm_has (const DifSingleHeader *header, const char *name)
{
  return g_ptr_array_find_with_equal_func (header->names, name, g_str_equal, NULL);
}

const char *
dif_ldm_stranger (const DifSingleHeader *header, const DifLdmTraits *traits)
{
  if (dif_ldm_has (header, "control_model.time_embed.0.weight"))
    return "a ControlNet";
  if (dif_ldm_has (header, "edm_mean"))
    return "Playground 2.5";
  if (dif_ldm_has (header, "edm_vpred.sigma_max"))
    return "CosXL, whose noise follows another schedule";
  if (traits->channels == 4 || traits->channels == 9)
    return NULL;
  return traits->channels == 8 ? "Instruct-Pix2Pix, whose U-Net has eight input channels"
                               : "a U-Net of another number of input channels";
}
