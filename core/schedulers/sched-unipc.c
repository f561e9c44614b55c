/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-unipc.c - a unified predictor and corrector.
 *
 * A step first corrects the sample that the last step predicted, now that the
 * model has answered at it, then predicts the next.  Keeps the answers of the
 * last steps and the corrected sample.
 *
 * Source: Zhao et al. 2023, algorithms 5 to 8; diffusers UniPCMultistepScheduler.
 */
#include <math.h>

#include "base/error.h"
#include "schedulers/dpm-private.h"
#include "schedulers/flow-private.h"

#define MAX_ORDER 4

typedef struct
{
  DifScheduler base;
  DifTensor   *answers[MAX_ORDER]; /* the latest last */
  DifTensor   *last;               /* the corrected sample of the last step */
  guint        n_done;             /* steps done, at most the order */
  guint        order;              /* of the last step */
} UniPC;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_INT ("solver_order", 2, 1, MAX_ORDER),
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction|flow_prediction"),
  DIF_KEYS_THRESHOLDING,
  DIF_KEY_ROW_FLAG ("predict_x0", TRUE),
  DIF_KEY_ROW_WORD ("solver_type", "bh2", "bh1|bh2|midpoint|heun|logrho"),
  DIF_KEY_ROW_FLAG ("lower_order_final", TRUE),
  DIF_KEY_ROW_LIST ("disable_corrector", 1e5, FALSE),
  DIF_KEY_ROW_NULL ("solver_p"),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEYS_FLOW,
  DIF_KEYS_SPACING ("linspace"),
  DIF_KEY_FINAL_SIGMAS,
  DIF_KEY_ZERO_SNR,
  DIF_KEYS_SIGMA_ENDS,
  DIF_KEY_ROW_MAYBE ("shift_terminal", 0, 0.999),
};

static char *
check (DifScheduler *s)
{
  char *why;

  if (! _dif_scheduler_word_is (s, "solver_type", "bh1"))
    _dif_scheduler_replace_word (s, "solver_type", "bh2");
  why = _dif_flow_check (s);
  return why ? why : _dif_noise_check_shapes (s);
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  if (_dif_scheduler_flag (s, "use_flow_sigmas"))
    return _dif_dpm_flow_timesteps_handed (s, n, error);
  return _dif_dpm_set_timesteps (s, n, DIF_DPM_ROUND | DIF_DPM_END_ON_SHAPE, error);
}

/* ---- the weights of a step ---- */

/* Solves the n by n system a x = b in place, by elimination with pivots. */
static void
solve (double a[MAX_ORDER][MAX_ORDER], double *b, guint n)
{
  for (guint k = 0; k < n; k++)
    {
      guint pivot = k;

      for (guint i = k + 1; i < n; i++)
        if (fabs (a[i][k]) > fabs (a[pivot][k]))
          pivot = i;
      for (guint j = 0; j < n; j++)
        {
          double swap = a[k][j];

          a[k][j]     = a[pivot][j];
          a[pivot][j] = swap;
        }
      {
        double swap = b[k];

        b[k]     = b[pivot];
        b[pivot] = swap;
      }
      for (guint i = k + 1; i < n; i++)
        {
          double factor = a[i][k] / a[k][k];

          for (guint j = k; j < n; j++)
            a[i][j] -= factor * a[k][j];
          b[i] -= factor * b[k];
        }
    }
  for (guint k = n; k-- > 0;)
    {
      for (guint j = k + 1; j < n; j++)
        b[k] -= a[k][j] * b[j];
      b[k] /= a[k][k];
    }
}

/* A step between two noise levels, the same for predictor and corrector. */
typedef struct
{
  guint order;
  float sample;         /* factor of the sample it starts from */
  float answer;         /* factor of the answer at its start */
  float difference;     /* factor of the weighted divided differences */
  float r[MAX_ORDER];   /* where the earlier answers lie, in units of the step; r[order - 1] = 1 */
  float rho[MAX_ORDER]; /* weights of the differences */
} Plan;

/* Zhao et al. 2023, eq. 6 to 9: R rho = b.  @index is the entry the step starts
 * from; @n_rho the number of weights wanted: order - 1 to predict, order to
 * correct. */
static Plan
plan (DifScheduler *s, guint index, guint order, guint n_rho)
{
  DifDpmPoint from    = _dif_dpm_point (s, s->sigmas[index]),
              to      = _dif_dpm_point (s, s->sigmas[index + 1]);
  gboolean predict_x0 = _dif_scheduler_flag (s, "predict_x0");
  gboolean is_bh1     = _dif_scheduler_word_is (s, "solver_type", "bh1");
  float    h = to.lambda - from.lambda, hh = predict_x0 ? -h : h;
  float    phi_1 = expm1f (hh), phi = phi_1 / hh - 1.0f, factorial = 1;
  float    bh                      = is_bh1 ? hh : phi_1;
  float    scale                   = predict_x0 ? to.alpha : to.sigma;
  double   a[MAX_ORDER][MAX_ORDER] = { 0 }, b[MAX_ORDER] = { 0 };
  Plan     p = { .order = order, .answer = -(scale * phi_1), .difference = -(scale * bh) };

  p.sample = predict_x0 ? to.sigma / from.sigma : to.alpha / from.alpha;
  for (guint k = 1; k < order; k++)
    p.r[k - 1] = (_dif_dpm_point (s, s->sigmas[index - k]).lambda - from.lambda) / h;
  p.r[order - 1] = 1;
  for (guint k = 0; k < order; k++)
    {
      for (guint j = 0; j < order; j++)
        a[k][j] = powf (p.r[j], (float) k);
      b[k] = phi * factorial / bh;
      factorial *= (float) (k + 2);
      phi = phi / hh - 1.0f / factorial;
    }
  if (n_rho == 1)
    b[0] = 0.5; /* exact to the order needed, and how it is published */
  else
    solve (a, b, n_rho);
  for (guint k = 0; k < n_rho; k++)
    p.rho[k] = (float) b[k];
  return p;
}

/* Sum of sample, answers and, to correct, the answer at the end of the step. */
static DifTensor *
follow (UniPC *u, DifContext *cx, const Plan *p, DifTensor *sample, DifTensor *at_end)
{
  DifTensor *x[MAX_ORDER + 2]    = { sample, u->answers[MAX_ORDER - 1] };
  double     coef[MAX_ORDER + 2] = { p->sample, p->answer };
  guint      n                   = 2;

  for (guint k = 1; k < p->order; k++, n++)
    {
      x[n]    = u->answers[MAX_ORDER - 1 - k];
      coef[n] = (double) p->difference * p->rho[k - 1] / p->r[k - 1];
      coef[1] -= coef[n];
    }
  if (at_end)
    {
      x[n]    = at_end;
      coef[n] = (double) p->difference * p->rho[p->order - 1];
      coef[1] -= coef[n++];
    }
  return _dif_combine_n (cx, n, coef, x);
}

/* ---- steps ---- */

static gboolean
is_corrector_disabled (DifScheduler *s, guint index)
{
  guint         n;
  const double *list = _dif_scheduler_list (s, "disable_corrector", &n);

  for (guint i = 0; i < n; i++)
    if (list[i] == index)
      return TRUE;
  return FALSE;
}

static DifTensor *
convert (DifScheduler *s, const DifSchedulerStep *c)
{
  DifDpmPoint p = _dif_dpm_point (s, s->sigmas[c->index]);

  if (_dif_scheduler_flag (s, "predict_x0"))
    return _dif_dpm_predict_x0 (s, c, &p);
  return _dif_dpm_predict_noise (s, c, &p);
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  UniPC     *u      = (UniPC *) s;
  guint      order  = (guint) _dif_scheduler_number (s, "solver_order");
  DifTensor *answer = convert (s, c), *sample = c->sample;
  Plan       p;

  if (c->index > 0 && u->last && ! _dif_dpm_is_still (s, c->index - 1) &&
      ! is_corrector_disabled (s, c->index - 1))
    {
      p      = plan (s, c->index - 1, u->order, u->order);
      sample = follow (u, c->cx, &p, u->last, answer);
    }
  _dif_shift_in (c->cx, u->answers, MAX_ORDER, answer);
  _dif_hold (c->cx, &u->last, sample);
  if (dif_context_failed (c->cx))
    return dif_context_inert (c->cx);
  if (_dif_scheduler_flag (s, "lower_order_final"))
    order = MIN (order, s->n_calls - c->index);
  u->order  = _dif_dpm_order (s, c->index, MIN (order, u->n_done + 1));
  u->n_done = MIN (u->n_done + 1, MAX_ORDER);
  if (_dif_dpm_is_still (s, c->index))
    return sample;
  p = plan (s, c->index, u->order, u->order - 1);
  return follow (u, c->cx, &p, sample, NULL);
}

static void
reset (DifScheduler *s)
{
  UniPC *u = (UniPC *) s;

  _dif_drop (u->answers, MAX_ORDER);
  _dif_drop (&u->last, 1);
  u->n_done = u->order = 0;
}

const DifSchedulerClass dif_scheduler_class_unipc = {
  .name           = "UniPCMultistepScheduler",
  .aliases        = "unipc",
  .size           = sizeof (UniPC),
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
