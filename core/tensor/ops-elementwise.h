/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-elementwise.h - one element at a time.
 *
 * What holds for all ops stands in ops.h.
 */
#ifndef DIF_TENSOR_OPS_ELEMENTWISE_H
#define DIF_TENSOR_OPS_ELEMENTWISE_H

#include "tensor/backend.h"
#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * dif_activation:
 * @cx: a context
 * @x: any shape
 * @act: which
 *
 * Returns: as @x
 */
DIF_API DifTensor *dif_activation (DifContext *cx, DifTensor *x, DifAct act);

/**
 * dif_prelu:
 * @cx: a context
 * @x: `[.., C]`
 * @slope: `[C]`
 *
 * Source: He et al. 2015; torch.nn.PReLU.
 *
 * Returns: @x, negative elements times their channel's slope
 */
DIF_API DifTensor *dif_prelu (DifContext *cx, DifTensor *x, const DifNorm *slope);

/**
 * dif_multiply:
 * @cx: a context
 * @a: any shape, may be a view
 * @act: applied to @a
 * @b: the same shape and dtype, may be a view
 *
 * Returns: act (a) * b, as @a, contiguous
 */
DIF_API DifTensor *dif_multiply (DifContext *cx, DifTensor *a, DifAct act, DifTensor *b);

/**
 * dif_add:
 * @cx: a context
 * @a: any shape
 * @b: the same shape and dtype
 *
 * Returns: the sum, as @a
 */
DIF_API DifTensor *dif_add (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_lincomb:
 * @cx: a context
 * @n: 1 to 8
 * @coef: (array length=n): finite coefficients
 * @x: (array length=n): f32 tensors of one shape
 *
 * What a scheduler's step is made of.
 *
 * Returns: sum of coef[i] * x[i]
 */
DIF_API DifTensor *dif_lincomb (DifContext *cx, guint n, const float *coef, DifTensor *const *x);

/**
 * dif_clamp:
 * @cx: a context
 * @x: f32
 * @lo: least
 * @hi: greatest
 *
 * Returns: as @x
 */
DIF_API DifTensor *dif_clamp (DifContext *cx, DifTensor *x, float lo, float hi);

/**
 * dif_cast:
 * @cx: a context
 * @x: floating
 * @dtype: F32, or what the backend supports
 *
 * Returns: @x itself if it has @dtype already
 */
DIF_API DifTensor *dif_cast (DifContext *cx, DifTensor *x, DifDtype dtype);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_ELEMENTWISE_H */
