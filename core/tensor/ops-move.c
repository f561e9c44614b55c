/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-move.c - ops that move elements and compute little. */
#include "tensor/ops-private.h"

DifTensor *
dif_concat (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, a, b))
    return dif_context_inert (cx);
  if (! _dif_ops_agree_but (a, b, a->shape.n - 1))
    return _dif_ops_misfit_shapes (cx, "concat", b, "two tensors that differ in channels only");
  shape = a->shape;
  shape.d[shape.n - 1] += b->shape.d[shape.n - 1];
  y = _dif_ops_output (cx, a->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->concat (dif_context_backend (cx), a, b, y, &error);
  dif_context_profile (cx, "concat", start, 0, (double) (2 * y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_concat_batch (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *flat_a, *flat_b, *y;
  DifShape   shape;

  if (! _dif_ops_ready (cx, a, b))
    return dif_context_inert (cx);
  if (! _dif_ops_agree_but (a, b, 0))
    return _dif_ops_misfit_shapes (cx, "concat_batch", b, "two tensors that differ in items only");
  /* contiguous, so items side by side are channels side by side of one row */
  shape = a->shape;
  shape.d[0] += b->shape.d[0];
  flat_a = dif_reshape (cx, a, DIF_SHAPE (1, dif_tensor_count (a)));
  flat_b = dif_reshape (cx, b, DIF_SHAPE (1, dif_tensor_count (b)));
  y      = dif_concat (cx, flat_a, flat_b);
  return dif_reshape (cx, y, shape);
}

DifTensor *
dif_repeat_batch (DifContext *cx, DifTensor *one, guint n)
{
  DifTensor *all = one;

  for (guint i = 1; i < n; i++)
    all = dif_concat_batch (cx, all, one);
  return all;
}

DifTensor *
dif_slice_batch (DifContext *cx, DifTensor *x, gsize first, gsize count)
{
  DifShape shape;

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (! x->shape.n || ! count || first + count > x->shape.d[0])
    return _dif_ops_misfit_shapes (cx, "slice_batch", x, "enough items");
  shape      = x->shape;
  shape.d[0] = count;
  return dif_context_adopt (
      cx, dif_tensor_view (x, first * (dif_tensor_count (x) / x->shape.d[0]), &shape));
}

DifTensor *
dif_reshape (DifContext *cx, DifTensor *x, DifShape shape)
{
  gsize count;

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (! dif_shape_count (&shape, &count) || count != dif_tensor_count (x))
    return _dif_ops_misfit_shapes (cx, "reshape", x, "as many elements as before");
  return dif_context_adopt (cx, dif_tensor_view (x, 0, &shape));
}

DifTensor *
dif_upsample_nearest (DifContext *cx, DifTensor *x, gsize height, gsize width)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->shape.n != 4 || ! height || ! width)
    return _dif_ops_misfit_shapes (cx, "upsample", x, "[N, H, W, C] and a positive size");
  shape = DIF_SHAPE (x->shape.d[0], height, width, x->shape.d[3]);
  y     = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->upsample (dif_context_backend (cx), x, y, &error);
  dif_context_profile (cx, "upsample", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_gather (DifContext *cx, DifTensor *x, const DifGather *g)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gsize      n_rows;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->shape.n < 2 || ! g->n_out || ! g->n_terms)
    return _dif_ops_misfit_shapes (cx, "gather", x, "[N, .., C] and at least one row");
  n_rows = dif_tensor_count (x) / x->shape.d[0] / dif_tensor_dim (x, -1);
  for (gsize i = 0; i < g->n_out * g->n_terms; i++)
    if (g->rows[i] >= 0 && (gsize) g->rows[i] >= n_rows)
      return _dif_ops_misfit (cx, "gather: expected rows below %" G_GSIZE_FORMAT ", found %d",
                              n_rows, g->rows[i]);
  shape = DIF_SHAPE (x->shape.d[0], g->n_out, dif_tensor_dim (x, -1));
  y     = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->gather (dif_context_backend (cx), x, g, y, &error);
  dif_context_profile (cx, "gather", start, 0, (double) (g->n_terms + 1) * (double) y->bytes);
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_embed (DifContext *cx, const DifTable *table, const gint32 *ids, gsize n)
{
  DifTensor *y;
  DifShape   shape = DIF_SHAPE (n, table->n);
  GError    *error = NULL;
  gboolean   ok;

  if (! dif_context_check (cx) || ! table->prepared)
    return dif_context_inert (cx);
  for (gsize i = 0; i < n; i++)
    if (ids[i] < 0 || (gsize) ids[i] >= table->n_rows)
      return _dif_ops_misfit (cx, "embed: expected ids below %" G_GSIZE_FORMAT ", found %d",
                              table->n_rows, ids[i]);
  y = _dif_ops_output (cx, dif_context_dtype (cx), &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->embed (dif_context_backend (cx), table->prepared, ids, n, y, &error);
  return _dif_ops_done (cx, y, ok, error);
}
