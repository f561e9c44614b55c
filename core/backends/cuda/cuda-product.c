/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-product.c - linear layers, GEGLU, convolutions.
 *
 * A product goes to cuBLASLt, which adds a bias and a residual itself; what it
 * cannot add (an activation by erf or sigmoid, a time embedding, a bias that
 * needs f32 beside half outputs) is done by `epilogue` from sums in f32, so
 * that nothing is rounded twice.  A convolution is unfolded for it, a slice of
 * rows at a time.  Without cuBLASLt `matmul` does all of that in one go.
 */
#include <string.h>

#include "backends/cuda/cuda-private.h"
#include "base/error.h"

static gsize
depth (const DifCudaWeight *w)
{
  return w->n_in * w->kh * w->kw;
}

static gboolean
plain (DifCuda *cuda, const DifCudaProduct *p, GError **error)
{
  const DifCudaWeight *w       = p->w;
  MatmulArgs           args    = { .x             = p->x,
                                   .w             = w->w,
                                   .bias          = w->bias,
                                   .per_channel   = p->per_channel,
                                   .residual      = p->residual,
                                   .y             = p->y,
                                   .M             = p->rows,
                                   .N             = w->n_out,
                                   .K             = depth (w),
                                   .first_row     = p->first_row,
                                   .rows_per_item = p->rows_per_item,
                                   .is_conv       = p->window != NULL,
                                   .dtype         = w->dtype,
                                   .to            = p->to,
                                   .act           = p->act };
  gsize                tiles_m = (args.M + MATMUL_TILE - 1) / MATMUL_TILE;
  gsize                tiles_n = (args.N + MATMUL_TILE - 1) / MATMUL_TILE;

  if (p->window)
    args.window = *p->window;
  return _dif_cuda_launch (cuda, DIF_CUDA_KERNEL_matmul, tiles_m * tiles_n, &args, error);
}

/* Rows @first to @first + @n of @p, which has no window. */
static DifCudaProduct
slice_of (const DifCudaProduct *p, gsize first, gsize n)
{
  DifCudaProduct s    = *p;
  gsize          unit = dif_dtype_size (p->w->dtype);

  s.x = (const char *) p->x + first * depth (p->w) * unit;
  s.y = (char *) p->y + first * p->w->n_out * dif_dtype_size (p->to);
  if (p->residual)
    s.residual = (const char *) p->residual + first * p->w->n_out * unit;
  s.rows = n;
  s.first_row += first;
  return s;
}

/* cuBLASLt into @sums, then `epilogue` from there. */
static gboolean
in_two (DifCuda *cuda, const DifCudaProduct *p, float *sums, gboolean *done, GError **error)
{
  DifCudaProduct bare = *p;
  EpilogueArgs   args = { .x             = sums,
                          .bias          = p->w->bias,
                          .per_channel   = p->per_channel,
                          .residual      = p->residual,
                          .y             = p->y,
                          .first_row     = p->first_row,
                          .rows          = p->rows,
                          .N             = p->w->n_out,
                          .rows_per_item = p->rows_per_item,
                          .dtype         = p->to,
                          .act           = p->act };

  bare.y        = sums;
  bare.to       = DIF_F32;
  bare.residual = NULL;
  if (! _dif_cuda_lt_product (cuda, &bare, NULL, done, error))
    return FALSE;
  return ! *done ||
         _dif_cuda_each (cuda, DIF_CUDA_KERNEL_epilogue, args.rows * args.N, &args, error);
}

/* The same for any number of rows. */
static gboolean
in_slices (DifCuda *cuda, const DifCudaProduct *p, GError **error)
{
  gsize    row  = p->w->n_out * sizeof (float);
  gsize    step = CLAMP (DIF_CUDA_SCRATCH / row, 1, p->rows);
  gpointer sums = _dif_cuda_take (cuda, cuda->tensors, step * row, error);
  gboolean ok   = sums != NULL;

  for (gsize first = 0; ok && first < p->rows; first += step)
    {
      DifCudaProduct s    = slice_of (p, first, MIN (step, p->rows - first));
      gboolean       done = FALSE;

      ok = in_two (cuda, &s, sums, &done, error) && (done || plain (cuda, &s, error));
    }
  _dif_cuda_arena_give (cuda->tensors, sums);
  return ok;
}

/* A convolution by way of its image unfolded. */
static gboolean
unfold (DifCuda *cuda, const DifCudaProduct *p, GError **error)
{
  gsize    row     = depth (p->w) * dif_dtype_size (p->w->dtype);
  gsize    step    = CLAMP (DIF_CUDA_SCRATCH / row, 1, p->rows);
  gpointer scratch = _dif_cuda_take (cuda, cuda->tensors, step * row, error);
  gboolean ok      = scratch != NULL;

  for (gsize first = 0; ok && first < p->rows; first += step)
    {
      DifCudaProduct s = slice_of (p, first, MIN (step, p->rows - first));
      UnfoldArgs     u = { p->x, scratch, first, s.rows, *p->window, p->w->dtype };

      s.x      = scratch;
      s.window = NULL;
      ok       = _dif_cuda_each (cuda, DIF_CUDA_KERNEL_unfold, s.rows * depth (p->w), &u, error) &&
           _dif_cuda_product (cuda, &s, error);
    }
  _dif_cuda_arena_give (cuda->tensors, scratch);
  return ok;
}

gboolean
_dif_cuda_product (DifCuda *cuda, const DifCudaProduct *p, GError **error)
{
  const DifCudaWeight *w    = p->w;
  const void          *bias = p->to == DIF_F32 ? w->bias : w->narrow_bias;
  gboolean             done = FALSE;

  if (! cuda->has_lt)
    return plain (cuda, p, error);
  if (p->window)
    return unfold (cuda, p, error);
  if (p->act != DIF_ACT_NONE || p->per_channel || (w->bias && ! bias))
    return in_slices (cuda, p, error);
  if (! _dif_cuda_lt_product (cuda, p, bias, &done, error))
    return FALSE;
  return done || plain (cuda, p, error);
}

gboolean
_dif_cuda_linear (DifBackend *be, const DifTensor *x, gpointer weight, DifAct act,
                  const DifTensor *residual, DifTensor *y, GError **error)
{
  DifCuda       *cuda = _dif_cuda_begin (be);
  DifCudaWeight *w    = weight;
  DifCudaProduct p    = { .x             = x->data,
                          .w             = w,
                          .rows          = dif_tensor_count (x) / w->n_in,
                          .rows_per_item = 1,
                          .residual      = residual ? residual->data : NULL,
                          .y             = y->data,
                          .to            = w->dtype,
                          .act           = act };

  return _dif_cuda_end (cuda, _dif_cuda_need (cuda, w, error) &&
                                  _dif_cuda_product (cuda, &p, error));
}

gboolean
_dif_cuda_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate, DifAct act,
               DifTensor *y, GError **error)
{
  DifCuda       *cuda = _dif_cuda_begin (be);
  DifCudaWeight *w    = value;
  gboolean       here = _dif_cuda_need (cuda, w, error) && _dif_cuda_need (cuda, gate, error);
  gsize          rows = dif_tensor_count (x) / w->n_in, row = w->n_out * sizeof (float);
  gsize          step = CLAMP (DIF_CUDA_SCRATCH / 2 / row, 1, rows);
  char          *sums = here ? _dif_cuda_take (cuda, cuda->tensors, 2 * step * row, error) : NULL;
  DifCudaProduct all  = { .x = x->data, .w = w, .rows_per_item = 1, .to = DIF_F32 };
  gboolean       ok   = sums != NULL;

  for (gsize first = 0; ok && first < rows; first += step)
    {
      gsize          n = MIN (step, rows - first), unit = dif_dtype_size (w->dtype);
      DifCudaProduct v    = slice_of (&all, first, n), g;
      GluArgs        args = { .n = n * w->n_out, .dtype = w->dtype, .act = act };

      v.y        = sums;
      g          = v;
      g.w        = gate;
      g.y        = sums + step * row;
      args.value = v.y;
      args.gate  = g.y;
      args.y     = (char *) y->data + first * w->n_out * unit;
      ok         = _dif_cuda_product (cuda, &v, error) && _dif_cuda_product (cuda, &g, error) &&
           _dif_cuda_each (cuda, DIF_CUDA_KERNEL_glu, args.n, &args, error);
    }
  _dif_cuda_arena_give (cuda->tensors, sums);
  return _dif_cuda_end (cuda, ok);
}

gboolean
_dif_cuda_conv2d (DifBackend *be, const DifTensor *x, gpointer weight, const DifConvSpec *spec,
                  const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                  GError **error)
{
  DifCuda       *cuda   = _dif_cuda_begin (be);
  DifCudaWeight *w      = weight;
  ConvWindow     window = { .h      = x->shape.d[1],
                            .w      = x->shape.d[2],
                            .C      = x->shape.d[3],
                            .H      = y->shape.d[1],
                            .W      = y->shape.d[2],
                            .kh     = w->kh,
                            .kw     = w->kw,
                            .stride = spec->stride,
                            .top    = spec->pad.top,
                            .left   = spec->pad.left };
  gboolean       points = w->kh == 1 && w->kw == 1 && window.H == window.h &&
                    window.W == window.w;
  DifCudaProduct p = { .x             = x->data,
                       .w             = w,
                       .window        = points ? NULL : &window,
                       .rows          = y->shape.d[0] * window.H * window.W,
                       .rows_per_item = window.H * window.W,
                       .per_channel   = per_channel ? per_channel->data : NULL,
                       .residual      = residual ? residual->data : NULL,
                       .y             = y->data,
                       .to            = w->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_need (cuda, w, error) &&
                                  _dif_cuda_product (cuda, &p, error));
}

/* ---- the limit ---- */

/* Seconds of @n products, or 0. */
static double
seconds_of (DifBackend *be, const DifTensor *x, gpointer w, DifTensor *y, guint n)
{
  gint64 start;

  if (! be->klass->wait (be, NULL))
    return 0;
  start = g_get_monotonic_time ();
  for (guint i = 0; i < n; i++)
    if (! be->klass->linear (be, x, w, DIF_ACT_NONE, NULL, y, NULL))
      return 0;
  if (! be->klass->wait (be, NULL))
    return 0;
  return (double) (g_get_monotonic_time () - start) * 1e-6;
}

double
_dif_cuda_limit (DifBackend *be, DifDtype dtype)
{
  gsize                 side   = ((DifCuda *) be)->has_lt && dtype != DIF_F32 ? 8192 : 2048;
  DifShape              shape  = DIF_SHAPE (side, side);
  g_autofree float     *values = g_try_new (float, side *side);
  DifHostArray          array  = { DIF_ENC_F32, shape, values };
  g_autoptr (DifTensor) wide = NULL, x = NULL, y = NULL;
  gpointer              w     = NULL;
  gsize                 bytes = 0;
  double                best  = 0;
  guint32               seed  = 1;

  if (! values)
    return 0;
  /* random numbers: a card that multiplies zeros draws less power and runs faster */
  for (gsize i = 0; i < side * side; i++)
    values[i] = (float) ((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1.0f;
  wide = dif_tensor_new (be, DIF_F32, &shape, NULL);
  x    = dif_tensor_new (be, dtype, &shape, NULL);
  y    = dif_tensor_new (be, dtype, &shape, NULL);
  w    = be->klass->linear_new (be, dtype, &array, NULL, &bytes, NULL);
  if (wide && x && y && w && be->klass->upload (be, wide->data, values, wide->bytes, NULL) &&
      be->klass->cast (be, wide, x, NULL) && seconds_of (be, x, w, y, 2) > 0)
    for (guint i = 0; i < 5; i++)
      {
        double s = seconds_of (be, x, w, y, 4) / 4;

        best = s > 0 ? MAX (best, (double) side * (double) side * (double) side / s) : best;
      }
  if (w)
    be->klass->linear_free (be, w);
  return best;
}
