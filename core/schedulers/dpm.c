/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpm.c - what the solvers in lambda = log (alpha / sigma) share.
 *
 * Source: Lu et al. 2022, Zhao et al. 2023; diffusers' methods of the same
 * purpose.
 */
#include "schedulers/dpm-private.h"

#include <math.h>

DifDpmPoint
_dif_dpm_point (float sigma)
{
  DifDpmPoint p = { .alpha = 1.0f / sqrtf (sigma * sigma + 1.0f) };

  p.sigma  = sigma * p.alpha;
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
  DifTensor *x0;

  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    x0 = c->output;
  else if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    x0 = _dif_combine (c->cx, p->alpha, c->sample, -p->sigma, c->output);
  else
    x0 = _dif_combine (c->cx, 1.0 / p->alpha, c->sample, -(double) p->sigma / p->alpha, c->output);
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

void
_dif_dpm_take (DifScheduler *s, double *t, const double *sigmas, guint n_calls, double last)
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
