/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-lcm.c - latent consistency models: a picture at every call, noised again.
 *
 * Keeps nothing between steps.
 *
 * Source: Luo et al. 2023, algorithm 3 and appendix C (the boundary condition);
 * diffusers LCMScheduler.
 */
#include <math.h>

#include "schedulers/lcm-private.h"

/* Standard deviation of the data, which the boundary condition assumes. */
#define SIGMA_DATA 0.5f

static const DifSchedulerKey keys[] = { DIF_LCM_KEYS };

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  int        t       = (int) s->timesteps[c->i];
  float      scaled  = (float) (t * _dif_scheduler_number (s, "timestep_scaling"));
  float      square  = scaled * scaled + SIGMA_DATA * SIGMA_DATA, a;
  DifTensor *x0      = _dif_bound (s, c->cx, _dif_predict_x0 (s, c, _dif_noise_alpha (s, t)));
  DifTensor *picture = _dif_combine (c->cx, scaled / sqrtf (square), x0,
                                     SIGMA_DATA * SIGMA_DATA / square, c->sample);

  if (_dif_lcm_is_last (s, c))
    return picture;
  a = _dif_noise_alpha (s, (int) s->timesteps[c->index + 1]);
  return _dif_combine (c->cx, sqrtf (a), picture, sqrtf (1.0f - a), _dif_step_noise (c));
}

const DifSchedulerClass dif_scheduler_class_lcm = {
  .name           = "LCMScheduler",
  .aliases        = "lcm",
  .size           = sizeof (DifScheduler),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .takes_strength = TRUE,
  .noising        = DIF_NOISING_ALPHAS,
  .set_timesteps  = _dif_lcm_set_timesteps,
  .step           = step,
};
