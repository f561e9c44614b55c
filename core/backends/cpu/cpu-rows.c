/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-rows.c - ops over rows that may lie apart, shared out among threads.
 *
 * A norm's factors and what modulates its result become one factor and one
 * addend per channel of an item, so that each is one pass.
 */
#include <omp.h>
#include <string.h>

#include "backends/cpu/cpu-private.h"

/* ---- norms and modulation ---- */

typedef struct
{
  const DifTensor     *x;
  const DifCpuNorm    *norm; /* NULL for 1 and 0 */
  const DifScaleShift *s;    /* NULL for none */
  DifTensor           *y;
  gsize                per_item, C, width; /* rows of an item; of a row; of what is normalised */
  DifCpuRows           rows;
  gboolean             normalise;
  float               *scale, *shift; /* [items or 1, C] */
} Rows;

/* Vector of item @item as floats; @buffer has room for C. */
static const float *
vector_of (const Rows *r, DifCpu *cpu, const DifTensor *v, gsize item, float *buffer)
{
  const char *at = v->data;

  at += (v->shape.d[0] == 1 ? 0 : item * v->item) * dif_dtype_size (v->dtype);
  if (v->dtype == DIF_F32)
    return (const float *) (gconstpointer) at;
  _dif_cpu_span_to_f32 (cpu, buffer, at, v->dtype, r->C);
  return buffer;
}

/* Factors and addends of one item: ((x w + b) (plus + scale)) + shift. */
static void
prepare_item (const Rows *r, DifCpu *cpu, gsize item, float *buffer)
{
  float       *scale = r->scale + item * r->C, *shift = r->shift + item * r->C;
  const float *v;

  for (gsize c = 0; c < r->C; c++)
    {
      scale[c] = r->norm ? r->norm->data[c % r->width] : 1;
      shift[c] = r->norm ? r->norm->data[r->width + c % r->width] : 0;
    }
  if (! r->s)
    return;
  v = r->s->scale ? vector_of (r, cpu, r->s->scale, item, buffer) : NULL;
  for (gsize c = 0; c < r->C; c++)
    {
      float factor = r->s->plus + (v ? v[c] : 0);

      scale[c] *= factor;
      shift[c] *= factor;
    }
  v = r->s->shift ? vector_of (r, cpu, r->s->shift, item, buffer) : NULL;
  for (gsize c = 0; c < r->C && v; c++)
    shift[c] += v[c];
}

/* Whether items have vectors of their own. */
static gboolean
items_differ (const DifScaleShift *s)
{
  return s && ((s->scale && s->scale->shape.d[0] > 1) || (s->shift && s->shift->shape.d[0] > 1));
}

/* @n rows of item @item from row @first of all on */
static void
run_rows (const Rows *r, const DifCpuKernels *k, gsize item, gsize first, gsize n)
{
  DifCpuRows rows = r->rows;
  gsize      size = dif_dtype_size (r->x->dtype), head = r->width;

  for (gsize i = first; i < first + n; i++)
    {
      const DifTensor *res = r->s ? r->s->residual : NULL;

      rows.x = (const char *) r->x->data + dif_tensor_row_at (r->x, r->per_item, i) * size;
      rows.y = (char *) r->y->data + i * r->C * size;
      if (res)
        rows.residual = (const char *) res->data + dif_tensor_row_at (res, r->per_item, i) * size;
      rows.scale = r->scale + item * r->C;
      rows.shift = r->shift + item * r->C;
      if (! r->normalise || head == r->C)
        {
          rows.rows = 1;
          rows.c    = r->C;
          r->normalise ? k->row_norm (&rows) : k->modulate (&rows);
          continue;
        }
      rows.rows = 1;
      rows.c    = head;
      for (gsize at = 0; at < r->C; at += head)
        {
          k->row_norm (&rows);
          rows.x = (const char *) rows.x + head * size;
          rows.y = (char *) rows.y + head * size;
          if (res)
            rows.residual = (const char *) rows.residual + head * size;
          rows.scale += head;
          rows.shift += head;
        }
    }
}

static gboolean
run_all (DifCpu *cpu, Rows *r, GError **error)
{
  gsize n_rows  = dif_tensor_count (r->x) / r->C,
        n_items = items_differ (r->s) ? r->x->shape.d[0] : 1;
  gsize bytes   = (2 * n_items + 1) * r->C * sizeof (float);

  r->scale = _dif_cpu_buffer (cpu, 1, bytes, error);
  if (! r->scale)
    return FALSE;
  r->shift = r->scale + n_items * r->C;
  for (gsize i = 0; i < n_items; i++)
    prepare_item (r, cpu, i, r->shift + n_items * r->C);
#pragma omp parallel num_threads(_dif_cpu_team(cpu, n_rows * r->C))
  {
    gsize first, n = _dif_cpu_span (n_rows, omp_get_thread_num (), omp_get_num_threads (), &first);

    while (n)
      {
        gsize item = n_items > 1 ? first / r->per_item : 0;
        gsize some = n_items > 1 ? MIN (n, r->per_item - first % r->per_item) : n;

        run_rows (r, cpu->kernels, item, first, some);
        first += some;
        n -= some;
      }
  }
  return TRUE;
}

gboolean
_dif_cpu_row_norm (DifBackend *be, const DifTensor *x, gpointer norm, const DifRowNorm *spec,
                   const DifScaleShift *after, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  Rows    r   = { .x = x, .norm = norm, .s = after, .y = y, .normalise = TRUE };

  r.per_item    = dif_tensor_rows (x);
  r.C           = dif_tensor_dim (x, -1);
  r.width       = r.C / spec->n_heads;
  r.rows.eps    = spec->eps;
  r.rows.center = spec->center;
  r.rows.bf16   = x->dtype == DIF_BF16;
  return _dif_cpu_end (cpu, run_all (cpu, &r, error));
}

gboolean
_dif_cpu_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s, DifTensor *y,
                      GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  Rows    r   = { .x = x, .s = s, .y = y };

  r.per_item  = dif_tensor_rows (x);
  r.width     = dif_tensor_dim (x, -1);
  r.C         = r.width;
  r.rows.bf16 = x->dtype == DIF_BF16;
  return _dif_cpu_end (cpu, run_all (cpu, &r, error));
}

gboolean
_dif_cpu_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b, DifTensor *y,
                   GError **error)
{
  DifCpu *cpu  = _dif_cpu_begin (be);
  gsize   size = dif_dtype_size (a->dtype), count = dif_tensor_count (a);
  gsize   C        = dif_tensor_dim (a, -1);
  gsize   per_item = dif_tensor_rows (a), rows;
  /* one long row where nothing lies between */
  gboolean flat = dif_tensor_is_contiguous (a) && dif_tensor_is_contiguous (b);

  if (flat)
    C = 1;
  rows = count / C;
#pragma omp parallel num_threads(_dif_cpu_team(cpu, count))
  {
    gsize first, n = _dif_cpu_span (rows, omp_get_thread_num (), omp_get_num_threads (), &first);
    char *to = (char *) y->data + first * C * size;

    if (flat)
      cpu->kernels->multiply (to, (const char *) a->data + first * size, act,
                              (const char *) b->data + first * size, n, a->dtype == DIF_BF16);
    for (gsize r = first; ! flat && r < first + n; r++, to += C * size)
      cpu->kernels->multiply (
          to, (const char *) a->data + dif_tensor_row_at (a, per_item, r) * size, act,
          (const char *) b->data + dif_tensor_row_at (b, per_item, r) * size, C,
          a->dtype == DIF_BF16);
  }
  return _dif_cpu_end (cpu, TRUE);
}

gboolean
_dif_cpu_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y, GError **error)
{
  DifCpu           *cpu = _dif_cpu_begin (be);
  const DifCpuNorm *w   = norm;
  gsize             row = w->n * dif_dtype_size (x->dtype), rows = dif_tensor_count (x) / w->n;

#pragma omp parallel num_threads(_dif_cpu_team(cpu, rows * w->n))
  {
    gsize first, n = _dif_cpu_span (rows, omp_get_thread_num (), omp_get_num_threads (), &first);

    cpu->kernels->prelu ((char *) y->data + first * row, (const char *) x->data + first * row, n,
                         w->n, w->data, x->dtype == DIF_BF16);
  }
  return _dif_cpu_end (cpu, TRUE);
}

/* ---- rotary embedding ---- */

gboolean
_dif_cpu_rotate (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec,
                 DifTensor *y, GError **error)
{
  DifCpu           *cpu  = _dif_cpu_begin (be);
  const DifCpuNorm *w    = norm;
  gsize             size = dif_dtype_size (x->dtype), T = x->shape.d[1], rows = T * x->shape.d[0];
  gsize             D = dif_tensor_dim (spec->table, 1) / 2, C = D * spec->n_heads;
  gsize             each   = 3 * D / 2 + 16;
  gsize             bytes  = each * sizeof (float) * (gsize) cpu->n_threads;
  float            *buffer = _dif_cpu_buffer (cpu, 1, bytes, error);

  if (! buffer)
    return _dif_cpu_end (cpu, FALSE);
#pragma omp parallel num_threads(_dif_cpu_team(cpu, rows *C))
  {
    DifCpuRotation r = { .heads = spec->n_heads, .d = D, .eps = spec->eps, .halves = spec->halves };
    gsize          first, n;

    n        = _dif_cpu_span (rows, omp_get_thread_num (), omp_get_num_threads (), &first);
    r.bf16   = x->dtype == DIF_BF16;
    r.scale  = w ? w->data : NULL;
    r.buffer = buffer + (gsize) omp_get_thread_num () * each;
    for (gsize i = first; i < first + n; i++)
      {
        r.x       = (const char *) x->data + dif_tensor_row_at (x, T, i) * size;
        r.y       = (char *) y->data + i * C * size;
        r.factors = (const float *) spec->table->data + i % T * 2 * D;
        cpu->kernels->rotate (&r);
      }
  }
  return _dif_cpu_end (cpu, TRUE);
}

/* ---- permutation ---- */

/* What lies in one piece in the result and in what is read becomes one dimension. */
static DifPermutation
joined (const DifPermutation *p)
{
  DifPermutation q = { .n = 0, .offset = p->offset };

  for (guint i = 0; i < p->n; i++)
    {
      if (p->d[i] == 1)
        continue;
      if (q.n && q.stride[q.n - 1] == p->d[i] * p->stride[i])
        {
          q.d[q.n - 1] *= p->d[i];
          q.stride[q.n - 1] = p->stride[i];
          continue;
        }
      q.d[q.n]        = p->d[i];
      q.stride[q.n++] = p->stride[i];
    }
  if (! q.n)
    q.d[q.n++] = 1;
  return q;
}

static void
copy_line (char *to, const char *from, gsize n, gsize stride, gsize size)
{
  if (stride == 1)
    memcpy (to, from, n * size);
  else if (size == 4)
    for (gsize i = 0; i < n; i++)
      memcpy (to + i * 4, from + i * stride * 4, 4);
  else
    for (gsize i = 0; i < n; i++)
      memcpy (to + i * 2, from + i * stride * 2, 2);
}

gboolean
_dif_cpu_permute (DifBackend *be, const DifTensor *x, const DifPermutation *given, DifTensor *y,
                  GError **error)
{
  DifCpu              *cpu  = _dif_cpu_begin (be);
  const DifPermutation p    = joined (given);
  gsize                size = dif_dtype_size (x->dtype), line = p.d[p.n - 1];
  gsize                lines = dif_tensor_count (y) / line;

#pragma omp parallel num_threads(_dif_cpu_team(cpu, lines *line))
  {
    gsize first, n = _dif_cpu_span (lines, omp_get_thread_num (), omp_get_num_threads (), &first);

    for (gsize i = first; i < first + n; i++)
      {
        gsize at = p.offset, rest = i;

        for (guint k = p.n - 1; k-- > 0; rest /= p.d[k])
          at += rest % p.d[k] * p.stride[k];
        copy_line ((char *) y->data + i * line * size, (const char *) x->data + at * size, line,
                   p.stride[p.n - 1], size);
      }
  }
  return _dif_cpu_end (cpu, TRUE);
}
