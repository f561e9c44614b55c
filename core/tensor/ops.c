/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops.c - shape checks, then the backend's slot.
 *
 * Each op follows one pattern: stop if the context has failed, check that the
 * arguments fit, make the output, call the slot, hand the output to the
 * current scope.  Backends rely on the checks made here.
 */
#include "base/error.h"
#include "tensor/ops.h"
#include "tensor/loader.h"

static DifTensor *
misfit (DifContext *cx, const char *format, ...)
{
  va_list          args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return dif_context_fail (cx, g_error_new_literal (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE, text));
}

static DifTensor *
misfit_shapes (DifContext *cx, const char *op, const DifTensor *a, const char *expected)
{
  g_autofree char *s = dif_shape_to_string (&a->shape);

  return misfit (cx, "%s: expected %s, found %s %s", op, expected, dif_dtype_name (a->dtype), s);
}

/* TRUE if the op may run: context sound, not cancelled, arguments real */
static gboolean
ready (DifContext *cx, const DifTensor *a, const DifTensor *b)
{
  return dif_context_check (cx) && a->data && (! b || b->data);
}

static DifTensor *
output (DifContext *cx, DifDtype dtype, const DifShape *shape)
{
  GError    *error = NULL;
  DifTensor *y     = dif_tensor_new (dif_context_backend (cx), dtype, shape, &error);

  if (! y)
    return dif_context_fail (cx, error);
  return y;
}

/* Ends an op: adopts @y into the scope, or fails the context. */
static DifTensor *
done (DifContext *cx, DifTensor *y, gboolean ok, GError *error)
{
  if (ok)
    return dif_context_adopt (cx, y);
  dif_tensor_unref (y);
  return dif_context_fail (cx, error);
}

#define KLASS(cx) (dif_context_backend (cx)->klass)

DifTensor *
dif_linear (DifContext *cx, DifTensor *x, const DifLinear *w, DifAct act, DifTensor *residual)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, x, residual) || ! w->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != w->n_in)
    return misfit (cx, "linear: expected rows of %" G_GSIZE_FORMAT ", found %" G_GSIZE_FORMAT,
                   w->n_in, dif_tensor_dim (x, -1));
  shape                = x->shape;
  shape.d[shape.n - 1] = w->n_out;
  if (residual && (! dif_shape_equal (&residual->shape, &shape) || residual->dtype != x->dtype))
    return misfit_shapes (cx, "linear", residual, "a residual of the output's shape");
  y = output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->linear (dif_context_backend (cx), x, w->prepared, act, residual, y, &error);
  dif_context_profile (cx, "linear", start, (double) dif_tensor_count (x) * (double) w->n_out,
                       (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_geglu (DifContext *cx, DifTensor *x, const DifLinear *value, const DifLinear *gate)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, x, NULL) || ! value->prepared || ! gate->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != value->n_in || value->n_in != gate->n_in ||
      value->n_out != gate->n_out)
    return misfit (cx, "geglu: expected rows of %" G_GSIZE_FORMAT ", found %" G_GSIZE_FORMAT,
                   value->n_in, dif_tensor_dim (x, -1));
  shape                = x->shape;
  shape.d[shape.n - 1] = value->n_out;
  y                    = output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->geglu (dif_context_backend (cx), x, value->prepared, gate->prepared, y, &error);
  dif_context_profile (cx, "geglu", start,
                       2.0 * (double) dif_tensor_count (x) * (double) value->n_out,
                       (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
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

  if (! ready (cx, x, residual) || ! w->prepared || (per_channel && ! per_channel->data))
    return dif_context_inert (cx);
  if (x->shape.n != 4 || x->shape.d[3] != w->n_in)
    return misfit (cx,
                   "conv2d: expected [N, H, W, %" G_GSIZE_FORMAT
                   "], found %u dimensions, %" G_GSIZE_FORMAT " channels",
                   w->n_in, x->shape.n, dif_tensor_dim (x, -1));
  shape = DIF_SHAPE (
      x->shape.d[0],
      conv_side (x->shape.d[1], w->spec.pad.top, w->spec.pad.bottom, w->kh, w->spec.stride),
      conv_side (x->shape.d[2], w->spec.pad.left, w->spec.pad.right, w->kw, w->spec.stride),
      w->n_out);
  if (! shape.d[1] || ! shape.d[2])
    return misfit_shapes (cx, "conv2d", x, "an image no smaller than the kernel");
  if (residual && (! dif_shape_equal (&residual->shape, &shape) || residual->dtype != x->dtype))
    return misfit_shapes (cx, "conv2d", residual, "a residual of the output's shape");
  if (per_channel &&
      (per_channel->dtype != DIF_F32 || per_channel->shape.n != 2 ||
       per_channel->shape.d[0] != shape.d[0] || per_channel->shape.d[1] != shape.d[3]))
    return misfit_shapes (cx, "conv2d", per_channel, "an f32 addend [N, O]");
  y = output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->conv2d (dif_context_backend (cx), x, w->prepared, &w->spec, per_channel,
                           residual, y, &error);
  dif_context_profile (cx, w->kh == 1 ? "conv1x1" : "conv3x3", start,
                       (double) dif_tensor_count (y) * (double) (w->n_in * w->kh * w->kw),
                       (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_group_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, guint n_groups, float eps,
                DifAct act)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, x, NULL) || ! norm->prepared)
    return dif_context_inert (cx);
  if (x->shape.n < 2 || dif_tensor_dim (x, -1) != norm->n || ! n_groups || norm->n % n_groups)
    return misfit (cx,
                   "group_norm: expected %" G_GSIZE_FORMAT
                   " channels in %u equal groups, found %" G_GSIZE_FORMAT,
                   norm->n, n_groups, dif_tensor_dim (x, -1));
  y = output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->group_norm (dif_context_backend (cx), x, norm->prepared, n_groups, eps, act, y,
                               &error);
  dif_context_profile (cx, "group_norm", start, 0, (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_layer_norm (DifContext *cx, DifTensor *x, const DifNorm *norm, float eps)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, x, NULL) || ! norm->prepared)
    return dif_context_inert (cx);
  if (dif_tensor_dim (x, -1) != norm->n)
    return misfit (cx, "layer_norm: expected %" G_GSIZE_FORMAT " channels, found %" G_GSIZE_FORMAT,
                   norm->n, dif_tensor_dim (x, -1));
  y = output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->layer_norm (dif_context_backend (cx), x, norm->prepared, eps, y, &error);
  dif_context_profile (cx, "layer_norm", start, 0, (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
}

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

  if (! ready (cx, a->q.t, a->k.t) || ! a->v.t->data)
    return dif_context_inert (cx);
  if (! width || a->q.t->dtype != a->k.t->dtype || a->q.t->dtype != a->v.t->dtype ||
      ! rows_fit (&a->q, a->n_batch, a->n_queries, width) ||
      ! rows_fit (&a->k, a->n_batch, a->n_keys, width) ||
      ! rows_fit (&a->v, a->n_batch, a->n_keys, width))
    return misfit (
        cx, "attention: expected rows of %u heads of %u, found rows that do not fit their tensors",
        a->n_heads, a->head_dim);
  shape = DIF_SHAPE (a->n_batch, a->n_queries, width);
  y     = output (cx, a->q.t->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->attention (dif_context_backend (cx), a, y, &error);
  dif_context_profile (cx, a->n_keys == a->n_queries ? "attention" : "cross_attention", start,
                       2.0 * (double) a->n_batch * (double) a->n_queries * (double) a->n_keys *
                           (double) width,
                       (double) (2 * y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_activation (DifContext *cx, DifTensor *x, DifAct act)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  y = output (cx, x->dtype, &x->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->activation (dif_context_backend (cx), x, act, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_add (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, a, b))
    return dif_context_inert (cx);
  if (! dif_shape_equal (&a->shape, &b->shape) || a->dtype != b->dtype)
    return misfit_shapes (cx, "add", b, "two tensors of one shape and dtype");
  y = output (cx, a->dtype, &a->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->add (dif_context_backend (cx), a, b, y, &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) (a->bytes + b->bytes + y->bytes));
  return done (cx, y, ok, error);
}

/* Whether a and b agree in dtype and in all dimensions but number @but. */
static gboolean
agree_but (const DifTensor *a, const DifTensor *b, guint but)
{
  if (a->shape.n != b->shape.n || a->dtype != b->dtype)
    return FALSE;
  for (guint i = 0; i < a->shape.n; i++)
    if (i != but && a->shape.d[i] != b->shape.d[i])
      return FALSE;
  return TRUE;
}

DifTensor *
dif_concat (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *y;
  DifShape   shape;
  GError    *error = NULL;
  gboolean   ok;
  gint64     start = g_get_monotonic_time ();

  if (! ready (cx, a, b))
    return dif_context_inert (cx);
  if (! agree_but (a, b, a->shape.n - 1))
    return misfit_shapes (cx, "concat", b, "two tensors that differ in channels only");
  shape = a->shape;
  shape.d[shape.n - 1] += b->shape.d[shape.n - 1];
  y = output (cx, a->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->concat (dif_context_backend (cx), a, b, y, &error);
  dif_context_profile (cx, "concat", start, 0, (double) (2 * y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_concat_batch (DifContext *cx, DifTensor *a, DifTensor *b)
{
  DifTensor *flat_a, *flat_b, *y;
  DifShape   shape;

  if (! ready (cx, a, b))
    return dif_context_inert (cx);
  if (! agree_but (a, b, 0))
    return misfit_shapes (cx, "concat_batch", b, "two tensors that differ in items only");
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

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (! x->shape.n || ! count || first + count > x->shape.d[0])
    return misfit_shapes (cx, "slice_batch", x, "enough items");
  shape      = x->shape;
  shape.d[0] = count;
  return dif_context_adopt (
      cx, dif_tensor_view (x, first * (dif_tensor_count (x) / x->shape.d[0]), &shape));
}

DifTensor *
dif_reshape (DifContext *cx, DifTensor *x, DifShape shape)
{
  gsize count;

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (! dif_shape_count (&shape, &count) || count != dif_tensor_count (x))
    return misfit_shapes (cx, "reshape", x, "as many elements as before");
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

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->shape.n != 4 || ! height || ! width)
    return misfit_shapes (cx, "upsample", x, "[N, H, W, C] and a positive size");
  shape = DIF_SHAPE (x->shape.d[0], height, width, x->shape.d[3]);
  y     = output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->upsample (dif_context_backend (cx), x, y, &error);
  dif_context_profile (cx, "upsample", start, 0, (double) (x->bytes + y->bytes));
  return done (cx, y, ok, error);
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

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->shape.n < 2 || ! g->n_out || ! g->n_terms)
    return misfit_shapes (cx, "gather", x, "[N, .., C] and at least one row");
  n_rows = dif_tensor_count (x) / x->shape.d[0] / dif_tensor_dim (x, -1);
  for (gsize i = 0; i < g->n_out * g->n_terms; i++)
    if (g->rows[i] >= 0 && (gsize) g->rows[i] >= n_rows)
      return misfit (cx, "gather: expected rows below %" G_GSIZE_FORMAT ", found %d", n_rows,
                     g->rows[i]);
  shape = DIF_SHAPE (x->shape.d[0], g->n_out, dif_tensor_dim (x, -1));
  y     = output (cx, x->dtype, &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->gather (dif_context_backend (cx), x, g, y, &error);
  dif_context_profile (cx, "gather", start, 0, (double) (g->n_terms + 1) * (double) y->bytes);
  return done (cx, y, ok, error);
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
      return misfit (cx, "embed: expected ids below %" G_GSIZE_FORMAT ", found %d", table->n_rows,
                     ids[i]);
  y = output (cx, dif_context_dtype (cx), &shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->embed (dif_context_backend (cx), table->prepared, ids, n, y, &error);
  return done (cx, y, ok, error);
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
      if (! ready (cx, x[i], NULL))
        return dif_context_inert (cx);
      if (x[i]->dtype != DIF_F32 || ! dif_shape_equal (&x[i]->shape, &x[0]->shape))
        return misfit_shapes (cx, "lincomb", x[i], "f32 tensors of one shape");
    }
  y = output (cx, DIF_F32, &x[0]->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->lincomb (dif_context_backend (cx), n, coef, (const DifTensor *const *) x, y,
                            &error);
  dif_context_profile (cx, "elementwise", start, 0, (double) ((n + 1) * y->bytes));
  return done (cx, y, ok, error);
}

DifTensor *
dif_clamp (DifContext *cx, DifTensor *x, float lo, float hi)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->dtype != DIF_F32)
    return misfit_shapes (cx, "clamp", x, "an f32 tensor");
  y = output (cx, DIF_F32, &x->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->clamp (dif_context_backend (cx), x, lo, hi, y, &error);
  return done (cx, y, ok, error);
}

DifTensor *
dif_cast (DifContext *cx, DifTensor *x, DifDtype dtype)
{
  DifTensor *y;
  GError    *error = NULL;
  gboolean   ok;

  if (! ready (cx, x, NULL))
    return dif_context_inert (cx);
  if (x->dtype == dtype)
    return x;
  y = output (cx, dtype, &x->shape);
  if (! y->data)
    return y;
  ok = KLASS (cx)->cast (dif_context_backend (cx), x, y, &error);
  return done (cx, y, ok, error);
}
