/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-elementwise.c - one element at a time. */
#include "tensor/ops-private.h"

DifTensor *
dif_activation (DifContext *cx, DifTensor *x, DifAct act)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  x = dif_contiguous (cx, x);
  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->activation (dif_context_backend (cx), x, act, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_prelu (DifContext *cx, DifTensor *x, const DifNorm *slope)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  x = dif_contiguous (cx, x);
  if (! _dif_ops_ready (cx, x, NULL) || ! slope->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != slope->n)
    return _dif_ops_misfit (cx,
                            "prelu: expected %" G_GSIZE_FORMAT " channels, found %" G_GSIZE_FORMAT,
                            slope->n, dif_tensor_dim (x, -1));
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->prelu (dif_context_backend (cx), x, slope->prepared, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_multiply (DifContext *cx, DifTensor *a, DifAct act, DifTensor *b)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, a, b))
    return dif_context_inert (cx);
  if (! dif_shape_equal (&a->shape, &b->shape) || a->dtype != b->dtype)
    return _dif_ops_misfit_shapes (cx, "multiply", b, "two tensors of one shape and dtype");
  y = _dif_ops_output (cx, a->dtype, &a->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->multiply (dif_context_backend (cx), a, act, b, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (a->bytes + b->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_add (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  a = dif_contiguous (cx, a);
  b = dif_contiguous (cx, b);
  if (! _dif_ops_ready (cx, a, b))
    return dif_context_inert (cx);
  if (! dif_shape_equal (&a->shape, &b->shape) || a->dtype != b->dtype)
    return _dif_ops_misfit_shapes (cx, "add", b, "two tensors of one shape and dtype");
  y = _dif_ops_output (cx, a->dtype, &a->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->add (dif_context_backend (cx), a, b, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (a->bytes + b->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_lincomb (DifContext *cx, guint n, const float *coef, DifTensor *const *x)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  g_assert (n >= 1 && n <= 8);
  for (guint i = 0; i < n; i++)
    {
      if (! _dif_ops_ready (cx, x[i], NULL))
        return dif_context_inert (cx);
      if (x[i]->dtype != DIF_F32 || ! dif_tensor_is_contiguous (x[i]) ||
          ! dif_shape_equal (&x[i]->shape, &x[0]->shape))
        return _dif_ops_misfit_shapes (cx, "lincomb", x[i], "contiguous f32 tensors of one shape");
    }
  y = _dif_ops_output (cx, DIF_F32, &x[0]->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->lincomb (dif_context_backend (cx), n, coef, (const DifTensor *const *) x,
                                    y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) ((n + 1) * y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_clamp (DifContext *cx, DifTensor *x, float lo, float hi)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;

  x = dif_contiguous (cx, x);
  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->dtype != DIF_F32)
    return _dif_ops_misfit_shapes (cx, "clamp", x, "an f32 tensor");
  y = _dif_ops_output (cx, DIF_F32, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->clamp (dif_context_backend (cx), x, lo, hi, y, &error);
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_cast (DifContext *cx, DifTensor *x, DifDtype dtype)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;

  if (! _dif_ops_ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->dtype == dtype)
    return x;
  x = dif_contiguous (cx, x);
  if (! x->data)
    return x;
  y = _dif_ops_output (cx, dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->cast (dif_context_backend (cx), x, y, &error);
  return _dif_ops_done (cx, y, ok, error);
}
