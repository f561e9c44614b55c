/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* transformer.h - Transformer2DModel: attention over the pixels of a feature map.
 *
 * Keys and values of cross attention depend on the prompt only, so they are
 * made once per prompt and handed in.
 */
#ifndef DIF_NN_TRANSFORMER_H
#define DIF_NN_TRANSFORMER_H

#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifTransformerBlock:
 *
 * BasicTransformerBlock: self attention, cross attention, feed-forward, each
 * on a layer norm and added to its input.  Filled by dif_transformer_load().
 */
typedef struct
{
  DifNorm   *norm1, *norm2, *norm3;
  DifLinear *qkv;          /* [3 C, C] */
  DifLinear *out1;         /* [C, C] */
  DifLinear *q;            /* [C, C] */
  DifLinear *kv;           /* [2 C, cross] */
  DifLinear *out2;         /* [C, C] */
  DifLinear *value, *gate; /* [4 C, C] each */
  DifLinear *down;         /* [C, 4 C] */
} DifTransformerBlock;

/**
 * DifTransformer:
 * @norm: group norm, eps 1e-6
 * @proj_in: 1x1
 * @proj_out: 1x1
 * @blocks: (array length=n_blocks): owned
 * @n_groups: of @norm
 * @n_heads: heads of every attention
 */
typedef struct
{
  DifNorm             *norm;
  DifLinear           *proj_in, *proj_out;
  DifTransformerBlock *blocks;
  guint                n_blocks, n_groups, n_heads;
} DifTransformer;

/**
 * dif_transformer_load:
 * @t: filled
 * @l: a loader, inside the block's scope
 * @n_channels: C, a multiple of @n_heads
 * @n_heads: heads
 * @n_blocks: transformer blocks
 * @n_cross: width of the prompt embeddings
 * @n_groups: of the norm
 *
 * Convolutional and linear projections are the same weights.
 *
 * Source: diffusers Transformer2DModel.
 */
void dif_transformer_load (DifTransformer *t, DifLoader *l, gsize n_channels, guint n_heads,
                           guint n_blocks, gsize n_cross, guint n_groups);

/**
 * dif_transformer_clear:
 * @t: frees what it owns
 */
void dif_transformer_clear (DifTransformer *t);

/**
 * dif_transformer_text:
 * @t: a transformer
 * @cx: a context
 * @embeds: `[N, T, n_cross]`
 * @kv: (array): @n_blocks tensors `[N, T, 2 C]`, appended, each with a
 *   reference for the array
 */
void dif_transformer_text (const DifTransformer *t, DifContext *cx, DifTensor *embeds,
                           GPtrArray *kv);

/**
 * dif_transformer_forward:
 * @t: a transformer
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @kv: (array length=n_blocks): keys and values of each block
 *
 * Returns: `[N, H, W, C]`
 */
DifTensor *dif_transformer_forward (const DifTransformer *t, DifContext *cx, DifTensor *x,
                                    DifTensor *const *kv);

/**
 * dif_self_attention:
 * @cx: a context
 * @qkv: `[N, T, 3 C]`: queries, keys, values side by side
 * @n_heads: heads, divides C
 * @causal: token i sees tokens 0..i only
 *
 * Returns: `[N, T, C]`
 */
DifTensor *dif_self_attention (DifContext *cx, DifTensor *qkv, guint n_heads, gboolean causal);

G_END_DECLS

#endif /* DIF_NN_TRANSFORMER_H */
