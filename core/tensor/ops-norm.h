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
DIF_API DifTensor *dif_group_norm (DifContext *cx, DifTensor *x, const DifNorm *norm,
                                   guint n_groups,
                                   float eps, DifAct act);

/**
 * dif_layer_norm:
 * @cx: a context
 * @x: `[.., C]`
 * @norm: (nullable): scale and shift, each `[C]`; NULL for none
 * @eps: added to the variance, > 0
 *
 * Source: Ba et al. 2016; torch.nn.LayerNorm.
 *
 * Returns: as @x
 */
DIF_API DifTensor *dif_layer_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps);

/**
 * dif_row_norm:
 * @cx: a context
 * @x: `[N, .., C]`, may be a view
 * @norm: (nullable): `[C / n_heads]`; NULL for 1 and 0
 * @spec: what kind of norm
 * @after: (nullable): what is done to the result in the same pass
 *
 * Layer norm and root mean square norm, over whole rows or head by head.
 *
 * Source: Ba et al. 2016; Zhang & Sennrich 2019; torch.nn.LayerNorm,
 * torch.nn.RMSNorm.
 *
 * Returns: as @x, contiguous
 */
DIF_API DifTensor *dif_row_norm (DifContext *cx, DifTensor *x, const DifNorm *norm,
                                 const DifRowNorm    *spec,
                                 const DifScaleShift *after);

/**
 * dif_rms_norm:
 * @cx: a context
 * @x: `[N, .., C]`, may be a view
 * @norm: (nullable): scale `[C]`
 * @eps: added to the mean square
 *
 * Returns: as @x, contiguous
 */
DIF_API DifTensor *dif_rms_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps);

/**
 * dif_scale_shift:
 * @cx: a context
 * @x: `[N, .., C]`, may be a view
 * @s: factors, addends and residual
 *
 * Modulation, gates before a residual, affine latents.
 *
 * Returns: as @x, contiguous
 */
DIF_API DifTensor *dif_scale_shift (DifContext *cx, DifTensor *x, const DifScaleShift *s);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_NORM_H */
