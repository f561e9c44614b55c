/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpm-private.h - what the solvers in lambda = log (alpha / sigma) share. */
#ifndef DIF_SCHEDULERS_DPM_PRIVATE_H
#define DIF_SCHEDULERS_DPM_PRIVATE_H

#include "schedulers/scheduler-private.h"

G_BEGIN_DECLS

/**
 * DifDpmPoint:
 * @alpha: factor of the picture
 * @sigma: factor of the noise, alpha^2 + sigma^2 = 1, or alpha + sigma = 1 for a
 *   flow
 * @lambda: log (alpha / sigma), infinite where there is no noise
 *
 * A noise level.
 */
typedef struct
{
  float alpha, sigma, lambda;
} DifDpmPoint;

/** _dif_dpm_point: the noise level of an entry of the sigma table. */
DifDpmPoint _dif_dpm_point (DifScheduler *s, float sigma);

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

/** _dif_dpm_convert: the model's answer as predicted picture or noise, by algorithm_type. */
DifTensor *_dif_dpm_convert (DifScheduler *s, const DifSchedulerStep *c);

/** _dif_dpm_is_stochastic: whether algorithm_type adds noise. */
gboolean _dif_dpm_is_stochastic (DifScheduler *s);

/** _dif_dpm_check: what algorithm_type and final_sigmas_type must agree on. */
char *_dif_dpm_check (DifScheduler *s);

/**
 * DifDpmFactors:
 * @sample: of the sample the step starts from
 * @answer: of the answer there
 * @first: of the first divided difference of the answers
 * @second: of the second
 * @noise: of fresh noise
 *
 * What a step is the sum of.
 */
typedef struct
{
  float sample, answer, first, second, noise;
} DifDpmFactors;

/**
 * _dif_dpm_factors: for the class's algorithm_type; @third: a step of third
 * order, whose first difference always is the one of Heun.
 */
DifDpmFactors _dif_dpm_factors (DifScheduler *s, gboolean third, DifDpmPoint from, DifDpmPoint to);

/**
 * DifDpmEnds:
 * @DIF_DPM_ROUND: timesteps of Karras or Lu sigmas are rounded, not cut
 * @DIF_DPM_END_ON_SHAPE: final_sigmas_type sigma_min is the last of reshaped
 *   sigmas, not of the training table
 *
 * What the classes do differently in set_timesteps.
 */
typedef enum
{
  DIF_DPM_ROUND        = 1 << 0,
  DIF_DPM_END_ON_SHAPE = 1 << 1
} DifDpmEnds;

/** _dif_dpm_set_timesteps: set_timesteps of all classes that work in lambda. */
gboolean _dif_dpm_set_timesteps (DifScheduler *s, guint n, DifDpmEnds ends, GError **error);

/** _dif_dpm_flow_timesteps: set_timesteps of DPMSolverMultistepScheduler with use_flow_sigmas. */
gboolean _dif_dpm_flow_timesteps (DifScheduler *s, guint n, GError **error);

/** _dif_dpm_flow_timesteps_handed: of UniPCMultistepScheduler, which pipelines hand sigmas. */
gboolean _dif_dpm_flow_timesteps_handed (DifScheduler *s, guint n, GError **error);

G_END_DECLS

#endif /* DIF_SCHEDULERS_DPM_PRIVATE_H */
