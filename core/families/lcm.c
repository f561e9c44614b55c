/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lcm.c - latent consistency models: Stable Diffusion distilled to a few steps,
 * with the guidance scale as an input.
 *
 * Source: diffusers LatentConsistencyModelPipeline and its Img2Img variant; no
 * pipeline of theirs inpaints.
 */
#include "families/latent.h"
#include "run/prompt.h"

static const DifFamilyPipeline pipelines[] = {
  { "LatentConsistencyModelPipeline", 4, FALSE },
  { "LatentConsistencyModelImg2ImgPipeline", 4, FALSE },
};

static const DifPartSpec parts[] = {
  { "text_encoder", "CLIPTextModel", DIF_ROLE_TEXT, DIF_STAGE_PROMPT, .tokenizer = "tokenizer" },
  { "unet", "UNet2DConditionModel", DIF_ROLE_DENOISER, DIF_STAGE_DENOISE },
  { "vae", "AutoencoderKL", DIF_ROLE_AUTOENCODER, DIF_STAGE_DECODE },
};

static gboolean
check (DifPipeline *pipe, GError **error)
{
  if (! dif_latent_check (pipe, error))
    return FALSE;
  if (! pipe->denoiser.info.takes_guidance)
    return dif_latent_misfit (pipe, error,
                              "unet: time_cond_proj_dim: expected a number, found null");
  return dif_latent_check_plain (pipe, error);
}

static void
encode (DifRun *run, DifConditioning *c)
{
  dif_run_encode_prompts (run, dif_prompt_last, c);
}

const DifFamilyClass dif_family_lcm = {
  .name        = "lcm",
  .label       = "LCM",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .defaults    = { 8.5, 0.8 },
  .inpaint     = { 8.5, 1 },
  .can         = dif_latent_can,
  .check       = check,
  .encode      = encode,
  .shortens    = TRUE,
};
