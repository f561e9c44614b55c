/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-kdpm2.c - a second order solver: DPM2 elsewhere.
 *
 * Source: k-diffusion sample_dpm_2; diffusers KDPM2DiscreteScheduler.
 */
#include <math.h>

#include "schedulers/kdpm2-private.h"

static const DifSchedulerKey keys[] = { DIF_KDPM2_KEYS };

/* The geometric mean of a sigma and the next, as torch's lerp rounds it. */
static float
middle (const float *sigmas, guint k)
{
  float here = logf (sigmas[k]), next = logf (sigmas[k + 1]);

  return expf (here - (here - next) * 0.5f);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  return _dif_kdpm2_set_timesteps (s, n, middle, error);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  return _dif_kdpm2_step (s, c, s->sigmas[c->index]);
}

const DifSchedulerClass dif_scheduler_class_kdpm2 = {
  .name           = "KDPM2DiscreteScheduler",
  .aliases        = "dpm2|kdpm2",
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
