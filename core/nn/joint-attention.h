/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* joint-attention.h - attention of diffusion transformers: streams of tokens with
 * projections of their own attend to each other as one sequence.
 */
#ifndef DIF_NN_JOINT_ATTENTION_H
#define DIF_NN_JOINT_ATTENTION_H

#include "base/json.h"
#include "tensor/loader.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifHeadShape:
 * @n_heads: heads of queries
 * @n_kv_heads: heads of keys and values
 * @head_dim: width of each
 * @eps: of the norms of queries and keys
 * @halves: how rotary angles lie in a head, see DifRotary
 */
typedef struct
{
  guint    n_heads, n_kv_heads, head_dim;
  float    eps;
  gboolean halves;
} DifHeadShape;

/**
 * dif_rotary_axes_read:
 * @axes: gets the widths; the number of axes is there
 * @config: config.json; errors stay in it
 * @key: an array of as many numbers, such as "axes_dims_rope"
 * @defaults: (array): those without it
 * @width: what they add up to, by the config's own words
 * @head_dim: which is this
 */
void dif_rotary_axes_read (DifRotaryAxes *axes, DifJson *config, const char *key,
                           const guint *defaults, const char *width, guint head_dim);

/**
 * DifProjection:
 * @qkv: queries, keys and values in one product
 * @norm_q: (nullable): scale of a head of queries
 * @norm_k: (nullable): scale of a head of keys
 *
 * What makes queries, keys and values of one stream's tokens.
 */
typedef struct
{
  DifLinear *qkv;
  DifNorm   *norm_q, *norm_k;
} DifProjection;

/**
 * DifProjectionNames:
 * @q: @k: @v: linear layers
 * @norm_q: @norm_k: (nullable): root mean square norms of heads
 */
typedef struct
{
  const char *q, *k, *v, *norm_q, *norm_k;
} DifProjectionNames;

/**
 * dif_projection_load:
 * @p: filled
 * @l: a loader, inside the attention's scope
 * @names: what is what there
 * @shape: heads, as many of keys as of queries
 * @n_in: channels of a token
 * @bias: whether the linear layers have biases
 */
void dif_projection_load (DifProjection *p, DifLoader *l, const DifProjectionNames *names,
                          const DifHeadShape *shape, gsize n_in, gboolean bias);

/**
 * dif_projection_forward:
 * @p: a projection
 * @cx: a context
 * @x: `[B, T, n_in]`
 * @shape: heads
 * @table: (nullable): rotary table of T rows
 *
 * Returns: the stream as a segment for dif_joint_attention(), in the current
 * scope
 */
DifSegment dif_projection_forward (const DifProjection *p, DifContext *cx, DifTensor *x,
                                   const DifHeadShape *shape, DifTensor *table);

/**
 * dif_projected:
 * @p: a projection
 * @cx: a context
 * @qkv: `[B, T, (n_heads + 2 n_kv_heads) head_dim]`, may be a view: what its product made
 * @shape: heads
 * @table: (nullable): rotary table of T rows
 *
 * The second half of dif_projection_forward().
 *
 * Returns: the stream as a segment
 */
DifSegment dif_projected (const DifProjection *p, DifContext *cx, DifTensor *qkv,
                          const DifHeadShape *shape, DifTensor *table);

/**
 * dif_joint_attention:
 * @cx: a context
 * @shape: heads
 * @segments: (array length=n): streams, in the order of the sequence
 * @n: 1 to DIF_MAX_SEGMENTS
 * @causal: whether a token sees those before it only
 * @bias: (nullable): see DifAttention
 *
 * Returns: `[B, tokens, n_heads * head_dim]`
 */
DifTensor *dif_joint_attention (DifContext *cx, const DifHeadShape *shape,
                                const DifSegment *segments, guint n, gboolean causal,
                                DifTensor *bias);

G_END_DECLS

#endif /* DIF_NN_JOINT_ATTENTION_H */
