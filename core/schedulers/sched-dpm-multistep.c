/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-dpm-multistep.c - DPM-Solver and DPM-Solver++ over the last answers.
 *
 * Works in lambda = log (alpha / sigma).  The answers kept are predicted pictures
 * ("++") or predicted noise.  The stochastic variants draw noise at every step,
 * also where its factor is zero.
 *
 * Source: Lu et al. 2022a (DPM-Solver, eq. 3.7 to 4.6), 2022b (DPM-Solver++,
 * algorithm 2, appendix B for the third order and the SDE solvers); diffusers
 * DPMSolverMultistepScheduler.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "schedulers/dpm-private.h"
#include "schedulers/flow-private.h"

#define MAX_ORDER 3

/* From this many steps on the last ones keep their order (lower_order_final). */
#define FEW_STEPS 15

typedef struct
{
  DifScheduler base;
  DifTensor   *answers[MAX_ORDER]; /* the latest last */
  guint        n_done;             /* answers kept, at most the order */
} Dpm;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_INT ("solver_order", 2, 1, MAX_ORDER),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction|flow_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEY_ROW_WORD ("algorithm_type", "dpmsolver++",
                    "dpmsolver|dpmsolver++|sde-dpmsolver|sde-dpmsolver++|deis"),
  DIF_KEY_ROW_WORD ("solver_type", "midpoint", "midpoint|heun|logrho|bh1|bh2"),
  DIF_KEY_ROW_FLAG ("lower_order_final", TRUE),
  DIF_KEY_ROW_FLAG ("euler_at_final", FALSE),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEY_ROW_FLAG ("use_lu_lambdas", FALSE),
  DIF_KEYS_FLOW,
  DIF_KEY_FINAL_SIGMAS,
  DIF_KEY_ROW_DOUBLE ("lambda_min_clipped", -HUGE_VAL, -HUGE_VAL, HUGE_VAL),
  DIF_KEY_ROW_WORD (
      "variance_type", NULL,
      "learned|learned_range|fixed_small|fixed_small_log|fixed_large|fixed_large_log"),
  DIF_KEYS_SPACING ("linspace"),
  DIF_KEY_ZERO_SNR,
};

static char *
check (DifScheduler *s)
{
  char *why;

  if (_dif_scheduler_word_is (s, "algorithm_type", "sde-dpmsolver") &&
      _dif_scheduler_number (s, "solver_order") > 2)
    return g_strdup ("algorithm_type sde-dpmsolver: expected a solver_order of 1 or 2, found 3");
  why = _dif_flow_check (s);
  return why ? why : _dif_dpm_check (s);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  gboolean is_cosine = _dif_scheduler_word_is (s, "beta_schedule", "squaredcos_cap_v2");

  if (_dif_scheduler_flag (s, "use_flow_sigmas"))
    return _dif_dpm_flow_timesteps (s, n, error);
  return _dif_dpm_set_timesteps (s, n, is_cosine ? 0 : DIF_DPM_ROUND, error);
}

/* ---- steps ---- */

/* The order of the step at @index (Lu et al. 2022b, section 5: lower at the end). */
static guint
order_of_step (DifScheduler *s, guint index, guint n_done)
{
  guint    order = (guint) _dif_scheduler_number (s, "solver_order");
  gboolean lower = _dif_scheduler_flag (s, "lower_order_final") && s->n_calls < FEW_STEPS;

  if (index + 1 == s->n_calls && (lower || _dif_scheduler_flag (s, "euler_at_final") ||
                                  _dif_scheduler_word_is (s, "final_sigmas_type", "zero")))
    return 1;
  if (index + 2 == s->n_calls && lower)
    order = MIN (order, 2);
  return _dif_dpm_order (s, index, MIN (order, n_done + 1));
}

/* Sum of sample, answers and noise; differences are taken in the coefficients. */
static DifTensor *
advance (Dpm *p, const DifSchedulerStep *c, guint order, DifTensor *noise)
{
  DifScheduler *s       = &p->base;
  DifDpmPoint   to      = _dif_dpm_point (s, s->sigmas[c->index + 1]);
  DifDpmPoint   from    = _dif_dpm_point (s, s->sigmas[c->index]);
  DifDpmFactors f       = _dif_dpm_factors (s, order == 3, from, to);
  float         h       = to.lambda - from.lambda;
  DifTensor    *x[5]    = { c->sample, p->answers[MAX_ORDER - 1] };
  double        coef[5] = { f.sample, f.answer };
  guint         n       = order + 1;

  if (order >= 2)
    {
      DifDpmPoint p1 = _dif_dpm_point (s, s->sigmas[c->index - 1]);
      float       r0 = (from.lambda - p1.lambda) / h, d0 = f.first, d1 = 0;

      x[2] = p->answers[MAX_ORDER - 2];
      if (order == 3)
        {
          DifDpmPoint p2   = _dif_dpm_point (s, s->sigmas[c->index - 2]);
          float       r1   = (p1.lambda - p2.lambda) / h;
          float       both = f.first * (r0 / (r0 + r1)) + f.second / (r0 + r1);

          d0      = f.first + both;
          d1      = -both / r1;
          x[3]    = p->answers[MAX_ORDER - 3];
          coef[3] = -d1;
        }
      coef[1] += d0 / r0;
      coef[2] = d1 - d0 / r0;
    }
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
  Dpm       *p      = (Dpm *) s;
  guint      order  = order_of_step (s, c->index, p->n_done);
  DifTensor *answer = _dif_dpm_convert (s, c), *noise = NULL;

  _dif_shift_in (c->cx, p->answers, MAX_ORDER, answer);
  if (_dif_dpm_is_stochastic (s))
    noise = _dif_step_noise (c);
  if (dif_context_failed (c->cx))
    return dif_context_inert (c->cx);
  p->n_done = MIN (p->n_done + 1, MAX_ORDER);
  if (_dif_dpm_is_still (s, c->index))
    return c->sample;
  return advance (p, c, order, noise);
}

static void
reset (DifScheduler *s)
{
  Dpm *p = (Dpm *) s;

  _dif_drop (p->answers, MAX_ORDER);
  p->n_done = 0;
}

const DifSchedulerClass dif_scheduler_class_dpm_multistep = {
  .name           = "DPMSolverMultistepScheduler",
  .aliases        = "dpm++|dpmpp|dpm-solver|dpm-solver++|dpm++2m|dpmpp-2m",
  .size           = sizeof (Dpm),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .zero_snr_floor = TRUE,
  .noising        = DIF_NOISING_SIGMA_ALPHA,
  .check          = check,
  .set_timesteps  = set_timesteps,
  .step           = step,
  .reset          = reset,
};
