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

  a = dif_contiguous (cx, a);
  b = dif_contiguous (cx, b);
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
  return dif_context_adopt (cx, dif_tensor_slice (x, first * x->item, &shape, x->item, x->row));
}

DifTensor *
dif_slice_tokens (DifContext *cx, DifTensor *x, gsize first, gsize count)
{
  DifShape shape = x->shape;

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (shape.n != 3 || ! count || first + count > shape.d[1])
    return _dif_ops_misfit_shapes (cx, "slice_tokens", x, "[N, T, C] with enough tokens");
  shape.d[1] = count;
  return dif_context_adopt (cx, dif_tensor_slice (x, first * x->row, &shape, x->item, x->row));
}

DifTensor *
dif_slice_channels (DifContext *cx, DifTensor *x, gsize first, gsize count)
{
  DifShape shape = x->shape;

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (shape.n < 2 || ! count || first + count > shape.d[shape.n - 1])
    return _dif_ops_misfit_shapes (cx, "slice_channels", x, "[N, .., C] with enough channels");
  shape.d[shape.n - 1] = count;
  return dif_context_adopt (cx, dif_tensor_slice (x, first, &shape, x->item, x->row));
}

DifTensor *
dif_contiguous (DifContext *cx, DifTensor *x)
{
  DifPermutation p = { .n = 3 };

  if (dif_tensor_is_contiguous (x))
    return x;
  p.d[0]      = x->shape.d[0];
  p.d[1]      = dif_tensor_rows (x);
  p.d[2]      = dif_tensor_dim (x, -1);
  p.stride[0] = x->item;
  p.stride[1] = x->row;
  p.stride[2] = 1;
  return dif_permute (cx, x, &p, x->shape);
}

DifTensor *
dif_permute (DifContext *cx, DifTensor *x, const DifPermutation *p, DifShape shape)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gsize      last = p->offset, n = 1, count;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  g_assert (p->n >= 1 && p->n <= DIF_PERMUTE_DIMS);
  for (guint i = 0; i < p->n && n; i++)
    {
      n *= p->d[i];
      last += n ? (p->d[i] - 1) * p->stride[i] : 0;
    }
  if (! n || ! dif_shape_count (&shape, &count) || count != n || last >= dif_tensor_span (x))
    return _dif_ops_misfit_shapes (cx, "permute", x, "what is read to lie inside it");
  y = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->permute (dif_context_backend (cx), x, p, y, &error);
  dif_context_profile (cx, "permute", start, 0, (double) (2 * y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

/* A picture and its patches read as [N, H, p, W, p, C] and [N, H, W, p, p, C] (or C first);
 * the one's order with the other's strides. */
static DifTensor *
patches (DifContext *cx, DifTensor *x, guint p, gboolean channels_first, gboolean back)
{
  gsize pp = (gsize) p * p, C, H, W, row, each;
  gsize dy, dx, c;

  x = dif_contiguous (cx, x);
  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->shape.n != 4 || ! p ||
      (back ? x->shape.d[3] % pp : x->shape.d[1] % p || x->shape.d[2] % p))
    return _dif_ops_misfit_shapes (cx, "patchify", x, "[N, H, W, C] of whole patches");
  C = back ? x->shape.d[3] / pp : x->shape.d[3];
  H = back ? x->shape.d[1] : x->shape.d[1] / p;
  W = back ? x->shape.d[2] : x->shape.d[2] / p;
  if (! back)
    {
      DifPermutation q = { 6, { x->shape.d[0], H, W, p, p, C }, { H * W * pp * C }, 0 };

      row         = W * p * C;
      q.stride[1] = p * row;
      q.stride[2] = p * C;
      q.stride[3] = row;
      q.stride[4] = C;
      q.stride[5] = 1;
      if (channels_first)
        {
          q = (DifPermutation) { 6, { x->shape.d[0], H, W, C, p, p }, { H * W * pp * C }, 0 };

          q.stride[1] = p * row;
          q.stride[2] = p * C;
          q.stride[3] = 1;
          q.stride[4] = row;
          q.stride[5] = C;
        }
      return dif_permute (cx, x, &q, DIF_SHAPE (x->shape.d[0], H, W, pp * C));
    }
  each = pp * C;
  dy   = channels_first ? p : p * C;
  dx   = channels_first ? 1 : C;
  c    = channels_first ? pp : 1;
  return dif_permute (cx, x,
                      &(DifPermutation) { 6,
                                          { x->shape.d[0], H, p, W, p, C },
                                          { H * W * each, W * each, dy, each, dx, c },
                                          0 },
                      DIF_SHAPE (x->shape.d[0], H * p, W * p, C));
}

DifTensor *
dif_patchify (DifContext *cx, DifTensor *x, guint p, gboolean channels_first)
{
  return patches (cx, x, p, channels_first, FALSE);
}

DifTensor *
dif_unpatchify (DifContext *cx, DifTensor *x, guint p, gboolean channels_first)
{
  return patches (cx, x, p, channels_first, TRUE);
}

DifTensor *
dif_concat_tokens (DifContext *cx, DifTensor *a, DifTensor *b)
{
  gsize      N = dif_tensor_dim (a, 0), C = dif_tensor_dim (a, 2);
  DifTensor *y;

  if (! _dif_ops_ready (cx, a, b))
    return dif_context_inert (cx);
  if (a->shape.n != 3 || ! _dif_ops_agree_but (a, b, 1))
    return _dif_ops_misfit_shapes (cx, "concat_tokens", b, "two [N, T, C] that differ in T only");
  /* an item's tokens side by side are channels side by side of one row */
  y = dif_concat (cx, dif_reshape (cx, a, DIF_SHAPE (N, a->shape.d[1] * C)),
                  dif_reshape (cx, b, DIF_SHAPE (N, b->shape.d[1] * C)));
  return dif_reshape (cx, y, DIF_SHAPE (N, a->shape.d[1] + b->shape.d[1], C));
}

DifTensor *
dif_reshape (DifContext *cx, DifTensor *x, DifShape shape)
{
  gsize count;

  x = dif_contiguous (cx, x);
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

  x = dif_contiguous (cx, x);
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

  x = dif_contiguous (cx, x);
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
