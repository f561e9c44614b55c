/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipe-inpaint.c - a part of a picture drawn anew.
 *
 * Two kinds of U-Net: one of 9 channels sees the mask and the masked picture;
 * one of 4 channels is held to the picture outside the mask after every step.
 *
 * Source: diffusers StableDiffusionInpaintPipeline and
 * StableDiffusionXLInpaintPipeline.  Numbers are drawn in their order: the
 * picture's posterior (4 channels, or strength below 1), the noise, the masked
 * picture's posterior (always), then the scheduler's.
 */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "pipelines/task.h"

static const DifParam params[] = {
  DIF_PROMPT_PARAMS,
  DIF_COMMON_PARAMS,
  DIF_IMAGE_PARAMS,
  DIF_SDXL_PARAMS,
  DIF_SDXL_IMAGE_PARAMS,
  { .name     = "mask",
    .type     = DIF_PARAM_IMAGE,
    .label    = N_ ("Mas_k"),
    .blurb    = N_ ("What to draw anew: white is drawn, black is kept"),
    .required = TRUE },
};

/* What the run keeps between its steps. */
typedef struct
{
  gsize      cells; /* of a latent picture: h * w */
  guint      end;   /* the first call not to make */
  float     *mask;  /* [h, w], 0 or 1 */
  DifTensor *image_latents, *noise;
} Inpaint;

/* The mask in pixels, 0 or 1; diffusers resizes first, then takes the gray
 * value, then cuts at one half. */
static float *
read_mask (DifRun *run)
{
  g_autoptr (DifImage) fit  = dif_image_resize (dif_request_image (run->rq, "mask"), run->width,
                                                run->height, DIF_FILTER_LANCZOS);
  g_autoptr (DifImage) gray = fit ? dif_image_to_gray (fit) : NULL;
  gsize                n    = (gsize) run->width * run->height;
  float               *mask = gray ? g_try_new (float, n) : NULL;

  if (! mask)
    {
      dif_context_fail (run->cx,
                        g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                             "out of memory while preparing the mask"));
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    mask[i] = dif_image_pixels (gray)[i] >= 0.5f;
  return mask;
}

/* Every factor-th pixel: torch's nearest interpolation. */
static float *
shrink_mask (DifRun *run, const float *mask)
{
  gsize  f = dif_vae_factor (dif_pipeline_vae (run->pipe)), h = run->height / f, w = run->width / f;
  float *small = g_new (float, h *w);

  for (gsize i = 0; i < h; i++)
    for (gsize j = 0; j < w; j++)
      small[i * w + j] = mask[i * f * run->width + j * f];
  return small;
}

/* Outside the mask the latents become the picture's, noised for the next call. */
static DifTensor *
hold_to_picture (DifRun *run, guint i, DifTensor *latents, gpointer data)
{
  Inpaint          *in   = data;
  DifContext       *cx   = run->cx;
  gboolean          last = i + 1 == in->end;
  gsize             n = dif_tensor_count (latents), C = dif_tensor_dim (latents, 3);
  g_autofree float *kept = g_try_new (float, n + 1), *drawn = g_try_new (float, n + 1);
  DifTensor        *proper;

  proper = last ? in->image_latents
                : dif_scheduler_add_noise (run->scheduler, cx, in->image_latents, in->noise, i + 1);
  if (! kept || ! drawn)
    return dif_context_fail (
        cx,
        g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY, "out of memory"));
  if (! dif_download (cx, proper, kept) || ! dif_download (cx, latents, drawn))
    return dif_context_inert (cx);
  for (gsize k = 0; k < n; k++)
    if (in->mask[k / C % in->cells] == 0)
      drawn[k] = kept[k];
  return dif_upload (cx, DIF_F32, latents->shape, drawn);
}

/* [n_images, h, w, 1 + C]: the mask, then the masked picture's latents. */
static DifTensor *
mask_channels (DifRun *run, const Inpaint *in, DifTensor *masked_latents)
{
  DifShape shape =
      DIF_SHAPE (1, dif_tensor_dim (masked_latents, 1), dif_tensor_dim (masked_latents, 2), 1);
  DifTensor *mask = dif_upload (run->cx, DIF_F32, shape, in->mask);

  return dif_concat (run->cx, dif_run_repeat (run, mask), masked_latents);
}

static DifTensor *
first_latents (DifRun *run, Inpaint *in, const float *picture, gboolean held, guint first)
{
  gboolean noised = dif_run_starts_noised (run), all = run->strength == 1 && ! noised;
  float    sigma = (float) dif_scheduler_init_noise_sigma (run->scheduler);

  if (held || ! all)
    in->image_latents = dif_run_encode_picture (run, picture);
  in->noise = dif_run_noise (run);
  if (noised)
    return in->image_latents;
  if (all)
    return dif_lincomb (run->cx, 1, &sigma, &in->noise);
  return dif_scheduler_add_noise (run->scheduler, run->cx, in->image_latents, in->noise, first);
}

static DifTensor *
run_inpaint (DifRun *run)
{
  DifContext *cx   = run->cx;
  gboolean    held = dif_unet_in_channels (dif_pipeline_unet (run->pipe)) ==
                  dif_vae_latent_channels (dif_pipeline_vae (run->pipe));
  DifTensor        *embeds  = dif_run_encode_prompts (run), *latents, *masked;
  g_autofree float *picture = dif_run_picture (run, "image"), *mask = read_mask (run),
                   *small = NULL;
  guint    first          = dif_run_begin_from_image (run);
  Inpaint  in             = { 0 };
  DifHooks hooks          = { .data = &in };

  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  run->scales_only = TRUE;

  small    = shrink_mask (run, mask);
  in.mask  = small;
  in.end   = dif_run_end (run, first);
  latents  = first_latents (run, &in, picture, held, first);
  in.cells = dif_tensor_dim (latents, 1) * dif_tensor_dim (latents, 2);
  dif_context_dump (cx, latents, "initial_latents");
  for (gsize i = 0; i < (gsize) run->width * run->height * 3; i++)
    if (mask[i / 3] >= 0.5f)
      picture[i] = 0;
  masked = dif_run_encode_picture (run, picture);
  if (held)
    hooks.after = hold_to_picture;
  else
    hooks.extra = mask_channels (run, &in, masked);
  return dif_run_decode (run, dif_run_denoise (run, embeds, latents, first, &hooks));
}

const DifTaskClass dif_task_inpaint = {
  .name     = "inpaint",
  .label    = N_ ("Inpaint"),
  .blurb    = N_ ("Draws what the prompt says into a part of a picture"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .kinds    = DIF_UNET_PLAIN | DIF_UNET_INPAINT,
  .run      = run_inpaint,
};
