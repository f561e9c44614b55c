/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sd.c - Stable Diffusion 1.x, 2.x and Turbo: one text encoder.
 *
 * Sources: diffusers, StableDiffusionPipeline and its Img2Img, Inpaint and Depth2Img
 * variants, single_file_utils.py (detection); model_index.json and config.json of
 * runwayml/stable-diffusion-v1-5 and -inpainting, stabilityai/stable-diffusion-2-1,
 * -2-inpainting, -2-depth and sd-turbo.
 */
#include "families/latent.h"

#include <string.h>

#include "families/ldm.h"
#include "families/ldm-templates.h"
#include "run/prompt.h"

/* depth2img alone leaves its scheduler as it is */
static const DifFamilyPipeline pipelines[] = {
  { "StableDiffusionPipeline", 50, TRUE },
  { "StableDiffusionImg2ImgPipeline", 50, TRUE },
  { "StableDiffusionInpaintPipeline", 50, TRUE },
  { "StableDiffusionDepth2ImgPipeline", 50, FALSE },
};

static const DifPartSpec parts[] = {
  { "text_encoder", "CLIPTextModel", DIF_ROLE_TEXT, DIF_STAGE_PROMPT, .tokenizer = "tokenizer" },
  { "unet", "UNet2DConditionModel", DIF_ROLE_DENOISER, DIF_STAGE_DENOISE },
  { "vae", "AutoencoderKL", DIF_ROLE_AUTOENCODER, DIF_STAGE_DECODE },
  { "depth_estimator", "DPTForDepthEstimation", DIF_ROLE_DEPTH, DIF_STAGE_PICTURE,
    .optional = TRUE },
};

static gboolean
check (DifPipeline *pipe, GError **error)
{
  return dif_latent_check (pipe, error) && dif_latent_check_plain (pipe, error);
}

static void
encode (DifRun *run, DifConditioning *c)
{
  static const DifHiddenSpec last = { .layer = -1, .is_normed = TRUE };

  dif_run_encode_prompts (run, &last, FALSE, c);
}

/* ---- single files ---- */

/* Steps that SD 2.0 and 2.1 base were trained for; they predict noise at 512 pixels. */
#define SD2_BASE_STEPS 875000

#define PARTS DIF_LDM_ENCODER DIF_LDM_NETWORKS
#define SAFE  "\"requires_safety_checker\": false, " PARTS

static const DifSingleKind
    sd1         = { "Stable Diffusion 1.x", "StableDiffusionPipeline", SAFE, DIF_LDM_PNDM,
                    DIF_LDM_VAE_SD, 64, 0 },
    sd1_inpaint = { "Stable Diffusion 1.x inpainting", "StableDiffusionInpaintPipeline", SAFE,
                    DIF_LDM_DDIM, DIF_LDM_VAE_SD, 64, 0 },
    sd2         = { "Stable Diffusion 2.x", "StableDiffusionPipeline", SAFE, DIF_LDM_DDIM_V,
                    DIF_LDM_VAE_SD, 96, 64 },
    sd2_base    = { "Stable Diffusion 2.x base", "StableDiffusionPipeline", SAFE, DIF_LDM_PNDM,
                    DIF_LDM_VAE_SD, 64, 64 },
    sd2_inpaint = { "Stable Diffusion 2.x inpainting", "StableDiffusionInpaintPipeline", SAFE,
                    DIF_LDM_PNDM, DIF_LDM_VAE_SD, 64, 64 },
    sd2_depth   = { "Stable Diffusion 2.x depth", "StableDiffusionDepth2ImgPipeline", PARTS,
                    DIF_LDM_PNDM, DIF_LDM_VAE_SD, 64, 64 },
    sd2_turbo   = { "Stable Diffusion 2.x Turbo", "StableDiffusionPipeline", SAFE,
                    DIF_LDM_EULER ("trailing"), DIF_LDM_VAE_SD, 64, 64 };

static gint64
global_step (const DifSingleHeader *header)
{
  const DifHostArray *array = dif_weights_lookup (header->shapes, "global_step");
  gint64              step  = 0;
  gint32              small;
  gsize               n;

  if (! array || ! array->data || ! dif_shape_count (&array->shape, &n) || n != 1)
    return 0;
  if (array->encoding == DIF_ENC_I64)
    memcpy (&step, array->data, sizeof step);
  else if (array->encoding == DIF_ENC_I32)
    {
      memcpy (&small, array->data, sizeof small);
      step = small;
    }
  return step;
}

/* What a file is that only looks like one, or NULL. */
static const char *
stranger_of (const DifSingleHeader *header, const DifLdmTraits *traits)
{
  if (traits->channels == 7 &&
      dif_weights_lookup (header->shapes,
                          DIF_LDM_UNET_NAME ("input_blocks.10.0.skip_connection.bias")))
    return "the upscaler x4";
  if (traits->is_2 && dif_ldm_has (header, DIF_LDM_UNET_NAME ("label_emb.0.0.weight")))
    return "unCLIP, which draws variations of a picture from its embedding";
  return traits->channels == 5 && traits->is_2 ? NULL : dif_ldm_stranger (header, traits);
}

/* The depth model of SD 2 is known by its five input channels. */
static const DifSingleKind *
detect (const DifSingleHeader *header, const char **stranger)
{
  DifLdmTraits traits = dif_ldm_traits (header);

  if (! traits.channels || (! traits.is_2 && (traits.has_second || traits.has_second_alone)) ||
      (! traits.is_2 && traits.takes_guidance && traits.channels == 4))
    return NULL;
  *stranger = stranger_of (header, &traits);
  if (*stranger)
    return NULL;
  if (traits.channels == 9)
    return traits.is_2 ? &sd2_inpaint : &sd1_inpaint;
  if (traits.channels == 5)
    return &sd2_depth;
  if (! traits.is_2)
    return &sd1;
  /* of the SD 2 that there are only Turbo was written by SGM */
  if (dif_ldm_has (header, "conditioner.embedders.0.model.token_embedding.weight"))
    return &sd2_turbo;
  return global_step (header) == SD2_BASE_STEPS ? &sd2_base : &sd2;
}

static const DifSingleFamily single = {
  .label  = "Stable Diffusion 1.x, 2.x",
  .keys   = &dif_ldm_keys_one,
  .detect = detect,
  .config = dif_ldm_config,
};

/* ---- templates ---- */

#define SETTINGS                                                     \
  "\"feature_extractor\":[null,null],\"image_encoder\":[null,null]," \
  "\"requires_safety_checker\":false,\"safety_checker\":[null,null],"

#define DEPTH_PART(config) \
  { "depth_estimator", "transformers", "DPTForDepthEstimation", config }
#define PROCESSOR_PART(config) { "feature_extractor", "transformers", "DPTImageProcessor", config }

#define DPT_COMMON                                                                       \
  "\"architectures\":[\"DPTForDepthEstimation\"],\"model_type\":\"dpt\","                \
  "\"is_hybrid\":true,\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12,"                 \
  "\"neck_ignore_stages\":[0,1],\"num_channels\":3,\"patch_size\":16,\"qkv_bias\":true," \
  "\"readout_type\":\"project\",\"reassemble_factors\":[1,1,1,0.5],"

#define BIT_COMMON                                                                         \
  "\"model_type\":\"bit\",\"embedding_dynamic_padding\":true,\"global_padding\":\"same\"," \
  "\"hidden_act\":\"relu\",\"layer_type\":\"bottleneck\",\"num_channels\":3,"              \
  "\"out_features\":[\"stage1\",\"stage2\",\"stage3\"],\"output_stride\":32,"

#define PROCESSOR(side)                                                                       \
  "{\"image_processor_type\":\"DPTImageProcessor\",\"do_normalize\":true,\"do_resize\":true," \
  "\"ensure_multiple_of\":1,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5],"        \
  "\"keep_aspect_ratio\":false,\"resample\":3,\"size\":{\"height\":" side ",\"width\":" side "}}"

static const DifTemplatePart sd15_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("PNDMScheduler", DIF_LDM_PNDM),
  DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_L, NULL),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("512", DIF_LDM_VAE_SD)),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_TEMPLATE_UNET_BLOCKS
                          "\"attention_head_dim\":8,"
                          "\"block_out_channels\":[320,640,1280,1280],"
                          "\"cross_attention_dim\":768,\"norm_num_groups\":32,"
                          "\"sample_size\":64}"),
};

static const DifTemplatePart sd21_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("DDIMScheduler", DIF_LDM_DDIM_V),
  DIF_TEMPLATE_TEXT_PART ("{" DIF_TEMPLATE_TEXT_COMMON
                          "\"hidden_act\":\"gelu\",\"hidden_size\":1024,"
                          "\"intermediate_size\":4096,\"num_attention_heads\":16,"
                          "\"num_hidden_layers\":23,\"projection_dim\":512,"
                          "\"vocab_size\":49408}",
                          "!"),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("768", DIF_LDM_VAE_SD)),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_TEMPLATE_UNET_BLOCKS
                          "\"attention_head_dim\":[5,10,20,20],"
                          "\"block_out_channels\":[320,640,1280,1280],"
                          "\"cross_attention_dim\":1024,\"norm_num_groups\":32,"
                          "\"sample_size\":96,\"use_linear_projection\":true,"
                          "\"upcast_attention\":true}"),
};

static const DifTemplatePart tiny_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("PNDMScheduler", DIF_LDM_PNDM),
  DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_TINY, NULL),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE_TINY DIF_LDM_VAE_SD "}"),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_TEMPLATE_UNET_TINY
                          "}"),
};

static const DifTemplatePart depth_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("PNDMScheduler", DIF_LDM_PNDM),
  DIF_TEMPLATE_TEXT_PART ("{" DIF_TEMPLATE_TEXT_COMMON
                          "\"hidden_act\":\"gelu\",\"hidden_size\":1024,"
                          "\"intermediate_size\":4096,\"num_attention_heads\":16,"
                          "\"num_hidden_layers\":23,\"projection_dim\":512,"
                          "\"vocab_size\":49408}",
                          "!"),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("512", DIF_LDM_VAE_SD)),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_SIZED DIF_TEMPLATE_UNET_BLOCKS
                          "\"in_channels\":5,\"attention_head_dim\":[5,10,20,20],"
                          "\"block_out_channels\":[320,640,1280,1280],"
                          "\"cross_attention_dim\":1024,\"norm_num_groups\":32,"
                          "\"sample_size\":64,\"use_linear_projection\":true}"),
  DEPTH_PART ("{" DPT_COMMON
              "\"backbone_config\":{" BIT_COMMON
              "\"depths\":[3,4,9],\"embedding_size\":64,"
              "\"hidden_sizes\":[256,512,1024,2048],\"num_groups\":32},"
              "\"backbone_featmap_shape\":[1,1024,24,24],"
              "\"backbone_out_indices\":[2,5,8,11],"
              "\"fusion_hidden_size\":256,\"hidden_size\":768,"
              "\"image_size\":384,\"intermediate_size\":3072,"
              "\"neck_hidden_sizes\":[256,512,768,768],"
              "\"num_attention_heads\":12,\"num_hidden_layers\":12}"),
  PROCESSOR_PART (PROCESSOR ("384")),
};

static const DifTemplatePart tiny_depth_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("PNDMScheduler", DIF_LDM_PNDM),
  DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_TINY, NULL),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE_TINY DIF_LDM_VAE_SD "}"),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_SIZED
                          "\"in_channels\":5," DIF_TEMPLATE_UNET_TINY
                          "}"),
  DEPTH_PART ("{" DPT_COMMON
              "\"backbone_config\":{" BIT_COMMON
              "\"depths\":[1,1,1],\"embedding_size\":8,"
              "\"hidden_sizes\":[16,16,32],\"num_groups\":4},"
              "\"backbone_featmap_shape\":[1,32,4,4],"
              "\"backbone_out_indices\":[0,0,1,2],\"fusion_hidden_size\":8,"
              "\"hidden_size\":16,\"image_size\":64,\"intermediate_size\":32,"
              "\"neck_hidden_sizes\":[16,16,16,16],\"num_attention_heads\":2,"
              "\"num_hidden_layers\":3}"),
  PROCESSOR_PART (PROCESSOR ("64")),
};

static const DifTemplate templates[] = {
  DIF_TEMPLATE ("sd15", "StableDiffusionPipeline", SETTINGS, sd15_parts),
  DIF_TEMPLATE ("sd21", "StableDiffusionPipeline", SETTINGS, sd21_parts),
  DIF_TEMPLATE ("tiny", "StableDiffusionPipeline", SETTINGS, tiny_parts),
  DIF_TEMPLATE ("sd2-depth", "StableDiffusionDepth2ImgPipeline", "", depth_parts),
  DIF_TEMPLATE ("tiny-depth", "StableDiffusionDepth2ImgPipeline", "", tiny_depth_parts),
};

const DifFamilyClass dif_family_sd = {
  .name        = "sd",
  .label       = "Stable Diffusion",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .single      = &single,
  .templates   = templates,
  .n_templates = G_N_ELEMENTS (templates),
  .defaults    = { 7.5, 0.8 },
  .inpaint     = { 7.5, 1 },
  .can         = dif_latent_can,
  .check       = check,
  .encode      = encode,
  .colors      = &dif_latent_rgb_sd,
};
