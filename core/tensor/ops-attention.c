/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-attention.c - attention. */
#include <math.h>

#include "base/error.h"
#include "tensor/ops-private.h"

/* Whether the last row of every head of every item lies inside the tensor. */
static gboolean
rows_fit (const DifRows *r, gsize n_batch, gsize n_rows, gsize width)
{
  return n_batch && n_rows && width <= r->stride &&
         r->offset + (n_batch - 1) * r->batch + (n_rows - 1) * r->stride + width <=
             dif_tensor_span (r->t);
}

static gboolean
segment_fits (const DifSegment *s, gsize n_batch, gsize width, gsize kv_width, DifDtype dtype)
{
  return (! s->n_queries ||
          (s->q.t->dtype == dtype && rows_fit (&s->q, n_batch, s->n_queries, width))) &&
         (! s->n_keys || (s->k.t->dtype == dtype && s->v.t->dtype == dtype &&
                          rows_fit (&s->k, n_batch, s->n_keys, kv_width) &&
                          rows_fit (&s->v, n_batch, s->n_keys, kv_width)));
}

/* Whether the bias is nothing, or has every dimension or 1. */
static gboolean
bias_fits (const DifTensor *b, const gsize *d)
{
  if (! b)
    return TRUE;
  if (b->dtype != DIF_F32 || b->shape.n != 4 || b->shape.d[3] != d[3] ||
      ! dif_tensor_is_contiguous (b))
    return FALSE;
  for (guint i = 0; i < 3; i++)
    if (b->shape.d[i] != 1 && b->shape.d[i] != d[i])
      return FALSE;
  return TRUE;
}

/* The first segment of @a is its own rows. */
static DifSegment
segment_of (const DifAttention *a, guint i)
{
  return i ? a->more[i - 1] : (DifSegment) { a->q, a->k, a->v, a->n_queries, a->n_keys };
}

static gboolean
is_there (const DifAttention *a)
{
  for (guint i = 0; i <= a->n_more; i++)
    {
      DifSegment s = segment_of (a, i);

      if ((s.n_queries && ! s.q.t->data) || (s.n_keys && (! s.k.t->data || ! s.v.t->data)))
        return FALSE;
    }
  return ! a->bias || a->bias->data;
}

/* Rows of all segments; FALSE if any does not fit. */
static gboolean
count_rows (const DifAttention *a, gsize *queries, gsize *keys)
{
  guint    n_kv = a->n_kv_heads ? a->n_kv_heads : a->n_heads;
  gboolean ok   = a->n_heads && a->head_dim && a->n_heads % n_kv == 0;

  *queries = *keys = 0;
  for (guint i = 0; i <= a->n_more && ok; i++)
    {
      DifSegment s = segment_of (a, i);

      *queries += s.n_queries;
      *keys += s.n_keys;
      ok = segment_fits (&s, a->n_batch, (gsize) a->n_heads * a->head_dim,
                         (gsize) n_kv * a->head_dim, a->q.t->dtype);
    }
  return ok && *queries && *keys;
}

DifTensor *
dif_attention (DifContext *cx, const DifAttention *a)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gsize      width = (gsize) a->n_heads * a->head_dim, queries, keys;
  gint64     start = g_get_monotonic_time ();

  g_assert (a->n_more < DIF_MAX_SEGMENTS);
  if (! dif_context_check (cx) || ! is_there (a))
    return dif_context_inert (cx);
  if (! count_rows (a, &queries, &keys) ||
      ! bias_fits (a->bias, (gsize[]) { a->n_batch, a->n_heads, queries, keys }))
    return _dif_ops_misfit (
        cx, "attention: expected rows of %u heads of %u, found rows that do not fit their tensors",
        a->n_heads, a->head_dim);
  shape = DIF_SHAPE (a->n_batch, queries, width);
  y     = _dif_ops_output (cx, a->q.t->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->attention (dif_context_backend (cx), a, y, &error);
  dif_context_profile (cx, keys == queries ? "attention" : "cross_attention", start,
                       2.0 * (double) a->n_batch * (double) queries * (double) keys *
                           (double) width,
                       (double) (2 * y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

static double
angle_of (const DifRotaryAxes *axes, guint axis, guint i, float position)
{
  guint  d = axes->dims[axis];
  double angle;

  if (axes->rounding == DIF_ROTARY_SINGLE)
    return position * (1.0f / powf ((float) axes->theta, (float) (2 * i) / (float) d));
  angle = position * pow (axes->theta, -2.0 * i / d);
  return axes->rounding == DIF_ROTARY_ANGLE ? (float) angle : angle;
}

/* Cosines and sines of one position, in a row of a table for heads of @D. */
static void
put_angles (const DifRotaryAxes *axes, gsize D, const float *position, float *row)
{
  gsize at = 0;

  for (guint axis = 0; axis < axes->n; axis++)
    for (guint i = 0; i < axes->dims[axis] / 2; i++, at++)
      {
        double angle = angle_of (axes, axis, i, position[axis]);
        float  c = (float) cos (angle), s = (float) sin (angle);
        gsize  a = axes->halves ? at : 2 * at, b = axes->halves ? at + D / 2 : 2 * at + 1;

        row[a] = row[b] = c;
        row[D + a]      = -s;
        row[D + b]      = s;
      }
}

DifTensor *
dif_rotary_table (DifContext *cx, const DifRotaryAxes *axes, gsize n, const float *positions)
{
  g_autofree float *table = NULL;
  gsize             D     = 0;

  for (guint a = 0; a < axes->n; a++)
    D += axes->dims[a];
  table = g_try_new (float, n * 2 * D);
  if (! table)
    return dif_context_fail (cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                              "out of memory for rotary angles"));
  for (gsize t = 0; t < n; t++)
    put_angles (axes, D, positions + t * axes->n, table + t * 2 * D);
  return dif_upload (cx, DIF_F32, DIF_SHAPE (n, 2 * D), table);
}

DifTensor *
dif_rotate (DifContext *cx, DifTensor *x, const DifNorm *norm, const DifRotary *spec)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gsize      D     = dif_tensor_dim (spec->table, 1) / 2;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, spec->table) || (norm && ! norm->prepared))
    return dif_context_inert (cx);
  if (x->shape.n != 3 || dif_tensor_dim (spec->table, 0) != x->shape.d[1] || D % 2 ||
      x->shape.d[2] != spec->n_heads * D || spec->table->dtype != DIF_F32 ||
      ! dif_tensor_is_contiguous (spec->table) || (norm && norm->n != D))
    return _dif_ops_misfit_shapes (cx, "rotate", x, "[N, T, heads * D] with a table of T rows");
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->rotate (dif_context_backend (cx), x, norm ? norm->prepared : NULL, spec,
                                   y, &error);
  dif_context_profile (cx, "rotate", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}
