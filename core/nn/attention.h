/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* attention.h - self attention over the pixels of a feature map, with its norm.
 *
 * The plain attention of VAEs and of unconditional U-Nets: group norm, biased
 * projections, added to its input.
 */
#ifndef DIF_NN_ATTENTION_H
#define DIF_NN_ATTENTION_H

#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifAttentionBlock:
 * @norm: group norm
 * @qkv: `[3 C, C]`
 * @out: `[C, C]`
 * @n_groups: of @norm
 * @n_heads: heads, divides C
 * @eps: of @norm
 *
 * Filled by dif_attention_block_load(); the weights belong to the loader's
 * store.
 */
typedef struct
{
  DifNorm   *norm;
  DifLinear *qkv, *out;
  guint      n_groups, n_heads;
  float      eps;
} DifAttentionBlock;

/**
 * dif_attention_block_load:
 * @a: filled
 * @l: a loader, inside the block's scope
 * @n_channels: C
 * @n_heads: heads
 * @n_groups: of the norm
 * @eps: of the norm
 *
 * Source: diffusers Attention with residual_connection and a group norm (the
 * former AttentionBlock).
 */
void dif_attention_block_load (DifAttentionBlock *a, DifLoader *l, gsize n_channels, guint n_heads,
                               guint n_groups, float eps);

/**
 * dif_attention_block_forward:
 * @a: a block
 * @cx: a context
 * @x: `[N, H, W, C]`
 *
 * Returns: `[N, H, W, C]`
 */
DifTensor *dif_attention_block_forward (const DifAttentionBlock *a, DifContext *cx, DifTensor *x);

G_END_DECLS

#endif /* DIF_NN_ATTENTION_H */
