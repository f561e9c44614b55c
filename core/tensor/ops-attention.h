/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-attention.h - attention.
 *
 * What holds for all ops stands in ops.h.
 */
#ifndef DIF_TENSOR_OPS_ATTENTION_H
#define DIF_TENSOR_OPS_ATTENTION_H

#include "tensor/backend.h"
#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * dif_attention:
 * @cx: a context
 * @a: queries, keys and values
 *
 * Source: Vaswani et al. 2017; torch scaled_dot_product_attention.
 *
 * Returns: `[n_batch, n_queries, n_heads * head_dim]`
 */
DIF_API DifTensor *dif_attention (DifContext *cx, const DifAttention *a);

/**
 * dif_rows:
 * @t: `[N, T, C]`, may be a view; must live as long as what it is for
 * @first: channel at which head 0 begins
 *
 * Returns: its rows, for DifAttention; an only item serves all
 */
static inline DifRows
dif_rows (const DifTensor *t, gsize first)
{
  return (DifRows) { t, first, t->row, dif_tensor_dim (t, 0) == 1 ? 0 : t->item };
}

/** DIF_ROTARY_AXES: most axes of a position. */
#define DIF_ROTARY_AXES 4

/**
 * DifRotaryRounding:
 * @DIF_ROTARY_DOUBLE: double precision up to the cosine: FLUX
 * @DIF_ROTARY_ANGLE: an angle is rounded to float32: Z-Image
 * @DIF_ROTARY_SINGLE: frequencies and angles are: transformers
 *
 * Where the reference rounds, which tells at hundreds of tokens.
 */
typedef enum
{
  DIF_ROTARY_DOUBLE,
  DIF_ROTARY_ANGLE,
  DIF_ROTARY_SINGLE
} DifRotaryRounding;

/**
 * DifRotaryAxes:
 * @n: axes of a position
 * @dims: even widths of a head's parts, one an axis
 * @theta: base of the frequencies: part of width d has theta^(-2 i / d)
 * @halves: as DifRotary: how the angles of all parts lie in the head
 * @rounding: of frequencies and angles
 */
typedef struct
{
  guint             n, dims[DIF_ROTARY_AXES];
  double            theta;
  gboolean          halves;
  DifRotaryRounding rounding;
} DifRotaryAxes;

/**
 * dif_rotary_table:
 * @cx: a context
 * @axes: what a position means
 * @n: positions
 * @positions: (array): `[n, axes->n]`
 *
 * Source: Su et al. 2021; diffusers get_1d_rotary_pos_embed; transformers
 * Qwen3RotaryEmbedding.
 *
 * Returns: f32 `[n, 2 * sum of dims]`, for DifRotary
 */
DIF_API DifTensor *dif_rotary_table (DifContext *cx, const DifRotaryAxes *axes, gsize n,
                                     const float *positions);

/**
 * dif_rotate:
 * @cx: a context
 * @x: `[N, T, n_heads * D]`, may be a view
 * @norm: (nullable): scale `[D]` of a root mean square norm before
 * @spec: the table, of T rows, and how heads lie
 *
 * Returns: as @x, contiguous
 */
DIF_API DifTensor *dif_rotate (DifContext *cx, DifTensor *x, const DifNorm *norm,
                               const DifRotary *spec);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_ATTENTION_H */
