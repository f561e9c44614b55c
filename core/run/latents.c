/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* latents.c - what the loop begins with: noise, or images as latents.
 *
 * Source: diffusers VaeImageProcessor.preprocess and
 * StableDiffusionImg2ImgPipeline.prepare_latents.  The posterior is sampled,
 * not averaged: that is part of the order of random numbers.
 */
#include "run/latents.h"

#include <math.h>

#include "run/given-latents.h"
#include "run/pipeline-private.h"
#include "run/timesteps.h"

float *
dif_run_picture_from (DifRun *run, DifImage *image)
{
  g_autoptr (DifImage) rgb     = image ? dif_image_to_rgb (image) : NULL;
  gsize                n       = (gsize) run->spec->width * run->spec->height * 3;
  float               *picture = rgb ? g_try_new (float, n) : NULL;

  if (! picture)
    {
      dif_run_out_of_memory (run, "preparing a picture");
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
      rgb ? dif_image_resize (rgb, run->spec->width, run->spec->height, DIF_FILTER_LANCZOS) : NULL;

  return dif_run_picture_from (run, fit);
}

/* mean + exp (logvar / 2) * noise, as DiagonalGaussianDistribution.sample */
static DifTensor *
sample (DifRun *run, const DifPart *vae, DifTensor *moments, gboolean whole)
{
  DifContext *cx = run->cx;
  gsize       h = dif_tensor_dim (moments, 1), w = dif_tensor_dim (moments, 2),
        C                = dif_tensor_dim (moments, 3) / 2;
  g_autofree float *both = g_try_new (float, dif_tensor_count (moments) + 1);
  g_autofree float *z    = g_try_new (float, dif_tensor_count (moments) / 2 + 1);

  if (! both || ! z)
    return dif_run_out_of_memory (run, "preparing a picture");
  if (! dif_download_nchw (cx, moments, both))
    return dif_context_inert (cx);
  dif_rng_randn (run->rng, z, C * h * w);
  for (gsize i = 0; i < C * h * w; i++)
    z[i] = both[i] + expf (0.5f * CLAMP (both[C * h * w + i], -30.0f, 20.0f)) * z[i];
  vae->klass->autoencoder->to_latents (vae->model, z, 1, h * w, whole);
  return dif_upload_nchw (cx, DIF_F32, 1, C, h, w, z);
}

DifTensor *
dif_run_encode_picture (DifRun *run, const float *picture, gboolean whole)
{
  DifContext    *cx    = run->cx;
  DifShape       shape = DIF_SHAPE (1, run->spec->height, run->spec->width, 3);
  const DifPart *vae   = dif_run_part (run, DIF_ROLE_AUTOENCODER);
  DifDtype       before;
  DifTensor     *x, *moments, *z;

  if (! vae)
    return dif_context_inert (cx);
  before = dif_context_set_dtype (cx, vae->dtype);
  dif_context_enter (cx, "vae");
  x       = dif_upload (cx, DIF_F32, shape, picture);
  moments = vae->klass->autoencoder->encode (vae->model, cx, x);
  dif_context_set_dtype (cx, before);
  z = dif_repeat_batch (cx, sample (run, vae, moments, whole), run->spec->n_images);
  return dif_context_leave (cx, z);
}

static DifTensor *
start (DifRun *run)
{
  g_autofree float *picture = NULL;

  if (run->latents)
    return dif_run_given_latents (run);
  picture = dif_run_picture (run, "image");
  return picture ? dif_run_encode_picture (run, picture, TRUE) : dif_context_inert (run->cx);
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
  const DifAutoencoderInfo *vae  = dif_pipeline_autoencoder (run->pipe);
  const DifRunSpec         *spec = run->spec;

  return dif_randn (run->cx, run->rng, spec->n_images, spec->height / vae->factor,
                    spec->width / vae->factor, vae->latent_channels);
}
