/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* latents.c - images into latents, for the tasks that start from one.
 *
 * Source: diffusers VaeImageProcessor.preprocess and
 * StableDiffusionImg2ImgPipeline.prepare_latents.  The posterior is sampled,
 * not averaged: that is part of the order of random numbers.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "run/pipeline-private.h"

static void
out_of_memory (DifRun *run)
{
  dif_context_fail (run->cx,
                    g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                         "out of memory while preparing a picture"));
}

gboolean
dif_run_starts_noised (DifRun *run)
{
  double start = dif_request_number (run->rq, "denoising-start");

  return start > 0 && start < 1;
}

/* Timesteps of the whole way; FALSE, and the context failed, without them. */
static gboolean
set_timesteps (DifRun *run)
{
  GError *error = NULL;

  if (dif_scheduler_set_timesteps (run->scheduler, run->n_steps, &error))
    return TRUE;
  dif_context_fail (run->cx, error);
  return FALSE;
}

void
dif_run_begin_from_noise (DifRun *run)
{
  if (! set_timesteps (run))
    return;
  if (run->pipe->family->kind == DIF_FAMILY_SDXL)
    dif_scheduler_set_begin (run->scheduler, 0);
  run->total = dif_run_end (run, 0) + 2.0;
}

static guint
nothing_left (DifRun *run, const char *name, double found)
{
  dif_context_fail (run->cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                                          "%s: expected a value that leaves one of %u steps to "
                                          "make, found %g",
                                          name, run->n_steps, found));
  return 0;
}

/* An LCM's own pipeline, which has no inpainting, spreads all steps over a
 * shorter way. */
static guint
begin_shortened (DifRun *run)
{
  GError *error = NULL;

  if (! dif_scheduler_set_strength (run->scheduler, run->strength, &error) ||
      ! dif_scheduler_set_timesteps (run->scheduler, run->n_steps, &error))
    dif_context_fail (run->cx, error);
  else
    run->total = dif_scheduler_n_calls (run->scheduler) + 3.0;
  return 0;
}

guint
dif_run_begin_from_image (DifRun *run)
{
  double start = dif_request_number (run->rq, "denoising-start");
  guint  n     = (guint) MIN ((double) (int) (run->n_steps * run->strength), run->n_steps);
  guint  first = (run->n_steps - n) * dif_scheduler_order (run->scheduler), end;

  if (run->pipe->family->kind == DIF_FAMILY_LCM &&
      strcmp (dif_request_task (run->rq), "img2img") == 0)
    return begin_shortened (run);
  if (! dif_run_starts_noised (run) && ! n)
    return nothing_left (run, "strength", run->strength);
  if (! set_timesteps (run))
    return 0;
  if (dif_run_starts_noised (run))
    first = _dif_run_part_begin (run, start);
  end = dif_run_end (run, first);
  if (end == first)
    return nothing_left (run, dif_run_starts_noised (run) ? "denoising-start" : "denoising-end",
                         dif_run_starts_noised (run)
                             ? start
                             : dif_request_number (run->rq, "denoising-end"));
  dif_scheduler_set_begin (run->scheduler, first);
  run->total = end - first + 3.0;
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
        C                = dif_tensor_dim (moments, 3) / 2;
  g_autofree float *both = g_try_new (float, dif_tensor_count (moments) + 1);
  g_autofree float *z    = g_try_new (float, dif_tensor_count (moments) / 2 + 1);

  if (! both || ! z)
    {
      out_of_memory (run);
      return dif_context_inert (cx);
    }
  if (! dif_download_nchw (cx, moments, both))
    return dif_context_inert (cx);
  dif_rng_randn (run->rng, z, C * h * w);
  for (gsize i = 0; i < C * h * w; i++)
    z[i] = both[i] + expf (0.5f * CLAMP (both[C * h * w + i], -30.0f, 20.0f)) * z[i];
  dif_vae_to_latents (run->pipe->vae, z, 1, h * w, ! run->scales_only);
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
  DifContext *cx     = run->cx;
  DifDtype    before = dif_context_set_dtype (cx, run->pipe->encoder_dtype);
  DifTensor  *x, *moments, *z;

  dif_context_enter (cx, "vae");
  x       = dif_upload (cx, DIF_F32, DIF_SHAPE (1, run->height, run->width, 3), picture);
  moments = dif_vae_encode (dif_pipeline_vae (run->pipe), cx, x);
  dif_context_set_dtype (cx, before);
  z = dif_run_repeat (run, sample (run, moments));
  return dif_context_leave (cx, z);
}

static DifTensor *
start (DifRun *run)
{
  g_autofree float *picture = NULL;

  if (run->latents)
    return _dif_run_given_latents (run);
  picture = dif_run_picture (run, "image");
  return picture ? dif_run_encode_picture (run, picture) : dif_context_inert (run->cx);
}

DifTensor *
dif_run_latents_from_picture (DifRun *run, guint *first)
{
  DifContext *cx = run->cx;
  DifTensor  *latents, *noise;

  *first = dif_run_begin_from_image (run);
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  latents = start (run);
  if (! dif_run_starts_noised (run))
    {
      noise   = dif_run_noise (run);
      latents = dif_scheduler_add_noise (run->scheduler, cx, latents, noise, *first);
    }
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
