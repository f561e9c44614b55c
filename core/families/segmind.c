/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* segmind.c - SSD-1B and Segmind Vega: Stable Diffusion XL with fewer transformer
 * blocks, as many as were left of each, and one resnet for a middle.
 *
 * Source: Gupta et al. 2024, Progressive Knowledge Distillation of Stable Diffusion XL;
 * diffusers, which has no pipeline of its own for them; ComfyUI, model_detection.py,
 * SSD_1B and Segmind_Vega (numbers of blocks).
 */
#include "families/sdxl.h"

#include <string.h>

#define MIDDLE "UNetMidBlock2D"

/* Saved from SDXL's pipelines. */
static gboolean
owns (DifCheckpoint *c)
{
  g_autoptr (DifJson) unet = dif_checkpoint_config (c, "unet", NULL);

  return unet && dif_json_has (unet, "addition_embed_type") &&
         strcmp (dif_json_string (unet, "mid_block_type", ""), MIDDLE) == 0;
}

/* ---- single files ---- */

static const DifSingleKind
    ssd  = { "Segmind SSD-1B", "StableDiffusionXLPipeline", DIF_SDXL_INDEX,
             DIF_LDM_EULER ("leading"), DIF_SDXL_VAE, 128, 64 },
    vega = { "Segmind Vega", "StableDiffusionXLPipeline", DIF_SDXL_INDEX,
             DIF_LDM_EULER ("leading"), DIF_SDXL_VAE, 128, 64 };

static gboolean
has (const DifSingleHeader *header, const char *name)
{
  return dif_weights_lookup (header->shapes, name) != NULL;
}

/* SSD-1B has four blocks where Vega has two. */
static const DifSingleKind *
detect (const DifSingleHeader *header, const char **stranger)
{
  DifLdmTraits traits = dif_ldm_traits (header);

  if (! traits.has_second || traits.channels != 4 ||
      ! has (header, DIF_LDM_UNET_NAME ("middle_block.0.in_layers.0.weight")) ||
      has (header, DIF_LDM_UNET_NAME ("middle_block.1.norm.weight")))
    return NULL;
  return has (header,
              DIF_LDM_UNET_NAME ("output_blocks.0.1.transformer_blocks.3.norm1.weight"))
             ? &ssd
             : &vega;
}

static const DifSingleFamily single = {
  .keys   = &dif_ldm_keys_two,
  .detect = detect,
  .config = dif_ldm_config,
};

/* ---- templates ---- */

#define UNET(down, up)                                                                        \
  "{" DIF_TEMPLATE_UNET_COMMON DIF_SDXL_UNET                                                  \
  "\"down_block_types\":[\"DownBlock2D\",\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\"]," \
  "\"up_block_types\":[\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"         \
  "\"mid_block_type\":\"" MIDDLE "\",\"transformer_layers_per_block\":" down ","              \
  "\"reverse_transformer_layers_per_block\":" up ",\"addition_time_embed_dim\":256,"          \
  "\"projection_class_embeddings_input_dim\":2816,\"attention_head_dim\":[5,10,20],"          \
  "\"block_out_channels\":[320,640,1280],\"cross_attention_dim\":2048,"                       \
  "\"norm_num_groups\":32,\"sample_size\":128}"

#define PARTS(down, up)                                                              \
  DIF_TEMPLATE_SCHEDULER_PART ("EulerDiscreteScheduler", DIF_LDM_EULER ("leading")), \
      DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_L, NULL),                            \
      DIF_TEMPLATE_TEXT_2_PART (DIF_SDXL_TEXT_2),                                    \
      DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("1024", DIF_SDXL_VAE)),               \
      DIF_TEMPLATE_UNET_PART (UNET (down, up))

static const DifTemplatePart ssd_parts[] = {
  PARTS ("[1,[2,2],[4,4]]", "[[4,4,10],[2,1,1],1]"),
};

static const DifTemplatePart vega_parts[] = {
  PARTS ("[1,1,2]", "null"),
};

static const DifTemplate templates[] = {
  DIF_TEMPLATE ("ssd-1b", "StableDiffusionXLPipeline", DIF_SDXL_SETTINGS, ssd_parts),
  DIF_TEMPLATE ("segmind-vega", "StableDiffusionXLPipeline", DIF_SDXL_SETTINGS, vega_parts),
};

const DifFamilyClass dif_family_segmind = {
  DIF_SDXL_MEMBERS,
  .name        = "segmind",
  .label       = "Segmind",
  .owns        = owns,
  .single      = &single,
  .templates   = templates,
  .n_templates = G_N_ELEMENTS (templates),
};
