/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpm-private.h - what the solvers in lambda = log (alpha / sigma) share. */
#ifndef DIF_SCHEDULERS_DPM_PRIVATE_H
#define DIF_SCHEDULERS_DPM_PRIVATE_H

#include "schedulers/scheduler-private.h"

G_BEGIN_DECLS

/**
 * DifDpmPoint:
 * @alpha: factor of the picture
 * @sigma: factor of the noise, alpha^2 + sigma^2 = 1
 * @lambda: log (alpha / sigma), infinite where there is no noise
 *
 * A noise level.
 */
typedef struct
{
  float alpha, sigma, lambda;
} DifDpmPoint;

/** _dif_dpm_point: the noise level of an entry of the sigma table. */
DifDpmPoint _dif_dpm_point (float sigma);

/**
 * _dif_dpm_order: @order, lowered where the noise levels before entry @index
 * coincide.  With as many steps as training timesteps one is visited twice;
 * there diffusers divides by zero.
 */
guint _dif_dpm_order (DifScheduler *s, guint index, guint order);

/** _dif_dpm_is_still: whether the step from entry @index leads nowhere. */
gboolean _dif_dpm_is_still (DifScheduler *s, guint index);

/** _dif_dpm_predict_x0: the predicted picture at @p, thresholded if asked for. */
DifTensor *_dif_dpm_predict_x0 (DifScheduler *s, const DifSchedulerStep *c, const DifDpmPoint *p);

/** _dif_dpm_predict_noise: the predicted noise at @p. */
DifTensor *_dif_dpm_predict_noise (DifScheduler *s, const DifSchedulerStep *c,
                                   const DifDpmPoint *p);

/**
 * _dif_dpm_take: @t (transfer full) and @sigmas, followed by @last, become the
 * tables of @s; timesteps are cut to integers, as a cast to int64 does.
 */
void _dif_dpm_take (DifScheduler *s, double *t, const double *sigmas, guint n_calls, double last);

G_END_DECLS

#endif /* DIF_SCHEDULERS_DPM_PRIVATE_H */
