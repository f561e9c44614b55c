/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-ddim.c - denoising diffusion implicit models.
 *
 * Keeps nothing between steps.
 *
 * Source: Song et al. 2020, eq. 12 and 16; diffusers DDIMScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEYS_CLIP (TRUE),
  DIF_KEY_ROW_FLAG ("set_alpha_to_one", TRUE),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEYS_SPACING ("leading"),
  DIF_KEY_ZERO_SNR,
};

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  int        t        = (int) s->timesteps[c->i];
  int        previous = t - (int) (s->n_train / s->n_steps);
  float      a        = _dif_noise_alpha (s, t), a_previous, variance, sigma;
  DifTensor *x0       = _dif_bound (s, c->cx, _dif_predict_x0 (s, c, a));
  DifTensor *noise    = _dif_predict_noise (s, c, a);
  DifTensor *out;

  if (previous >= 0)
    a_previous = _dif_noise_alpha (s, previous);
  else
    a_previous = _dif_scheduler_flag (s, "set_alpha_to_one") ? 1.0f : _dif_noise_alpha (s, 0);
  variance = (1.0f - a_previous) / (1.0f - a) * (1.0f - a / a_previous);
  sigma    = (float) c->eta * sqrtf (variance);
  out      = _dif_combine (c->cx, sqrtf (a_previous), x0, sqrtf (1.0f - a_previous - sigma * sigma),
                           noise);
  if (c->eta > 0)
    out = _dif_combine (c->cx, 1.0, out, sigma, _dif_step_noise (c));
  return out;
}

const DifSchedulerClass dif_scheduler_class_ddim = {
  .name          = "DDIMScheduler",
  .aliases       = "ddim",
  .size          = sizeof (DifScheduler),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_ALPHAS,
  .set_timesteps = _dif_noise_integer_timesteps,
  .step          = step,
};
