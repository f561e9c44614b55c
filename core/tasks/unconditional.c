/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unconditional.c - a picture of whatever the model was trained on.
 *
 * Source: diffusers DDPMPipeline, DDIMPipeline, PNDMPipeline: no prompt, no
 * latents; the U-Net works on the picture itself.
 */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "run/pipeline-private.h"
#include "run/task.h"

static const DifParam params[] = { DIF_COMMON_PARAMS };

static DifTensor *
run_unconditional (DifRun *run)
{
  DifContext *cx = run->cx;
  DifTensor  *x;

  dif_run_begin_from_noise (run);
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  x = dif_randn (cx, run->rng, run->spec->n_images, run->spec->height, run->spec->width,
                 dif_pipeline_denoiser (run->pipe)->in_channels);
  dif_context_dump (cx, x, "initial_latents");
  return dif_run_denoise (run, x, 0, NULL);
}

const DifTaskClass dif_task_unconditional = {
  .name     = "unconditional",
  .label    = N_ ("Unconditional"),
  .blurb    = N_ ("Draws a picture of the kind the model was trained on, without a prompt"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .needs    = DIF_CAN_UNCONDITIONAL,
  .run      = run_unconditional,
};
