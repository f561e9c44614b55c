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
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
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

static gboolean
predicts_picture (DifScheduler *s)
{
  return g_str_has_suffix (_dif_scheduler_word (s, "algorithm_type"), "++");
}

static gboolean
is_stochastic (DifScheduler *s)
{
  return g_str_has_prefix (_dif_scheduler_word (s, "algorithm_type"), "sde-");
}

static char *
check (DifScheduler *s)
{
  const char *type = _dif_scheduler_word (s, "algorithm_type");

  if (! predicts_picture (s) && _dif_scheduler_word_is (s, "final_sigmas_type", "zero"))
    return g_strdup_printf ("algorithm_type %s: expected final_sigmas_type sigma_min, found zero",
                            type);
  if (strcmp (type, "sde-dpmsolver") == 0 && _dif_scheduler_number (s, "solver_order") > 2)
    return g_strdup ("algorithm_type sde-dpmsolver: expected a solver_order of 1 or 2, found 3");
  if (strcmp (type, "deis") == 0)
    _dif_scheduler_replace_word (s, "algorithm_type", "dpmsolver++");
  if (! _dif_scheduler_word_is (s, "solver_type", "heun"))
    _dif_scheduler_replace_word (s, "solver_type", "midpoint");
  return _dif_noise_check_shapes (s);
}

/* ---- timesteps ---- */

/* How many training timesteps have a lambda of at least lambda_min_clipped. */
static guint
last_timestep (DifScheduler *s)
{
  double least = _dif_scheduler_number (s, "lambda_min_clipped");
  guint  last  = s->n_train;

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

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  guint              last   = last_timestep (s), n_calls;
  g_autofree float  *table  = _dif_noise_sigmas (s);
  g_autofree double *sigmas = NULL;
  double            *t, low = table[0], high = table[s->n_train - 1];
  gboolean           use_karras = _dif_scheduler_flag (s, "use_karras_sigmas");
  gboolean           use_lu     = ! use_karras && _dif_scheduler_flag (s, "use_lu_lambdas");

  if (last < 1)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "lambda_min_clipped: expected a bound that leaves timesteps, found %g",
                   _dif_scheduler_number (s, "lambda_min_clipped"));
      return FALSE;
    }
  t      = _dif_noise_spacing (s, DIF_SPACING_SOLVER, last, n, &n_calls);
  sigmas = g_new (double, n);
  for (guint i = 0; i < n_calls; i++)
    sigmas[i] = _dif_noise_interpolate (table, s->n_train, t[i]);
  if (use_lu || use_karras)
    n_calls = n;
  if (use_lu)
    even_lambdas (s, table, sigmas, t, n);
  else if (_dif_noise_reshape (s, table, low, high, sigmas, t, n))
    n_calls = n;
  if ((use_lu || use_karras) && ! _dif_scheduler_word_is (s, "beta_schedule", "squaredcos_cap_v2"))
    for (guint i = 0; i < n_calls; i++)
      t[i] = rint (t[i]);
  low = _dif_scheduler_word_is (s, "final_sigmas_type", "zero") ? 0 : low;
  _dif_dpm_take (s, t, sigmas, n_calls, low);
  return TRUE;
}

/* ---- steps ---- */

/* Of a model that predicts its variance as well, diffusers takes the first three
 * channels: right for RGB, impossible for latents. */
static gboolean
has_too_many_channels (DifScheduler *s, const DifSchedulerStep *c)
{
  const char *variance = _dif_scheduler_word (s, "variance_type");

  return variance && g_str_has_prefix (variance, "learned") && dif_tensor_dim (c->output, -1) > 3 &&
         _dif_scheduler_word_is (s, "prediction_type", "epsilon");
}

/* The model's answer as predicted picture or noise. */
static DifTensor *
convert (DifScheduler *s, const DifSchedulerStep *c)
{
  DifDpmPoint p = _dif_dpm_point (s->sigmas[c->index]);
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

/* Factors of a step: of the sample, the latest answer, its first and second
 * divided differences, and fresh noise. */
typedef struct
{
  float sample, answer, first, second, noise;
} Factors;

/* Lu et al. 2022b: @h is the width of the step in lambda. */
static Factors
factors_of_picture (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float   grow = expf (-h) - 1.0f;
  Factors f    = { .sample = to.sigma / from.sigma, .answer = -(to.alpha * grow) };

  f.first  = use_heun ? to.alpha * (grow / h + 1.0f) : -0.5f * (to.alpha * grow);
  f.second = -(to.alpha * ((grow + h) / (h * h) - 0.5f));
  return f;
}

/* Lu et al. 2022a */
static Factors
factors_of_noise (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float   grow = expf (h) - 1.0f;
  Factors f    = { .sample = to.alpha / from.alpha, .answer = -(to.sigma * grow) };

  f.first  = use_heun ? -(to.sigma * (grow / h - 1.0f)) : -0.5f * (to.sigma * grow);
  f.second = -(to.sigma * ((grow - h) / (h * h) - 0.5f));
  return f;
}

static Factors
factors_of_picture_sde (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float   gain = 1.0f - expf (-2.0f * h);
  Factors f    = { .sample = to.sigma / from.sigma * expf (-h), .answer = to.alpha * gain };

  f.first  = use_heun ? to.alpha * (gain / (-2.0f * h) + 1.0f) : 0.5f * (to.alpha * gain);
  f.second = to.alpha * ((gain - 2.0f * h) / (4.0f * h * h) - 0.5f);
  f.noise  = to.sigma * sqrtf (gain);
  return f;
}

static Factors
factors_of_noise_sde (float h, DifDpmPoint from, DifDpmPoint to, gboolean use_heun)
{
  float   grow = expf (h) - 1.0f;
  Factors f    = { .sample = to.alpha / from.alpha, .answer = -2.0f * (to.sigma * grow) };

  f.first = use_heun ? -2.0f * (to.sigma * (grow / h - 1.0f)) : -(to.sigma * grow);
  f.noise = to.sigma * sqrtf (expf (2.0f * h) - 1.0f);
  return f;
}

static Factors
factors (DifScheduler *s, guint order, DifDpmPoint from, DifDpmPoint to)
{
  static Factors (*const table[2][2]) (float, DifDpmPoint, DifDpmPoint, gboolean) = {
    { factors_of_noise, factors_of_noise_sde },
    { factors_of_picture, factors_of_picture_sde }
  };
  /* The third order has one kind of first difference, that of Heun. */
  gboolean use_heun = order == 3 || _dif_scheduler_word_is (s, "solver_type", "heun");

  return table[predicts_picture (s)][is_stochastic (s)](to.lambda - from.lambda, from, to,
                                                        use_heun);
}

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
  DifDpmPoint   to      = _dif_dpm_point (s->sigmas[c->index + 1]);
  DifDpmPoint   from    = _dif_dpm_point (s->sigmas[c->index]);
  Factors       f       = factors (s, order, from, to);
  float         h       = to.lambda - from.lambda;
  DifTensor    *x[5]    = { c->sample, p->answers[MAX_ORDER - 1] };
  double        coef[5] = { f.sample, f.answer };
  guint         n       = order + 1;

  if (order >= 2)
    {
      DifDpmPoint p1 = _dif_dpm_point (s->sigmas[c->index - 1]);
      float       r0 = (from.lambda - p1.lambda) / h, d0 = f.first, d1 = 0;

      x[2] = p->answers[MAX_ORDER - 2];
      if (order == 3)
        {
          DifDpmPoint p2   = _dif_dpm_point (s->sigmas[c->index - 2]);
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
  DifTensor *answer = convert (s, c), *noise = NULL;

  _dif_shift_in (c->cx, p->answers, MAX_ORDER, answer);
  if (is_stochastic (s))
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
