/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-norm.h - norms.
 *
 * What holds for all ops stands in ops.h.
 */
#ifndef DIF_TENSOR_OPS_NORM_H
#define DIF_TENSOR_OPS_NORM_H

#include "tensor/backend.h"
#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * dif_group_norm:
 * @cx: a context
 * @x: `[N, .., C]`
 * @norm: scale and shift, each `[C]`
 * @n_groups: number of groups, divides C
 * @eps: added to the variance, > 0
 * @act: applied to the result
 *
 * Source: Wu & He 2018; torch.nn.GroupNorm.
 *
 * Returns: as @x
 */
DifTensor *dif_group_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, guint n_groups,
                           float eps, DifAct act);

/**
 * dif_layer_norm:
 * @cx: a context
 * @x: `[.., C]`
 * @norm: scale and shift, each `[C]`
 * @eps: added to the variance, > 0
 *
 * Source: Ba et al. 2016; torch.nn.LayerNorm.
 *
 * Returns: as @x
 */
DifTensor *dif_layer_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_NORM_H */
