/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpm.c - what the solvers in lambda = log (alpha / sigma) share.
 *
 * Source: Lu et al. 2022, Zhao et al. 2023; diffusers' methods of the same
 * purpose.
 */
#include "schedulers/dpm-private.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "schedulers/flow-private.h"

DifDpmPoint
_dif_dpm_point (DifScheduler *s, float sigma)
{
  DifDpmPoint p = { .alpha = 1.0f / sqrtf (sigma * sigma + 1.0f) };

  p.sigma = sigma * p.alpha;
  if (_dif_scheduler_flag (s, "use_flow_sigmas"))
    p = (DifDpmPoint) { .alpha = 1.0f - sigma, .sigma = sigma };
  p.lambda = logf (p.alpha) - logf (p.sigma);
  return p;
}

guint
_dif_dpm_order (DifScheduler *s, guint index, guint order)
{
  for (guint k = 1; k < order; k++)
    if (s->sigmas[index - k] == s->sigmas[index - k + 1])
      return k;
  return order;
}

gboolean
_dif_dpm_is_still (DifScheduler *s, guint index)
{
  return s->sigmas[index] == s->sigmas[index + 1];
}

DifTensor *
_dif_dpm_predict_x0 (DifScheduler *s, const DifSchedulerStep *c, const DifDpmPoint *p)
{
  DifTensor *x0 = c->output;
  double     factors[2];

  _dif_clean_factors (s, p->alpha, p->sigma, factors);
  if (! _dif_scheduler_word_is (s, "prediction_type", "sample"))
    x0 = _dif_combine (c->cx, factors[0], c->sample, factors[1], c->output);
  return _dif_bound (s, c->cx, x0);
}

DifTensor *
_dif_dpm_predict_noise (DifScheduler *s, const DifSchedulerStep *c, const DifDpmPoint *p)
{
  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    return _dif_combine (c->cx, 1.0 / p->sigma, c->sample, -(double) p->alpha / p->sigma,
                         c->output);
  if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    return _dif_combine (c->cx, p->alpha, c->output, p->sigma, c->sample);
  return c->output;
}

/* ---- answers ---- */

static gboolean
predicts_picture (DifScheduler *s)
{
  return g_str_has_suffix (_dif_scheduler_word (s, "algorithm_type"), "++");
}

gboolean
_dif_dpm_is_stochastic (DifScheduler *s)
{
  return g_str_has_prefix (_dif_scheduler_word (s, "algorithm_type"), "sde-");
}

char *
_dif_dpm_check (DifScheduler *s)
{
  const char *type = _dif_scheduler_word (s, "algorithm_type");

  if (! predicts_picture (s) && _dif_scheduler_word_is (s, "final_sigmas_type", "zero"))
    return g_strdup_printf ("algorithm_type %s: expected final_sigmas_type sigma_min, found zero",
                            type);
  if (strcmp (type, "deis") == 0)
    _dif_scheduler_replace_word (s, "algorithm_type", "dpmsolver++");
  if (! _dif_scheduler_word_is (s, "solver_type", "heun"))
    _dif_scheduler_replace_word (s, "solver_type", "midpoint");
  return _dif_noise_check_shapes (s);
}

/* Of a model that predicts its variance as well, diffusers takes the first three
 * channels: right for RGB, impossible for latents. */
static gboolean
has_too_many_channels (DifScheduler *s, const DifSchedulerStep *c)
{
  const char *variance = _dif_scheduler_word (s, "variance_type");

  return variance && g_str_has_prefix (variance, "learned") && dif_tensor_dim (c->output, -1) > 3 &&
         _dif_scheduler_word_is (s, "prediction_type", "epsilon");
}

DifTensor *
_dif_dpm_convert (DifScheduler *s, const DifSchedulerStep *c)
{
  DifDpmPoint p = _dif_dpm_point (s, s->sigmas[c->index]);
  DifTensor  *x0, *noise;

  if (has_too_many_channels (s, c))
    return dif_context_fail (
        c->cx,
        g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                     "variance_type %s: expected up to 3 channels, found %" G_GSIZE_FORMAT,
                     _dif_scheduler_word (s, "variance_type"), dif_tensor_dim (c->output, -1)));
  if (predicts_picture (s))
    return _dif_dpm_predict_x0 (s, c, &p);
  noise = _dif_dpm_predict_noise (s, c, &p);
  if (! _dif_scheduler_flag (s, "thresholding"))
    return noise;
  x0 = _dif_combine (c->cx, 1.0 / p.alpha, c->sample, -(double) p.sigma / p.alpha, noise);
  x0 = _dif_threshold (s, c->cx, x0);
  return _dif_combine (c->cx, 1.0 / p.sigma, c->sample, -(double) p.alpha / p.sigma, x0);
}

/* ---- the factors of a step ---- */

/* Lu et al. 2022b: @h is the width of the step in lambda. */
static DifDpmFactors
factors_of_picture (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float         grow = expf (-h) - 1.0f;
  DifDpmFactors f    = { .sample = to.sigma / from.sigma, .answer = -(to.alpha * grow) };

  f.first  = use_heun ? to.alpha * (grow / h + 1.0f) : -0.5f * (to.alpha * grow);
  f.second = -(to.alpha * ((grow + h) / (h * h) - 0.5f));
  return f;
}

/* Lu et al. 2022a */
static DifDpmFactors
factors_of_noise (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float         grow = expf (h) - 1.0f;
  DifDpmFactors f    = { .sample = to.alpha / from.alpha, .answer = -(to.sigma * grow) };

  f.first  = use_heun ? -(to.sigma * (grow / h - 1.0f)) : -0.5f * (to.sigma * grow);
  f.second = -(to.sigma * ((grow - h) / (h * h) - 0.5f));
  return f;
}

static DifDpmFactors
factors_of_picture_sde (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float         gain = 1.0f - expf (-2.0f * h);
  DifDpmFactors f    = { .sample = to.sigma / from.sigma * expf (-h), .answer = to.alpha * gain };

  f.first  = use_heun ? to.alpha * (gain / (-2.0f * h) + 1.0f) : 0.5f * (to.alpha * gain);
  f.second = to.alpha * ((gain - 2.0f * h) / (4.0f * h * h) - 0.5f);
  f.noise  = to.sigma * sqrtf (gain);
  return f;
}

static DifDpmFactors
factors_of_noise_sde (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float         grow = expf (h) - 1.0f;
  DifDpmFactors f    = { .sample = to.alpha / from.alpha, .answer = -2.0f * (to.sigma * grow) };

  f.first = use_heun ? -2.0f * (to.sigma * (grow / h - 1.0f)) : -(to.sigma * grow);
  f.noise = to.sigma * sqrtf (expf (2.0f * h) - 1.0f);
  return f;
}

DifDpmFactors
_dif_dpm_factors (DifScheduler *s, gboolean third, DifDpmPoint from, DifDpmPoint to)
{
  static DifDpmFactors (*const table[2][2]) (float, DifDpmPoint, DifDpmPoint, gboolean) = {
    { factors_of_noise, factors_of_noise_sde },
    { factors_of_picture, factors_of_picture_sde }
  };
  gboolean use_heun = third || _dif_scheduler_word_is (s, "solver_type", "heun");
  gboolean is_sde   = _dif_dpm_is_stochastic (s);

  return table[predicts_picture (s)][is_sde](to.lambda - from.lambda, from, to, use_heun);
}

/* ---- timesteps ---- */

/* How many training timesteps have a lambda of at least lambda_min_clipped. */
static guint
last_timestep (DifScheduler *s)
{
  guint  last = s->n_train;
  double least;

  if (! _dif_scheduler_has (s, "lambda_min_clipped"))
    return last;
  least = _dif_scheduler_number (s, "lambda_min_clipped");
  while (last > 0)
    {
      float a = s->alphas_cumprod[last - 1];

      if ((double) (logf (sqrtf (a)) - logf (sqrtf (1.0f - a))) >= least)
        break;
      last--;
    }
  return last;
}

/* use_lu_lambdas: evenly spaced in lambda (Lu et al. 2022b, section 5.3). */
static void
even_lambdas (DifScheduler *s, const float *table, double *sigmas, double *t, guint n)
{
  g_autofree float *logs = g_new (float, s->n_train);
  double            high, low;

  for (guint i = 0; i < s->n_train; i++)
    logs[i] = logf (table[i]);
  high = logs[s->n_train - 1];
  low  = logs[0];
  for (guint i = 0; i < n; i++)
    {
      double ramp = n < 2 ? 0 : i == n - 1 ? 1
                                           : i * (1.0 / (n - 1));

      sigmas[i] = exp (high + ramp * (low - high));
      t[i]      = _dif_noise_sigma_to_t (logs, s->n_train, sigmas[i]);
    }
}

/* Karras or another shape, if the config asks for one; the number of timesteps
 * then is @n. */
static gboolean
reshape (DifScheduler *s, const float *table, double *sigmas, double *t, guint n, gboolean round)
{
  gboolean use_karras = _dif_scheduler_flag (s, "use_karras_sigmas");
  gboolean use_lu     = ! use_karras && _dif_scheduler_flag (s, "use_lu_lambdas");

  if (use_lu)
    even_lambdas (s, table, sigmas, t, n);
  else if (! _dif_noise_reshape (s, table, table[0], table[s->n_train - 1], sigmas, t, n))
    return FALSE;
  if (round && (use_karras || use_lu))
    for (guint i = 0; i < n; i++)
      t[i] = rint (t[i]);
  return TRUE;
}

/* @t (transfer full) and @sigmas, followed by @last, become the tables of @s;
 * timesteps are cut to integers, as a cast to int64 does. */
static void
take_tables (DifScheduler *s, double *t, const double *sigmas, guint n_calls, double last)
{
  float *out = g_new (float, n_calls + 1);

  for (guint i = 0; i < n_calls; i++)
    {
      t[i]   = trunc (t[i]);
      out[i] = (float) sigmas[i];
    }
  out[n_calls] = (float) last;
  _dif_noise_take (s, t, n_calls, out, n_calls + 1);
}

gboolean
_dif_dpm_flow_timesteps (DifScheduler *s, guint n, GError **error)
{
  g_autofree double *sigmas = g_new (double, n);
  g_autofree float  *table  = _dif_noise_sigmas (s);
  double             shift = _dif_scheduler_number (s, "flow_shift"), least = 1.0 / s->n_train;
  double            *t = g_new (double, n);

  if (_dif_scheduler_flag (s, "use_dynamic_shifting") && isfinite (s->mu))
    shift = exp (s->mu);
  for (guint i = 0; i < n; i++)
    {
      double alpha = i == 0 ? least : (n - i) * ((least - 1) / n) + 1;

      sigmas[i] = _dif_flow_shifted (1 - alpha, shift, FALSE);
      t[i]      = sigmas[i] * s->n_train;
    }
  take_tables (s, t, sigmas, n,
               _dif_scheduler_word_is (s, "final_sigmas_type", "zero") ? 0 : table[0]);
  return TRUE;
}

gboolean
_dif_dpm_flow_timesteps_handed (DifScheduler *s, guint n, GError **error)
{
  g_autofree double *sigmas = g_new (double, n);
  double            *t, last = 1.0 / s->n_train;

  for (guint i = 0; i < n; i++)
    sigmas[i] = i * ((last - 1) / n) + 1;
  if (s->from_one)
    _dif_flow_from_one (sigmas, n, FALSE);
  if (! _dif_flow_shift (s, _dif_scheduler_number (s, "flow_shift"), sigmas, n, FALSE, error))
    return FALSE;
  /* 1 is a little less, since nothing of the picture has no logarithm */
  if (fabs (sigmas[0] - 1) < 1e-6)
    sigmas[0] -= 1e-6;
  t = g_new (double, n);
  for (guint i = 0; i < n; i++)
    t[i] = sigmas[i] * s->n_train;
  take_tables (s, t, sigmas, n,
               _dif_scheduler_word_is (s, "final_sigmas_type", "zero") ? 0 : sigmas[n - 1]);
  return TRUE;
}

gboolean
_dif_dpm_set_timesteps (DifScheduler *s, guint n, DifDpmEnds ends, GError **error)
{
  guint              last   = last_timestep (s), n_calls;
  g_autofree float  *table  = _dif_noise_sigmas (s);
  g_autofree double *sigmas = g_new (double, n);
  double            *t, final = table[0];

  if (last < 1)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "lambda_min_clipped: expected a bound that leaves timesteps, found %g",
                   _dif_scheduler_number (s, "lambda_min_clipped"));
      return FALSE;
    }
  t = _dif_noise_spacing (s, DIF_SPACING_SOLVER, last, n, &n_calls);
  for (guint i = 0; i < n_calls; i++)
    sigmas[i] = _dif_noise_interpolate (table, s->n_train, t[i]);
  if (reshape (s, table, sigmas, t, n, ends & DIF_DPM_ROUND))
    {
      n_calls = n;
      if (ends & DIF_DPM_END_ON_SHAPE)
        final = sigmas[n - 1];
    }
  if (_dif_scheduler_has (s, "final_sigmas_type") &&
      _dif_scheduler_word_is (s, "final_sigmas_type", "zero"))
    final = 0;
  take_tables (s, t, sigmas, n_calls, final);
  return TRUE;
}
