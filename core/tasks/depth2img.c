/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* depth2img.c - a picture repainted with its depth kept.
 *
 * The U-Net sees a fifth channel: depth from -1 (farthest) to 1 (nearest), at
 * the latents' size.  It is estimated from the picture or given.
 *
 * Source: diffusers StableDiffusionDepth2ImgPipeline.  Depth draws no numbers;
 * the order is img2img's.
 */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "run/pipeline-private.h"
#include "run/task.h"
#include "tasks/depth.h"

static const DifParam params[] = {
  DIF_PROMPT_PARAMS,
  DIF_COMMON_PARAMS,
  DIF_IMAGE_PARAMS,
  { .name  = "depth",
    .type  = DIF_PARAM_IMAGE,
    .label = N_ ("_Depth"),
    .blurb = N_ ("How near things are: white is near, black is far; estimated if not given") },
};

/* The user's depth image as [height, width] floats. */
static float *
given_depth (DifRun *run, gsize *height, gsize *width)
{
  g_autoptr (DifImage) gray  = dif_image_to_gray (dif_request_image (run->rq, "depth"));
  float               *depth = NULL;

  if (gray)
    {
      *height = dif_image_height (gray);
      *width  = dif_image_width (gray);
      depth   = g_try_new (float, *height *(*width));
    }
  for (gsize i = 0; depth && i < *height * (*width); i++)
    depth[i] = dif_image_pixels (gray)[i];
  if (! depth)
    dif_run_out_of_memory (run, "preparing the depth map");
  return depth;
}

/* What the model's own estimator says of the picture, [height, width]. */
static float *
estimated_depth (DifRun *run, gsize *height, gsize *width)
{
  const DifPart    *part   = dif_run_part (run, DIF_ROLE_DEPTH);
  GError           *error  = NULL;
  g_autofree float *pixels = NULL;
  float            *depth  = NULL;
  DifTensor        *estimate;
  guint             h, w;

  if (! part)
    return NULL;
  pixels = dif_dpt_processor_run (part->processor, dif_request_image (run->rq, "image"), &h,
                                  &w, &error);
  if (! pixels)
    {
      dif_context_fail (run->cx, error);
      return NULL;
    }
  dif_context_enter (run->cx, "depth_estimator");
  estimate = dif_dpt_estimate (part->model, run->cx, pixels, h, w);
  *height  = dif_tensor_dim (estimate, 1);
  *width   = dif_tensor_dim (estimate, 2);
  depth    = g_try_new (float, *height *(*width) + 1);
  if (! depth)
    dif_run_out_of_memory (run, "preparing the depth map");
  else if (! dif_download (run->cx, estimate, depth))
    g_clear_pointer (&depth, g_free);
  dif_context_leave (run->cx, NULL);
  return depth;
}

/* Resizes @depth and brings it to the range; NULL and a failed context if it
 * cannot be. */
static float *
fit (DifRun *run, const float *depth, const gsize size[2], gsize height, gsize width, float lo)
{
  float *out = dif_depth_resize (depth, size[0], size[1], height, width);

  if (! out)
    dif_run_out_of_memory (run, "preparing the depth map");
  else if (! dif_depth_normalize (out, height * width, lo, 1))
    {
      dif_context_fail (
          run->cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                                "%s: depth_estimator: expected a depth of finite numbers, found "
                                "others: the weights are damaged",
                                dif_checkpoint_path (run->pipe->checkpoint)));
      g_clear_pointer (&out, g_free);
    }
  return out;
}

/* The depth the task is about, [size[0], size[1]]; what was estimated is kept
 * for the result, at the picture's size. */
static float *
find_depth (DifRun *run, gsize size[2])
{
  float *depth;

  if (dif_request_image (run->rq, "depth"))
    return given_depth (run, &size[0], &size[1]);
  if (! run->pipe->parts[DIF_ROLE_DEPTH].spec)
    {
      dif_context_fail (run->cx,
                        g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                                     "depth: expected an image, since %s has no depth_estimator, "
                                     "found none",
                                     dif_checkpoint_path (run->pipe->checkpoint)));
      return NULL;
    }
  depth = estimated_depth (run, &size[0], &size[1]);
  if (depth)
    run->report.depth = fit (run, depth, size, run->spec->height, run->spec->width, 0);
  return depth;
}

/* [n_images, h, w, 1], from -1 to 1. */
static DifTensor *
depth_channel (DifRun *run)
{
  guint             f = dif_pipeline_autoencoder (run->pipe)->factor;
  gsize             h = run->spec->height / f, w = run->spec->width / f, size[2];
  g_autofree float *depth = find_depth (run, size), *small = NULL;
  DifTensor        *channel = dif_context_inert (run->cx);

  if (depth)
    small = fit (run, depth, size, h, w, -1);
  if (! small)
    return channel;
  channel = dif_repeat_batch (run->cx, dif_upload (run->cx, DIF_F32, DIF_SHAPE (1, h, w, 1), small),
                              run->spec->n_images);
  dif_context_dump (run->cx, channel, "depth_map");
  return channel;
}

static DifTensor *
run_depth2img (DifRun *run)
{
  DifHooks   hooks = { NULL };
  DifTensor *latents;
  guint      first;

  dif_run_condition (run);
  hooks.extra = depth_channel (run);
  latents     = dif_run_latents_from_picture (run, &first);
  if (dif_context_failed (run->cx))
    return dif_context_inert (run->cx);
  return dif_run_decode (run, dif_run_denoise (run, latents, first, &hooks));
}

const DifTaskClass dif_task_depth2img = {
  .name     = "depth2img",
  .label    = N_ ("Depth to Image"),
  .blurb    = N_ ("Repaints a picture as the prompt says, and keeps its depth"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .needs    = DIF_CAN_DEPTH2IMG,
  .run      = run_depth2img,
};
