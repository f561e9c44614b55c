/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* beta-quantile.c - quantiles of the beta distribution, to double precision.
 *
 * Pure arithmetic.  The regularised incomplete beta function by its continued
 * fraction (Lentz's method; DLMF 8.17.22), inverted by Newton steps kept inside
 * a shrinking bracket, so that it always converges.
 */
#include <float.h>
#include <math.h>

#include "schedulers/scheduler-private.h"

#define MAX_TERMS 500
#define MAX_STEPS 200

static double
away_from_zero (double x)
{
  return fabs (x) < DBL_MIN * 1e10 ? DBL_MIN * 1e10 : x;
}

/* DLMF 8.17.22, for x < (a + 1) / (a + b + 2). */
static double
continued_fraction (double x, double a, double b)
{
  double c = 1, d = 1 / away_from_zero (1 - (a + b) * x / (a + 1)), f = d;

  for (int m = 1; m <= MAX_TERMS; m++)
    {
      double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      double odd  = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      double step;

      d = 1 / away_from_zero (1 + even * d);
      c = away_from_zero (1 + even / c);
      f *= c * d;
      d    = 1 / away_from_zero (1 + odd * d);
      c    = away_from_zero (1 + odd / c);
      step = c * d;
      f *= step;
      if (fabs (step - 1) < DBL_EPSILON)
        break;
    }
  return f;
}

/* I_x (a, b) */
static double
incomplete_beta (double x, double a, double b)
{
  double front;

  if (x <= 0)
    return 0;
  if (x >= 1)
    return 1;
  front = exp (lgamma (a + b) - lgamma (a) - lgamma (b) + a * log (x) + b * log1p (-x));
  if (x < (a + 1) / (a + b + 2))
    return front * continued_fraction (x, a, b) / a;
  return 1 - front * continued_fraction (1 - x, b, a) / b;
}

double
_dif_beta_quantile (double p, double a, double b)
{
  double log_norm = lgamma (a + b) - lgamma (a) - lgamma (b);
  double low = 0, high = 1, x = 0.5;

  if (p <= 0 || p >= 1)
    return p <= 0 ? 0 : 1;
  for (int i = 0; i < MAX_STEPS; i++)
    {
      double error = incomplete_beta (x, a, b) - p;
      double slope = exp (log_norm + (a - 1) * log (x) + (b - 1) * log1p (-x));
      double next  = x - error / slope;

      if (error > 0)
        high = x;
      else
        low = x;
      if (! (next > low && next < high))
        next = 0.5 * (low + high);
      if (fabs (next - x) <= DBL_EPSILON * next)
        return next;
      x = next;
    }
  return x;
}
