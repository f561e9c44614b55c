/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-euler.c - Euler's method along the probability flow.
 *
 * Keeps nothing between steps.  Without churn, as pipelines call it.
 *
 * Source: Karras et al. 2022, algorithm 2 with S_churn 0; diffusers
 * EulerDiscreteScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_PREDICTION ("epsilon|sample|original_sample|v_prediction"),
  DIF_KEY_ROW_WORD ("interpolation_type", "linear", "linear|log_linear"),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEYS_SIGMA_ENDS,
  DIF_KEYS_SPACING ("linspace"),
  DIF_KEY_ROW_WORD ("timestep_type", "discrete", "discrete|continuous"),
  DIF_KEY_ZERO_SNR,
  DIF_KEY_FINAL_SIGMAS,
};

static char *
check (DifScheduler *s)
{
  if (_dif_scheduler_word_is (s, "prediction_type", "original_sample"))
    _dif_scheduler_replace_word (s, "prediction_type", "sample");
  return _dif_noise_check_shapes (s);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  if (! _dif_noise_discrete_sigmas (s, n, error))
    return FALSE;
  if (_dif_scheduler_word_is (s, "timestep_type", "continuous") &&
      _dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    for (guint i = 0; i < s->n_calls; i++)
      s->timesteps[i] = 0.25f * logf (s->sigmas[i]);
  return TRUE;
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  float      sigma = s->sigmas[c->index], dt = s->sigmas[c->index + 1] - sigma;
  DifTensor *x0         = _dif_predict_x0_at_sigma (s, c, sigma);
  DifTensor *derivative = _dif_combine (c->cx, 1.0 / sigma, c->sample, -1.0 / sigma, x0);

  return _dif_combine (c->cx, 1.0, c->sample, dt, derivative);
}

const DifSchedulerClass dif_scheduler_class_euler = {
  .name           = "EulerDiscreteScheduler",
  .aliases        = "euler",
  .size           = sizeof (DifScheduler),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .zero_snr_floor = TRUE,
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .check          = check,
  .set_timesteps  = set_timesteps,
  .step           = step,
};
