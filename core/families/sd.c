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
  dif_run_encode_prompts (run, dif_prompt_last, c);
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

const DifFamilyClass dif_family_sd = {
  .name        = "sd",
  .label       = "Stable Diffusion",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .single      = &single,
  .defaults    = { 7.5, 0.8 },
  .inpaint     = { 7.5, 1 },
  .can         = dif_latent_can,
  .check       = check,
  .encode      = encode,
};
