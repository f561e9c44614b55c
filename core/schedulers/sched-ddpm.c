/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-ddpm.c - denoising diffusion probabilistic models.
 *
 * Keeps nothing between steps.  Variances that the model would predict are not
 * done: the models here answer with one picture.
 *
 * Source: Ho et al. 2020, eq. 7; diffusers DDPMScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_WORD ("variance_type", "fixed_small",
                    "fixed_small|fixed_small_log|fixed_large|fixed_large_log"),
  DIF_KEYS_CLIP (TRUE),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEYS_SPACING ("leading"),
  DIF_KEY_ZERO_SNR,
};

/* Standard deviation of the noise added after a step, from the posterior
 * variance and the upper bound of it. */
static float
deviation (DifScheduler *s, float variance, float bound)
{
  if (_dif_scheduler_word_is (s, "variance_type", "fixed_small_log"))
    return expf (0.5f * logf (variance));
  if (_dif_scheduler_word_is (s, "variance_type", "fixed_large"))
    return sqrtf (bound);
  if (_dif_scheduler_word_is (s, "variance_type", "fixed_large_log"))
    return sqrtf (logf (bound));
  return sqrtf (variance);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  int   t = (int) s->timesteps[c->i];
  float a = _dif_noise_alpha (s, t), b = 1.0f - a;
  float a_previous =
      c->i + 1 < s->n_calls ? _dif_noise_alpha (s, (int) s->timesteps[c->i + 1]) : 1.0f;
  float      b_previous = 1.0f - a_previous;
  float      a_step = a / a_previous, b_step = 1.0f - a_step;
  DifTensor *x0  = _dif_bound (s, c->cx, _dif_predict_x0 (s, c, a));
  DifTensor *out = _dif_combine (c->cx, sqrtf (a_previous) * b_step / b, x0,
                                 sqrtf (a_step) * b_previous / b, c->sample);

  if (t > 0)
    {
      float variance = MAX (b_previous / b * b_step, 1e-20f);

      out = _dif_combine (c->cx, 1.0, out, deviation (s, variance, b_step), _dif_step_noise (c));
    }
  return out;
}

const DifSchedulerClass dif_scheduler_class_ddpm = {
  .name          = "DDPMScheduler",
  .aliases       = "ddpm",
  .size          = sizeof (DifScheduler),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_ALPHAS,
  .set_timesteps = _dif_noise_integer_timesteps,
  .step          = step,
};
