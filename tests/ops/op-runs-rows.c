/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-runs-rows.c - runs of ops over rows that may lie apart. */
#include <math.h>

#include "op-runs.h"

/* An input that is a slice of the channels of a wider tensor if the row says so. */
static DifTensor *
row_input (OpRun *r, DifDtype dtype, DifShape shape)
{
  DifShape   wide = shape;
  gsize      C    = shape.d[shape.n - 1];
  DifTensor *base, *view;

  if (! (r->row->flags & VIEW))
    return op_input (r, dtype, shape);
  wide.d[wide.n - 1] = 2 * C + 3;
  base               = op_input (r, dtype, wide);
  view               = dif_tensor_slice (base, C, &shape, base->item, base->row);
  g_ptr_array_add (r->views, view);
  return view;
}

/* The output: the row's input if they are to be one, which a view cannot be. */
static DifTensor *
row_output (OpRun *r, DifTensor *x)
{
  if (r->row->flags & ALIAS && ! (r->row->flags & VIEW))
    return x;
  return op_banded (r, x->dtype, x->shape);
}

/* Vectors and residual of x, as far as the row asks for them; the factors are f32, the
 * addends of x's dtype. */
static DifScaleShift
vectors (OpRun *r, const DifTensor *x)
{
  DifScaleShift s     = { .plus = r->row->d[0] % 2 ? 1 : 0 };
  gsize         N     = r->row->flags & SHARED ? 1 : x->shape.d[0];
  DifShape      shape = DIF_SHAPE (N, dif_tensor_dim (x, -1));

  if (r->row->flags & SCALE)
    s.scale = row_input (r, DIF_F32, shape);
  if (r->row->flags & SHIFT)
    s.shift = row_input (r, x->dtype, shape);
  if (r->row->flags & RESIDUAL)
    s.residual = row_input (r, x->dtype, x->shape);
  if (! s.scale)
    s.plus = 1;
  return s;
}

static gpointer
make_norm (OpRun *r, gsize C, gboolean with_shift)
{
  GError      *error = NULL;
  gsize        bytes = 0;
  DifHostArray scale = op_host (r, DIF_SHAPE (C), 0.3f, 1), shift = { .shape = DIF_SHAPE (C) };
  gpointer     norm;

  if (with_shift)
    shift = op_host (r, DIF_SHAPE (C), 0.5f, 0);
  norm = r->be->klass->norm_new (r->be, &scale, &shift, &bytes, &error);
  op_check (norm && bytes > 0, error);
  return norm;
}

DifTensor *
op_run_row_norm (OpRun *r)
{
  const gsize  *d     = r->row->d;
  guint         flags = r->row->flags;
  GError       *error = NULL;
  DifRowNorm    spec  = { (flags & CENTER) != 0, (guint) d[3], 1e-5f };
  gpointer      norm  = flags & BARE ? NULL : make_norm (r, d[2], flags & CENTER);
  DifTensor    *x     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2] * d[3]));
  DifTensor    *y     = row_output (r, x);
  DifScaleShift after = vectors (r, x);
  gboolean      more  = (flags & (SCALE | SHIFT | RESIDUAL)) != 0;

  op_check (r->be->klass->row_norm (r->be, x, norm, &spec, more ? &after : NULL, y, &error), error);
  if (norm)
    r->be->klass->norm_free (r->be, norm);
  return y;
}

DifTensor *
op_run_scale_shift (OpRun *r)
{
  const gsize  *d     = r->row->d;
  GError       *error = NULL;
  DifTensor    *x     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2]));
  DifTensor    *y     = row_output (r, x);
  DifScaleShift s     = vectors (r, x);

  op_check (r->be->klass->scale_shift (r->be, x, &s, y, &error), error);
  return y;
}

DifTensor *
op_run_rotate (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifRotary    spec  = { .n_heads = (guint) d[2], .eps = 1e-6f };
  gpointer     norm  = r->row->flags & NORM ? make_norm (r, d[3], FALSE) : NULL;
  DifTensor   *x     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2] * d[3]));
  DifTensor   *y     = row_output (r, x);

  spec.table  = op_input (r, DIF_F32, DIF_SHAPE (d[1], 2 * d[3]));
  spec.halves = (r->row->flags & HALVES) != 0;
  op_check (r->be->klass->rotate (r->be, x, norm, &spec, y, &error), error);
  if (norm)
    r->be->klass->norm_free (r->be, norm);
  return y;
}

DifTensor *
op_run_multiply (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifTensor   *a     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1]));
  DifTensor   *b     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1]));
  DifTensor   *y     = row_output (r, a);

  op_check (r->be->klass->multiply (r->be, a, r->row->act, b, y, &error), error);
  return y;
}

DifTensor *
op_run_prelu (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  gpointer     slope = make_norm (r, d[1], FALSE);
  DifTensor   *x     = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1]));
  DifTensor   *y     = row_output (r, x);

  op_check (r->be->klass->prelu (r->be, x, slope, y, &error), error);
  r->be->klass->norm_free (r->be, slope);
  return y;
}

DifTensor *
op_run_permute (OpRun *r)
{
  const gsize   *d     = r->row->d;
  GError        *error = NULL;
  DifTensor     *x     = row_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2], d[3]));
  DifShape       shape = { .n = 4 };
  DifPermutation p     = { .n = 4 };
  DifTensor     *y;

  for (guint i = 0; i < 4; i++)
    {
      const gsize strides[] = { x->item, x->row * d[2], x->row, 1 };

      shape.d[i]  = d[d[4 + i]];
      p.d[i]      = shape.d[i];
      p.stride[i] = strides[d[4 + i]];
    }
  y = op_banded (r, r->dtype, shape);
  op_check (r->be->klass->permute (r->be, x, &p, y, &error), error);
  return y;
}

/* ---- attention ---- */

/* Tokens @first to @end - 1 of q, k and v that hold all of them. */
static DifSegment
part (const DifAttention *a, gsize q0, gsize q1, gsize k0, gsize k1)
{
  DifSegment s = { a->q, a->k, a->v, q1 - q0, k1 - k0 };

  s.q.offset += q0 * s.q.stride;
  s.k.offset += k0 * s.k.stride;
  s.v.offset += k0 * s.v.stride;
  return s;
}

/* The same tokens as three segments, the middle one without queries. */
static void
cut (DifAttention *a, DifSegment *more)
{
  gsize      q = a->n_queries / 2, k = a->n_keys / 3;
  DifSegment first = part (a, 0, q, 0, k);

  more[0]      = part (a, q, q, k, 2 * k);
  more[1]      = part (a, q, a->n_queries, 2 * k, a->n_keys);
  more[0].q.t  = NULL;
  a->more      = more;
  a->n_more    = 2;
  a->n_queries = first.n_queries;
  a->n_keys    = first.n_keys;
}

static const DifTensor *
make_bias (OpRun *r)
{
  const gsize      *d    = r->row->d;
  gboolean          mask = (r->row->flags & MASK) != 0;
  gsize             n;
  DifTensor        *t;
  g_autofree float *values = NULL;
  GError           *error  = NULL;

  if (! (r->row->flags & (BIAS | MASK)))
    return NULL;
  if (! mask)
    return op_input (r, DIF_F32, DIF_SHAPE (1, d[3], d[1], d[2]));
  t      = op_banded (r, DIF_F32, DIF_SHAPE (d[0], 1, 1, d[2]));
  n      = d[0] * d[2];
  values = g_new0 (float, n);
  /* never a row's first key, which causal ones need */
  for (gsize i = 0; i < n; i++)
    if (i % d[2] % 3 == 1 || (i / d[2] == 1 && i % d[2] > d[2] / 2))
      values[i] = -INFINITY;
  op_check (r->be->klass->upload (r->be, t->data, values, n * sizeof *values, &error), error);
  return t;
}

static void
take_rows (OpRun *r, DifAttention *a, gsize width, gsize kv_width)
{
  const gsize *d     = r->row->d;
  gsize        items = r->row->flags & SHARED ? 1 : d[0];
  DifTensor   *t;

  if (r->row->flags & FUSED)
    {
      gsize n = MAX (d[1], d[2]);

      t    = op_input (r, r->dtype, DIF_SHAPE (d[0], n, 3 * width));
      a->q = (DifRows) { t, 0, 3 * width, n * 3 * width };
      a->k = (DifRows) { t, width, 3 * width, n * 3 * width };
      a->v = (DifRows) { t, 2 * width, 3 * width, n * 3 * width };
    }
  else
    {
      t    = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], width));
      a->q = (DifRows) { t, 0, width, d[1] * width };
      t    = op_input (r, r->dtype, DIF_SHAPE (items, d[2], 2 * kv_width));
      a->k = (DifRows) { t, 0, 2 * kv_width, d[2] * 2 * kv_width };
      a->v = (DifRows) { t, kv_width, 2 * kv_width, d[2] * 2 * kv_width };
    }
  if (r->row->flags & SHARED)
    a->k.batch = a->v.batch = 0;
}

DifTensor *
op_run_attention (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  gsize        width = d[3] * d[4];
  DifAttention a     = { .n_batch = d[0], .n_queries = d[1], .n_keys = d[2] };
  DifTensor   *y     = op_banded (r, r->dtype, DIF_SHAPE (d[0], d[1], width));
  DifSegment   more[DIF_MAX_SEGMENTS];

  a.n_heads    = (guint) d[3];
  a.head_dim   = (guint) d[4];
  a.n_kv_heads = (guint) d[5];
  a.scale      = 1.0f / sqrtf ((float) d[4]);
  a.causal     = (r->row->flags & CAUSAL) != 0;
  a.bias       = make_bias (r);
  take_rows (r, &a, width, d[5] ? d[5] * d[4] : width);
  if (r->row->flags & SEGMENTS)
    cut (&a, more);
  op_check (r->be->klass->attention (r->be, &a, y, &error), error);
  return y;
}
