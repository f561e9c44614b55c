/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-euler-ancestral.c - Euler's method with fresh noise after every step.
 *
 * Keeps nothing between steps.  Noise is drawn at the last step as well, where
 * its factor is zero: the random numbers that follow depend on it.
 *
 * Source: k-diffusion sample_euler_ancestral; diffusers
 * EulerAncestralDiscreteScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_PREDICTION ("epsilon|v_prediction"),
  DIF_KEYS_SPACING ("linspace"),
  DIF_KEY_ZERO_SNR,
};

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  float      from = s->sigmas[c->index], to = s->sigmas[c->index + 1];
  float      up, down;
  DifTensor *x0         = _dif_predict_x0_at_sigma (s, c, from);
  DifTensor *derivative = _dif_combine (c->cx, 1.0 / from, c->sample, -1.0 / from, x0);
  DifTensor *mean;

  _dif_noise_ancestral (from, to, &down, &up);
  mean = _dif_combine (c->cx, 1.0, c->sample, down - from, derivative);
  return _dif_combine (c->cx, 1.0, mean, up, _dif_step_noise (c));
}

const DifSchedulerClass dif_scheduler_class_euler_ancestral = {
  .name           = "EulerAncestralDiscreteScheduler",
  .aliases        = "euler-a|euler-ancestral",
  .size           = sizeof (DifScheduler),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .zero_snr_floor = TRUE,
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .set_timesteps  = _dif_noise_discrete_sigmas,
  .step           = step,
};
