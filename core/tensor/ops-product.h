/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-product.h - products with weights: linear layers, gated ones, convolutions.
 *
 * What holds for all ops stands in ops.h.
 */
#ifndef DIF_TENSOR_OPS_PRODUCT_H
#define DIF_TENSOR_OPS_PRODUCT_H

#include "tensor/backend.h"
#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * dif_linear:
 * @cx: a context
 * @x: `[.., K]`
 * @w: weight `[N, K]`, with or without bias
 * @act: applied to x w^T + bias
 * @residual: (nullable): `[.., N]`, added last
 *
 * Source: torch.nn.Linear.
 *
 * Returns: `[.., N]`
 */
DIF_API DifTensor *dif_linear (DifContext *cx, DifTensor *x, const DifLinear *w, DifAct act,
                               DifTensor *residual);

/**
 * dif_glu:
 * @cx: a context
 * @x: `[.., K]`
 * @value: weight `[N, K]`
 * @gate: weight `[N, K]`
 * @act: applied to the gate
 *
 * Gated linear unit: (x value^T + bias) * act (x gate^T + bias).  With GELU it is
 * diffusers' GEGLU, whose `ff.net.0.proj` has the value's rows, then the gate's;
 * with SiLU it is SwiGLU.
 *
 * Source: Shazeer 2020.
 *
 * Returns: `[.., N]`
 */
DIF_API DifTensor *dif_glu (DifContext *cx, DifTensor *x, const DifLinear *value,
                            const DifLinear *gate,
                            DifAct           act);

/**
 * dif_conv2d:
 * @cx: a context
 * @x: `[N, H, W, I]`
 * @w: weight `[O, I, kh, kw]` with its stride and padding
 * @per_channel: (nullable): `[N, O]` f32, added at every position (the time
 *   embedding of ResnetBlock2D)
 * @residual: (nullable): `[N, H', W', O]`, added
 *
 * H' = (H + top + bottom - kh) / stride + 1, W' alike.
 *
 * Source: torch.nn.Conv2d.
 *
 * Returns: `[N, H', W', O]`
 */
DIF_API DifTensor *dif_conv2d (DifContext *cx, DifTensor *x, const DifConv *w,
                               DifTensor *per_channel,
                               DifTensor *residual);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_PRODUCT_H */
