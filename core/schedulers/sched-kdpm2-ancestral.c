/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-kdpm2-ancestral.c - DPM2 with fresh noise after every step.
 *
 * A step leads to less than the next sigma and noise makes up for it.  Noise is
 * drawn in the second call of a step only.
 *
 * Source: k-diffusion sample_dpm_2_ancestral; diffusers
 * KDPM2AncestralDiscreteScheduler.
 */
#include <math.h>

#include "schedulers/kdpm2-private.h"

static const DifSchedulerKey keys[] = { DIF_KDPM2_KEYS };

/* The geometric mean of a sigma and the one the step leads down to. */
static float
middle (const float *sigmas, guint k)
{
  float down, up, here = logf (sigmas[k]), there;

  _dif_noise_ancestral (sigmas[k], sigmas[k + 1], &down, &up);
  there = logf (down);
  return expf (there - (there - here) * 0.5f);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  return _dif_kdpm2_set_timesteps (s, n, middle, error);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  gboolean   is_second = ((DifKdpm2 *) s)->start != NULL;
  float      down = 0, up = 0;
  DifTensor *out;

  if (is_second)
    _dif_noise_ancestral (s->sigmas[c->index - 1], s->sigmas[c->index], &down, &up);
  out = _dif_kdpm2_step (s, c, down);
  return is_second ? _dif_combine (c->cx, 1.0, out, up, _dif_step_noise (c)) : out;
}

const DifSchedulerClass dif_scheduler_class_kdpm2_ancestral = {
  .name           = "KDPM2AncestralDiscreteScheduler",
  .aliases        = "dpm2-a|dpm2-ancestral|kdpm2-a|kdpm2-ancestral",
  .size           = sizeof (DifKdpm2),
  .order          = 2,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .check          = _dif_noise_check_shapes,
  .set_timesteps  = set_timesteps,
  .input_factor   = _dif_kdpm2_input_factor,
  .clean_factors  = _dif_kdpm2_clean_factors,
  .step           = step,
  .reset          = _dif_kdpm2_reset,
  .finalize       = _dif_kdpm2_finalize,
};
