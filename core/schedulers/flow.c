/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flow.c - noise levels of flow matching, and how they are shifted.
 *
 * Rounds where diffusers rounds: what a pipeline hands over is float32 (numpy
 * keeps it so through the shift), what the scheduler makes itself is float64.
 *
 * Source: Esser et al. 2024 (the shift); diffusers FlowMatchEulerDiscreteScheduler.
 */
#include <math.h>

#include "base/error.h"
#include "schedulers/flow-private.h"

double
_dif_flow_shifted (double x, double shift, gboolean single)
{
  if (single)
    return (float) shift * (float) x / (1.0f + (float) (shift - 1) * (float) x);
  return shift * x / (1 + (shift - 1) * x);
}

/* m / (m + (1 / x - 1)) */
static double
shifted_by (double x, double m, gboolean single)
{
  if (single)
    return (float) m / ((float) m + (1.0f / (float) x - 1.0f));
  return m / (m + (1 / x - 1));
}

/* Stretches what is left of 1 so that the last is @terminal. */
static void
stretch (double *sigmas, guint n, double terminal, gboolean single)
{
  double factor = (1 - sigmas[n - 1]) / (1 - terminal);

  if (single)
    factor = (1.0f - (float) sigmas[n - 1]) / (float) (1 - terminal);
  for (guint i = 0; i < n; i++)
    if (single)
      sigmas[i] = 1.0f - (1.0f - (float) sigmas[i]) / (float) factor;
    else
      sigmas[i] = 1 - (1 - sigmas[i]) / factor;
}

gboolean
_dif_flow_shift (DifScheduler *s, double shift, double *sigmas, guint n, gboolean single,
                 GError **error)
{
  gboolean dynamic = _dif_scheduler_flag (s, "use_dynamic_shifting");
  double   m = s->mu, terminal = _dif_scheduler_number (s, "shift_terminal");

  if (dynamic && ! isfinite (m))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: expected a shift from the size of the picture for use_dynamic_shifting, "
                   "found none",
                   s->klass->name);
      return FALSE;
    }
  if (dynamic && _dif_scheduler_word_is (s, "time_shift_type", "exponential"))
    m = exp (m);
  for (guint i = 0; i < n; i++)
    sigmas[i] =
        dynamic ? shifted_by (sigmas[i], m, single) : _dif_flow_shifted (sigmas[i], shift, single);
  if (! isnan (terminal) && terminal != 0)
    stretch (sigmas, n, terminal, single);
  return TRUE;
}

/* The noise level of a training timestep, 1 to n_train, shifted once where the shift
 * is static. */
static float
training_sigma (DifScheduler *s, guint t)
{
  float  sigma = (float) t / (float) s->n_train;
  double shift = _dif_scheduler_number (s, "shift");

  if (_dif_scheduler_flag (s, "use_dynamic_shifting"))
    return sigma;
  return (float) _dif_flow_shifted (sigma, shift, TRUE);
}

void
_dif_flow_from_one (double *sigmas, guint n, gboolean single)
{
  for (guint i = 0; i < n; i++)
    {
      sigmas[i] = i == 0 ? 1 : i == n - 1 ? 1.0 / n
                                          : i * ((1.0 / n - 1) / (n - 1)) + 1;
      if (single)
        sigmas[i] = (float) sigmas[i];
    }
}

char *
_dif_flow_check (DifScheduler *s)
{
  gboolean flow = _dif_scheduler_flag (s, "use_flow_sigmas");

  if (! flow && _dif_scheduler_flag (s, "use_dynamic_shifting"))
    return g_strdup ("use_dynamic_shifting: expected false without use_flow_sigmas");
  if (! flow && _dif_scheduler_has (s, "shift_terminal") &&
      ! isnan (_dif_scheduler_number (s, "shift_terminal")))
    return g_strdup ("shift_terminal: expected null without use_flow_sigmas");
  if (flow != _dif_scheduler_word_is (s, "prediction_type", "flow_prediction"))
    return g_strdup ("expected use_flow_sigmas and a prediction_type of flow_prediction, or none "
                     "of both");
  if (flow && (_dif_scheduler_flag (s, "use_karras_sigmas") ||
               _dif_scheduler_flag (s, "use_exponential_sigmas") ||
               _dif_scheduler_flag (s, "use_beta_sigmas")))
    return g_strdup ("use_flow_sigmas: expected no other shape of the sigmas to be true");
  if (flow && ((_dif_scheduler_has (s, "predict_x0") && ! _dif_scheduler_flag (s, "predict_x0")) ||
               (_dif_scheduler_has (s, "algorithm_type") &&
                ! g_str_has_suffix (_dif_scheduler_word (s, "algorithm_type"), "++"))))
    return g_strdup ("prediction_type flow_prediction: expected a solver of predicted pictures "
                     "(predict_x0, or an algorithm_type with ++)");
  return NULL;
}

/* Before any shift of this call: 1 to 1 / n as pipelines hand them over, or evenly
 * between the training's ends. */
static void
fill (DifScheduler *s, double *sigmas, guint n)
{
  double N = s->n_train, high = training_sigma (s, s->n_train) * N, low = training_sigma (s, 1) * N;

  for (guint i = 0; i < n; i++)
    sigmas[i] = (n < 2 ? high : i == n - 1 ? low
                                           : i * ((low - high) / (n - 1)) + high) /
                N;
  if (s->from_one)
    _dif_flow_from_one (sigmas, n, TRUE);
}

gboolean
_dif_flow_set_timesteps (DifScheduler *s, guint n, GError **error)
{
  g_autofree double *sigmas = g_new (double, n);
  gboolean           invert = _dif_scheduler_flag (s, "invert_sigmas");
  double            *t;
  float             *out;

  fill (s, sigmas, n);
  if (! _dif_flow_shift (s, _dif_scheduler_number (s, "shift"), sigmas, n, s->from_one, error))
    return FALSE;
  _dif_noise_shaped (s, sigmas[n - 1], sigmas[0], sigmas, n);
  t   = g_new (double, n);
  out = g_new (float, n + 1);
  for (guint i = 0; i < n; i++)
    {
      out[i] = invert ? 1.0f - (float) sigmas[i] : (float) sigmas[i];
      t[i]   = out[i] * (float) s->n_train;
    }
  out[n] = invert ? 1 : 0;
  _dif_noise_take (s, t, n, out, n + 1);
  return TRUE;
}
