/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-heun.c - Heun's second order method: two calls per step but the last.
 *
 * Between the two calls of a step it keeps the sample and the first derivative.
 * Timesteps and sigmas but the outermost are listed twice, so that the index of
 * a call finds its sigma.
 *
 * Source: Karras et al. 2022, algorithm 1; diffusers HeunDiscreteScheduler.
 */
#include "schedulers/scheduler-private.h"

typedef struct
{
  DifScheduler base;
  DifTensor   *derivative; /* NULL before the first call of a step */
  DifTensor   *sample;
  float        dt;
} Heun;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.00085, 0.012),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEYS_CLIP (FALSE),
  DIF_KEYS_SPACING ("linspace"),
};

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  guint   n_visits, n_calls = 0, n_sigmas = 0;
  double *t;
  float  *sigmas;

  if (! _dif_noise_discrete_sigmas (s, n, error))
    return FALSE;
  n_visits = s->n_calls;
  t        = g_new (double, 2 * n_visits);
  sigmas   = g_new (float, 2 * n_visits + 1);
  for (guint i = 0; i < n_visits; i++)
    for (guint twice = 0; twice < (i ? 2 : 1); twice++)
      {
        t[n_calls++]       = s->timesteps[i];
        sigmas[n_sigmas++] = s->sigmas[i];
      }
  sigmas[n_sigmas++] = s->sigmas[n_visits];
  _dif_noise_take (s, t, n_calls, sigmas, n_sigmas);
  return TRUE;
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  Heun      *p        = (Heun *) s;
  gboolean   is_first = ! p->derivative;
  float      sigma    = s->sigmas[c->index];
  DifTensor *x0       = _dif_bound (s, c->cx, _dif_predict_x0_at_sigma (s, c, sigma));
  DifTensor *here     = _dif_combine (c->cx, 1.0 / sigma, c->sample, -1.0 / sigma, x0);
  DifTensor *out, *mean;

  if (is_first)
    {
      p->dt = s->sigmas[c->index + 1] - sigma;
      _dif_hold (c->cx, &p->derivative, here);
      _dif_hold (c->cx, &p->sample, c->sample);
      return _dif_combine (c->cx, 1.0, c->sample, p->dt, here);
    }
  mean = _dif_combine (c->cx, 0.5, p->derivative, 0.5, here);
  out  = _dif_combine (c->cx, 1.0, p->sample, p->dt, mean);
  _dif_drop (&p->derivative, 1);
  _dif_drop (&p->sample, 1);
  return out;
}

static void
reset (DifScheduler *s)
{
  Heun *p = (Heun *) s;

  _dif_drop (&p->derivative, 1);
  _dif_drop (&p->sample, 1);
}

const DifSchedulerClass dif_scheduler_class_heun = {
  .name           = "HeunDiscreteScheduler",
  .aliases        = "heun",
  .size           = sizeof (Heun),
  .order          = 2,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .check          = _dif_noise_check_shapes,
  .set_timesteps  = set_timesteps,
  .step           = step,
  .reset          = reset,
};
