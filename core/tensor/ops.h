/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops.h - tensor arithmetic, checked once and dispatched to a backend.
 *
 * Models call only this.  Shapes are written outermost first; data is
 * contiguous, channels last.  Weights (DifLinear and its kin) come from
 * tensor/weights.h.  An op on a failed context, or given the inert tensor,
 * returns the inert tensor.  All returned tensors are owned by the current
 * scope (transfer none).  Every op can fail with OUT_OF_MEMORY, with FAILED,
 * or with SHAPE (DIF_MODEL_ERROR) when its arguments do not fit.
 */
#ifndef DIF_TENSOR_OPS_H
#define DIF_TENSOR_OPS_H

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
DifTensor *dif_linear (DifContext *cx, DifTensor *x, const DifLinear *w, DifAct act,
                       DifTensor *residual);

/**
 * dif_geglu:
 * @cx: a context
 * @x: `[.., K]`
 * @value: weight `[N, K]`: first half of diffusers' `ff.net.0.proj`
 * @gate: weight `[N, K]`: its second half
 *
 * Source: Shazeer 2020; diffusers GEGLU: value * gelu_erf (gate).
 *
 * Returns: `[.., N]`
 */
DifTensor *dif_geglu (DifContext *cx, DifTensor *x, const DifLinear *value, const DifLinear *gate);

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
DifTensor *dif_conv2d (DifContext *cx, DifTensor *x, const DifConv *w, DifTensor *per_channel,
                       DifTensor *residual);

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

/**
 * dif_attention:
 * @cx: a context
 * @a: queries, keys and values
 *
 * Source: Vaswani et al. 2017; torch scaled_dot_product_attention.
 *
 * Returns: `[n_batch, n_queries, n_heads * head_dim]`
 */
DifTensor *dif_attention (DifContext *cx, const DifAttention *a);

/**
 * dif_activation:
 * @cx: a context
 * @x: any shape
 * @act: which
 *
 * Returns: as @x
 */
DifTensor *dif_activation (DifContext *cx, DifTensor *x, DifAct act);

/**
 * dif_add:
 * @cx: a context
 * @a: any shape
 * @b: the same shape and dtype
 *
 * Returns: the sum, as @a
 */
DifTensor *dif_add (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_concat:
 * @cx: a context
 * @a: `[.., Ca]`
 * @b: `[.., Cb]`, other dimensions as @a's
 *
 * Returns: `[.., Ca + Cb]`
 */
DifTensor *dif_concat (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_concat_batch:
 * @cx: a context
 * @a: `[Na, ..]`
 * @b: `[Nb, ..]`, other dimensions as @a's
 *
 * Returns: `[Na + Nb, ..]`
 */
DifTensor *dif_concat_batch (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_repeat_batch:
 * @cx: a context
 * @one: `[1, ..]`
 * @n: how often, at least once
 *
 * Returns: `[n, ..]`
 */
DifTensor *dif_repeat_batch (DifContext *cx, DifTensor *one, guint n);

/**
 * dif_slice_batch:
 * @cx: a context
 * @x: `[N, ..]`
 * @first: first item
 * @count: items, @first + @count at most N
 *
 * Returns: `[count, ..]`, a view
 */
DifTensor *dif_slice_batch (DifContext *cx, DifTensor *x, gsize first, gsize count);

/**
 * dif_reshape:
 * @cx: a context
 * @x: any shape
 * @shape: another with as many elements
 *
 * Returns: a view
 */
DifTensor *dif_reshape (DifContext *cx, DifTensor *x, DifShape shape);

/**
 * dif_upsample_nearest:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @height: H', at least 1
 * @width: W', at least 1
 *
 * Source: torch interpolate, mode nearest.
 *
 * Returns: `[N, H', W', C]`
 */
DifTensor *dif_upsample_nearest (DifContext *cx, DifTensor *x, gsize height, gsize width);

/**
 * dif_gather:
 * @cx: a context
 * @x: `[N, .., C]`, taken as `[N, R, C]`
 * @g: which rows make which; one not below R fails with SHAPE
 *
 * Returns: `[N, n_out, C]`
 */
DifTensor *dif_gather (DifContext *cx, DifTensor *x, const DifGather *g);

/**
 * dif_embed:
 * @cx: a context
 * @table: `[rows, D]`
 * @ids: (array length=n): row numbers; one out of range fails with SHAPE
 * @n: count
 *
 * Returns: `[n, D]`
 */
DifTensor *dif_embed (DifContext *cx, const DifTable *table, const gint32 *ids, gsize n);

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
DifTensor *dif_lincomb (DifContext *cx, guint n, const float *coef, DifTensor *const *x);

/**
 * dif_clamp:
 * @cx: a context
 * @x: f32
 * @lo: least
 * @hi: greatest
 *
 * Returns: as @x
 */
DifTensor *dif_clamp (DifContext *cx, DifTensor *x, float lo, float hi);

/**
 * dif_cast:
 * @cx: a context
 * @x: floating
 * @dtype: F32, or what the backend supports
 *
 * Returns: @x itself if it has @dtype already
 */
DifTensor *dif_cast (DifContext *cx, DifTensor *x, DifDtype dtype);

/**
 * dif_upload:
 * @cx: a context
 * @dtype: F32, or what the backend supports; converted on the way
 * @shape: dimensions
 * @data: float32, in the tensor's own order
 *
 * Returns: a tensor of @shape
 */
DifTensor *dif_upload (DifContext *cx, DifDtype dtype, DifShape shape, const float *data);

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
DifTensor *dif_upload_nchw (DifContext *cx, DifDtype dtype, gsize n, gsize c, gsize h, gsize w,
                            const float *data);

/**
 * dif_download:
 * @cx: a context
 * @x: floating
 * @data: (out caller-allocates): room for all elements as float32
 *
 * Returns: FALSE, @data untouched, if the context has failed
 */
gboolean dif_download (DifContext *cx, DifTensor *x, float *data);

/**
 * dif_download_nchw:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @data: (out caller-allocates): float32 `[N, C, H, W]`
 *
 * Returns: FALSE, @data untouched, if the context has failed
 */
gboolean dif_download_nchw (DifContext *cx, DifTensor *x, float *data);

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
DifTensor *dif_randn (DifContext *cx, DifRng *rng, gsize n, gsize h, gsize w, gsize c);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_H */
