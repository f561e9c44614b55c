/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* attention.c - norm, attention, projection, residual. */
#include "nn/attention.h"
#include "nn/transformer.h"

void
dif_attention_block_load (DifAttentionBlock *a, DifLoader *l, gsize n_channels, guint n_heads,
                          guint n_groups, float eps)
{
  static const char *const qkv[] = { "to_q", "to_k", "to_v" };

  a->n_heads  = n_heads;
  a->n_groups = n_groups;
  a->eps      = eps;
  a->norm     = dif_loader_norm (l, "group_norm", n_channels);
  a->qkv      = dif_loader_linear_stack (l, qkv, 3, n_channels, n_channels, TRUE);
  a->out      = dif_loader_linear (l, "to_out.0", n_channels, n_channels, TRUE);
}

DifTensor *
dif_attention_block_forward (const DifAttentionBlock *a, DifContext *cx, DifTensor *x)
{
  DifShape   image = x->shape, tokens;
  DifTensor *h;

  if (image.n != 4)
    return dif_context_inert (cx);
  tokens = DIF_SHAPE (image.d[0], image.d[1] * image.d[2], image.d[3]);
  h      = dif_group_norm (cx, x, a->norm, a->n_groups, a->eps, DIF_ACT_NONE);
  h      = dif_linear (cx, dif_reshape (cx, h, tokens), a->qkv, DIF_ACT_NONE, NULL);
  h      = dif_self_attention (cx, h, a->n_heads, FALSE);
  h      = dif_linear (cx, h, a->out, DIF_ACT_NONE, dif_reshape (cx, x, tokens));
  return dif_reshape (cx, h, image);
}
