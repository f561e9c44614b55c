/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* txt2img.c - from a prompt to a picture: start from noise alone.
 *
 * Source: diffusers StableDiffusionPipeline, StableDiffusionXLPipeline,
 * LatentConsistencyModelPipeline.  Numbers are drawn in its order:
 * latents, then whatever the scheduler draws.
 */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "run/task.h"

static const DifParam params[] = { DIF_PROMPT_PARAMS, DIF_COMMON_PARAMS, DIF_SIZE_PARAMS };

static DifTensor *
run_txt2img (DifRun *run)
{
  DifContext *cx = run->cx;
  DifTensor  *latents, *noise;
  float       sigma;

  dif_run_begin_from_noise (run);
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  dif_run_condition (run);
  noise   = dif_run_noise (run);
  sigma   = (float) dif_scheduler_init_noise_sigma (run->scheduler);
  latents = dif_lincomb (cx, 1, &sigma, &noise);
  dif_context_dump (cx, latents, "initial_latents");
  latents = dif_run_denoise (run, latents, 0, NULL);
  return dif_run_decode (run, latents);
}

const DifTaskClass dif_task_txt2img = {
  .name     = "txt2img",
  .label    = N_ ("Text to Image"),
  .blurb    = N_ ("Draws what the prompt says"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .needs    = DIF_CAN_TXT2IMG,
  .run      = run_txt2img,
};
