/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sched-lms.c - linear multistep of order four over unevenly spaced sigmas.
 *
 * Keeps the last four derivatives.  Begun in the middle (img2img), the weights
 * are those of as many derivatives as the place in the table would have, and
 * the missing ones count as zero: so does diffusers.
 *
 * Source: k-diffusion sample_lms; diffusers LMSDiscreteScheduler.
 */
#include <math.h>

#include "schedulers/scheduler-private.h"

#define ORDER 4

typedef struct
{
  DifScheduler base;
  DifTensor   *derivatives[ORDER]; /* the latest last */
} Lms;

static const DifSchedulerKey keys[] = {
  DIF_KEYS_BETAS (0.0001, 0.02),
  DIF_KEYS_SIGMA_SHAPES,
  DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),
  DIF_KEYS_SPACING ("linspace"),
};

/* Lagrange's basis polynomial number @current of @order at @x. */
static double
basis (const float *sigmas, guint index, guint order, guint current, double x)
{
  double product = 1;

  for (guint k = 0; k < order; k++)
    if (k != current)
      product *= (x - sigmas[index - k]) / ((double) sigmas[index - current] - sigmas[index - k]);
  return product;
}

/* Its integral over the step: Gauss-Legendre with two points is exact to degree
 * three. */
static double
weight (const float *sigmas, guint index, guint order, guint current)
{
  double half   = 0.5 * ((double) sigmas[index + 1] - sigmas[index]);
  double middle = 0.5 * ((double) sigmas[index + 1] + sigmas[index]);
  double offset = half / sqrt (3.0);

  return half * (basis (sigmas, index, order, current, middle - offset) +
                 basis (sigmas, index, order, current, middle + offset));
}

static DifTensor *
step (DifScheduler *s, const DifSchedulerStep *c)
{
  Lms       *p     = (Lms *) s;
  float      sigma = s->sigmas[c->index];
  guint      order = MIN (c->index + 1, ORDER), n = 1;
  DifTensor *x0         = _dif_predict_x0_at_sigma (s, c, sigma);
  DifTensor *derivative = _dif_combine (c->cx, 1.0 / sigma, c->sample, -1.0 / sigma, x0);
  DifTensor *x[ORDER + 1];
  double     coef[ORDER + 1];

  _dif_shift_in (c->cx, p->derivatives, ORDER, derivative);
  x[0]    = c->sample;
  coef[0] = 1;
  for (guint k = 0; k < order && p->derivatives[ORDER - 1 - k]; k++, n++)
    {
      x[n]    = p->derivatives[ORDER - 1 - k];
      coef[n] = weight (s->sigmas, c->index, order, k);
    }
  return _dif_combine_n (c->cx, n, coef, x);
}

static void
reset (DifScheduler *s)
{
  _dif_drop (((Lms *) s)->derivatives, ORDER);
}

const DifSchedulerClass dif_scheduler_class_lms = {
  .name           = "LMSDiscreteScheduler",
  .aliases        = "lms",
  .size           = sizeof (Lms),
  .order          = 1,
  .keys           = keys,
  .n_keys         = G_N_ELEMENTS (keys),
  .scale_by_sigma = TRUE,
  .noising        = DIF_NOISING_SIGMA,
  .check          = _dif_noise_check_shapes,
  .set_timesteps  = _dif_noise_discrete_sigmas,
  .step           = step,
  .reset          = reset,
};
