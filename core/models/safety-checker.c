/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safety-checker.c - StableDiffusionSafetyChecker.
 *
 * Embedding and projection are the network's; cosines and thresholds are a
 * few numbers, compared here in single precision as the reference does, for
 * scores are rounded to thousandths before they are compared with 0.
 */
#include <math.h>

#include "base/error.h"
#include "models/safety-checker.h"

/* What a special concept that was found adds to the scores after it. */
#define ADJUSTMENT 0.01f

struct _DifSafetyChecker
{
  DifClipVision *vision;
  guint          n_dim;
  DifLinear     *projection;
  /* in the host's memory; NULL in a dry run */
  float *special, *special_thresholds; /* [special, n_dim], [special] */
  float *concepts, *thresholds;        /* [concepts, n_dim], [concepts] */
};

DifSafetyChecker *
dif_safety_checker_load (DifJson *config, DifLoader *l, GError **error)
{
  DifSafetyChecker *m      = g_new0 (DifSafetyChecker, 1);
  DifJson          *vision = dif_json_member (config, "vision_config");
  const gsize       S = DIF_SAFETY_N_SPECIAL, N = DIF_SAFETY_N_CONCEPTS;
  gsize             D = m->n_dim = (guint) dif_json_int (config, "projection_dim", 512, 1, 1 << 16);

  if (! vision)
    dif_json_fail (config, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected an object \"vision_config\", found none");
  dif_loader_enter (l, "vision_model");
  if (dif_json_finish (config, error))
    m->vision = dif_clip_vision_load (vision, l, error);
  dif_loader_leave (l);
  if (! m->vision)
    {
      dif_safety_checker_free (m);
      return NULL;
    }
  m->projection =
      dif_loader_linear (l, "visual_projection", D, dif_clip_vision_width (m->vision), FALSE);
  m->special            = dif_loader_floats (l, "special_care_embeds", DIF_SHAPE (S, D));
  m->special_thresholds = dif_loader_floats (l, "special_care_embeds_weights", DIF_SHAPE (S));
  m->concepts           = dif_loader_floats (l, "concept_embeds", DIF_SHAPE (N, D));
  m->thresholds         = dif_loader_floats (l, "concept_embeds_weights", DIF_SHAPE (N));
  return m;
}

void
dif_safety_checker_free (DifSafetyChecker *m)
{
  if (! m)
    return;
  dif_clip_vision_free (m->vision);
  g_free (m->special);
  g_free (m->special_thresholds);
  g_free (m->concepts);
  g_free (m->thresholds);
  g_free (m);
}

DifClipVision *
dif_safety_checker_vision (DifSafetyChecker *m)
{
  return m->vision;
}

static double
length (const float *a, guint n)
{
  double sum = 0;

  for (guint i = 0; i < n; i++)
    sum += (double) a[i] * a[i];
  return MAX (sqrt (sum), 1e-12);
}

static void
compare (const float *embed, const float *concepts, guint n, guint n_dim, float *cosines)
{
  for (guint i = 0; i < n; i++)
    {
      const float *concept = concepts + (gsize) i * n_dim;
      double       dot     = 0;

      for (guint k = 0; k < n_dim; k++)
        dot += (double) embed[k] * concept[k];
      cosines[i] = (float) (dot / length (embed, n_dim) / length (concept, n_dim));
    }
}

static float
score (float cosine, float threshold, float adjustment)
{
  return rintf ((cosine - threshold + adjustment) * 1000) / 1000;
}

gboolean
dif_safety_checker_judge (DifSafetyChecker *m, DifContext *cx, const float *pixels,
                          DifSafetyVerdict *verdict)
{
  g_autofree float *embed      = g_new (float, m->n_dim);
  float             adjustment = 0;
  DifTensor        *x;

  dif_context_enter (cx, "safety_checker");
  x = dif_clip_vision_embed (m->vision, cx, pixels);
  x = dif_linear (cx, x, m->projection, DIF_ACT_NONE, NULL);
  dif_download (cx, x, embed);
  dif_context_leave (cx, NULL);
  if (dif_context_failed (cx))
    return FALSE;
  compare (embed, m->special, DIF_SAFETY_N_SPECIAL, m->n_dim, verdict->special_cosines);
  compare (embed, m->concepts, DIF_SAFETY_N_CONCEPTS, m->n_dim, verdict->cosines);
  for (guint i = 0; i < DIF_SAFETY_N_SPECIAL; i++)
    {
      verdict->special_scores[i] =
          score (verdict->special_cosines[i], m->special_thresholds[i], adjustment);
      if (verdict->special_scores[i] > 0)
        adjustment = ADJUSTMENT;
    }
  verdict->nsfw = FALSE;
  for (guint i = 0; i < DIF_SAFETY_N_CONCEPTS; i++)
    {
      verdict->scores[i] = score (verdict->cosines[i], m->thresholds[i], adjustment);
      verdict->nsfw      = verdict->nsfw || verdict->scores[i] > 0;
    }
  return TRUE;
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_safety_checker_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_safety_checker_free (m);
}

const DifModelClass dif_model_safety_checker = {
  .class_name = "StableDiffusionSafetyChecker",
  .load       = load,
  .free       = release,
};
