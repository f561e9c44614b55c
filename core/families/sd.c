/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sd.c - Stable Diffusion 1.x, 2.x and Turbo: one text encoder. */
#include "families/latent.h"
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

const DifFamilyClass dif_family_sd = {
  .name        = "sd",
  .label       = "Stable Diffusion",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .defaults    = { 7.5, 0.8 },
  .inpaint     = { 7.5, 1 },
  .can         = dif_latent_can,
  .check       = check,
  .encode      = encode,
};
