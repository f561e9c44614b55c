/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-product.c - products with weights: linear layers, gated ones, convolutions. */
#include "tensor/ops-private.h"

/* ---- weights with a side path ---- */

/* y += up (down (x)); down is a convolution where there is a @spec.  Its time is told apart
 * from the op's, which began at @op_start. */
static gboolean
add_side (DifContext *cx, const DifTensor *x, const DifSide *side, const DifConvSpec *spec,
          DifTensor *y, gint64 *op_start, GError **error)
{
  DifBackend *be     = dif_context_backend (cx);
  DifShape    shape  = y->shape;
  gsize       n_taps = dif_tensor_dim (x, -1) * side->area;
  gint64      start  = g_get_monotonic_time ();
  DifTensor  *h;
  gboolean    ok;

  shape.d[shape.n - 1] = side->rank;
  h                    = dif_tensor_new (be, x->dtype, &shape, error);
  if (! h)
    return FALSE;
  ok = (spec ? be->klass->conv2d (be, x, side->down, spec, NULL, NULL, h, error)
             : be->klass->linear (be, x, side->down, DIF_ACT_NONE, NULL, h, error)) &&
       be->klass->linear (be, h, side->up, DIF_ACT_NONE, y, y, error);
  dif_context_profile (cx, "side", start,
                       (double) dif_tensor_count (h) *
                           (double) (n_taps + dif_tensor_dim (y, -1)),
                       (double) (x->bytes + 2 * h->bytes + 2 * y->bytes));
  dif_tensor_unref (h);
  *op_start += g_get_monotonic_time () - start;
  return ok;
}

/* y = act (x w^T + bias + side) + residual */
static gboolean
linear_with_side (DifContext *cx, const DifTensor *x, const DifLinear *w, DifAct act,
                  const DifTensor *residual, DifTensor *y, gint64 *op_start, GError **error)
{
  DifBackend            *be     = dif_context_backend (cx);
  const DifBackendClass *k      = be->klass;
  gboolean               direct = act == DIF_ACT_NONE;

  if (! w->side)
    return k->linear (be, x, w->prepared, act, residual, y, error);
  return k->linear (be, x, w->prepared, DIF_ACT_NONE, direct ? residual : NULL, y, error) &&
         add_side (cx, x, w->side, NULL, y, op_start, error) &&
         (direct || k->activation (be, y, act, y, error)) &&
         (direct || ! residual || k->add (be, y, residual, y, error));
}

/* The two products and what becomes of them, one by one. */
static gboolean
glu_with_side (DifContext *cx, const DifTensor *x, const DifLinear *value, const DifLinear *gate,
               DifAct act, DifTensor *y, gint64 *op_start, GError **error)
{
  DifBackend           *be = dif_context_backend (cx);
  g_autoptr (DifTensor) g  = dif_tensor_new (be, y->dtype, &y->shape, error);

  return g && linear_with_side (cx, x, value, DIF_ACT_NONE, NULL, y, op_start, error) &&
         linear_with_side (cx, x, gate, DIF_ACT_NONE, NULL, g, op_start, error) &&
         be->klass->multiply (be, g, act, y, y, error);
}

/* ---- the ops ---- */

DifTensor *
dif_linear (DifContext *cx, DifTensor *x, const DifLinear *w, DifAct act, DifTensor *residual)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  x        = dif_contiguous (cx, x);
  residual = residual ? dif_contiguous (cx, residual) : NULL;
  if (! _dif_ops_ready (cx, x, residual) || ! w->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != w->n_in)
    return _dif_ops_misfit (cx,
                            "linear: expected rows of %" G_GSIZE_FORMAT ", found %" G_GSIZE_FORMAT,
                            w->n_in, dif_tensor_dim (x, -1));
  shape                = x->shape;
  shape.d[shape.n - 1] = w->n_out;
  if (residual && (! dif_shape_equal (&residual->shape, &shape) || residual->dtype != x->dtype))
    return _dif_ops_misfit_shapes (cx, "linear", residual, "a residual of the output's shape");
  y = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = linear_with_side (cx, x, w, act, residual, y, &start, &error);
  dif_context_profile (cx, "linear", start, (double) dif_tensor_count (x) * (double) w->n_out,
                       (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

DifTensor *
dif_glu (DifContext *cx, DifTensor *x, const DifLinear *value, const DifLinear *gate, DifAct act)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  x = dif_contiguous (cx, x);
  if (! _dif_ops_ready (cx, x, NULL) || ! value->prepared || ! gate->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != value->n_in || value->n_in != gate->n_in ||
      value->n_out != gate->n_out)
    return _dif_ops_misfit (cx, "glu: expected rows of %" G_GSIZE_FORMAT ", found %" G_GSIZE_FORMAT,
                            value->n_in, dif_tensor_dim (x, -1));
  shape                = x->shape;
  shape.d[shape.n - 1] = value->n_out;
  y                    = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  if (value->side || gate->side)
    ok = glu_with_side (cx, x, value, gate, act, y, &start, &error);
  else
    ok = DIF_OPS_CLASS (cx)->glu (dif_context_backend (cx), x, value->prepared, gate->prepared, act,
                                  y, &error);
  dif_context_profile (cx, "glu", start,
                       2.0 * (double) dif_tensor_count (x) * (double) value->n_out,
                       (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}

/* Output side of a convolution, or 0 if the kernel does not fit. */
static gsize
conv_side (gsize in, guint before, guint after, gsize k, guint stride)
{
  gsize padded = in + before + after;

  return padded < k ? 0 : (padded - k) / stride + 1;
}

DifTensor *
dif_conv2d (DifContext *cx, DifTensor *x, const DifConv *w, DifTensor *per_channel,
            DifTensor *residual)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  x           = dif_contiguous (cx, x);
  residual    = residual ? dif_contiguous (cx, residual) : NULL;
  per_channel = per_channel ? dif_contiguous (cx, per_channel) : NULL;
  if (! _dif_ops_ready (cx, x, residual) || ! w->prepared || (per_channel && ! per_channel->data))
    return dif_context_inert (cx);
  if (x->shape.n != 4 || x->shape.d[3] != w->n_in)
    return _dif_ops_misfit (cx,
                            "conv2d: expected [N, H, W, %" G_GSIZE_FORMAT
                            "], found %u dimensions, %" G_GSIZE_FORMAT " channels",
                            w->n_in, x->shape.n, dif_tensor_dim (x, -1));
  shape = DIF_SHAPE (
      x->shape.d[0],
      conv_side (x->shape.d[1], w->spec.pad.top, w->spec.pad.bottom, w->kh, w->spec.stride),
      conv_side (x->shape.d[2], w->spec.pad.left, w->spec.pad.right, w->kw, w->spec.stride),
      w->n_out);
  if (! shape.d[1] || ! shape.d[2])
    return _dif_ops_misfit_shapes (cx, "conv2d", x, "an image no smaller than the kernel");
  if (residual && (! dif_shape_equal (&residual->shape, &shape) || residual->dtype != x->dtype))
    return _dif_ops_misfit_shapes (cx, "conv2d", residual, "a residual of the output's shape");
  if (per_channel &&
      (per_channel->dtype != DIF_F32 || per_channel->shape.n != 2 ||
       per_channel->shape.d[0] != shape.d[0] || per_channel->shape.d[1] != shape.d[3]))
    return _dif_ops_misfit_shapes (cx, "conv2d", per_channel, "an f32 addend [N, O]");
  y = _dif_ops_output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = DIF_OPS_CLASS (cx)->conv2d (dif_context_backend (cx), x, w->prepared, &w->spec, per_channel,
                                   residual, y, &error) &&
       (! w->side || add_side (cx, x, w->side, &w->spec, y, &start, &error));
  dif_context_profile (cx, w->kh == 1 ? "conv1x1" : "conv3x3", start,
                       (double) dif_tensor_count (y) * (double) (w->n_in * w->kh * w->kw),
                       (double) (x->bytes + y->bytes));
  return _dif_ops_done (cx, y, ok, error);
}
