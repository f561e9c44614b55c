/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-elementwise.c - ops that only touch memory, shared out among threads. */
#include <omp.h>
#include <string.h>

#include "backends/cpu/cpu-private.h"

void
_dif_cpu_span_to_f32 (DifCpu *cpu, float *y, const void *x, DifDtype dtype, gsize n)
{
  if (dtype == DIF_F16)
    cpu->kernels->f16_to_f32 (y, x, n);
  else if (dtype == DIF_BF16)
    cpu->kernels->bf16_to_f32 (y, x, n);
  else
    memcpy (y, x, n * sizeof *y);
}

void
_dif_cpu_span_to_bf16 (DifCpu *cpu, guint16 *y, const void *x, DifDtype dtype, gsize n)
{
  if (dtype == DIF_F16)
    cpu->kernels->f16_to_bf16 (y, x, n);
  else if (dtype == DIF_F32)
    cpu->kernels->f32_to_bf16 (y, x, n);
  else
    memcpy (y, x, n * sizeof *y);
}

void
_dif_cpu_span_narrow (DifCpu *cpu, void *y, const float *x, DifDtype dtype, gsize n)
{
  if (dtype == DIF_F16)
    cpu->kernels->narrow_f16 (y, x, n);
  else if (dtype == DIF_BF16)
    cpu->kernels->narrow_bf16 (y, x, n);
  else
    memcpy (y, x, n * sizeof *x);
}

void
_dif_cpu_to_f32 (DifCpu *cpu, float *y, const void *x, DifDtype dtype, gsize n)
{
#pragma omp parallel num_threads(_dif_cpu_team(cpu, n))
  {
    gsize at, share = _dif_cpu_span (n, omp_get_thread_num (), omp_get_num_threads (), &at);

    _dif_cpu_span_to_f32 (cpu, y + at, (const char *) x + at * dif_dtype_size (dtype), dtype,
                          share);
  }
}

void
_dif_cpu_to_bf16 (DifCpu *cpu, guint16 *y, const void *x, DifDtype dtype, gsize n)
{
#pragma omp parallel num_threads(_dif_cpu_team(cpu, n))
  {
    gsize at, share = _dif_cpu_span (n, omp_get_thread_num (), omp_get_num_threads (), &at);

    _dif_cpu_span_to_bf16 (cpu, y + at, (const char *) x + at * dif_dtype_size (dtype), dtype,
                           share);
  }
}

gboolean
_dif_cpu_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  gsize   n = dif_tensor_count (x), size = dif_dtype_size (x->dtype);

#pragma omp parallel num_threads(_dif_cpu_team(cpu, n))
  {
    gsize at, share = _dif_cpu_span (n, omp_get_thread_num (), omp_get_num_threads (), &at);

    cpu->kernels->act ((char *) y->data + at * size, (const char *) x->data + at * size, share, act,
                       x->dtype == DIF_BF16);
  }
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  gsize   n = dif_tensor_count (a), size = dif_dtype_size (a->dtype);

#pragma omp parallel num_threads(_dif_cpu_team(cpu, n))
  {
    gsize at, share = _dif_cpu_span (n, omp_get_thread_num (), omp_get_num_threads (), &at);

    cpu->kernels->add ((char *) y->data + at * size, (const char *) a->data + at * size,
                       (const char *) b->data + at * size, share, a->dtype == DIF_BF16);
  }
  return _dif_cpu_end (cpu, TRUE);
}

/* a large copy, by all threads */
static void
copy (const DifCpu *cpu, char *dst, const char *src, gsize bytes)
{
#pragma omp parallel num_threads(_dif_cpu_team(cpu, bytes / 4))
  {
    gsize at, share = _dif_cpu_span (bytes, omp_get_thread_num (), omp_get_num_threads (), &at);

    memcpy (dst + at, src + at, share);
  }
}

gboolean
_dif_cpu_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                 GError **error)
{
  DifCpu *cpu  = _dif_cpu_begin (be);
  gsize   size = dif_dtype_size (y->dtype), A = dif_tensor_dim (a, -1) * size;
  gsize   B = dif_tensor_dim (b, -1) * size, rows = a->bytes / A;

  /* few long rows: batches are joined this way */
  if (rows < (gsize) cpu->n_threads)
    {
      for (gsize r = 0; r < rows; r++)
        {
          copy (cpu, (char *) y->data + r * (A + B), (const char *) a->data + r * A, A);
          copy (cpu, (char *) y->data + r * (A + B) + A, (const char *) b->data + r * B, B);
        }
      return _dif_cpu_end (cpu, TRUE);
    }
#pragma omp parallel num_threads(_dif_cpu_team(cpu, y->bytes / 4))
  {
    gsize first, n = _dif_cpu_span (rows, omp_get_thread_num (), omp_get_num_threads (), &first);

    for (gsize r = first; r < first + n; r++)
      {
        memcpy ((char *) y->data + r * (A + B), (const char *) a->data + r * A, A);
        memcpy ((char *) y->data + r * (A + B) + A, (const char *) b->data + r * B, B);
      }
  }
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  gsize   N = y->shape.d[0], H = y->shape.d[1], W = y->shape.d[2];
  gsize   h = x->shape.d[1], w = x->shape.d[2], pixel = x->shape.d[3] * dif_dtype_size (x->dtype);

#pragma omp parallel num_threads(_dif_cpu_team(cpu, y->bytes / 4))
  {
    gsize first, n = _dif_cpu_span (N * H, omp_get_thread_num (), omp_get_num_threads (), &first);

    for (gsize r = first; r < first + n; r++)
      {
        const char *from = (const char *) x->data + (r / H * h + r % H * h / H) * w * pixel;
        char       *to   = (char *) y->data + r * W * pixel;

        for (gsize j = 0; j < W; j++)
          memcpy (to + j * pixel, from + j * w / W * pixel, pixel);
      }
  }
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                 GError **error)
{
  DifCpu *cpu  = _dif_cpu_begin (be);
  gsize   size = dif_dtype_size (x->dtype), c = dif_tensor_dim (x, -1);
  gsize   N = x->shape.d[0], item = x->bytes / N;

#pragma omp parallel num_threads(_dif_cpu_team(cpu, y->bytes / 4 * g->n_terms))
  {
    gsize first,
        n = _dif_cpu_span (N * g->n_out, omp_get_thread_num (), omp_get_num_threads (), &first);

    for (gsize r = first; r < first + n; r++)
      {
        gsize at = r % g->n_out * g->n_terms;

        cpu->kernels->gather ((char *) y->data + r * c * size,
                              (const char *) x->data + r / g->n_out * item, c, g->n_terms,
                              g->rows + at, g->weights ? g->weights + at : NULL,
                              x->dtype == DIF_BF16);
      }
  }
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_lincomb (DifBackend *be, guint n_terms, const float *coef, const DifTensor *const *x,
                  DifTensor *y, GError **error)
{
  DifCpu      *cpu = _dif_cpu_begin (be);
  const float *data[8];

  g_assert (n_terms <= G_N_ELEMENTS (data));
  for (guint i = 0; i < n_terms; i++)
    data[i] = x[i]->data;
  cpu->kernels->lincomb (y->data, n_terms, coef, data, dif_tensor_count (y));
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);

  cpu->kernels->clamp (y->data, x->data, lo, hi, dif_tensor_count (x));
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  gsize   n   = dif_tensor_count (x);

  if (x->dtype == y->dtype)
    copy (cpu, y->data, x->data, x->bytes);
  else if (y->dtype == DIF_F32)
    _dif_cpu_to_f32 (cpu, y->data, x->data, x->dtype, n);
  else if (y->dtype == DIF_BF16)
    _dif_cpu_to_bf16 (cpu, y->data, x->data, x->dtype, n);
  else
    {
      g_autofree float *buffer = NULL;

      if (x->dtype == DIF_BF16)
        {
          buffer = g_try_new (float, n);
          if (! buffer)
            {
              _dif_cpu_out_of_memory (error, n * sizeof *buffer);
              return _dif_cpu_end (cpu, FALSE);
            }
          _dif_cpu_to_f32 (cpu, buffer, x->data, x->dtype, n);
        }
      dif_convert_from_f32 (y->data, y->dtype, buffer ? buffer : x->data, n);
    }
  return _dif_cpu_end (cpu, TRUE);
}

/* ---- embedding tables ---- */

/* rows of @stored, given out as @dtype */
typedef struct
{
  gsize    width, bytes;
  DifDtype dtype, stored;
  gpointer data;
} Table;

gpointer
_dif_cpu_table_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes,
                    GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  Table  *t   = g_new0 (Table, 1);
  gsize   n   = w->shape.d[0] * w->shape.d[1];

  t->width  = w->shape.d[1];
  t->dtype  = dtype;
  t->stored = cpu->keep_narrow && dtype == DIF_F32 ? dif_host_dtype (w) : dtype;
  t->bytes  = n * dif_dtype_size (t->stored);
  t->data   = _dif_cpu_pool_alloc (cpu->weights, t->bytes);
  if (! t->data)
    {
      _dif_cpu_out_of_memory (error, t->bytes);
      g_free (t);
      _dif_cpu_end (cpu, FALSE);
      return NULL;
    }
  if (t->stored == dif_host_dtype (w))
    copy (cpu, t->data, w->data, t->bytes);
  else if (dtype == DIF_BF16)
    _dif_cpu_to_bf16 (cpu, t->data, w->data, dif_host_dtype (w), n);
  else
    _dif_cpu_to_f32 (cpu, t->data, w->data, dif_host_dtype (w), n);
  dif_backend_account (be, (gssize) t->bytes);
  *bytes = t->bytes;
  _dif_cpu_end (cpu, TRUE);
  return t;
}

void
_dif_cpu_table_free (DifBackend *be, gpointer table)
{
  Table *t = table;

  if (! t)
    return;
  dif_backend_account (be, -(gssize) t->bytes);
  _dif_cpu_pool_free (((DifCpu *) be)->weights, t->data);
  g_free (t);
}

gboolean
_dif_cpu_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                GError **error)
{
  const Table *t   = table;
  gsize        row = t->width * dif_dtype_size (t->stored);

  for (gsize i = 0; i < n; i++)
    {
      const char *from = (const char *) t->data + (gsize) ids[i] * row;

      if (t->stored == t->dtype)
        memcpy ((char *) y->data + i * row, from, row);
      else
        _dif_cpu_span_to_f32 ((DifCpu *) be, (float *) y->data + i * t->width, from, t->stored,
                              t->width);
    }
  return TRUE;
}
