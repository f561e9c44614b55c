/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pictures.c - images into latents, for the tasks that start from one.
 *
 * Source: diffusers VaeImageProcessor.preprocess and
 * StableDiffusionImg2ImgPipeline.prepare_latents.  The posterior is sampled,
 * not averaged: that is part of the order of random numbers.
 */
#include <math.h>

#include "base/error.h"
#include "pipelines/task.h"

static void
out_of_memory (DifRun *run)
{
  dif_context_fail (run->cx,
                    g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                         "out of memory while preparing a picture"));
}

guint
dif_run_begin_from_image (DifRun *run)
{
  double  strength = dif_request_number (run->rq, "strength");
  guint   n        = (guint) MIN ((double) (int) (run->n_steps * strength), run->n_steps);
  guint   first    = (run->n_steps - n) * dif_scheduler_order (run->scheduler);
  GError *error    = NULL;

  if (! n)
    {
      g_set_error (&error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "strength: expected at least 1 / steps (%g) so that a step is left, found %g",
                   1.0 / run->n_steps, strength);
      dif_context_fail (run->cx, error);
      return 0;
    }
  if (! dif_scheduler_set_timesteps (run->scheduler, run->n_steps, &error))
    {
      dif_context_fail (run->cx, error);
      return 0;
    }
  dif_scheduler_set_begin (run->scheduler, first);
  run->total = dif_scheduler_n_calls (run->scheduler) - first + 3.0;
  return first;
}

float *
dif_run_picture_from (DifRun *run, DifImage *image)
{
  g_autoptr (DifImage) rgb     = image ? dif_image_to_rgb (image) : NULL;
  gsize                n       = (gsize) run->width * run->height * 3;
  float               *picture = rgb ? g_try_new (float, n) : NULL;

  if (! picture)
    {
      out_of_memory (run);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    picture[i] = 2 * dif_image_pixels (rgb)[i] - 1;
  return picture;
}

float *
dif_run_picture (DifRun *run, const char *name)
{
  g_autoptr (DifImage) rgb = dif_image_to_rgb (dif_request_image (run->rq, name));
  g_autoptr (DifImage) fit =
      rgb ? dif_image_resize (rgb, run->width, run->height, DIF_FILTER_LANCZOS) : NULL;

  return dif_run_picture_from (run, fit);
}

/* mean + exp (logvar / 2) * noise, as DiagonalGaussianDistribution.sample */
static DifTensor *
sample (DifRun *run, DifTensor *moments)
{
  DifContext *cx = run->cx;
  gsize       h = dif_tensor_dim (moments, 1), w = dif_tensor_dim (moments, 2),
        C                 = dif_tensor_dim (moments, 3) / 2;
  g_autofree float *both  = g_try_new (float, dif_tensor_count (moments) + 1);
  g_autofree float *z     = g_try_new (float, dif_tensor_count (moments) / 2 + 1);
  float             scale = (float) dif_vae_scaling (dif_pipeline_vae (run->pipe));

  if (! both || ! z)
    {
      out_of_memory (run);
      return dif_context_inert (cx);
    }
  if (! dif_download_nchw (cx, moments, both))
    return dif_context_inert (cx);
  dif_rng_randn (run->rng, z, C * h * w);
  for (gsize i = 0; i < C * h * w; i++)
    z[i] = (both[i] + expf (0.5f * CLAMP (both[C * h * w + i], -30.0f, 20.0f)) * z[i]) * scale;
  return dif_upload_nchw (cx, DIF_F32, 1, C, h, w, z);
}

DifTensor *
dif_run_repeat (DifRun *run, DifTensor *one)
{
  DifTensor *all = one;

  for (guint i = 1; i < run->n_images; i++)
    all = dif_concat_batch (run->cx, all, one);
  return all;
}

DifTensor *
dif_run_encode_picture (DifRun *run, const float *picture)
{
  DifContext *cx = run->cx;
  DifTensor  *x, *moments, *z;

  dif_context_enter (cx, "vae");
  x       = dif_upload (cx, DIF_F32, DIF_SHAPE (1, run->height, run->width, 3), picture);
  moments = dif_vae_encode (dif_pipeline_vae (run->pipe), cx, x);
  z       = dif_run_repeat (run, sample (run, moments));
  return dif_context_leave (cx, z);
}

DifTensor *
dif_run_latents_from_picture (DifRun *run, guint *first)
{
  DifContext       *cx      = run->cx;
  g_autofree float *picture = dif_run_picture (run, "image");
  DifTensor        *latents, *noise;

  *first = dif_run_begin_from_image (run);
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  latents = dif_run_encode_picture (run, picture);
  noise   = dif_run_noise (run);
  latents = dif_scheduler_add_noise (run->scheduler, cx, latents, noise, *first);
  dif_context_dump (cx, latents, "initial_latents");
  return latents;
}

DifTensor *
dif_run_noise (DifRun *run)
{
  DifVae *vae    = dif_pipeline_vae (run->pipe);
  guint   factor = dif_vae_factor (vae);

  return dif_randn (run->cx, run->rng, run->n_images, run->height / factor, run->width / factor,
                    dif_vae_latent_channels (vae));
}
