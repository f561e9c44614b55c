/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* inpaint.c - a part of a picture repainted.
 *
 * Two kinds of U-Net: one of 9 channels sees the mask and the masked picture;
 * one of 4 channels is held to the picture outside the mask after every step.
 *
 * Source: diffusers StableDiffusionInpaintPipeline and
 * StableDiffusionXLInpaintPipeline.  Numbers are drawn in their order: the
 * picture's posterior (4 channels, or strength below 1), the noise, the masked
 * picture's posterior (always), then the scheduler's.
 *
 * A differential mask says how strongly each place is repainted: a place of
 * value v is held to the picture until the part 1 - v of the way lies behind.
 * Source: Levin and Fried 2023, "Differential Diffusion: Giving Each Pixel Its
 * Strength", algorithm 1.
 */
#include "config.h"

#include <math.h>

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "base/image-fit.h"
#include "run/pipeline-private.h"
#include "run/task.h"
#include "tasks/surroundings.h"

#define LEAST_STRENGTH (1.0f / 512.0f) /* fainter places of a differential mask are kept */

static const DifParam params[] = {
  DIF_PROMPT_PARAMS,
  DIF_COMMON_PARAMS,
  DIF_IMAGE_PARAMS,
  { .name     = "mask",
    .type     = DIF_PARAM_IMAGE,
    .label    = N_ ("Mas_k"),
    .blurb    = N_ ("What to repaint: white is drawn, black is kept"),
    .required = TRUE },
  { .name     = "differential",
    .type     = DIF_PARAM_BOOL,
    .label    = N_ ("_Use gray levels as strength"),
    .blurb    = N_ ("How strongly each place is repainted goes by the mask's gray values; "
                       "otherwise each is drawn or kept"),
    .advanced = TRUE },
  { .name     = "fill",
    .type     = DIF_PARAM_CHOICE,
    .label    = N_ ("_Initial fill"),
    .blurb    = N_ ("What is put into the masked part first: the picture as it is (keep), its "
                       "colors without shapes (blurred), its surroundings going on (border), gray "
                       "(neutral), or nothing (noise); counts below strength 1"),
    .text     = "keep",
    .choices  = dif_fill_choices,
    .advanced = TRUE },
  { .name     = "match-colors",
    .type     = DIF_PARAM_CHOICE,
    .label    = N_ ("Matc_h colors"),
    .blurb    = N_ ("What is drawn is made to suit its surroundings: off, by mean and contrast "
                       "(colors), or so that no edge is seen (seamless)"),
    .text     = "off",
    .choices  = dif_match_choices,
    .advanced = TRUE },
  { .name     = "padding-mask-crop",
    .type     = DIF_PARAM_INT,
    .label    = N_ ("Paddin_g around the mask"),
    .blurb    = N_ ("Draw only the mask and so much around it, at the full size; -1 for all"),
    .unit     = "pixels",
    .min      = -1,
    .max      = 8192,
    .fallback = -1,
    .advanced = TRUE },
};

/* What the run keeps between its steps. */
typedef struct
{
  gboolean   cropped;
  DifCrop    crop; /* the part that is drawn */
  gboolean   is_differential;
  gsize      n_pixels;   /* of a latent picture: h * w */
  guint      first, end; /* calls: the first, and the first not to make */
  float     *mask;       /* [h, w], how strongly: 0 or 1 unless differential */
  guint8    *known;      /* [H, W], 0 for what is repainted */
  DifTensor *image_latents, *noise;
} Inpaint;

/* Which part is drawn, if not all; FALSE and a failed context if it cannot be
 * said. */
static gboolean
find_crop (DifRun *run, Inpaint *in)
{
  double               padding = dif_request_number (run->rq, "padding-mask-crop");
  DifImage            *image   = dif_request_image (run->rq, "image"), *mask;
  g_autoptr (DifImage) gray    = NULL;
  GError              *error   = NULL;

  in->cropped = padding >= 0;
  if (! in->cropped)
    return TRUE;
  mask = dif_request_image (run->rq, "mask");
  gray = dif_image_to_gray (mask);
  if (! gray)
    dif_run_out_of_memory (run, "preparing the mask");
  else if (dif_image_width (mask) != dif_image_width (image) ||
           dif_image_height (mask) != dif_image_height (image))
    g_set_error (&error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE,
                 "mask: expected the image's %u x %u pixels with padding-mask-crop, found %u x %u",
                 dif_image_width (image), dif_image_height (image), dif_image_width (mask),
                 dif_image_height (mask));
  else if (! dif_crop_around (gray, run->spec->width, run->spec->height, (guint) padding,
                              &in->crop))
    g_set_error (&error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                 "mask: expected something to repaint with padding-mask-crop, found black "
                 "throughout");
  if (error)
    dif_context_fail (run->cx, error);
  return gray && ! error;
}

/* The image or the mask, or its part, at the run's size. */
static DifImage *
fitted (DifRun *run, const Inpaint *in, DifImage *image)
{
  g_autoptr (DifImage) part = NULL;

  if (! in->cropped)
    return dif_image_resize (image, run->spec->width, run->spec->height, DIF_FILTER_LANCZOS);
  part = dif_image_crop (image, in->crop.x, in->crop.y, in->crop.width, in->crop.height);
  return part ? dif_image_fit_inside (part, run->spec->width, run->spec->height) : NULL;
}

static float *
read_picture (DifRun *run, const Inpaint *in)
{
  g_autoptr (DifImage) rgb = dif_image_to_rgb (dif_request_image (run->rq, "image"));
  g_autoptr (DifImage) fit = rgb ? fitted (run, in, rgb) : NULL;

  return dif_run_picture_from (run, fit);
}

/* The mask in pixels; diffusers resizes first, then takes the gray value, then
 * cuts at one half. */
static float *
read_mask (DifRun *run, const Inpaint *in)
{
  g_autoptr (DifImage) fit  = fitted (run, in, dif_request_image (run->rq, "mask"));
  g_autoptr (DifImage) gray = fit ? dif_image_to_gray (fit) : NULL;
  gsize                n    = (gsize) run->spec->width * run->spec->height;
  float               *mask = gray ? g_try_new (float, n) : NULL;

  if (! mask)
    {
      dif_run_out_of_memory (run, "preparing the mask");
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    {
      float v = dif_image_pixels (gray)[i];

      if (in->is_differential)
        mask[i] = v < LEAST_STRENGTH ? 0 : v;
      else
        mask[i] = v >= 0.5f;
    }
  return mask;
}

static float
mean_of_square (const float *mask, gsize stride, gsize side)
{
  float sum = 0;

  for (gsize i = 0; i < side * side; i++)
    sum += mask[i / side * stride + i % side];
  return sum / (float) (side * side);
}

/* One value a latent: every factor-th pixel, which is torch's nearest
 * interpolation, or the mean strength. */
static float *
shrink_mask (DifRun *run, const Inpaint *in, const float *mask)
{
  gsize  f = dif_pipeline_autoencoder (run->pipe)->factor;
  gsize  h = run->spec->height / f, w = run->spec->width / f;
  float *small = g_try_new (float, h *w);

  if (! small)
    dif_run_out_of_memory (run, "preparing the mask");
  for (gsize i = 0; small && i < h; i++)
    for (gsize j = 0; j < w; j++)
      {
        const float *square = mask + i * f * run->spec->width + j * f;

        small[i * w + j] = in->is_differential ? mean_of_square (square, run->spec->width,
                                                                 f)
                                               : *square;
      }
  return small;
}

static guint8 *
known_of (DifRun *run, const float *mask)
{
  gsize   n     = (gsize) run->spec->width * run->spec->height;
  guint8 *known = g_try_new (guint8, n);

  if (! known)
    dif_run_out_of_memory (run, "preparing the mask");
  for (gsize i = 0; known && i < n; i++)
    known[i] = mask[i] == 0;
  return known;
}

/* How strong a place must be to be repainted in call @i; below it is held. */
static float
least_strength (const Inpaint *in, guint i)
{
  if (i == in->end)
    return 0;
  return 1 - (float) (i - in->first) / (float) (in->end - in->first);
}

/* Of every place what is @drawn there or, if it is fainter than @least, what is @kept; on the
 * device, so that nobody waits for it. */
static DifTensor *
choose (DifRun *run, const Inpaint *in, float least, DifTensor *kept, DifTensor *drawn)
{
  DifContext        *cx    = run->cx;
  g_autofree gint32 *rows  = g_try_new (gint32, in->n_pixels);
  DifGather          g     = { .n_out = in->n_pixels, .n_terms = 1, .rows = rows };
  gsize              C     = dif_tensor_dim (drawn, 3);
  DifShape           pairs = DIF_SHAPE (run->spec->n_images, 2 * in->n_pixels, C);
  DifTensor         *both;

  if (! rows)
    return dif_run_out_of_memory (run, "holding the picture");
  /* side by side, those of place k are rows 2 k and 2 k + 1 */
  for (gsize k = 0; k < in->n_pixels; k++)
    rows[k] = (gint32) (2 * k + (in->mask[k] > 0 && in->mask[k] >= least));
  both = dif_reshape (cx, dif_concat (cx, kept, drawn), pairs);
  return dif_reshape (cx, dif_gather (cx, both, &g), drawn->shape);
}

/* Where the mask does not reach yet, the latents become the picture's, noised
 * for the next call. */
static DifTensor *
hold_to_picture (DifRun *run, guint i, DifTensor *latents, gpointer data)
{
  Inpaint   *in   = data;
  DifTensor *kept = in->image_latents;

  if (i + 1 < in->end)
    kept = dif_scheduler_add_noise (run->scheduler, run->cx, kept, in->noise, i + 1);
  return choose (run, in, least_strength (in, i + 1), kept, latents);
}

/* [n_images, h, w, 1 + C]: the mask, then the masked picture's latents. */
static DifTensor *
mask_channels (DifRun *run, const Inpaint *in, DifTensor *masked_latents)
{
  DifShape shape =
      DIF_SHAPE (1, dif_tensor_dim (masked_latents, 1), dif_tensor_dim (masked_latents, 2), 1);
  g_autofree float *any = g_try_new (float, in->n_pixels);
  DifTensor        *mask;

  if (! any)
    return dif_run_out_of_memory (run, "preparing the mask");
  for (gsize k = 0; k < in->n_pixels; k++)
    any[k] = in->mask[k] > 0;
  mask = dif_upload (run->cx, DIF_F32, shape, any);
  mask = dif_repeat_batch (run->cx, mask, run->spec->n_images);
  return dif_concat (run->cx, mask, masked_latents);
}

/* The picture's latents, nothing where the mask is. */
static DifTensor *
without_masked (DifRun *run, const Inpaint *in, DifTensor *latents)
{
  gsize             n = dif_tensor_count (latents), C = dif_tensor_dim (latents, 3);
  g_autofree float *z = g_try_new (float, n + 1);

  if (! z)
    return dif_run_out_of_memory (run, "preparing latents");
  if (! dif_download (run->cx, latents, z))
    return dif_context_inert (run->cx);
  for (gsize k = 0; k < n; k++)
    if (in->mask[k / C % in->n_pixels] > 0)
      z[k] = 0;
  return dif_upload (run->cx, DIF_F32, latents->shape, z);
}

static DifTensor *
first_latents (DifRun *run, Inpaint *in, const float *picture, gboolean held)
{
  gboolean   noised = dif_run_starts_noised (run), all = run->spec->strength == 1 && ! noised;
  float      sigma = (float) dif_scheduler_init_noise_sigma (run->scheduler);
  DifTensor *from;

  if (held || ! all)
    in->image_latents = dif_run_encode_picture (run, picture, FALSE);
  in->noise = dif_run_noise (run);
  if (noised)
    return in->image_latents;
  if (all)
    return dif_lincomb (run->cx, 1, &sigma, &in->noise);
  from = in->image_latents;
  if (g_str_equal (dif_request_text (run->rq, "fill"), "noise"))
    from = without_masked (run, in, from);
  return dif_scheduler_add_noise (run->scheduler, run->cx, from, in->noise, in->first);
}

/* One drawn picture, [H, W, 3] in [0, 1], into the whole image; rounded to 8
 * bits first, as the reference does. */
static DifImage *
put_back (DifRun *run, const Inpaint *in, float *pixels)
{
  g_autoptr (DifImage) image = dif_image_to_rgb (dif_request_image (run->rq, "image"));
  g_autoptr (DifImage) gray  = dif_image_to_gray (dif_request_image (run->rq, "mask"));
  g_autoptr (DifImage) drawn = NULL, part = NULL;

  for (gsize i = 0; i < (gsize) run->spec->width * run->spec->height * 3; i++)
    pixels[i] = rintf (pixels[i] * 255) / 255;
  drawn = dif_image_new (run->spec->width, run->spec->height, 3, pixels);
  part  = drawn ? dif_image_fit_over (drawn, in->crop.width, in->crop.height) : NULL;
  return image && gray && part ? dif_image_put_back (image, gray, part, &in->crop) : NULL;
}

/* The drawn parts, looked at by themselves as the reference does, inside the
 * whole image: [n_images, H, W, 3]. */
static DifTensor *
put_all_back (DifRun *run, const Inpaint *in, DifTensor *drawn)
{
  DifImage         *image = dif_request_image (run->rq, "image");
  guint             width = dif_image_width (image), height = dif_image_height (image);
  gsize             each   = (gsize) width * height * 3;
  gsize             n      = (gsize) run->spec->width * run->spec->height * 3;
  g_autofree float *pixels = dif_run_pixels (run, drawn);
  g_autofree float *whole  = g_try_new (float, each * run->spec->n_images);

  if (pixels)
    run->judge (run, pixels, run->spec->width, run->spec->height);
  if (dif_context_failed (run->cx))
    return dif_context_inert (run->cx);
  if (! whole)
    return dif_run_out_of_memory (run, "preparing the result");
  for (guint i = 0; i < run->spec->n_images; i++)
    {
      g_autoptr (DifImage) one = put_back (run, in, pixels + i * n);

      if (! one)
        return dif_run_out_of_memory (run, "preparing the result");
      for (gsize k = 0; k < each; k++)
        whole[i * each + k] = 2 * dif_image_pixels (one)[k] - 1;
    }
  run->report.width  = width;
  run->report.height = height;
  return dif_upload (run->cx, DIF_F32, DIF_SHAPE (run->spec->n_images, height, width, 3), whole);
}

/* The latents the loop begins with, and what it is given of the mask. */
static DifTensor *
begin (DifRun *run, Inpaint *in, const float *picture, DifHooks *hooks)
{
  gboolean sees_mask = dif_pipeline_denoiser (run->pipe)->in_channels !=
                       dif_pipeline_autoencoder (run->pipe)->latent_channels;
  gboolean          held   = in->is_differential || ! sees_mask;
  gsize             n      = (gsize) run->spec->width * run->spec->height * 3;
  g_autofree float *hidden = g_try_new (float, n);
  DifTensor        *latents, *masked;

  if (! hidden)
    return dif_run_out_of_memory (run, "preparing the masked picture");
  latents = first_latents (run, in, picture, held);
  dif_context_dump (run->cx, latents, "initial_latents");
  for (gsize i = 0; i < n; i++)
    hidden[i] = in->known[i / 3] ? picture[i] : 0;
  masked = dif_run_encode_picture (run, hidden, FALSE);
  if (held)
    hooks->after = hold_to_picture;
  if (sees_mask)
    hooks->extra = mask_channels (run, in, masked);
  return latents;
}

/* Drawn pictures, [n_images, H, W, 3], in colors that suit @picture. */
static DifTensor *
matched (DifRun *run, const Inpaint *in, const float *picture, DifTensor *drawn)
{
  const char       *how    = dif_request_text (run->rq, "match-colors");
  gsize             each   = (gsize) run->spec->width * run->spec->height * 3;
  g_autofree float *pixels = NULL;

  if (g_str_equal (how, "off"))
    return drawn;
  pixels = g_try_new (float, each * run->spec->n_images);
  if (! pixels)
    return dif_run_out_of_memory (run, "preparing the result");
  if (! dif_download (run->cx, drawn, pixels))
    return dif_context_inert (run->cx);
  for (guint i = 0; i < run->spec->n_images; i++)
    if (! dif_surroundings_match (pixels + i * each, picture, run->spec->width, run->spec->height,
                                  in->known, how))
      return dif_run_out_of_memory (run, "preparing the result");
  return dif_upload (run->cx, DIF_F32, drawn->shape, pixels);
}

static DifTensor *
draw (DifRun *run, Inpaint *in, float *picture)
{
  const char *fill  = dif_request_text (run->rq, "fill");
  DifHooks    hooks = { .data = in };
  DifTensor  *latents;

  if (! dif_surroundings_fill (picture, run->spec->width, run->spec->height, in->known, fill))
    return dif_run_out_of_memory (run, "preparing the picture");
  latents = begin (run, in, picture, &hooks);
  return matched (run, in, picture,
                  dif_run_decode (run, dif_run_denoise (run, latents, in->first, &hooks)));
}

static DifTensor *
run_inpaint (DifRun *run)
{
  DifContext        *cx      = run->cx;
  gsize              factor  = dif_pipeline_autoencoder (run->pipe)->factor;
  Inpaint            in      = { 0 };
  g_autofree float  *picture = NULL, *mask = NULL, *small = NULL;
  g_autofree guint8 *known = NULL;
  DifTensor         *drawn;

  if (! find_crop (run, &in))
    return dif_context_inert (cx);
  in.is_differential = dif_request_number (run->rq, "differential") != 0;
  in.n_pixels        = (run->spec->width / factor) * (run->spec->height / factor);
  dif_run_condition (run);
  picture  = read_picture (run, &in);
  mask     = read_mask (run, &in);
  in.first = dif_run_begin_from_image (run);
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  in.end  = dif_run_end (run, in.first);
  in.mask = small = shrink_mask (run, &in, mask);
  in.known = known = known_of (run, mask);
  drawn            = known && small ? draw (run, &in, picture) : dif_context_inert (cx);
  return in.cropped ? put_all_back (run, &in, drawn) : drawn;
}

const DifTaskClass dif_task_inpaint = {
  .name     = "inpaint",
  .label    = N_ ("Inpaint"),
  .blurb    = N_ ("Draws what the prompt says into a part of a picture"),
  .params   = params,
  .n_params = G_N_ELEMENTS (params),
  .needs    = DIF_CAN_INPAINT,
  .run      = run_inpaint,
};
