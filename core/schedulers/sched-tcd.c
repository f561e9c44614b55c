/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-tcd.c - trajectory consistency distillation.
 *
 * Keeps nothing between steps.  eta, gamma in the paper, says how far below the
 * next noise level a step goes before noise is added.
 *
 * Source: Zheng et al. 2024, algorithm 4; diffusers TCDScheduler.
 */
#include <math.h>

#include "base/error.h"
#include "schedulers/lcm-private.h"

static const DifSchedulerKey keys[] = { DIF_LCM_KEYS };

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  gboolean   is_last = _dif_lcm_is_last (s, c);
  double     next    = is_last ? 0 : s->timesteps[c->index + 1];
  float      a       = _dif_noise_alpha (s, (int) s->timesteps[c->i]);
  float      a_next  = _dif_noise_alpha (s, (int) next);
  float      a_below = _dif_noise_alpha (s, (int) floorf ((float) (1.0 - c->eta) * (float) next));
  DifTensor *x0      = _dif_predict_x0 (s, c, a);
  DifTensor *noise   = _dif_predict_noise (s, c, a);
  DifTensor *below   = _dif_combine (c->cx, sqrtf (a_below), x0, sqrtf (1.0f - a_below), noise);

  if (! (c->eta >= 0 && c->eta <= 1))
    return dif_context_fail (c->cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                                                 "eta: expected 0 to 1, found %g", c->eta));
  if (c->eta <= 0 || is_last)
    return below;
  return _dif_combine (c->cx, sqrtf (a_next / a_below), below, sqrtf (1.0f - a_next / a_below),
                       _dif_step_noise (c));
}

const DifSchedulerClass dif_scheduler_class_tcd = {
  .name           = "TCDScheduler",
  .aliases        = "tcd",
  .size           = sizeof (DifScheduler),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .takes_strength = TRUE,
  .noising        = DIF_NOISING_ALPHAS,
  .set_timesteps  = _dif_lcm_set_timesteps,
  .step           = step,
};
