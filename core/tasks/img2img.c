/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* img2img.c - from a picture and a prompt to a picture.
 *
 * Source: diffusers StableDiffusionImg2ImgPipeline and its kin of other
 * families.  Numbers are drawn in its
 * order: the VAE's posterior, the noise, then whatever the scheduler draws.
 */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "run/task.h"

static const DifParam params[] = {
  DIF_PROMPT_PARAMS,
  DIF_COMMON_PARAMS,
  DIF_IMAGE_PARAMS,
  { .name  = "latents",
    .type  = DIF_PARAM_STRING,
    .label = N_ ("Laten_ts"),
    .blurb = N_ ("A .safetensors file of latents to start from instead of the picture, such as "
                 "another run's dump"),
    .text  = "",

    .advanced = TRUE },
};

static DifTensor *
run_img2img (DifRun *run)
{
  DifTensor *latents;
  guint      first;

  dif_run_condition (run);
  latents = dif_run_latents_from_picture (run, &first);
  if (dif_context_failed (run->cx))
    return dif_context_inert (run->cx);
  return dif_run_decode (run, dif_run_denoise (run, latents, first, NULL));
}

const DifTaskClass dif_task_img2img = {
  .name     = "img2img",
  .label    = N_ ("Image to Image"),
  .blurb    = N_ ("Repaints a picture as the prompt says"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .needs    = DIF_CAN_IMG2IMG,
  .run      = run_img2img,
};
