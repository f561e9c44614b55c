/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lcm.c - what the schedulers of consistency models share.
 *
 * Source: Luo et al. 2023; diffusers LCMScheduler.
 */
#include "schedulers/lcm-private.h"

#include <math.h>

#include "base/error.h"

gboolean
_dif_lcm_set_timesteps (DifScheduler *s, guint n, GError **error)
{
  guint   original = (guint) _dif_scheduler_number (s, "original_inference_steps");
  guint   held     = (guint) (original * s->strength);
  double  skip     = (double) held / n;
  double *t;

  if (original > s->n_train || n > original)
    {
      g_set_error (
          error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
          "steps: expected 1 to original_inference_steps, and that up to %u, found %u of %u",
          s->n_train, n, original);
      return FALSE;
    }
  if (held < n)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "steps: expected at most strength * original_inference_steps (%u), found %u",
                   held, n);
      return FALSE;
    }
  t = g_new (double, n);
  for (guint i = 0; i < n; i++)
    t[i] = (double) (held - (guint) floor (i * skip)) * (s->n_train / original) - 1;
  _dif_noise_take (s, t, n, NULL, 0);
  return TRUE;
}

gboolean
_dif_lcm_is_last (DifScheduler *s, const DifSchedulerStep *c)
{
  return c->index + 1 == s->n_calls;
}
