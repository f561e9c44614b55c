/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops.h - tensor arithmetic, checked once and dispatched to a backend.
 *
 * Models call only this.  Shapes are written outermost first; data is
 * channels last.  An op that does not say that it takes views makes a
 * contiguous copy of them first.  Weights (DifLinear and its kin) come from
 * tensor/weights.h.  An op on a failed context, or given the inert tensor,
 * returns the inert tensor.  All returned tensors are owned by the current
 * scope (transfer none).  Every op can fail with OUT_OF_MEMORY, with FAILED,
 * or with SHAPE (DIF_MODEL_ERROR) when its arguments do not fit.
 */
#ifndef DIF_TENSOR_OPS_H
#define DIF_TENSOR_OPS_H

#include "tensor/ops-attention.h"
#include "tensor/ops-elementwise.h"
#include "tensor/ops-move.h"
#include "tensor/ops-norm.h"
#include "tensor/ops-product.h"

G_BEGIN_DECLS

/**
 * dif_upload:
 * @cx: a context
 * @dtype: F32, or what the backend supports; converted on the way
 * @shape: dimensions
 * @data: float32, in the tensor's own order
 *
 * Returns: a tensor of @shape
 */
DIF_API DifTensor *dif_upload (DifContext *cx, DifDtype dtype, DifShape shape, const float *data);

/**
 * dif_upload_nchw:
 * @cx: a context
 * @dtype: as dif_upload()
 * @n: items
 * @c: channels
 * @h: rows
 * @w: columns
 * @data: float32 `[N, C, H, W]`
 *
 * Returns: `[N, H, W, C]`
 */
DIF_API DifTensor *dif_upload_nchw (DifContext *cx, DifDtype dtype, gsize n, gsize c, gsize h,
                                    gsize        w,
                                    const float *data);

/**
 * dif_download:
 * @cx: a context
 * @x: floating
 * @data: (out caller-allocates): room for all elements as float32
 *
 * Returns: FALSE, @data untouched, if the context has failed
 */
DIF_API gboolean dif_download (DifContext *cx, DifTensor *x, float *data);

/**
 * dif_download_nchw:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @data: (out caller-allocates): float32 `[N, C, H, W]`
 *
 * Returns: FALSE, @data untouched, if the context has failed
 */
DIF_API gboolean dif_download_nchw (DifContext *cx, DifTensor *x, float *data);

/**
 * dif_randn:
 * @cx: a context
 * @rng: where the numbers come from
 * @n: items
 * @h: rows
 * @w: columns
 * @c: channels
 *
 * The numbers are drawn in torch's order, as one randn (N, C, H, W).
 *
 * Returns: f32 `[N, H, W, C]`
 */
DIF_API DifTensor *dif_randn (DifContext *cx, DifRng *rng, gsize n, gsize h, gsize w, gsize c);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_H */
