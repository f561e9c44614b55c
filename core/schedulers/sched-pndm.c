/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-pndm.c - pseudo numerical methods for diffusion models.
 *
 * Three Runge-Kutta intervals of four calls each (skipped in Stable Diffusion's
 * configs), then a linear multistep over the last four answers; the first
 * interval of the latter is done twice, so that n steps are n + 1 calls.  The
 * call counter starts at 0 wherever img2img begins: then the second call is
 * treated as the repeated one although its timestep is another.  diffusers does
 * that too, and pictures are to be the same.
 *
 * Source: Liu et al. 2022, eq. 9, 11 to 13; diffusers PNDMScheduler.
 */
#include <math.h>

#include "base/error.h"
#include "schedulers/scheduler-private.h"

#define ORDER     4
#define PRK_CALLS (3 * ORDER)

typedef struct
{
  DifScheduler base;
  guint        counter;
  DifTensor   *answers[ORDER]; /* the latest last */
  guint        n_answers;
  DifTensor   *mean;  /* running Runge-Kutta mean */
  DifTensor   *start; /* sample at the begin of an interval */
} Pndm;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEY_ROW_FLAG ("skip_prk_steps", FALSE),
  DIF_KEY_ROW_FLAG ("set_alpha_to_one", FALSE),
  DIF_KEY_PREDICTION ("epsilon|v_prediction"),
  DIF_KEYS_SPACING ("leading"),
};

static guint
n_prk_calls (DifScheduler *s)
{
  return _dif_scheduler_flag (s, "skip_prk_steps") ? 0 : PRK_CALLS;
}

/* All but the first of @n descending timesteps twice: the first interval of
 * the multistep needs two calls.  Returns the number of calls. */
static guint
repeat_second (const double *t, guint n, double *out)
{
  guint count = 0;

  for (guint i = 0; i < n; i++)
    {
      out[count++] = t[i];
      if (i == 1)
        out[count++] = t[i];
    }
  return count;
}

/* Runge-Kutta calls in the middle and at the end of the first three intervals. */
static guint
with_runge_kutta (const double *t, guint n, double half, double *out)
{
  guint count = 0;

  for (guint k = 0; k < ORDER - 1; k++)
    {
      out[count++] = t[k];
      out[count++] = t[k + 1] + half;
      out[count++] = t[k + 1] + half;
      out[count++] = t[k + 1];
    }
  for (guint i = ORDER - 1; i < n; i++)
    out[count++] = t[i];
  return count;
}

static gboolean
set_timesteps (DifScheduler *s, guint n, GError **error)
{
  guint              n_visits, n_calls;
  g_autofree double *t = NULL;
  double            *out;

  if (n_prk_calls (s) && n < ORDER)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "steps: expected at least %d for %s without skip_prk_steps, found %u", ORDER,
                   s->klass->name, n);
      return FALSE;
    }
  t   = _dif_noise_spacing (s, DIF_SPACING_INTEGER, s->n_train, n, &n_visits);
  out = g_new (double, n_visits + PRK_CALLS);
  if (n_prk_calls (s))
    n_calls = with_runge_kutta (t, n_visits, s->n_train / n / 2, out);
  else
    n_calls = repeat_second (t, n_visits, out);
  _dif_noise_take (s, out, n_calls, NULL, 0);
  return TRUE;
}

/* Liu et al. 2022, eq. 11: from @t to @previous along the answer @e. */
static DifTensor *
transfer (DifScheduler *s, DifContext *cx, DifTensor *sample, int t, int previous, DifTensor *e)
{
  float a = _dif_noise_alpha (s, t), b = 1.0f - a, a_previous, b_previous, denominator;
  float first = _dif_scheduler_flag (s, "set_alpha_to_one") ? 1.0f : _dif_noise_alpha (s, 0);

  a_previous  = previous >= 0 ? _dif_noise_alpha (s, previous) : first;
  b_previous  = 1.0f - a_previous;
  denominator = a * sqrtf (b_previous) + sqrtf (a * b * a_previous);
  if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    e = _dif_combine (cx, sqrtf (a), e, sqrtf (b), sample);
  return _dif_combine (cx, sqrtf (a_previous / a), sample, -(a_previous - a) / (double) denominator,
                       e);
}

static void
append_answer (Pndm *p, DifContext *cx, DifTensor *e)
{
  if (dif_context_failed (cx))
    return;
  _dif_shift_in (cx, p->answers, ORDER, e);
  p->n_answers = MIN (p->n_answers + 1, ORDER);
}

static DifTensor *
step_runge_kutta (Pndm *p, const DifSchedulerStep *c)
{
  DifScheduler *s        = &p->base;
  guint         stage    = p->counter % ORDER;
  int           half     = p->counter % 2 ? 0 : (int) (s->n_train / s->n_steps / 2);
  int           previous = (int) s->timesteps[c->i] - half;
  int           t        = (int) s->timesteps[p->counter / ORDER * ORDER];
  DifTensor    *e        = c->output;

  if (stage == 0)
    {
      append_answer (p, c->cx, e);
      _dif_hold (c->cx, &p->start, c->sample);
      _dif_hold (c->cx, &p->mean, _dif_combine_n (c->cx, 1, (double[]) { 1.0 / 6 }, &e));
    }
  else if (stage < 3)
    _dif_hold (c->cx, &p->mean, _dif_combine (c->cx, 1.0, p->mean, 1.0 / 3, e));
  else
    {
      e = _dif_combine (c->cx, 1.0, p->mean, 1.0 / 6, e);
      _dif_drop (&p->mean, 1);
    }
  return transfer (s, c->cx, p->start ? p->start : c->sample, t, previous, e);
}

/* Adams-Bashforth weights of the latest answers, latest first. */
static DifTensor *
multistep (Pndm *p, DifContext *cx)
{
  static const double weights[ORDER][ORDER] = {
    { 1.0 },
    { 3.0 / 2, -1.0 / 2 },
    { 23.0 / 12, -16.0 / 12, 5.0 / 12 },
    { 55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24 },
  };
  DifTensor *latest[ORDER];

  for (guint k = 0; k < p->n_answers; k++)
    latest[k] = p->answers[ORDER - 1 - k];
  return _dif_combine_n (cx, p->n_answers, weights[p->n_answers - 1], latest);
}

static DifTensor *
step_multistep (Pndm *p, const DifSchedulerStep *c)
{
  DifScheduler *s        = &p->base;
  int           interval = (int) (s->n_train / s->n_steps);
  int           t        = (int) s->timesteps[c->i];
  DifTensor    *sample   = c->sample, *e, *out;

  if (p->counter != 1)
    {
      append_answer (p, c->cx, c->output);
      if (p->counter == 0)
        _dif_hold (c->cx, &p->start, sample);
      e   = p->n_answers == 1 ? c->output : multistep (p, c->cx);
      out = transfer (s, c->cx, sample, t, t - interval, e);
    }
  else
    {
      e   = _dif_combine (c->cx, 0.5, c->output, 0.5, p->answers[ORDER - 1]);
      out = transfer (s, c->cx, p->start, t + interval, t, e);
      _dif_drop (&p->start, 1);
    }
  return out;
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  Pndm      *p = (Pndm *) s;
  DifTensor *out;

  if (p->counter < n_prk_calls (s))
    out = step_runge_kutta (p, c);
  else
    out = step_multistep (p, c);
  p->counter++;
  return out;
}

static void
reset (DifScheduler *s)
{
  Pndm *p = (Pndm *) s;

  _dif_drop (p->answers, ORDER);
  _dif_drop (&p->mean, 1);
  _dif_drop (&p->start, 1);
  p->counter = p->n_answers = 0;
}

const DifSchedulerClass dif_scheduler_class_pndm = {
  .name          = "PNDMScheduler",
  .aliases       = "pndm|plms",
  .size          = sizeof (Pndm),
  .order         = 1,
  .keys          = keys,
  .n_keys        = G_N_ELEMENTS (keys),
  .noising       = DIF_NOISING_ALPHAS,
  .set_timesteps = set_timesteps,
  .step          = step,
  .reset         = reset,
};
