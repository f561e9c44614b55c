/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-flow-euler.c - Euler's method along a straight flow.
 *
 * The model answers with the velocity, noise less picture.  Keeps nothing
 * between steps.
 *
 * Source: Lipman et al. 2022, Esser et al. 2024; diffusers
 * FlowMatchEulerDiscreteScheduler.
 */
#include <math.h>

#include "schedulers/flow-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEY_ROW_INT ("num_train_timesteps", 1000, 2, 1e5),
  DIF_KEY_ROW_DOUBLE ("shift", 1.0, 1e-6, 1e6),
  DIF_KEY_ROW_FLAG ("use_dynamic_shifting", FALSE),
  DIF_KEY_ROW_DOUBLE ("base_shift", 0.5, -100, 100),
  DIF_KEY_ROW_DOUBLE ("max_shift", 1.15, -100, 100),
  DIF_KEY_ROW_INT ("base_image_seq_len", 256, 1, 1e9),
  DIF_KEY_ROW_INT ("max_image_seq_len", 4096, 1, 1e9),
  DIF_KEY_ROW_FLAG ("invert_sigmas", FALSE),
  DIF_KEY_ROW_MAYBE ("shift_terminal", 0, 0.999),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEY_ROW_WORD ("time_shift_type", "exponential", "exponential|linear"),
  DIF_KEY_ROW_FLAG ("stochastic_sampling", FALSE),
};

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  float      from = s->sigmas[c->index], to = s->sigmas[c->index + 1];
  DifTensor *x0;

  if (! _dif_scheduler_flag (s, "stochastic_sampling"))
    return _dif_combine (c->cx, 1.0, c->sample, to - from, c->output);
  x0 = _dif_combine (c->cx, 1.0, c->sample, -from, c->output);
  return _dif_combine (c->cx, 1.0f - to, x0, to, _dif_step_noise (c));
}

static void
clean_factors (DifScheduler *s, guint index, double factors[2])
{
  factors[0] = 1;
  factors[1] = -s->sigmas[index];
}

const DifSchedulerClass dif_scheduler_class_flow_euler = {
  .name          = "FlowMatchEulerDiscreteScheduler",
  .aliases       = "flow-euler|flow-match-euler",
  .size          = sizeof (DifScheduler),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_FLOW,
  .check         = _dif_noise_check_shapes,
  .set_timesteps = _dif_flow_set_timesteps,
  .step          = step,
  .clean_factors = clean_factors,
};
