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

  x = dif_contiguous (cx, x);
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

/* Whether @v is nothing, or a vector for every item of @x or for all. */
static gboolean
vector_fits (const DifTensor *v, const DifTensor *x)
{
  return ! v || (v->shape.n == 2 && v->shape.d[1] == dif_tensor_dim (x, -1) &&
                 (v->shape.d[0] == 1 || v->shape.d[0] == x->shape.d[0]) &&
                 (v->dtype == x->dtype || v->dtype == DIF_F32));
}

/* Whether all that is there of @s is real. */
static gboolean
is_there (const DifScaleShift *s)
{
  return (! s->scale || s->scale->data) && (! s->shift || s->shift->data) &&
         (! s->residual || s->residual->data);
}

static gboolean
scale_shift_fits (const DifScaleShift *s, const DifTensor *x)
{
  return x->shape.n >= 2 && vector_fits (s->scale, x) && vector_fits (s->shift, x) &&
         (! s->residual ||
          (s->residual->dtype == x->dtype && dif_shape_equal (&s->residual->shape, &x->shape)));
}

DifTensor *
dif_row_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, const DifRowNorm *spec,
              const DifScaleShift *after)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gsize      width;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL) || (norm && ! norm->prepared) || (after && ! is_there (after)))
    return dif_context_inert (cx);
  width = norm ? norm->n : dif_tensor_dim (x, -1) / MAX (spec->n_heads, 1);
  if (! width || dif_tensor_dim (x, -1) != spec->n_heads * width)
    return _dif_ops_misfit (
        cx, "row_norm: expected %u times %" G_GSIZE_FORMAT " channels, found %" G_GSIZE_FORMAT,
        spec->n_heads, width, dif_tensor_dim (x, -1));
  if (after && ! scale_shift_fits (after, x))
    return _dif_ops_misfit_shapes (cx, "row_norm", x, "vectors and a residual that fit");
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->row_norm (dif_context_backend (cx), x, norm ? norm->prepared : NULL,
                                     spec, after, y, &error);
  dif_context_profile (cx, spec->center ? "layer_norm" : "rms_norm", start, 0,
                       (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_layer_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps)
{
  return dif_row_norm (cx, x, norm, &(DifRowNorm) { TRUE, 1, eps }, NULL);
}

DifTensor *
dif_rms_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps)
{
  return dif_row_norm (cx, x, norm, &(DifRowNorm) { FALSE, 1, eps }, NULL);
}

DifTensor *
dif_scale_shift (DifContext *cx, DifTensor *x, const DifScaleShift *s)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! _dif_ops_ready (cx, x, NULL) || ! is_there (s))
    return dif_context_inert (cx);
  if (! scale_shift_fits (s, x))
    return _dif_ops_misfit_shapes (cx, "scale_shift", x, "vectors and a residual that fit");
  y = _dif_ops_output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->scale_shift (dif_context_backend (cx), x, s, y, &error);
  dif_context_profile (cx, "elementwise", start, 0,
                       (double) (x->bytes + y->bytes + (s->residual ? y->bytes : 0)));
  return _dif_ops_done (cx, y, ok, error);
}
