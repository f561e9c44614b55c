/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* condition.c - what a U-Net is told beside the tokens of the prompt: SDXL's
 * sizes, an LCM's guidance scale; and how far a run of a part of the steps
 * goes.
 *
 * Source: diffusers StableDiffusionXLPipeline and its Img2Img variant
 * (_get_add_time_ids, denoising_start, denoising_end), and
 * LatentConsistencyModelPipeline.
 */
#include <math.h>

#include "base/error.h"
#include "run/pipeline-private.h"

/* Appends height and width, or top and left. */
static void
append_pair (GArray *ids, double first, double second)
{
  float pair[2] = { (float) first, (float) second };

  g_array_append_vals (ids, pair, 2);
}

/* A number of the request, or what counts without it. */
static double
told (DifRun *run, const char *name, double fallback)
{
  return dif_request_has (run->rq, name) ? dif_request_number (run->rq, name) : fallback;
}

/* The sizes of one prompt.  A picture is told to be whole and as large as it
 * is to become, unless told otherwise; a refiner is told how good it should
 * look instead, and nothing of cuts for what is not wanted. */
static void
append_sizes (DifRun *run, GArray *ids, gboolean negative)
{
  gboolean has_score = run->pipe->wants_score;

  append_pair (ids, told (run, "original-height", run->height),
               told (run, "original-width", run->width));
  if (has_score && negative)
    append_pair (ids, 0, 0);
  else
    append_pair (ids, told (run, "crop-top", 0), told (run, "crop-left", 0));
  if (has_score)
    {
      const char *name  = negative ? "negative-aesthetic-score" : "aesthetic-score";
      float       score = (float) dif_request_number (run->rq, name);

      g_array_append_val (ids, score);
    }
  else
    append_pair (ids, told (run, "target-height", run->height),
                 told (run, "target-width", run->width));
}

static void
add_sizes (DifRun *run, DifUnetText *text)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (float));
  gsize              n   = dif_tensor_dim (run->pooled, 0);

  for (gsize i = 0; i < n; i++)
    append_sizes (run, ids, n > run->n_images && i < run->n_images);
  if (n)
    dif_unet_text_add_sizes (text, run->pipe->unet, run->cx, run->pooled,
                             (const float *) (void *) ids->data, ids->len / (guint) n);
}

DifUnetText *
dif_run_unet_text (DifRun *run, DifTensor *embeds)
{
  DifUnet     *unet = run->pipe->unet;
  DifUnetText *text = dif_unet_text_new (unet, run->cx, embeds);

  if (run->pooled)
    add_sizes (run, text);
  if (dif_unet_guidance_dim (unet))
    dif_unet_text_add_guidance (text, unet, run->cx, dif_tensor_dim (embeds, 0), run->guidance);
  return text;
}

/* ---- a part of the steps ---- */

/* The first timestep that is behind @part of the way, rounded half to even. */
static double
cutoff (DifRun *run, double part)
{
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  double              n      = dif_json_double (config, "num_train_timesteps", 1000);

  return rint (n - part * n);
}

guint
_dif_run_part_begin (DifRun *run, double start)
{
  double limit = cutoff (run, start);
  guint  n = dif_scheduler_n_calls (run->scheduler), left = 0;

  for (guint i = 0; i < n; i++)
    left += dif_scheduler_timestep (run->scheduler, i) < limit;
  /* not between the two halves of a step */
  if (dif_scheduler_order (run->scheduler) == 2 && left % 2 == 0)
    left++;
  return n - MIN (left, n);
}

guint
dif_run_end (DifRun *run, guint first)
{
  double part  = dif_request_number (run->rq, "denoising-end");
  double limit = part > 0 && part < 1 ? cutoff (run, part) : -G_MAXDOUBLE;
  guint  n = dif_scheduler_n_calls (run->scheduler), end = first;

  for (guint i = first; i < n; i++)
    end += dif_scheduler_timestep (run->scheduler, i) >= limit;
  return end;
}
