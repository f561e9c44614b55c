/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lcm.c - latent consistency models: Stable Diffusion distilled to a few steps,
 * with the guidance scale as an input.
 *
 * Source: diffusers LatentConsistencyModelPipeline and its Img2Img variant; no
 * pipeline of theirs inpaints.  model_index.json and config.json of
 * SimianLuo/LCM_Dreamshaper_v7.
 */
#include "families/latent.h"
#include "families/ldm.h"
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
  if (! dif_pipeline_denoiser (pipe)->takes_guidance)
    return dif_latent_misfit (pipe, error,
                              "unet: time_cond_proj_dim: expected a number, found null");
  return dif_latent_check_plain (pipe, error);
}

static void
encode (DifRun *run, DifConditioning *c)
{
  static const DifHiddenSpec last = { .layer = -1, .is_normed = TRUE };

  dif_run_encode_prompts (run, &last, FALSE, c);
}

static const DifSingleKind kind = {
  .label     = "Stable Diffusion 1.x, latent consistency",
  .pipeline  = "LatentConsistencyModelPipeline",
  .index     = "\"requires_safety_checker\": false, " DIF_LDM_ENCODER DIF_LDM_NETWORKS,
  .scheduler = "{\"_class_name\": \"LCMScheduler\", " DIF_LDM_BETAS
               ", \"original_inference_steps\": 50, \"prediction_type\": \"epsilon\", "
               "\"set_alpha_to_one\": true, \"timestep_scaling\": 10.0, "
               "\"timestep_spacing\": \"leading\"}",
  .vae         = DIF_LDM_VAE_SD,
  .sample_size = 96,
};

static const DifSingleKind *
detect (const DifSingleHeader *header, const char **stranger)
{
  DifLdmTraits traits = dif_ldm_traits (header);

  return traits.channels == 4 && traits.takes_guidance && ! traits.is_2 && ! traits.has_second &&
                 ! traits.has_second_alone
             ? &kind
             : NULL;
}

static const DifSingleFamily single = {
  .keys   = &dif_ldm_keys_one,
  .detect = detect,
  .config = dif_ldm_config,
};

const DifFamilyClass dif_family_lcm = {
  .name        = "lcm",
  .label       = "LCM",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .single      = &single,
  .defaults    = { 8.5, 0.8 },
  .inpaint     = { 8.5, 1 },
  .can         = dif_latent_can,
  .check       = check,
  .encode      = encode,
  .shortens    = TRUE,
  .colors      = &dif_latent_rgb_sd,
};
