/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* decode.c - latents to pictures.
 *
 * Source: diffusers VaeImageProcessor.postprocess.
 */
#include "run/decode.h"

#include <math.h>

#include "base/error.h"
#include "run/pipeline-private.h"

/* From what the U-Net sees to what the VAE decodes. */
static DifTensor *
unscaled (DifRun *run, const DifPart *vae, DifTensor *latents)
{
  gsize n = dif_tensor_dim (latents, 0), h = dif_tensor_dim (latents, 1),
        w             = dif_tensor_dim (latents, 2);
  g_autofree float *z = g_try_new (float, dif_tensor_count (latents) + 1);

  if (! z)
    return dif_run_out_of_memory (run, "decoding");
  if (! dif_download_nchw (run->cx, latents, z))
    return dif_context_inert (run->cx);
  vae->klass->autoencoder->from_latents (vae->model, z, n, h * w);
  return dif_upload_nchw (run->cx, DIF_F32, n, dif_tensor_dim (latents, 3), h, w, z);
}

DifTensor *
dif_run_decode (DifRun *run, DifTensor *latents)
{
  const DifPart *vae   = dif_run_part (run, DIF_ROLE_AUTOENCODER);
  DifTensor     *all   = NULL;
  gint64         start = g_get_monotonic_time ();
  DifDtype       before;

  if (! vae)
    return dif_context_inert (run->cx);
  before = dif_context_set_dtype (run->cx, vae->decoder_dtype);
  dif_run_report (run, DIF_STAGE_DECODE, 0, run->spec->n_images);
  latents = unscaled (run, vae, latents);
  /* one by one: no item depends on another, and memory stays small */
  for (guint i = 0; i < run->spec->n_images; i++)
    {
      DifTensor *one = vae->klass->autoencoder->decode (
          vae->model, run->cx, dif_slice_batch (run->cx, latents, i, 1));

      all = all ? dif_concat_batch (run->cx, all, one) : one;
      dif_run_report (run, DIF_STAGE_DECODE, i + 1, run->spec->n_images);
    }
  dif_context_set_dtype (run->cx, before);
  dif_context_profile (run->cx, "stage:decode", start, 0, 0);
  return all;
}

static gboolean
fail_pixels (DifRun *run, guint width, guint height, gboolean is_nan)
{
  GError *error = NULL;

  if (is_nan)
    g_set_error (&error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                 "%s: expected a picture of finite numbers, found NaN: the weights are damaged or "
                 "do not bear computing in %s",
                 dif_checkpoint_path (run->pipe->checkpoint), dif_dtype_name (run->pipe->dtype));
  else
    g_set_error (&error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                 "out of memory: %u pictures of %u x %u pixels", run->spec->n_images, width,
                 height);
  dif_context_fail (run->cx, error);
  return FALSE;
}

float *
dif_run_pixels (DifRun *run, DifTensor *image)
{
  gsize n                  = dif_tensor_count (image);
  guint height             = (guint) dif_tensor_dim (image, 1),
        width              = (guint) dif_tensor_dim (image, 2);
  g_autofree float *pixels = g_try_new (float, MAX (n, 1));

  if (! pixels)
    fail_pixels (run, width, height, FALSE);
  if (! pixels || ! dif_download (run->cx, image, pixels))
    return NULL;
  for (gsize k = 0; k < n; k++)
    {
      if (isnan (pixels[k]))
        {
          fail_pixels (run, width, height, TRUE);
          return NULL;
        }
      pixels[k] = CLAMP (pixels[k] * 0.5f + 0.5f, 0, 1);
    }
  return g_steal_pointer (&pixels);
}
