/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* adaln.h - adaptive layer norm, which diffusion transformers are told the time by.
 *
 * A modulation is `[B or 1, n C]`: n vectors an item, shifts, scales and gates in
 * a model's own order.
 */
#ifndef DIF_NN_ADALN_H
#define DIF_NN_ADALN_H

#include "tensor/loader.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifTimeMlp:
 * @up: to the embedding's width
 * @down: from SiLU of that to what the blocks are told
 *
 * Of sines and cosines of a number.
 */
typedef struct
{
  DifLinear *up, *down;
} DifTimeMlp;

/**
 * dif_time_mlp_load:
 * @m: filled
 * @l: a loader
 * @name: scope of `linear_1` and `linear_2`
 * @n_out: width of the embedding
 * @n_in: numbers in
 * @bias: whether there are biases
 *
 * Source: diffusers TimestepEmbedding.
 */
void dif_time_mlp_load (DifTimeMlp *m, DifLoader *l, const char *name, gsize n_out, gsize n_in,
                        gboolean bias);

/**
 * dif_time_mlp_forward:
 * @m: a network
 * @cx: a context
 * @n: items
 * @value: what is embedded, the same for all items
 * @n_waves: numbers the network is given: cosines, then sines
 *
 * Returns: `[n, n_out]` in the context's dtype
 */
DifTensor *dif_time_mlp_forward (const DifTimeMlp *m, DifContext *cx, gsize n, double value,
                                 guint n_waves);

/**
 * dif_time_mlp_of:
 * @m: a network
 * @cx: a context
 * @n: items
 * @x: `[n or 1, n_in]`, such as pooled prompts
 *
 * Returns: `[n, n_out]` in the context's dtype
 */
DifTensor *dif_time_mlp_of (const DifTimeMlp *m, DifContext *cx, gsize n, DifTensor *x);

/**
 * dif_chunk:
 * @cx: a context
 * @x: `[B, n C]`
 * @i: which of the parts
 * @n: how many there are
 *
 * Returns: `[B, C]`, a view
 */
DifTensor *dif_chunk (DifContext *cx, DifTensor *x, guint i, guint n);

/**
 * dif_adaln:
 * @cx: a context
 * @x: `[B, T, C]`, may be a view
 * @shift: (nullable): `[B or 1, C]`
 * @scale: `[B or 1, C]`
 * @eps: of the norm
 *
 * Returns: layer_norm (x) * (1 + scale) + shift
 */
DifTensor *dif_adaln (DifContext *cx, DifTensor *x, DifTensor *shift, DifTensor *scale, float eps);

/**
 * dif_adaln_chunks:
 * @cx: a context
 * @x: `[B, T, C]`, may be a view
 * @mod: a modulation of @n vectors
 * @first: which is the shift; the next is the scale
 * @n: how many there are
 * @eps: of the norm
 *
 * Returns: dif_adaln() by two vectors of a modulation
 */
DifTensor *dif_adaln_chunks (DifContext *cx, DifTensor *x, DifTensor *mod, guint first, guint n,
                             float eps);

/**
 * dif_adaln_continuous:
 * @cx: a context
 * @x: `[B, T, C]`, may be a view
 * @mod: a modulation of two vectors, the scale first
 * @eps: of the norm
 *
 * Source: diffusers AdaLayerNormContinuous.
 *
 * Returns: dif_adaln() by both
 */
DifTensor *dif_adaln_continuous (DifContext *cx, DifTensor *x, DifTensor *mod, float eps);

/**
 * dif_gated:
 * @cx: a context
 * @x: `[B, T, C]`, may be a view
 * @gate: `[B or 1, C]`
 * @residual: as @x
 *
 * Returns: residual + gate * x
 */
DifTensor *dif_gated (DifContext *cx, DifTensor *x, DifTensor *gate, DifTensor *residual);

G_END_DECLS

#endif /* DIF_NN_ADALN_H */
