/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tensor.c - life and death of tensors and backends.
 *
 * Reference counts are atomic: a tensor may be dropped on another thread than
 * the one that computes with it.
 */
#include "base/error.h"
#include "tensor/backend.h"

DifTensor *
dif_tensor_ref (DifTensor *t)
{
  g_atomic_int_inc (&t->ref_count);
  return t;
}

void
dif_tensor_unref (DifTensor *t)
{
  if (! t || ! g_atomic_int_dec_and_test (&t->ref_count))
    return;
  if (t->base)
    dif_tensor_unref (t->base);
  else if (t->data)
    t->backend->klass->free (t->backend, t->data, t->bytes);
  g_clear_pointer (&t->backend, dif_backend_unref);
  g_free (t);
}

gsize
dif_tensor_dim (const DifTensor *t, int i)
{
  int k = i < 0 ? (int) t->shape.n + i : i;

  return k >= 0 && k < (int) t->shape.n ? t->shape.d[k] : 0;
}

gsize
dif_tensor_count (const DifTensor *t)
{
  return t->data ? t->bytes / dif_dtype_size (t->dtype) : 0;
}

/* Strides of a tensor that has nothing between its elements. */
static void
lay_out (DifTensor *t)
{
  t->row  = MAX (dif_tensor_dim (t, -1), 1);
  t->item = t->shape.n ? dif_tensor_count (t) / t->shape.d[0] : 1;
}

DifTensor *
dif_tensor_new (DifBackend *backend, DifDtype dtype, const DifShape *shape, GError **error)
{
  DifTensor *t;
  gpointer   data;
  gsize      bytes;

  if (! dif_shape_bytes (shape, dtype, &bytes) || bytes > G_MAXSSIZE || bytes == 0)
    {
      g_autofree char *s = dif_shape_to_string (shape);

      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "a %s tensor of shape %s is not possible", dif_dtype_name (dtype), s);
      return NULL;
    }
  data = backend->klass->alloc (backend, bytes, error);
  if (! data)
    return NULL;
  t            = g_new0 (DifTensor, 1);
  t->shape     = *shape;
  t->dtype     = dtype;
  t->data      = data;
  t->bytes     = bytes;
  t->backend   = dif_backend_ref (backend);
  t->ref_count = 1;
  lay_out (t);
  return t;
}

DifTensor *
dif_tensor_view (DifTensor *base, gsize offset, const DifShape *shape)
{
  DifTensor *t    = g_new0 (DifTensor, 1);
  gsize      unit = dif_dtype_size (base->dtype), bytes = 0;

  g_assert (dif_shape_bytes (shape, base->dtype, &bytes) && offset * unit + bytes <= base->bytes);
  t->shape     = *shape;
  t->dtype     = base->dtype;
  t->data      = (char *) base->data + offset * unit;
  t->bytes     = bytes;
  t->backend   = dif_backend_ref (base->backend);
  t->base      = dif_tensor_ref (base);
  t->ref_count = 1;
  lay_out (t);
  return t;
}

DifTensor *
dif_tensor_slice (DifTensor *base, gsize offset, const DifShape *shape, gsize item, gsize row)
{
  DifTensor *t    = g_new0 (DifTensor, 1);
  gsize      unit = dif_dtype_size (base->dtype), bytes = 0;

  g_assert (shape->n >= 1 && dif_shape_bytes (shape, base->dtype, &bytes));
  t->shape     = *shape;
  t->dtype     = base->dtype;
  t->data      = (char *) base->data + offset * unit;
  t->bytes     = bytes;
  t->backend   = dif_backend_ref (base->backend);
  t->base      = dif_tensor_ref (base);
  t->ref_count = 1;
  lay_out (t);
  /* what is never stepped over keeps the stride of what is contiguous */
  if (dif_tensor_rows (t) > 1)
    {
      t->row  = row;
      t->item = dif_tensor_rows (t) * row;
    }
  if (shape->d[0] > 1 && shape->n > 1)
    t->item = item;
  g_assert (offset + dif_tensor_span (t) <= dif_tensor_span (base));
  return t;
}

gsize
dif_tensor_rows (const DifTensor *t)
{
  return t->shape.n < 3 ? 1 : dif_tensor_count (t) / t->shape.d[0] / dif_tensor_dim (t, -1);
}

gsize
dif_tensor_span (const DifTensor *t)
{
  if (t->shape.n < 2)
    return dif_tensor_count (t);
  return (t->shape.d[0] - 1) * t->item + (dif_tensor_rows (t) - 1) * t->row +
         dif_tensor_dim (t, -1);
}

gboolean
dif_tensor_is_contiguous (const DifTensor *t)
{
  return ! t->data || (t->row == dif_tensor_dim (t, -1) &&
                       (t->shape.n < 2 || t->item == dif_tensor_rows (t) * t->row));
}

DifBackend *
dif_backend_ref (DifBackend *be)
{
  g_atomic_int_inc (&be->ref_count);
  return be;
}

void
dif_backend_unref (DifBackend *be)
{
  if (be && g_atomic_int_dec_and_test (&be->ref_count))
    be->klass->close (be);
}

const char *
dif_backend_why_best (DifBackend *be)
{
  return be->klass->why_best ? be->klass->why_best (be) : "this device is always best so";
}

void
dif_backend_account (DifBackend *be, gssize delta)
{
  /* tensors may be dropped on other threads */
  gsize live = __atomic_add_fetch (&be->live_bytes, (gsize) delta, __ATOMIC_RELAXED);
  gsize peak = __atomic_load_n (&be->peak_bytes, __ATOMIC_RELAXED);

  while (live > peak && ! __atomic_compare_exchange_n (&be->peak_bytes, &peak, live, TRUE,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    ;
}
