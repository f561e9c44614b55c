/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-private.c - see ops-private.h. */
#include "base/error.h"
#include "tensor/ops-private.h"

DifTensor *
_dif_ops_misfit (DifContext *cx, const char *format, ...)
{
  va_list          args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return dif_context_fail (cx, g_error_new_literal (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE, text));
}

DifTensor *
_dif_ops_misfit_shapes (DifContext *cx, const char *op, const DifTensor *a, const char *expected)
{
  g_autofree char *s = dif_shape_to_string (&a->shape);

  return _dif_ops_misfit (cx, "%s: expected %s, found %s %s", op, expected,
                          dif_dtype_name (a->dtype), s);
}

gboolean
_dif_ops_ready (DifContext *cx, const DifTensor *a, const DifTensor *b)
{
  return dif_context_check (cx) && a->data && (! b || b->data);
}

DifTensor *
_dif_ops_output (DifContext *cx, DifDtype dtype, const DifShape *shape)
{
  GError    *error = NULL;
  DifTensor *y     = dif_tensor_new (dif_context_backend (cx), dtype, shape, &error);

  if (! y)
    return dif_context_fail (cx, error);
  return y;
}

DifTensor *
_dif_ops_done (DifContext *cx, DifTensor *y, gboolean ok, GError *error)
{
  if (ok)
    return dif_context_adopt (cx, y);
  dif_tensor_unref (y);
  return dif_context_fail (cx, error);
}

gboolean
_dif_ops_agree_but (const DifTensor *a, const DifTensor *b, guint but)
{
  if (a->shape.n != b->shape.n || a->dtype != b->dtype)
    return FALSE;
  for (guint i = 0; i < a->shape.n; i++)
    if (i != but && a->shape.d[i] != b->shape.d[i])
      return FALSE;
  return TRUE;
}
