/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scheduler-tensors.c - the tensor arithmetic that steps have in common.
 *
 * Linear combinations on whatever device the context has; only thresholding
 * looks at the numbers.  Coefficients that are not finite (a config that
 * diffusers answers with NaN) fail the context instead of reaching a picture.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "schedulers/scheduler-private.h"

#define MAX_TERMS 8

DifTensor *
_dif_combine_n (DifContext *cx, guint n, const double *coef, DifTensor *const *x)
{
  float c[MAX_TERMS];

  g_assert (n <= MAX_TERMS);
  for (guint i = 0; i < n; i++)
    {
      c[i] = (float) coef[i];
      if (! isfinite (c[i]))
        return dif_context_fail (
            cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                             "expected keys that give every step a finite size, found one of %g",
                             coef[i]));
    }
  return dif_lincomb (cx, n, c, x);
}

DifTensor *
_dif_combine (DifContext *cx, double a, DifTensor *x, double b, DifTensor *y)
{
  return _dif_combine_n (cx, 2, (double[]) { a, b }, (DifTensor *[]) { x, y });
}

DifTensor *
_dif_step_noise (const DifSchedulerStep *c)
{
  DifTensor *x = c->output;

  if (! c->rng)
    return dif_context_fail (
        c->cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                            "expected random numbers for a stochastic scheduler, found none"));
  return dif_randn (c->cx, c->rng, dif_tensor_dim (x, 0), dif_tensor_dim (x, 1),
                    dif_tensor_dim (x, 2), dif_tensor_dim (x, 3));
}

/* ---- the predicted picture ---- */

static int
compare_floats (const void *a, const void *b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

/* torch.quantile with linear interpolation of n sorted numbers */
static float
quantile_sorted (const float *x, gsize n, float q)
{
  float rank  = q * (float) (n - 1);
  gsize below = (gsize) rank;
  gsize above = MIN (below + 1, n - 1);
  float w     = rank - (float) below;

  return w < 0.5f ? x[below] + w * (x[above] - x[below])
                  : x[above] - (x[above] - x[below]) * (1.0f - w);
}

static void
threshold_item (float *x, float *work, gsize n, float ratio, float max_value)
{
  float limit;

  for (gsize i = 0; i < n; i++)
    work[i] = fabsf (x[i]);
  qsort (work, n, sizeof *work, compare_floats);
  limit = MIN (MAX (quantile_sorted (work, n, ratio), 1.0f), max_value);
  for (gsize i = 0; i < n; i++)
    x[i] = CLAMP (x[i], -limit, limit) / limit;
}

DifTensor *
_dif_threshold (DifScheduler *s, DifContext *cx, DifTensor *x0)
{
  gsize             count = dif_tensor_count (x0), items = dif_tensor_dim (x0, 0);
  float             ratio = (float) _dif_scheduler_number (s, "dynamic_thresholding_ratio");
  float             max   = (float) _dif_scheduler_number (s, "sample_max_value");
  g_autofree float *data  = NULL;
  g_autofree float *work  = NULL;

  if (! dif_context_check (cx) || count == 0)
    return dif_context_inert (cx);
  data = g_try_new (float, count);
  work = g_try_new (float, count / items);
  if (! data || ! work)
    return dif_context_fail (
        cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                         "thresholding: no memory for %" G_GSIZE_FORMAT " numbers", count));
  if (! dif_download (cx, x0, data))
    return dif_context_inert (cx);
  for (gsize i = 0; i < items; i++)
    threshold_item (data + i * (count / items), work, count / items, ratio, max);
  return dif_upload (cx, DIF_F32, x0->shape, data);
}

DifTensor *
_dif_bound (DifScheduler *s, DifContext *cx, DifTensor *x0)
{
  if (_dif_scheduler_flag (s, "thresholding"))
    return _dif_threshold (s, cx, x0);
  if (_dif_scheduler_flag (s, "clip_sample"))
    {
      float range = (float) _dif_scheduler_number (s, "clip_sample_range");

      return dif_clamp (cx, x0, -range, range);
    }
  return x0;
}

static void
set_factors (double factors[2], double of_sample, double of_output)
{
  factors[0] = of_sample;
  factors[1] = of_output;
}

void
_dif_clean_factors (DifScheduler *s, float root_a, float root_b, double factors[2])
{
  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    set_factors (factors, 0, 1);
  else if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    set_factors (factors, root_a, -root_b);
  else if (_dif_scheduler_word_is (s, "prediction_type", "flow_prediction"))
    set_factors (factors, 1, -root_b);
  else
    set_factors (factors, 1.0 / root_a, -(double) root_b / root_a);
}

void
_dif_clean_factors_at_sigma (DifScheduler *s, float sigma, double factors[2])
{
  float square = sigma * sigma + 1.0f;

  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    set_factors (factors, 0, 1);
  else if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    set_factors (factors, 1.0 / square, -sigma / sqrtf (square));
  else
    set_factors (factors, 1.0, -sigma);
}

DifTensor *
_dif_predict_x0 (DifScheduler *s, const DifSchedulerStep *c, float a)
{
  double factors[2];

  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    return c->output;
  _dif_clean_factors (s, sqrtf (a), sqrtf (1.0f - a), factors);
  return _dif_combine (c->cx, factors[0], c->sample, factors[1], c->output);
}

DifTensor *
_dif_predict_noise (DifScheduler *s, const DifSchedulerStep *c, float a)
{
  float root_a = sqrtf (a), root_b = sqrtf (1.0f - a);

  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    return _dif_combine (c->cx, 1.0 / root_b, c->sample, -(double) root_a / root_b, c->output);
  if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    return _dif_combine (c->cx, root_a, c->output, root_b, c->sample);
  return c->output;
}

DifTensor *
_dif_predict_x0_at_sigma (DifScheduler *s, const DifSchedulerStep *c, float sigma)
{
  double factors[2];

  if (_dif_scheduler_word_is (s, "prediction_type", "sample"))
    return c->output;
  _dif_clean_factors_at_sigma (s, sigma, factors);
  /* the order of the terms is diffusers' */
  if (_dif_scheduler_word_is (s, "prediction_type", "v_prediction"))
    return _dif_combine (c->cx, factors[1], c->output, factors[0], c->sample);
  return _dif_combine (c->cx, factors[0], c->sample, factors[1], c->output);
}

/* ---- history ---- */

void
_dif_drop (DifTensor **slots, guint n)
{
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&slots[i], dif_tensor_unref);
}

void
_dif_hold (DifContext *cx, DifTensor **slot, DifTensor *t)
{
  if (dif_context_failed (cx))
    return; /* the inert tensor lives no longer than its context */
  dif_tensor_ref (t);
  _dif_drop (slot, 1);
  *slot = t;
}

void
_dif_shift_in (DifContext *cx, DifTensor **slots, guint n, DifTensor *t)
{
  if (dif_context_failed (cx))
    return;
  _dif_drop (slots, 1);
  for (guint i = 0; i + 1 < n; i++)
    slots[i] = slots[i + 1];
  slots[n - 1] = dif_tensor_ref (t);
}
