/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kdpm2.c - what the two second order solvers of Karras' kind share.
 *
 * A step asks the model at its sigma and at one in the middle, in logarithms, of
 * the way; the second answer carries the whole step.
 *
 * Source: Karras et al. 2022, algorithm 2 and k-diffusion's sample_dpm_2;
 * diffusers KDPM2DiscreteScheduler.
 */
#include "schedulers/kdpm2-private.h"

#include <math.h>

/* Visits and the timesteps of the middles in turn: t0, m0, t1, m1, ... */
static double *
interleave (DifScheduler *s, const float *middles, const double *t, guint n)
{
  g_autofree float *table = _dif_noise_sigmas (s);
  double           *out   = g_new (double, 2 * n);

  for (guint i = 0; i < s->n_train; i++)
    table[i] = logf (table[i]);
  for (guint k = 0; k < n; k++)
    {
      out[2 * k] = t[k];
      if (k + 1 < n)
        out[2 * k + 1] = (float) _dif_noise_sigma_to_t (table, s->n_train, middles[k]);
    }
  return out;
}

gboolean
_dif_kdpm2_set_timesteps (DifScheduler *s, guint n, DifKdpm2Middle middle, GError **error)
{
  DifKdpm2 *p = (DifKdpm2 *) s;
  guint     n_visits;
  double   *t;
  float    *sigmas;

  if (! _dif_noise_discrete_sigmas (s, n, error))
    return FALSE;
  n_visits = s->n_calls;
  if (_dif_scheduler_flag (s, "use_karras_sigmas"))
    for (guint k = 0; k < n_visits; k++)
      s->timesteps[k] = rint (s->timesteps[k]);
  g_free (p->middle);
  p->middle = g_new0 (float, 2 * n_visits);
  sigmas    = g_new0 (float, 2 * n_visits + 2);
  for (guint k = 0; k + 1 < n_visits; k++)
    p->middle[k] = middle (s->sigmas, k);
  t = interleave (s, p->middle, s->timesteps, n_visits);
  for (guint i = 2 * n_visits - 1; i-- > 0;)
    p->middle[i] = p->middle[i / 2];
  for (guint i = 0; i < 2 * n_visits; i++)
    sigmas[i] = s->sigmas[(i + 1) / 2];
  _dif_noise_take (s, t, 2 * n_visits - 1, sigmas, 2 * n_visits + 2);
  return TRUE;
}

/* The noise level of a call. */
static float
sigma_of (DifScheduler *s, guint index)
{
  DifKdpm2 *p = (DifKdpm2 *) s;

  return p->start ? p->middle[index] : s->sigmas[index];
}

double
_dif_kdpm2_input_factor (DifScheduler *s, guint index)
{
  float sigma = sigma_of (s, index);

  return 1.0 / sqrtf (sigma * sigma + 1.0f);
}

void
_dif_kdpm2_clean_factors (DifScheduler *s, guint index, double factors[2])
{
  _dif_clean_factors_at_sigma (s, sigma_of (s, index), factors);
}

DifTensor *
_dif_kdpm2_step (DifScheduler *s, const DifSchedulerStep *c, float end)
{
  DifKdpm2  *p        = (DifKdpm2 *) s;
  gboolean   is_first = ! p->start;
  float      middle   = p->middle[c->index];
  float      sigma    = s->sigmas[is_first ? c->index : c->index - 1];
  float      here     = is_first ? sigma : middle;
  DifTensor *x0       = _dif_predict_x0_at_sigma (s, c, here);
  DifTensor *slope    = _dif_combine (c->cx, 1.0 / here, c->sample, -1.0 / here, x0);
  DifTensor *out;

  if (is_first)
    {
      _dif_hold (c->cx, &p->start, c->sample);
      return _dif_combine (c->cx, 1.0, c->sample, middle - sigma, slope);
    }
  out = _dif_combine (c->cx, 1.0, p->start, end - sigma, slope);
  _dif_drop (&p->start, 1);
  return out;
}

void
_dif_kdpm2_reset (DifScheduler *s)
{
  _dif_drop (&((DifKdpm2 *) s)->start, 1);
}

void
_dif_kdpm2_finalize (DifScheduler *s)
{
  g_free (((DifKdpm2 *) s)->middle);
}
