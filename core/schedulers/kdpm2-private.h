/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kdpm2-private.h - what the two second order solvers of Karras' kind share. */
#ifndef DIF_SCHEDULERS_KDPM2_PRIVATE_H
#define DIF_SCHEDULERS_KDPM2_PRIVATE_H

#include "schedulers/scheduler-private.h"

G_BEGIN_DECLS

/** DIF_KDPM2_KEYS: their config. */
#define DIF_KDPM2_KEYS                             \
  DIF_KEYS_BETAS (0.00085, 0.012),                 \
      DIF_KEYS_SIGMA_SHAPES,                       \
      DIF_KEY_PREDICTION ("epsilon|v_prediction"), \
      DIF_KEYS_SPACING ("linspace")

/**
 * DifKdpm2:
 * @base: the scheduler
 * @middle: [n_calls] the sigma of the second call of the step a call belongs
 *   to; 0 in the last step, which is one call
 * @start: sample at the begin of a step; NULL before its first call
 *
 * Its sigmas are listed twice but the first: those of calls 2 k - 1 and 2 k are
 * the k-th.
 */
typedef struct
{
  DifScheduler base;
  float       *middle;
  DifTensor   *start;
} DifKdpm2;

/** DifKdpm2Middle: the sigma between the k-th and the next of @n + 1 @sigmas. */
typedef float (*DifKdpm2Middle) (const float *sigmas, guint k);

/** _dif_kdpm2_set_timesteps: set_timesteps of both. */
gboolean _dif_kdpm2_set_timesteps (DifScheduler *s, guint n, DifKdpm2Middle middle, GError **error);

/** _dif_kdpm2_input_factor: input_factor of both. */
double _dif_kdpm2_input_factor (DifScheduler *s, guint index);

/** _dif_kdpm2_clean_factors: clean_factors of both. */
void _dif_kdpm2_clean_factors (DifScheduler *s, guint index, double factors[2]);

/**
 * _dif_kdpm2_step: from the step's start along the derivative at this call: to
 * the middle in the first call, to @end in the second.
 */
DifTensor *_dif_kdpm2_step (DifScheduler *s, const DifSchedulerStep *c, float end);

/** _dif_kdpm2_reset: reset of both. */
void _dif_kdpm2_reset (DifScheduler *s);

/** _dif_kdpm2_finalize: finalize of both. */
void _dif_kdpm2_finalize (DifScheduler *s);

G_END_DECLS

#endif /* DIF_SCHEDULERS_KDPM2_PRIVATE_H */
