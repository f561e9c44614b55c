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
DifTensor *dif_attention (DifContext *cx, const DifAttention *a);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_ATTENTION_H */
