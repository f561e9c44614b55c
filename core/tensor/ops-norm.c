/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-norm.c - norms. */
#include "tensor/ops-private.h"

DifTensor *
dif_group_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, guint n_groups, float eps,
                DifAct act)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL) || ! norm->prepared)
    return dif_context_inert (cx);
  if (x->shape.n < 2 || dif_tensor_dim (x, -1) != norm->n || ! n_groups || norm->n % n_groups)
    return _dif_ops_misfit (cx,
                            "group_norm: expected %" G_GSIZE_FORMAT
                            " channels in %u equal groups, found %" G_GSIZE_FORMAT,
                            norm->n, n_groups, dif_tensor_dim (x, -1));
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->group_norm (dif_context_backend (cx), x, norm->prepared, n_groups, eps,
                                       act, y, &error);
  dif_context_profile (cx, "group_norm", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_layer_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL) || ! norm->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != norm->n)
    return _dif_ops_misfit (
        cx, "layer_norm: expected %" G_GSIZE_FORMAT " channels, found %" G_GSIZE_FORMAT, norm->n,
        dif_tensor_dim (x, -1));
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->layer_norm (dif_context_backend (cx), x, norm->prepared, eps, y, &error);
  dif_context_profile (cx, "layer_norm", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}
