/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-dpm-singlestep.c - DPM-Solver in steps of one, two and three calls.
 *
 * Calls come in groups: the first goes on from the group's start at first order,
 * the second redoes the way from the start at second order, the third at third.
 * Keeps the answers of a group and the sample it started from.
 *
 * Source: Lu et al. 2022a, algorithms 1 and 2, 2022b, algorithm 1; diffusers
 * DPMSolverSinglestepScheduler.
 */
#include <math.h>

#include "schedulers/dpm-private.h"

#define MAX_ORDER 3

typedef struct
{
  DifScheduler base;
  DifTensor   *answers[MAX_ORDER]; /* the latest last */
  guint        n_done;             /* answers kept */
  DifTensor   *start;              /* sample the group started from */
} DpmSingle;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_INT ("solver_order", 2, 1, MAX_ORDER),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEY_ROW_WORD ("algorithm_type", "dpmsolver++", "dpmsolver|dpmsolver++|sde-dpmsolver++|deis"),
  DIF_KEY_ROW_WORD ("solver_type", "midpoint", "midpoint|heun|logrho|bh1|bh2"),
  DIF_KEY_ROW_FLAG ("lower_order_final", FALSE),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEYS_NO_FLOW,
  DIF_KEY_FINAL_SIGMAS,
  DIF_KEY_ROW_DOUBLE ("lambda_min_clipped", -HUGE_VAL, -HUGE_VAL, HUGE_VAL),
  DIF_KEY_ROW_WORD ("variance_type", NULL, DIF_VARIANCE_WORDS),
};

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  return _dif_dpm_set_timesteps (s, n, DIF_DPM_ROUND, error);
}

/* Orders rise within a group.  The last group is cut short where the number of
 * steps is no multiple of the order; where it is, the last call starts a group
 * of its own (lower_order_final, which a last sigma of zero makes necessary). */
static guint
order_of_step (DifScheduler *s, guint index, guint n_done)
{
  guint    most    = (guint) _dif_scheduler_number (s, "solver_order");
  gboolean is_last = index + 1 == s->n_calls;
  gboolean is_zero = _dif_scheduler_word_is (s, "final_sigmas_type", "zero");
  gboolean lower   = _dif_scheduler_flag (s, "lower_order_final") && s->n_calls % most == 0;
  guint    order   = MIN (index % most + 1, n_done);

  if ((is_last && (is_zero || lower)) || _dif_dpm_order (s, index, order) < order)
    return 1;
  return order;
}

/* Factors of the last @order answers, latest first, from those of the differences. */
static void
spread (DifScheduler *s, guint index, guint order, DifDpmFactors f, float h, double *coef)
{
  DifDpmPoint start = _dif_dpm_point (s, s->sigmas[index + 1 - order]);
  float       r0    = (_dif_dpm_point (s, s->sigmas[index]).lambda - start.lambda) / h, r1, d0, d1;

  if (order == 2)
    {
      coef[0] = f.first / r0;
      coef[1] = f.answer - coef[0];
      return;
    }
  r1 = (_dif_dpm_point (s, s->sigmas[index - 1]).lambda - start.lambda) / h;
  if (_dif_scheduler_word_is (s, "solver_type", "heun"))
    {
      d0 = (2.0f * f.second - r1 * f.first) / (r0 - r1);
      d1 = (r0 * f.first - 2.0f * f.second) / (r0 - r1);
    }
  else
    {
      d0 = f.first;
      d1 = 0;
    }
  coef[0] = d0 / r0;
  coef[1] = d1 / r1;
  coef[2] = f.answer - coef[0] - coef[1];
}

static DifTensor *
advance (DpmSingle *p, const DifSchedulerStep *c, guint order, DifTensor *noise)
{
  DifScheduler *s    = &p->base;
  DifDpmPoint   from = _dif_dpm_point (s, s->sigmas[c->index + 1 - order]);
  DifDpmPoint   to   = _dif_dpm_point (s, s->sigmas[c->index + 1]);
  DifDpmFactors f    = _dif_dpm_factors (s, order == 3, from, to);
  DifTensor    *x[MAX_ORDER + 2];
  double        coef[MAX_ORDER + 2];
  guint         n = order;

  for (guint k = 0; k < order; k++)
    x[k] = p->answers[MAX_ORDER - 1 - k];
  if (order == 1)
    coef[0] = f.answer;
  else
    spread (s, c->index, order, f, to.lambda - from.lambda, coef);
  x[n]      = p->start;
  coef[n++] = f.sample;
  if (noise)
    {
      x[n]      = noise;
      coef[n++] = f.noise;
    }
  return _dif_combine_n (c->cx, n, coef, x);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  DpmSingle *p      = (DpmSingle *) s;
  DifTensor *answer = _dif_dpm_convert (s, c), *noise = NULL;
  guint      order;

  _dif_shift_in (c->cx, p->answers, MAX_ORDER, answer);
  if (_dif_dpm_is_stochastic (s))
    noise = _dif_step_noise (c);
  p->n_done = MIN (p->n_done + 1, MAX_ORDER);
  order     = order_of_step (s, c->index, p->n_done);
  if (order == 1)
    _dif_hold (c->cx, &p->start, c->sample);
  if (dif_context_failed (c->cx))
    return dif_context_inert (c->cx);
  if (order == 1 && _dif_dpm_is_still (s, c->index))
    return c->sample;
  return advance (p, c, order, noise);
}

static void
reset (DifScheduler *s)
{
  DpmSingle *p = (DpmSingle *) s;

  _dif_drop (p->answers, MAX_ORDER);
  _dif_drop (&p->start, 1);
  p->n_done = 0;
}

const DifSchedulerClass dif_scheduler_class_dpm_singlestep = {
  .name          = "DPMSolverSinglestepScheduler",
  .aliases       = "dpm++2s|dpmpp-2s|dpm++-singlestep",
  .size          = sizeof (DpmSingle),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_SIGMA_ALPHA,
  .check         = _dif_dpm_check,
  .set_timesteps = set_timesteps,
  .step          = step,
  .reset         = reset,
};
