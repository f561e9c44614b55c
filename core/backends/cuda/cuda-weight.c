/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-weight.c - weights from the checkpoint's pages to the card, prepared once.
 *
 * A weight goes a piece at a time through two pinned buffers, one being filled
 * while the card reads the other, and is converted and laid out by the card.
 * What a failed weight had is given back.
 */
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

/* The next buffer pair, when the card is done with it. */
static DifCudaStage *
next_pair (DifCuda *cuda, GError **error)
{
  DifCudaStage *stage = _dif_cuda_next_stage (cuda, error);

  if (stage && ! stage->device)
    stage->device = _dif_cuda_take (cuda, cuda->tensors, cuda->stage_bytes, error);
  return stage && stage->device ? stage : NULL;
}

/* One piece: @n rows of @pack->n_in * @pack->n_spots, from @src to @dst. */
static gboolean
pack_piece (DifCuda *cuda, PackArgs pack, const char *src, gsize bytes, GError **error)
{
  DifCudaStage *stage = next_pair (cuda, error);
  CuResult      r;

  if (! stage)
    return FALSE;
  _dif_cuda_fill (cuda, stage->host, src, bytes);
  r = cuda->cu.copy_in ((CuPointer) (guintptr) stage->device, stage->host, bytes, cuda->stream);
  if (! _dif_cuda_check (cuda, r, "copying a weight to the card", error))
    return FALSE;
  pack.x = stage->device;
  if (! _dif_cuda_each (cuda, DIF_CUDA_KERNEL_pack, pack.rows * pack.n_in * pack.n_spots, &pack,
                        error))
    return FALSE;
  return _dif_cuda_check (cuda, cuda->cu.event_record (stage->done, cuda->stream),
                          "recording an event", error);
}

/* @array to @dst as @to, [rows, n_in, n_spots] becoming [rows, n_spots, n_in]. */
static gboolean
pack (DifCuda *cuda, const DifHostArray *array, gsize rows, gsize n_in, gsize n_spots, DifDtype to,
      char *dst, GError **error)
{
  gsize row_from, step, row = n_in * n_spots;

  if (n_spots == 1)
    {
      /* nothing moves: any cut will do */
      rows *= n_in;
      n_in = row = 1;
    }
  row_from = row * dif_dtype_size (dif_host_dtype (array));
  step     = cuda->stage_bytes / row_from;
  if (! step)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                   "a kernel of %" G_GSIZE_FORMAT " bytes for one output: expected at most "
                   "%" G_GSIZE_FORMAT,
                   row_from, cuda->stage_bytes);
      return FALSE;
    }
  for (gsize first = 0; first < rows; first += step)
    {
      gsize    n    = MIN (step, rows - first);
      PackArgs args = { .y       = dst + first * row * dif_dtype_size (to),
                        .rows    = n,
                        .n_in    = n_in,
                        .n_spots = n_spots,
                        .from    = dif_host_dtype (array),
                        .to      = to };

      if (! pack_piece (cuda, args, (const char *) array->data + first * row_from, n * row_from,
                        error))
        return FALSE;
    }
  return TRUE;
}

/* Memory for a vector of @n as @to that persistent on the card, filled; adds to @bytes what it
 * takes. */
static gpointer
place (DifCuda *cuda, const DifHostArray *array, gsize n, DifDtype to, gsize *bytes, GError **error)
{
  gsize    size = n * dif_dtype_size (to);
  gpointer data = _dif_cuda_take (cuda, cuda->persistent, size, error);

  if (! data)
    return NULL;
  if (! pack (cuda, array, 1, n, 1, to, data, error))
    {
      _dif_cuda_arena_give (cuda->persistent, data);
      return NULL;
    }
  *bytes += size;
  return data;
}

/* Whether every number of @array can be written as @dtype. */
static gboolean
is_exact (const DifHostArray *array, gsize n, DifDtype dtype)
{
  const char *data = array->data;
  gsize       unit = dif_dtype_size (dif_host_dtype (array));

  for (gsize i = 0; i < n; i++)
    {
      float   wide, back;
      guint16 narrow;

      dif_convert_to_f32 (&wide, data + i * unit, dif_host_dtype (array), 1);
      dif_convert_from_f32 (&narrow, dtype, &wide, 1);
      dif_convert_to_f32 (&back, &narrow, dtype, 1);
      if (wide != back)
        return FALSE;
    }
  return TRUE;
}

/* Everything the weight has, and itself. */
static void
drop (DifCuda *cuda, DifCudaWeight *w)
{
  _dif_cuda_offload_all (cuda, w);
  _dif_cuda_arena_give (cuda->weights, w->w);
  _dif_cuda_arena_give (cuda->persistent, w->bias);
  _dif_cuda_arena_give (cuda->persistent, w->narrow_bias);
  g_free (w);
}

static gpointer
weight_new (DifBackend *be, DifDtype dtype, const DifHostArray *array, const DifHostArray *bias,
            gsize *bytes, GError **error)
{
  DifCuda       *cuda = _dif_cuda_begin (be);
  DifCudaWeight *w    = g_new0 (DifCudaWeight, 1);
  gboolean       ok;

  w->n_out = array->shape.d[0];
  w->n_in  = array->shape.d[1];
  w->kh    = array->shape.n > 2 ? array->shape.d[2] : 1;
  w->kw    = array->shape.n > 3 ? array->shape.d[3] : 1;
  w->dtype = dtype;
  w->bytes = _dif_cuda_matrix_bytes (w);
  w->w     = _dif_cuda_take_matrix (cuda, w, error);
  ok       = w->w && pack (cuda, array, w->n_out, w->n_in, w->kh * w->kw, dtype, w->w, error);
  if (ok && bias && bias->data)
    {
      w->bias = place (cuda, bias, w->n_out, DIF_F32, &w->bytes, error);
      ok      = w->bias != NULL;
      if (ok && dtype != DIF_F32 && is_exact (bias, w->n_out, dtype))
        {
          w->narrow_bias = place (cuda, bias, w->n_out, dtype, &w->bytes, error);
          ok             = w->narrow_bias != NULL;
        }
    }
  if (! ok)
    {
      drop (cuda, w);
      _dif_cuda_end (cuda, FALSE);
      return NULL;
    }
  _dif_cuda_load_resident (cuda, w);
  *bytes = w->bytes;
  dif_backend_account (be, (gssize) w->bytes);
  _dif_cuda_end (cuda, TRUE);
  return w;
}

gpointer
_dif_cuda_linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                      const DifHostArray *bias, gsize *bytes, GError **error)
{
  return weight_new (be, dtype, w, bias, bytes, error);
}

gpointer
_dif_cuda_conv_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                    const DifHostArray *bias, const DifConvSpec *spec, gsize *bytes,
                    GError **error)
{
  return weight_new (be, dtype, w, bias, bytes, error);
}

gpointer
_dif_cuda_table_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes,
                     GError **error)
{
  return weight_new (be, dtype, w, NULL, bytes, error);
}

void
_dif_cuda_weight_free (DifBackend *be, gpointer data)
{
  DifCudaWeight *w = data;
  DifCuda       *cuda;

  if (! w)
    return;
  cuda = _dif_cuda_begin (be);
  dif_backend_account (be, -(gssize) w->bytes);
  drop (cuda, w);
  _dif_cuda_end (cuda, TRUE);
}

gpointer
_dif_cuda_norm_new (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift,
                    gsize *bytes, GError **error)
{
  DifCuda     *cuda = _dif_cuda_begin (be);
  DifCudaNorm *norm = g_new0 (DifCudaNorm, 1);
  gsize        n    = scale->shape.d[0];

  norm->scale = place (cuda, scale, n, DIF_F32, &norm->bytes, error);
  if (norm->scale && shift && shift->data)
    norm->shift = place (cuda, shift, n, DIF_F32, &norm->bytes, error);
  if (! norm->scale || (shift && shift->data && ! norm->shift))
    {
      _dif_cuda_arena_give (cuda->persistent, norm->scale);
      g_free (norm);
      _dif_cuda_end (cuda, FALSE);
      return NULL;
    }
  *bytes = norm->bytes;
  dif_backend_account (be, (gssize) norm->bytes);
  _dif_cuda_end (cuda, TRUE);
  return norm;
}

void
_dif_cuda_norm_free (DifBackend *be, gpointer data)
{
  DifCudaNorm *norm = data;
  DifCuda     *cuda;

  if (! norm)
    return;
  cuda = _dif_cuda_begin (be);
  dif_backend_account (be, -(gssize) norm->bytes);
  _dif_cuda_arena_give (cuda->persistent, norm->scale);
  _dif_cuda_arena_give (cuda->persistent, norm->shift);
  g_free (norm);
  _dif_cuda_end (cuda, TRUE);
}
