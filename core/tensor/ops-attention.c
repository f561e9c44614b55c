/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-attention.c - attention. */
#include "tensor/ops-private.h"

/* Whether the last row of every head of every item lies inside the tensor. */
static gboolean
rows_fit (const DifRows *r, gsize n_batch, gsize n_rows, gsize width)
{
  gsize count = dif_tensor_count (r->t);

  return n_batch && n_rows && width <= r->stride &&
         r->offset + (n_batch - 1) * r->batch + (n_rows - 1) * r->stride + width <= count;
}

DifTensor *
dif_attention (DifContext *cx, const DifAttention *a)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gsize      width = (gsize) a->n_heads * a->head_dim;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, a->q.t, a->k.t) || ! a->v.t->data)
    return dif_context_inert (cx);
  if (! width || a->q.t->dtype != a->k.t->dtype || a->q.t->dtype != a->v.t->dtype ||
      ! rows_fit (&a->q, a->n_batch, a->n_queries, width) ||
      ! rows_fit (&a->k, a->n_batch, a->n_keys, width) ||
      ! rows_fit (&a->v, a->n_batch, a->n_keys, width))
    return _dif_ops_misfit (
        cx, "attention: expected rows of %u heads of %u, found rows that do not fit their tensors",
        a->n_heads, a->head_dim);
  shape = DIF_SHAPE (a->n_batch, a->n_queries, width);
  y     = _dif_ops_output (cx, a->q.t->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->attention (dif_context_backend (cx), a, y, &error);
  dif_context_profile (cx, a->n_keys == a->n_queries ? "attention" : "cross_attention", start,
                       2.0 * (double) a->n_batch * (double) a->n_queries * (double) a->n_keys *
                           (double) width,
                       (double) (2 * y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}
