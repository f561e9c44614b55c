/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* condition.c - what a U-Net is told beside the tokens of the prompt: SDXL's
 * sizes, an LCM's guidance scale.
 *
 * Source: diffusers StableDiffusionXLPipeline and its Img2Img variant
 * (_get_add_time_ids), and LatentConsistencyModelPipeline.
 */
#include "run/pipeline-private.h"
#include "run/prompt.h"

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

  append_pair (ids, told (run, "original-height", run->spec->height),
               told (run, "original-width", run->spec->width));
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
    append_pair (ids, told (run, "target-height", run->spec->height),
                 told (run, "target-width", run->spec->width));
}

static void
add_sizes (DifRun *run, DifUnetText *text)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (float));
  gsize              n   = dif_tensor_dim (run->pooled, 0);

  for (gsize i = 0; i < n; i++)
    append_sizes (run, ids, n > run->spec->n_images && i < run->spec->n_images);
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
    dif_unet_text_add_guidance (text, unet, run->cx, dif_tensor_dim (embeds, 0),
                                run->spec->guidance);
  return text;
}
