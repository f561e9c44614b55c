/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* joint-attention.c - projections, norms of heads, rotation, one attention. */
#include <math.h>

#include "base/error.h"
#include "nn/joint-attention.h"

void
dif_rotary_axes_read (DifRotaryAxes *axes, DifJson *config, const char *key, const guint *defaults,
                      const char *width, guint head_dim)
{
  DifJson *dims = dif_json_member (config, key);
  guint    sum  = 0;

  if (dims && dif_json_length (dims) != axes->n)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected %u, found %u", key, axes->n,
                   dif_json_length (dims));
  for (guint i = 0; i < axes->n; i++)
    {
      axes->dims[i] =
          dims ? (guint) dif_json_value_int (dif_json_at (dims, i), 0, 1 << 10) : defaults[i];
      sum += axes->dims[i];
      if (axes->dims[i] % 2)
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected even numbers, found %u",
                       key, axes->dims[i]);
    }
  if (sum != head_dim)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected a sum of %s (%u), found %u",
                   key, width, head_dim, sum);
}

void
dif_projection_load (DifProjection *p, DifLoader *l, const DifProjectionNames *names,
                     const DifHeadShape *shape, gsize n_in, gboolean bias)
{
  const char *const qkv[] = { names->q, names->k, names->v };
  gsize             width = (gsize) shape->n_heads * shape->head_dim;

  p->qkv = dif_loader_linear_stack (l, qkv, 3, width, n_in, bias);
  if (names->norm_q)
    p->norm_q = dif_loader_scale (l, names->norm_q, shape->head_dim);
  if (names->norm_k)
    p->norm_k = dif_loader_scale (l, names->norm_k, shape->head_dim);
}

/* Heads as attention takes them: normalised, rotated, or as they are. */
static DifTensor *
prepared (DifContext *cx, DifTensor *x, const DifNorm *norm, guint n_heads,
          const DifHeadShape *shape, DifTensor *table)
{
  if (table)
    return dif_rotate (cx, x, norm, &(DifRotary) { table, n_heads, shape->halves, shape->eps });
  if (norm)
    return dif_row_norm (cx, x, norm, &(DifRowNorm) { FALSE, n_heads, shape->eps }, NULL);
  return x;
}

DifSegment
dif_projected (const DifProjection *p, DifContext *cx, DifTensor *qkv, const DifHeadShape *shape,
               DifTensor *table)
{
  gsize      width    = (gsize) shape->n_heads * shape->head_dim;
  gsize      kv_width = (gsize) shape->n_kv_heads * shape->head_dim, T = dif_tensor_dim (qkv, 1);
  DifTensor *q = dif_slice_channels (cx, qkv, 0, width);
  DifTensor *k = dif_slice_channels (cx, qkv, width, kv_width);

  q = prepared (cx, q, p->norm_q, shape->n_heads, shape, table);
  k = prepared (cx, k, p->norm_k, shape->n_kv_heads, shape, table);
  return (DifSegment) { dif_rows (q, 0), dif_rows (k, 0), dif_rows (qkv, width + kv_width), T, T };
}

DifSegment
dif_projection_forward (const DifProjection *p, DifContext *cx, DifTensor *x,
                        const DifHeadShape *shape, DifTensor *table)
{
  return dif_projected (p, cx, dif_linear (cx, x, p->qkv, DIF_ACT_NONE, NULL), shape, table);
}

DifTensor *
dif_joint_attention (DifContext *cx, const DifHeadShape *shape, const DifSegment *segments, guint n,
                     gboolean causal, DifTensor *bias)
{
  DifAttention a = { .q         = segments[0].q,
                     .k         = segments[0].k,
                     .v         = segments[0].v,
                     .n_batch   = dif_tensor_dim (segments[0].q.t, 0),
                     .n_queries = segments[0].n_queries,
                     .n_keys    = segments[0].n_keys };

  a.n_heads    = shape->n_heads;
  a.n_kv_heads = shape->n_kv_heads;
  a.head_dim   = shape->head_dim;
  a.scale      = 1.0f / sqrtf ((float) shape->head_dim);
  a.causal     = causal;
  a.bias       = bias;
  a.more       = segments + 1;
  a.n_more     = n - 1;
  return dif_attention (cx, &a);
}
