/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* transfer.c - between host arrays and tensors, and random tensors.
 *
 * The host side is always float32; images are [N, C, H, W] there, as torch
 * has them, and [N, H, W, C] on the backend.
 */
#include "base/error.h"
#include "base/rng.h"
#include "tensor/ops.h"

static DifTensor *
no_memory (DifContext *cx, gsize bytes)
{
  return dif_context_fail (cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                            "out of memory: %" G_GSIZE_FORMAT " bytes", bytes));
}

/* dst[n][b][a] = src[n][a][b] */
static void
transpose (float *dst, const float *src, gsize n, gsize a, gsize b)
{
  for (gsize i = 0; i < n; i++, dst += a * b, src += a * b)
    for (gsize j = 0; j < a; j++)
      for (gsize k = 0; k < b; k++)
        dst[k * a + j] = src[j * b + k];
}

DifTensor *
dif_upload (DifContext *cx, DifDtype dtype, DifShape shape, const float *data)
{
  DifBackend           *be        = dif_context_backend (cx);
  g_autofree void      *converted = NULL;
  g_autoptr (DifTensor) t         = NULL;
  GError               *error     = NULL;

  if (! dif_context_check (cx))
    return dif_context_inert (cx);
  t = dif_tensor_new (be, dtype, &shape, &error);
  if (! t)
    return dif_context_fail (cx, error);
  if (dtype != DIF_F32)
    {
      converted = g_try_malloc (t->bytes);
      if (! converted)
        return no_memory (cx, t->bytes);
      dif_convert_from_f32 (converted, dtype, data, dif_tensor_count (t));
    }
  if (! be->klass->upload (be, t->data, converted ? converted : data, t->bytes, &error))
    return dif_context_fail (cx, error);
  return dif_context_adopt (cx, g_steal_pointer (&t));
}

DifTensor *
dif_upload_nchw (DifContext *cx, DifDtype dtype, gsize n, gsize c, gsize h, gsize w,
                 const float *data)
{
  g_autofree float *moved = NULL;
  DifShape          shape = DIF_SHAPE (n, h, w, c);
  gsize             count;

  if (! dif_context_check (cx))
    return dif_context_inert (cx);
  if (! dif_shape_count (&shape, &count))
    return no_memory (cx, G_MAXSIZE);
  moved = g_try_new (float, count);
  if (! moved)
    return no_memory (cx, count * sizeof *moved);
  transpose (moved, data, n, c, h * w);
  return dif_upload (cx, dtype, shape, moved);
}

gboolean
dif_download (DifContext *cx, DifTensor *x, float *data)
{
  DifBackend      *be    = dif_context_backend (cx);
  GError          *error = NULL;
  g_autofree void *raw   = NULL;

  x = dif_contiguous (cx, x);
  if (! dif_context_check (cx) || ! x->data)
    return FALSE;
  if (x->dtype != DIF_F32)
    {
      raw = g_try_malloc (x->bytes);
      if (! raw)
        {
          no_memory (cx, x->bytes);
          return FALSE;
        }
    }
  if (! be->klass->download (be, raw ? raw : data, x->data, x->bytes, &error))
    {
      dif_context_fail (cx, error);
      return FALSE;
    }
  if (raw)
    dif_convert_to_f32 (data, raw, x->dtype, dif_tensor_count (x));
  return TRUE;
}

gboolean
dif_download_nchw (DifContext *cx, DifTensor *x, float *data)
{
  g_autofree float *moved = NULL;

  if (! dif_context_check (cx) || ! x->data)
    return FALSE;
  g_return_val_if_fail (x->shape.n == 4, FALSE);
  moved = g_try_new (float, dif_tensor_count (x));
  if (! moved)
    {
      no_memory (cx, dif_tensor_count (x) * sizeof *moved);
      return FALSE;
    }
  if (! dif_download (cx, x, moved))
    return FALSE;
  transpose (data, moved, x->shape.d[0], x->shape.d[1] * x->shape.d[2], x->shape.d[3]);
  return TRUE;
}

DifTensor *
dif_randn (DifContext *cx, DifRng *rng, gsize n, gsize h, gsize w, gsize c)
{
  g_autofree float *data  = NULL;
  DifShape          shape = DIF_SHAPE (n, h, w, c);
  gsize             count;

  if (! dif_context_check (cx))
    return dif_context_inert (cx);
  if (! dif_shape_count (&shape, &count))
    return no_memory (cx, G_MAXSIZE);
  data = g_try_new (float, count);
  if (! data || ! dif_rng_randn_items (rng, data, n, h * w * c))
    return no_memory (cx, count * sizeof *data);
  return dif_upload_nchw (cx, DIF_F32, n, c, h, w, data);
}

void
dif_context_dump (DifContext *cx, DifTensor *t, const char *format, ...)
{
  g_autofree float *data = NULL;
  g_autofree char  *name = NULL;
  DifShape          shape;
  va_list           args;

  if (! dif_context_wants_dump (cx) || dif_context_failed (cx) || ! t->data)
    return;
  data = g_try_new (float, dif_tensor_count (t));
  if (! data)
    return;
  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  shape = t->shape;
  if (shape.n == 4)
    {
      shape = DIF_SHAPE (t->shape.d[0], t->shape.d[3], t->shape.d[1], t->shape.d[2]);
      if (! dif_download_nchw (cx, t, data))
        return;
    }
  else if (! dif_download (cx, t, data))
    return;
  dif_context_dump_host (cx, name, &shape, data);
}
