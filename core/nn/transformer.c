/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* transformer.c - Transformer2DModel and its blocks. */
#include <math.h>

#include "nn/transformer.h"

static void
load_block (DifTransformerBlock *b, DifLoader *l, gsize C, gsize n_cross)
{
  static const char *const qkv[] = { "to_q", "to_k", "to_v" };

  b->norm1 = dif_loader_norm (l, "norm1", C);
  dif_loader_enter (l, "attn1");
  b->qkv  = dif_loader_linear_stack (l, qkv, 3, C, C, FALSE);
  b->out1 = dif_loader_linear (l, "to_out.0", C, C, TRUE);
  dif_loader_leave (l);
  b->norm2 = dif_loader_norm (l, "norm2", C);
  dif_loader_enter (l, "attn2");
  b->q    = dif_loader_linear (l, "to_q", C, C, FALSE);
  b->kv   = dif_loader_linear_stack (l, qkv + 1, 2, C, n_cross, FALSE);
  b->out2 = dif_loader_linear (l, "to_out.0", C, C, TRUE);
  dif_loader_leave (l);
  b->norm3 = dif_loader_norm (l, "norm3", C);
  b->value = dif_loader_linear_rows (l, "ff.net.0.proj", 8 * C, 0, 4 * C, C, TRUE);
  b->gate  = dif_loader_linear_rows (l, "ff.net.0.proj", 8 * C, 4 * C, 4 * C, C, TRUE);
  b->down  = dif_loader_linear (l, "ff.net.2", C, 4 * C, TRUE);
}

void
dif_transformer_load (DifTransformer *t, DifLoader *l, gsize n_channels, guint n_heads,
                      guint n_blocks, gsize n_cross, guint n_groups)
{
  t->n_heads  = n_heads;
  t->n_groups = n_groups;
  t->n_blocks = n_blocks;
  t->blocks   = g_new0 (DifTransformerBlock, n_blocks);
  t->norm     = dif_loader_norm (l, "norm", n_channels);
  t->proj_in  = dif_loader_linear (l, "proj_in", n_channels, n_channels, TRUE);
  for (guint i = 0; i < n_blocks; i++)
    {
      dif_loader_enter (l, "transformer_blocks.%u", i);
      load_block (&t->blocks[i], l, n_channels, n_cross);
      dif_loader_leave (l);
    }
  t->proj_out = dif_loader_linear (l, "proj_out", n_channels, n_channels, TRUE);
}

void
dif_transformer_clear (DifTransformer *t)
{
  g_clear_pointer (&t->blocks, g_free);
}

void
dif_transformer_text (const DifTransformer *t, DifContext *cx, DifTensor *embeds, GPtrArray *kv)
{
  for (guint i = 0; i < t->n_blocks; i++)
    g_ptr_array_add (kv,
                     dif_tensor_ref (dif_linear (cx, embeds, t->blocks[i].kv, DIF_ACT_NONE, NULL)));
}

/* Rows of width @C that start at column @column of t [N, T, stride]. */
static DifRows
rows (const DifTensor *t, gsize column)
{
  gsize stride = dif_tensor_dim (t, -1);

  return (DifRows) { .t      = t,
                     .offset = column,
                     .stride = stride,
                     .batch  = stride * dif_tensor_dim (t, 1) };
}

DifTensor *
dif_self_attention (DifContext *cx, DifTensor *qkv, guint n_heads, gboolean causal)
{
  gsize        C = dif_tensor_dim (qkv, -1) / 3;
  DifAttention a = {
    .q         = rows (qkv, 0),
    .k         = rows (qkv, C),
    .v         = rows (qkv, 2 * C),
    .n_batch   = dif_tensor_dim (qkv, 0),
    .n_queries = dif_tensor_dim (qkv, 1),
    .n_keys    = dif_tensor_dim (qkv, 1),
    .n_heads   = n_heads,
    .head_dim  = C / n_heads,
    .scale     = 1 / sqrtf ((float) C / (float) n_heads),
    .causal    = causal,
  };

  return dif_attention (cx, &a);
}

static DifTensor *
cross_attention (DifContext *cx, DifTensor *q, DifTensor *kv, guint n_heads)
{
  gsize        C = dif_tensor_dim (q, -1);
  DifAttention a = {
    .q         = rows (q, 0),
    .k         = rows (kv, 0),
    .v         = rows (kv, C),
    .n_batch   = dif_tensor_dim (q, 0),
    .n_queries = dif_tensor_dim (q, 1),
    .n_keys    = dif_tensor_dim (kv, 1),
    .n_heads   = n_heads,
    .head_dim  = C / n_heads,
    .scale     = 1 / sqrtf ((float) C / (float) n_heads),
  };

  return dif_attention (cx, &a);
}

static DifTensor *
block_forward (const DifTransformerBlock *b, DifContext *cx, DifTensor *x, DifTensor *kv,
               guint n_heads)
{
  DifTensor *h, *g, *y;

  h = dif_layer_norm (cx, x, b->norm1, 1e-5f);
  g = dif_linear (cx, h, b->qkv, DIF_ACT_NONE, NULL);
  h = dif_self_attention (cx, g, n_heads, FALSE);
  dif_context_release (cx, g);
  x = dif_linear (cx, h, b->out1, DIF_ACT_NONE, x);

  h = dif_layer_norm (cx, x, b->norm2, 1e-5f);
  g = dif_linear (cx, h, b->q, DIF_ACT_NONE, NULL);
  h = cross_attention (cx, g, kv, n_heads);
  y = dif_linear (cx, h, b->out2, DIF_ACT_NONE, x);
  dif_context_release (cx, x);

  h = dif_layer_norm (cx, y, b->norm3, 1e-5f);
  g = dif_glu (cx, h, b->value, b->gate, DIF_ACT_GELU);
  return dif_linear (cx, g, b->down, DIF_ACT_NONE, y);
}

DifTensor *
dif_transformer_forward (const DifTransformer *t, DifContext *cx, DifTensor *x,
                         DifTensor *const *kv)
{
  DifTensor *h;
  DifShape   image = x->shape, tokens;

  if (image.n != 4)
    return dif_context_inert (cx);
  tokens = DIF_SHAPE (image.d[0], image.d[1] * image.d[2], image.d[3]);
  h      = dif_group_norm (cx, x, t->norm, t->n_groups, 1e-6f, DIF_ACT_NONE);
  h      = dif_linear (cx, dif_reshape (cx, h, tokens), t->proj_in, DIF_ACT_NONE, NULL);
  for (guint i = 0; i < t->n_blocks; i++)
    {
      dif_context_enter (cx, "transformer_blocks.%u", i);
      h = dif_context_leave (cx, block_forward (&t->blocks[i], cx, h, kv[i], t->n_heads));
    }
  h = dif_linear (cx, h, t->proj_out, DIF_ACT_NONE, dif_reshape (cx, x, tokens));
  return dif_reshape (cx, h, image);
}
