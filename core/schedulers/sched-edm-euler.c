/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-edm-euler.c - Euler's method for models with Karras' preconditioning.
 *
 * Keeps nothing between steps.  Sigmas come from their own range, not from a
 * table of training timesteps.
 *
 * Source: Karras et al. 2022, table 1 (EDM) and algorithm 2 with S_churn 0;
 * diffusers EDMEulerScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

static const DifSchedulerKey keys[] = {
  DIF_KEY_ROW_DOUBLE ("sigma_min", 0.002, 1e-10, 1e10),
  DIF_KEY_ROW_DOUBLE ("sigma_max", 80.0, 1e-10, 1e10),
  DIF_KEY_ROW_DOUBLE ("sigma_data", 0.5, 1e-10, 1e10),
  DIF_KEY_ROW_WORD ("sigma_schedule", "karras", "karras|exponential"),
  DIF_KEY_ROW_INT ("num_train_timesteps", 1000, 2, 1e5),
  DIF_KEY_PREDICTION ("epsilon|v_prediction"),
  DIF_KEY_ROW_DOUBLE ("rho", 7.0, 1e-3, 1e3),
  DIF_KEY_FINAL_SIGMAS,
};

static double
sigma_at (DifScheduler *s, guint i, guint n)
{
  double low  = _dif_scheduler_number (s, "sigma_min"),
         high = _dif_scheduler_number (s, "sigma_max");
  double rho = _dif_scheduler_number (s, "rho"), ramp = n > 1 ? (double) i / (n - 1) : 0;

  if (_dif_scheduler_word_is (s, "sigma_schedule", "exponential"))
    return n > 1 ? exp (log (high) + ramp * (log (low) - log (high))) : low;
  return pow (pow (high, 1 / rho) + ramp * (pow (low, 1 / rho) - pow (high, 1 / rho)), rho);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  double *t      = g_new (double, n);
  float  *sigmas = g_new (float, n + 1);

  for (guint i = 0; i < n; i++)
    {
      sigmas[i] = (float) sigma_at (s, i, n);
      t[i]      = 0.25f * logf (sigmas[i]);
    }
  sigmas[n] = _dif_scheduler_word_is (s, "final_sigmas_type", "zero") ? 0 : sigmas[n - 1];
  _dif_noise_take (s, t, n, sigmas, n + 1);
  return TRUE;
}

static double
initial_noise (DifScheduler *s)
{
  return hypot (_dif_scheduler_number (s, "sigma_max"), 1);
}

static double
input_factor (DifScheduler *s, guint index)
{
  return 1 / hypot ((double) s->sigmas[index], _dif_scheduler_number (s, "sigma_data"));
}

static void
clean_factors (DifScheduler *s, guint index, double factors[2])
{
  float sigma = s->sigmas[index], data = (float) _dif_scheduler_number (s, "sigma_data");
  float square = sigma * sigma + data * data, of_output = sigma * data / sqrtf (square);

  factors[0] = data * data / square;
  factors[1] = _dif_scheduler_word_is (s, "prediction_type", "v_prediction") ? -of_output
                                                                             : of_output;
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  float      sigma = s->sigmas[c->index], dt = s->sigmas[c->index + 1] - sigma;
  double     factors[2];
  DifTensor *x0, *slope;

  clean_factors (s, c->index, factors);
  x0    = _dif_combine (c->cx, factors[0], c->sample, factors[1], c->output);
  slope = _dif_combine (c->cx, 1.0 / sigma, c->sample, -1.0 / sigma, x0);
  return _dif_combine (c->cx, 1.0, c->sample, dt, slope);
}

const DifSchedulerClass dif_scheduler_class_edm_euler = {
  .name           = "EDMEulerScheduler",
  .aliases        = "edm-euler|edm",
  .size           = sizeof (DifScheduler),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .set_timesteps  = set_timesteps,
  .initial_noise  = initial_noise,
  .input_factor   = input_factor,
  .clean_factors  = clean_factors,
  .step           = step,
};
