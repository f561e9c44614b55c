/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-rows.c - the slots over rows that may lie apart. */
#include "backends/cuda/cuda-private.h"

static RowsAt
rows_at (const DifTensor *t)
{
  return (RowsAt) { dif_tensor_rows (t), t->item, t->row };
}

/* Elements from one item's vector to the next; 0 if all share one. */
static gsize
vector_step (const DifTensor *v)
{
  return v->shape.d[0] == 1 ? 0 : v->item;
}

static ScaleShiftArgs
scale_shift_of (const DifScaleShift *s)
{
  ScaleShiftArgs a = { .plus = 1 };

  if (! s)
    return a;
  a.plus = s->plus;
  if (s->scale)
    {
      a.scale       = s->scale->data;
      a.scale_item  = vector_step (s->scale);
      a.scale_dtype = s->scale->dtype;
    }
  if (s->shift)
    {
      a.shift       = s->shift->data;
      a.shift_item  = vector_step (s->shift);
      a.shift_dtype = s->shift->dtype;
    }
  if (s->residual)
    {
      a.residual    = s->residual->data;
      a.residual_at = rows_at (s->residual);
    }
  return a;
}

gboolean
_dif_cuda_row_norm (DifBackend *be, const DifTensor *x, gpointer norm, const DifRowNorm *spec,
                    const DifScaleShift *after, DifTensor *y, GError **error)
{
  DifCuda           *cuda = _dif_cuda_begin (be);
  const DifCudaNorm *w    = norm;
  RowNormArgs        a    = { .x       = x->data,
                              .scale   = w ? w->scale : NULL,
                              .shift   = w ? w->shift : NULL,
                              .y       = y->data,
                              .at      = rows_at (x),
                              .after   = scale_shift_of (after),
                              .C       = dif_tensor_dim (x, -1),
                              .n_heads = spec->n_heads,
                              .eps     = spec->eps,
                              .center  = spec->center,
                              .dtype   = x->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_launch (cuda, DIF_CUDA_KERNEL_row_norm,
                                                dif_tensor_count (x) / a.C * a.n_heads, &a, error));
}

gboolean
_dif_cuda_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s, DifTensor *y,
                       GError **error)
{
  DifCuda     *cuda = _dif_cuda_begin (be);
  ModulateArgs a    = { .x     = x->data,
                        .y     = y->data,
                        .at    = rows_at (x),
                        .by    = scale_shift_of (s),
                        .C     = dif_tensor_dim (x, -1),
                        .dtype = x->dtype };

  a.rows = dif_tensor_count (x) / a.C;
  return _dif_cuda_end (cuda,
                        _dif_cuda_each (cuda, DIF_CUDA_KERNEL_modulate, a.rows * a.C, &a, error));
}

gboolean
_dif_cuda_rotate (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec,
                  DifTensor *y, GError **error)
{
  DifCuda           *cuda = _dif_cuda_begin (be);
  const DifCudaNorm *w    = norm;
  RotateArgs         a    = { .x       = x->data,
                              .table   = spec->table->data,
                              .scale   = w ? w->scale : NULL,
                              .y       = y->data,
                              .at      = rows_at (x),
                              .T       = x->shape.d[1],
                              .n_heads = spec->n_heads,
                              .D       = dif_tensor_dim (spec->table, 1) / 2,
                              .eps     = spec->eps,
                              .halves  = spec->halves,
                              .dtype   = x->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_launch (cuda, DIF_CUDA_KERNEL_rotate,
                                                x->shape.d[0] * a.T * a.n_heads, &a, error));
}

gboolean
_dif_cuda_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b,
                    DifTensor *y, GError **error)
{
  DifCuda     *cuda = _dif_cuda_begin (be);
  MultiplyArgs args = { .a     = a->data,
                        .b     = b->data,
                        .y     = y->data,
                        .a_at  = rows_at (a),
                        .b_at  = rows_at (b),
                        .C     = dif_tensor_dim (a, -1),
                        .dtype = a->dtype,
                        .act   = act };

  args.rows = dif_tensor_count (a) / args.C;
  return _dif_cuda_end (
      cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_multiply, args.rows * args.C, &args, error));
}

gboolean
_dif_cuda_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y, GError **error)
{
  DifCuda           *cuda = _dif_cuda_begin (be);
  const DifCudaNorm *w    = norm;
  PreluArgs          a    = {
    x->data, w->scale, y->data, dif_tensor_count (x), dif_tensor_dim (x, -1), x->dtype
  };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_prelu, a.n, &a, error));
}

gboolean
_dif_cuda_permute (DifBackend *be, const DifTensor *x, const DifPermutation *p, DifTensor *y,
                   GError **error)
{
  DifCuda    *cuda = _dif_cuda_begin (be);
  PermuteArgs a    = { .x      = x->data,
                       .y      = y->data,
                       .n      = dif_tensor_count (y),
                       .offset = p->offset,
                       .dims   = (int) p->n,
                       .dtype  = x->dtype };

  G_STATIC_ASSERT (KERNEL_PERMUTE_DIMS >= DIF_PERMUTE_DIMS);
  for (guint i = 0; i < p->n; i++)
    {
      a.d[i]      = p->d[i];
      a.stride[i] = p->stride[i];
    }
  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_permute, a.n, &a, error));
}

/* ---- attention ---- */

static AttentionRows
rows_of (const DifRows *r)
{
  gsize unit = dif_dtype_size (r->t->dtype);

  return (AttentionRows) { (const char *) r->t->data + r->offset * unit, r->stride, r->batch };
}

/* Adds a segment; one without rows of a kind leaves those empty. */
static void
add_segment (AttentionArgs *a, const DifSegment *s)
{
  AttentionSegment *to = &a->segments[a->n_segments++];

  to->query = a->n_queries;
  to->key   = a->n_keys;
  if (s->n_queries)
    to->q = rows_of (&s->q);
  if (s->n_keys)
    {
      to->k = rows_of (&s->k);
      to->v = rows_of (&s->v);
    }
  a->n_queries += s->n_queries;
  a->n_keys += s->n_keys;
}

gboolean
_dif_cuda_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error)
{
  DifCuda      *cuda = _dif_cuda_begin (be);
  AttentionArgs args = { .y        = y->data,
                         .n_batch  = a->n_batch,
                         .n_heads  = a->n_heads,
                         .n_group  = a->n_kv_heads ? a->n_heads / a->n_kv_heads : 1,
                         .head_dim = a->head_dim,
                         .bias_d   = { 1, 1, 1 },
                         .scale    = a->scale,
                         .causal   = a->causal,
                         .dtype    = y->dtype };
  gsize         tiles, parts = (a->head_dim + ATTENTION_WIDTH - 1) / ATTENTION_WIDTH;

  G_STATIC_ASSERT (KERNEL_SEGMENTS >= DIF_MAX_SEGMENTS);
  add_segment (&args, &(DifSegment) { a->q, a->k, a->v, a->n_queries, a->n_keys });
  for (guint i = 0; i < a->n_more; i++)
    add_segment (&args, &a->more[i]);
  if (a->bias)
    {
      args.bias = a->bias->data;
      for (guint i = 0; i < 3; i++)
        args.bias_d[i] = a->bias->shape.d[i];
    }
  tiles = (args.n_queries + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES;
  return _dif_cuda_end (cuda,
                        _dif_cuda_launch (cuda, DIF_CUDA_KERNEL_attention,
                                          a->n_batch * tiles * a->n_heads * parts, &args, error));
}
