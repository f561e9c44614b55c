/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ref-tensor.c - memory, and elements as numbers, whatever their dtype. */
#include <math.h>
#include <stdlib.h>

#include "backends/ref/ref.h"
#include "base/error.h"

double
ref_get (const DifTensor *t, gsize i)
{
  switch (t->dtype)
    {
    case DIF_BF16:
      return dif_bf16_to_f32 (((const guint16 *) t->data)[i]);
    case DIF_F16:
      return dif_f16_to_f32 (((const guint16 *) t->data)[i]);
    default:
      return ((const float *) t->data)[i];
    }
}

void
ref_set (DifTensor *t, gsize i, double v)
{
  switch (t->dtype)
    {
    case DIF_BF16:
      ((guint16 *) t->data)[i] = dif_f32_to_bf16 ((float) v);
      break;
    case DIF_F16:
      ((guint16 *) t->data)[i] = dif_f32_to_f16 ((float) v);
      break;
    default:
      ((float *) t->data)[i] = (float) v;
    }
}

double
ref_act (double x, DifAct act)
{
  switch (act)
    {
    case DIF_ACT_SILU:
      return x / (1 + exp (-x));
    case DIF_ACT_GELU:
      return x * 0.5 * erfc (-x * M_SQRT1_2);
    case DIF_ACT_QUICK_GELU:
      return x / (1 + exp (-1.702 * x));
    case DIF_ACT_RELU:
      return x < 0 ? 0 : x;
    case DIF_ACT_GELU_TANH:
      return x * 0.5 * (1 + tanh (sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
    case DIF_ACT_TANH:
      return tanh (x);
    case DIF_ACT_SIGMOID:
      return 1 / (1 + exp (-x));
    case DIF_ACT_LEAKY_RELU:
      return x < 0 ? 0.2 * x : x;
    case DIF_ACT_NONE:
      break;
    }
  return x;
}

gpointer
ref_alloc (DifBackend *be, gsize bytes, GError **error)
{
  Ref     *ref  = (Ref *) be;
  gpointer data = NULL;

  if (ref->fail_at != 0 && posix_memalign (&data, 64, bytes) != 0)
    data = NULL;
  if (ref->fail_at >= 0)
    ref->fail_at--;
  if (! data)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "out of memory: %" G_GSIZE_FORMAT " bytes", bytes);
      return NULL;
    }
  dif_backend_account (be, (gssize) bytes);
  return data;
}

void
ref_free (DifBackend *be, gpointer data, gsize bytes)
{
  free (data);
  dif_backend_account (be, -(gssize) bytes);
}
