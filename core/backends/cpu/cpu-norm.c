/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-norm.c - group norm, shared out among threads.
 *
 * It reads its input twice: once for the sums of every channel, once
 * to apply, per channel, one factor and one addend, and the non-linearity.
 */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "backends/cpu/cpu-private.h"

gpointer
_dif_cpu_norm_new (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift,
                   gsize *bytes, GError **error)
{
  DifCpu     *cpu = _dif_cpu_begin (be);
  gsize       n = scale->shape.d[0], total = sizeof (DifCpuNorm) + 2 * n * sizeof (float);
  DifCpuNorm *w = _dif_cpu_pool_alloc (cpu->weights, total);

  if (! w)
    {
      _dif_cpu_out_of_memory (error, total);
      _dif_cpu_end (cpu, FALSE);
      return NULL;
    }
  w->n     = n;
  w->bytes = total;
  _dif_cpu_to_f32 (cpu, w->data, scale->data, dif_host_dtype (scale), n);
  if (shift && shift->data)
    _dif_cpu_to_f32 (cpu, w->data + n, shift->data, dif_host_dtype (shift), n);
  else
    memset (w->data + n, 0, n * sizeof (float));
  dif_backend_account (be, (gssize) total);
  *bytes = total;
  _dif_cpu_end (cpu, TRUE);
  return w;
}

void
_dif_cpu_norm_free (DifBackend *be, gpointer norm)
{
  DifCpuNorm *w = norm;

  if (! w)
    return;
  dif_backend_account (be, -(gssize) w->bytes);
  _dif_cpu_pool_free (((DifCpu *) be)->weights, w);
}

/* what the threads of a group norm share; sums [n_threads, 2, C] */
typedef struct
{
  const DifCpuKernels *k;
  const DifCpuNorm    *w;
  const char          *x;
  char                *y;
  gsize                rows, c, n_groups;
  float                eps;
  DifAct               act;
  gboolean             bf16;
  double              *sums;
  float               *pivot, *scale, *shift; /* [C] */
} GroupNorm;

/* From sums of x - pivot and its square per channel to one factor and one
 * addend per channel.  Each channel's pivot is its first value, so that a mean
 * far from zero costs no digits. */
static void
finish_sums (GroupNorm *g, int n_parts)
{
  gsize  width = g->c / g->n_groups;
  double count = (double) g->rows;

  for (gsize i = 0; i < g->n_groups; i++)
    {
      double mean = 0, m2 = 0, inv;

      for (gsize c = i * width; c < (i + 1) * width; c++)
        {
          for (int p = 1; p < n_parts; p++)
            {
              g->sums[c] += g->sums[(gsize) p * 2 * g->c + c];
              g->sums[g->c + c] += g->sums[(gsize) p * 2 * g->c + g->c + c];
            }
          mean += g->pivot[c] + g->sums[c] / count;
        }
      mean /= (double) width;
      for (gsize c = i * width; c < (i + 1) * width; c++)
        {
          double off = g->pivot[c] - mean, s = g->sums[c], q = g->sums[g->c + c];

          /* sum of (x - pivot + off)^2 */
          m2 += q + 2 * off * s + count * off * off;
        }
      inv = 1 / sqrt (MAX (m2, 0) / (count * (double) width) + g->eps);
      for (gsize c = i * width; c < (i + 1) * width; c++)
        {
          g->scale[c] = (float) (g->w->data[c] * inv);
          g->shift[c] = (float) (g->w->data[g->w->n + c] - mean * inv * g->w->data[c]);
        }
    }
}

static void
group_norm_item (GroupNorm *g, int team)
{
  gsize size = g->bf16 ? 2 : 4;

  if (g->bf16)
    g->k->bf16_to_f32 (g->pivot, (const guint16 *) g->x, g->c);
  else
    memcpy (g->pivot, g->x, g->c * sizeof (float));
#pragma omp parallel num_threads(team)
  {
    int     me = omp_get_thread_num (), n = omp_get_num_threads ();
    double *sums = g->sums + (gsize) me * 2 * g->c;
    gsize   first, rows = _dif_cpu_span (g->rows, me, n, &first), at = first * g->c * size;

    memset (sums, 0, 2 * g->c * sizeof *sums);
    g->k->channel_sums (sums, sums + g->c, g->x + at, g->pivot, rows, g->c, g->bf16);
#pragma omp barrier
#pragma omp single
    finish_sums (g, n);
    g->k->scale_shift (g->y + at, g->x + at, rows, g->c, g->scale, g->shift, g->act, g->bf16);
  }
}

gboolean
_dif_cpu_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups, float eps,
                     DifAct act, DifTensor *y, GError **error)
{
  DifCpu           *cpu = _dif_cpu_begin (be);
  const DifCpuNorm *w   = norm;
  gsize             n = x->shape.d[0], item = x->bytes / n, sums, need;
  GroupNorm         g = { .k = cpu->kernels, .w = w, .c = w->n, .n_groups = n_groups, .eps = eps };
  char             *work;

  g.act  = act;
  g.bf16 = x->dtype == DIF_BF16;
  g.rows = dif_tensor_count (x) / n / w->n;
  sums   = (gsize) cpu->n_threads * 2 * w->n * sizeof (double);
  need   = sums + 3 * w->n * sizeof (float);
  work   = _dif_cpu_buffer (cpu, 1, need, error);
  if (! work)
    return _dif_cpu_end (cpu, FALSE);
  g.sums  = (double *) work;
  g.pivot = (float *) (work + sums);
  g.scale = g.pivot + w->n;
  g.shift = g.scale + w->n;
  for (gsize i = 0; i < n; i++)
    {
      g.x = (const char *) x->data + i * item;
      g.y = (char *) y->data + i * item;
      group_norm_item (&g, _dif_cpu_team (cpu, g.rows * g.c));
    }
  return _dif_cpu_end (cpu, TRUE);
}
