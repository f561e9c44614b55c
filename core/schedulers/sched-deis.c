/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-deis.c - diffusion exponential integrator, log-rho multistep.
 *
 * Fits a polynomial in log (rho), rho = sigma / alpha, through the predicted noise
 * of the last calls and integrates it.  The last sigma is not zero: pictures end
 * with a trace of noise.
 *
 * Source: Zhang & Chen 2022, eq. 14 (tAB-DEIS in log rho); diffusers
 * DEISMultistepScheduler.
 */
#include <math.h>

#include "schedulers/dpm-private.h"

#define MAX_ORDER 3

/* From this many steps on the last ones keep their order (lower_order_final). */
#define FEW_STEPS 15

typedef struct
{
  DifScheduler base;
  DifTensor   *answers[MAX_ORDER]; /* the latest last */
  guint        n_done;
} Deis;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_INT ("solver_order", 2, 1, MAX_ORDER),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEY_ROW_WORD ("algorithm_type", "deis", "deis|dpmsolver|dpmsolver++"),
  DIF_KEY_ROW_WORD ("solver_type", "logrho", "logrho|midpoint|heun|bh1|bh2"),
  DIF_KEY_ROW_FLAG ("lower_order_final", TRUE),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEYS_NO_FLOW,
  DIF_KEYS_SPACING ("linspace"),
};

static char *
check (DifScheduler *s)
{
  _dif_scheduler_replace_word (s, "algorithm_type", "deis");
  _dif_scheduler_replace_word (s, "solver_type", "logrho");
  return _dif_noise_check_shapes (s);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  return _dif_dpm_set_timesteps (s, n, DIF_DPM_ROUND | DIF_DPM_END_ON_SHAPE, error);
}

/* ---- antiderivatives of the Lagrange polynomials in log (t) ---- */

/* of (log t - log c) / (log b - log c) */
static float
integral_2 (float t, float b, float c)
{
  return t * (-logf (c) + logf (t) - 1.0f) / (logf (b) - logf (c));
}

/* of (log t - log c) (log t - log d) / ((log b - log c) (log b - log d)) */
static float
integral_3 (float t, float b, float c, float d)
{
  float lt = logf (t), lb = logf (b), lc = logf (c), ld = logf (d);

  return t * (lc * (ld - lt + 1.0f) - ld * lt + ld + lt * lt - 2.0f * lt + 2.0f) /
         ((lb - lc) * (lb - ld));
}

static guint
order_of_step (DifScheduler *s, guint index, guint n_done)
{
  guint    order = (guint) _dif_scheduler_number (s, "solver_order");
  gboolean lower = _dif_scheduler_flag (s, "lower_order_final") && s->n_calls < FEW_STEPS;

  if (lower && index + 1 == s->n_calls)
    return 1;
  if (lower && index + 2 == s->n_calls)
    order = MIN (order, 2);
  return _dif_dpm_order (s, index, MIN (order, n_done));
}

static float
rho_at (DifScheduler *s, guint index)
{
  DifDpmPoint p = _dif_dpm_point (s, s->sigmas[index]);

  return p.sigma / p.alpha;
}

/* Weights of the last @order answers, latest first. */
static void
weights (DifScheduler *s, guint index, guint order, double *w)
{
  float to = rho_at (s, index + 1), a = rho_at (s, index), b = rho_at (s, index - 1), c;

  if (order == 2)
    {
      w[0] = integral_2 (to, a, b) - integral_2 (a, a, b);
      w[1] = integral_2 (to, b, a) - integral_2 (a, b, a);
      return;
    }
  c    = rho_at (s, index - 2);
  w[0] = integral_3 (to, a, b, c) - integral_3 (a, a, b, c);
  w[1] = integral_3 (to, b, c, a) - integral_3 (a, b, c, a);
  w[2] = integral_3 (to, c, a, b) - integral_3 (a, c, a, b);
}

static DifTensor *
advance (Deis *p, const DifSchedulerStep *c, guint order)
{
  DifScheduler *s    = &p->base;
  DifDpmPoint   from = _dif_dpm_point (s, s->sigmas[c->index]);
  DifDpmPoint   to   = _dif_dpm_point (s, s->sigmas[c->index + 1]);
  DifTensor    *x[MAX_ORDER + 1];
  double        coef[MAX_ORDER + 1];

  if (order == 1)
    coef[0] = -(to.sigma / to.alpha * (expf (to.lambda - from.lambda) - 1.0f));
  else
    weights (s, c->index, order, coef);
  for (guint k = 0; k < order; k++)
    {
      x[k] = p->answers[MAX_ORDER - 1 - k];
      coef[k] *= to.alpha;
    }
  x[order]    = c->sample;
  coef[order] = to.alpha / from.alpha;
  return _dif_combine_n (c->cx, order + 1, coef, x);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  Deis       *p     = (Deis *) s;
  DifDpmPoint here  = _dif_dpm_point (s, s->sigmas[c->index]);
  DifTensor  *noise = _dif_dpm_predict_noise (s, c, &here), *x0;

  if (_dif_scheduler_flag (s, "thresholding"))
    {
      x0    = _dif_dpm_predict_x0 (s, c, &here);
      noise = _dif_combine (c->cx, 1.0 / here.sigma, c->sample, -here.alpha / here.sigma, x0);
    }
  _dif_shift_in (c->cx, p->answers, MAX_ORDER, noise);
  if (dif_context_failed (c->cx))
    return dif_context_inert (c->cx);
  p->n_done = MIN (p->n_done + 1, MAX_ORDER);
  if (_dif_dpm_is_still (s, c->index))
    return c->sample;
  return advance (p, c, order_of_step (s, c->index, p->n_done));
}

static void
reset (DifScheduler *s)
{
  Deis *p = (Deis *) s;

  _dif_drop (p->answers, MAX_ORDER);
  p->n_done = 0;
}

const DifSchedulerClass dif_scheduler_class_deis = {
  .name          = "DEISMultistepScheduler",
  .aliases       = "deis",
  .size          = sizeof (Deis),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_SIGMA_ALPHA,
  .check         = check,
  .set_timesteps = set_timesteps,
  .step          = step,
  .reset         = reset,
};
