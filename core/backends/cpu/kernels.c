/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels.c - the table of kernels.h for one instruction set.
 *
 * Compiled as it stands for the baseline, and once more by every kernels-*.c,
 * which choose instructions, KERNELS (the table's name) and KERNELS_NAME.
 * Every loop is written for whole vectors and takes the rest through a padded
 * vector.
 */
/* vectors wider than the baseline's never leave this file */
#pragma GCC diagnostic ignored "-Wpsabi"

#include "backends/cpu/kernels.h"
#include "backends/cpu/simd.h"

#ifndef KERNELS
#define KERNELS      _dif_cpu_kernels_sse2
#define KERNELS_NAME "sse2"
#endif

INLINE Vf
load (const void *x, gsize i, gboolean bf16)
{
  return bf16 ? v_load_bf16 ((const guint16 *) x + i) : v_load ((const float *) x + i);
}

INLINE void
store (void *y, gsize i, Vf v, gboolean bf16)
{
  if (bf16)
    v_store_bf16 ((guint16 *) y + i, v);
  else
    v_store ((float *) y + i, v);
}

/* Hides from the compiler where an array on the stack lies: with
 * AddressSanitizer gcc 14 believes it better aligned than it is (its bug 110027). */
INLINE void *
somewhere (void *p)
{
  __asm__ ("" : "+r"(p));
  return p;
}

/* the last n < VW elements, the others zero */
INLINE Vf
load_rest (const void *x, gsize i, gsize n, gboolean bf16)
{
  gsize size = bf16 ? 2 : 4;
  char  space[VW * 4], *buf = somewhere (space);

  memset (buf, 0, sizeof space);
  memcpy (buf, (const char *) x + i * size, n * size);
  return load (buf, 0, bf16);
}

INLINE void
store_rest (void *y, gsize i, gsize n, Vf v, gboolean bf16)
{
  gsize size = bf16 ? 2 : 4;
  char  space[VW * 4], *buf = somewhere (space);

  store (buf, 0, v, bf16);
  memcpy ((char *) y + i * size, buf, n * size);
}

/* ---- element by element ---- */

INLINE void
act_loop (void *y, const void *x, gsize n, DifAct act, gboolean bf16)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    store (y, i, v_act (load (x, i, bf16), act, bf16), bf16);
  if (i < n)
    store_rest (y, i, n - i, v_act (load_rest (x, i, n - i, bf16), act, bf16), bf16);
}

static void
kernel_act (void *y, const void *x, gsize n, DifAct act, gboolean bf16)
{
  if (act == DIF_ACT_SILU)
    bf16 ? act_loop (y, x, n, DIF_ACT_SILU, TRUE) : act_loop (y, x, n, DIF_ACT_SILU, FALSE);
  else if (act == DIF_ACT_GELU)
    bf16 ? act_loop (y, x, n, DIF_ACT_GELU, TRUE) : act_loop (y, x, n, DIF_ACT_GELU, FALSE);
  else if (act == DIF_ACT_QUICK_GELU)
    bf16 ? act_loop (y, x, n, DIF_ACT_QUICK_GELU, TRUE)
         : act_loop (y, x, n, DIF_ACT_QUICK_GELU, FALSE);
  else if (act == DIF_ACT_RELU)
    bf16 ? act_loop (y, x, n, DIF_ACT_RELU, TRUE) : act_loop (y, x, n, DIF_ACT_RELU, FALSE);
  else if (y != x)
    memcpy (y, x, n * (bf16 ? 2 : 4));
}

INLINE void
add_loop (void *y, const void *a, const void *b, gsize n, gboolean bf16)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    store (y, i, load (a, i, bf16) + load (b, i, bf16), bf16);
  if (i < n)
    store_rest (y, i, n - i, load_rest (a, i, n - i, bf16) + load_rest (b, i, n - i, bf16), bf16);
}

static void
kernel_add (void *y, const void *a, const void *b, gsize n, gboolean bf16)
{
  if (bf16)
    add_loop (y, a, b, n, TRUE);
  else
    add_loop (y, a, b, n, FALSE);
}

INLINE Vf
gate (Vf a, Vf b, gboolean bf16)
{
  return a * v_act (b, DIF_ACT_GELU, bf16);
}

INLINE void
gelu_gate_loop (void *y, const void *a, const void *b, gsize n, gboolean bf16)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    store (y, i, gate (load (a, i, bf16), load (b, i, bf16), bf16), bf16);
  if (i < n)
    store_rest (y, i, n - i,
                gate (load_rest (a, i, n - i, bf16), load_rest (b, i, n - i, bf16), bf16), bf16);
}

static void
kernel_gelu_gate (void *y, const void *a, const void *b, gsize n, gboolean bf16)
{
  if (bf16)
    gelu_gate_loop (y, a, b, n, TRUE);
  else
    gelu_gate_loop (y, a, b, n, FALSE);
}

static void
kernel_lincomb (float *y, guint n_terms, const float *coef, const float *const *x, gsize n)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    {
      Vf s = coef[0] * v_load (x[0] + i);

      for (guint k = 1; k < n_terms; k++)
        s = s + coef[k] * v_load (x[k] + i);
      v_store (y + i, s);
    }
  for (; i < n; i++)
    {
      float s = coef[0] * x[0][i];

      for (guint k = 1; k < n_terms; k++)
        s += coef[k] * x[k][i];
      y[i] = s;
    }
}

/* the first n of VW channels from i on */
INLINE Vf
gather_vector (const void *x, gsize c, gsize i, gsize n, gsize n_terms, const gint32 *rows,
               const float *weights, gboolean bf16)
{
  Vf sum = v_set (0);

  for (gsize k = 0; k < n_terms; k++)
    {
      gsize at = (gsize) MAX (rows[k], 0) * c + i;
      Vf    v  = rows[k] < 0 ? v_set (0) : n == VW ? load (x, at, bf16)
                                                   : load_rest (x, at, n, bf16);

      sum = weights ? sum + weights[k] * v : k ? v_max (sum, v)
                                               : v;
    }
  return sum;
}

INLINE void
gather (void *y, const void *x, gsize c, gsize n_terms, const gint32 *rows, const float *weights,
        gboolean bf16)
{
  gsize i = 0;

  for (; i + VW <= c; i += VW)
    store (y, i, gather_vector (x, c, i, VW, n_terms, rows, weights, bf16), bf16);
  if (i < c)
    store_rest (y, i, c - i, gather_vector (x, c, i, c - i, n_terms, rows, weights, bf16), bf16);
}

static void
kernel_gather (void *y, const void *x, gsize c, gsize n_terms, const gint32 *rows,
               const float *weights, gboolean bf16)
{
  if (bf16)
    gather (y, x, c, n_terms, rows, weights, TRUE);
  else
    gather (y, x, c, n_terms, rows, weights, FALSE);
}

static void
kernel_clamp (float *y, const float *x, float lo, float hi, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      float v = x[i] > lo ? x[i] : lo;

      y[i] = v < hi ? v : hi;
    }
}

/* ---- conversions ---- */

static void
kernel_f16_to_f32 (float *y, const guint16 *x, gsize n)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_load_f16 (x + i));
  if (i < n)
    {
      guint16 space[VW], *buf = somewhere (space);

      memset (buf, 0, sizeof space);
      memcpy (buf, x + i, (n - i) * 2);
      store_rest (y, i, n - i, v_load_f16 (buf), FALSE);
    }
}

static void
kernel_bf16_to_f32 (float *y, const guint16 *x, gsize n)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_load_bf16 (x + i));
  if (i < n)
    store_rest (y, i, n - i, load_rest (x, i, n - i, TRUE), FALSE);
}

static void
kernel_f16_to_bf16 (guint16 *y, const guint16 *x, gsize n)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    v_store_bf16 (y + i, v_load_f16 (x + i));
  if (i < n)
    {
      guint16 space[VW], *buf = somewhere (space);

      memset (buf, 0, sizeof space);
      memcpy (buf, x + i, (n - i) * 2);
      store_rest (y, i, n - i, v_load_f16 (buf), TRUE);
    }
}

static void
kernel_f32_to_bf16 (guint16 *y, const float *x, gsize n)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    v_store_bf16 (y + i, v_load (x + i));
  if (i < n)
    store_rest (y, i, n - i, load_rest (x, i, n - i, FALSE), TRUE);
}

INLINE void
narrow (guint16 *y, const float *x, gsize n, gboolean bf16)
{
  for (gsize i = 0; i < n; i += VW)
    {
      gsize   left = MIN (VW, n - i);
      Vf      v    = left == VW ? v_load (x + i) : load_rest (x, i, left, FALSE);
      guint16 space[VW], *to = left == VW ? y + i : somewhere (space);

      if (bf16)
        v_narrow_bf16 (to, v);
      else
        v_narrow_f16 (to, v);
      if (left < VW)
        memcpy (y + i, to, left * sizeof *y);
    }
}

static void
kernel_narrow_f16 (guint16 *y, const float *x, gsize n)
{
  narrow (y, x, n, FALSE);
}

static void
kernel_narrow_bf16 (guint16 *y, const float *x, gsize n)
{
  narrow (y, x, n, TRUE);
}

/* ---- norms ---- */

/* Sums of up to 64 rows stay in f32 registers and are then added in f64. */
#define SUM_ROWS 64

/* one column of VW channels, the first n of them real */
INLINE void
sum_column (double *sum, double *square, const void *x, const float *pivot, gsize rows, gsize c,
            gsize first, gsize n, gboolean bf16)
{
  Vf    p = n == VW ? v_load (pivot + first) : load_rest (pivot, first, n, FALSE);
  Vf    s = v_set (0), q      = v_set (0);
  float space[2 * VW], *s_out = somewhere (space), *q_out = s_out + VW;

  for (gsize r = 0; r < rows; r++)
    {
      gsize at = r * c + first;
      Vf    v  = (n == VW ? load (x, at, bf16) : load_rest (x, at, n, bf16)) - p;

      s = s + v;
      q = q + v * v;
    }
  v_store (s_out, s);
  v_store (q_out, q);
  for (gsize i = 0; i < n; i++)
    {
      sum[first + i] += s_out[i];
      square[first + i] += q_out[i];
    }
}

/* four columns at once: a cache line is read once and four sums are in flight */
INLINE void
sum_columns (double *sum, double *square, const void *x, const float *pivot, gsize rows, gsize c,
             gsize first, gboolean bf16)
{
  Vf    p[4], s[4], q[4];
  float space[8 * VW], *s_out = somewhere (space), *q_out = s_out + 4 * VW;

  for (int k = 0; k < 4; k++)
    {
      p[k] = v_load (pivot + first + k * VW);
      s[k] = q[k] = v_set (0);
    }
  for (gsize r = 0; r < rows; r++)
    for (int k = 0; k < 4; k++)
      {
        Vf v = load (x, r * c + first + k * VW, bf16) - p[k];

        s[k] = s[k] + v;
        q[k] = q[k] + v * v;
      }
  for (int k = 0; k < 4; k++)
    {
      v_store (s_out + k * VW, s[k]);
      v_store (q_out + k * VW, q[k]);
    }
  for (gsize i = 0; i < 4 * VW; i++)
    {
      sum[first + i] += s_out[i];
      square[first + i] += q_out[i];
    }
}

INLINE void
channel_sums (double *sum, double *square, const void *x, const float *pivot, gsize rows, gsize c,
              gboolean bf16)
{
  for (gsize r = 0; r < rows; r += SUM_ROWS)
    {
      const char *block = (const char *) x + r * c * (bf16 ? 2 : 4);
      gsize       n = MIN (SUM_ROWS, rows - r), i = 0;

      for (; i + 4 * VW <= c; i += 4 * VW)
        sum_columns (sum, square, block, pivot, n, c, i, bf16);
      for (; i + VW <= c; i += VW)
        sum_column (sum, square, block, pivot, n, c, i, VW, bf16);
      if (i < c)
        sum_column (sum, square, block, pivot, n, c, i, c - i, bf16);
    }
}

static void
kernel_channel_sums (double *sum, double *square, const void *x, const float *pivot, gsize rows,
                     gsize c, gboolean bf16)
{
  if (bf16)
    channel_sums (sum, square, x, pivot, rows, c, TRUE);
  else
    channel_sums (sum, square, x, pivot, rows, c, FALSE);
}

INLINE void
scale_shift (void *y, const void *x, gsize rows, gsize c, const float *scale, const float *shift,
             DifAct act, gboolean bf16)
{
  for (gsize r = 0; r < rows; r++)
    {
      gsize at = r * c, i = 0;

      for (; i + VW <= c; i += VW)
        {
          Vf v = load (x, at + i, bf16) * v_load (scale + i) + v_load (shift + i);

          store (y, at + i, v_act (v, act, bf16), bf16);
        }
      if (i < c)
        {
          Vf v = load_rest (x, at + i, c - i, bf16) * load_rest (scale, i, c - i, FALSE) +
                 load_rest (shift, i, c - i, FALSE);

          store_rest (y, at + i, c - i, v_act (v, act, bf16), bf16);
        }
    }
}

static void
kernel_scale_shift (void *y, const void *x, gsize rows, gsize c, const float *scale,
                    const float *shift, DifAct act, gboolean bf16)
{
  if (act == DIF_ACT_NONE)
    bf16 ? scale_shift (y, x, rows, c, scale, shift, DIF_ACT_NONE, TRUE)
         : scale_shift (y, x, rows, c, scale, shift, DIF_ACT_NONE, FALSE);
  else if (act == DIF_ACT_SILU)
    bf16 ? scale_shift (y, x, rows, c, scale, shift, DIF_ACT_SILU, TRUE)
         : scale_shift (y, x, rows, c, scale, shift, DIF_ACT_SILU, FALSE);
  else
    scale_shift (y, x, rows, c, scale, shift, act, bf16);
}

/* sum of (x - mean)^2, or of x - mean, over a row; padding is not counted */
INLINE float
row_sum (const void *x, gsize c, float mean, gboolean square, gboolean bf16)
{
  Vf    s = v_set (0), s2 = v_set (0), m = v_set (mean);
  gsize i = 0;
  float total;

  for (; i + 2 * VW <= c; i += 2 * VW)
    {
      Vf a = load (x, i, bf16) - m, b = load (x, i + VW, bf16) - m;

      s  = square ? s + a * a : s + a;
      s2 = square ? s2 + b * b : s2 + b;
    }
  total = v_sum (s + s2);
  for (; i < c; i++)
    {
      float v = load_rest (x, i, 1, bf16)[0] - mean;

      total += square ? v * v : v;
    }
  return total;
}

INLINE void
layer_norm (void *y, const void *x, gsize rows, gsize c, const float *scale, const float *shift,
            float eps, gboolean bf16)
{
  gsize size = bf16 ? 2 : 4;

  for (gsize r = 0; r < rows; r++)
    {
      const char *in   = (const char *) x + r * c * size;
      char       *out  = (char *) y + r * c * size;
      float       mean = row_sum (in, c, 0, FALSE, bf16) / (float) c, rest, inv;
      gsize       i    = 0;

      /* what rounding left of the mean, then the variance around the better one */
      rest = row_sum (in, c, mean, FALSE, bf16) / (float) c;
      mean += rest;
      inv = 1.0f / __builtin_sqrtf (row_sum (in, c, mean, TRUE, bf16) / (float) c + eps);
      for (; i + VW <= c; i += VW)
        store (out, i,
               (load (in, i, bf16) - mean) * inv * v_load (scale + i) + v_load (shift + i), bf16);
      if (i < c)
        store_rest (out, i, c - i,
                    (load_rest (in, i, c - i, bf16) - mean) * inv *
                            load_rest (scale, i, c - i, FALSE) +
                        load_rest (shift, i, c - i, FALSE),
                    bf16);
    }
}

static void
kernel_layer_norm (void *y, const void *x, gsize rows, gsize c, const float *scale,
                   const float *shift, float eps, gboolean bf16)
{
  if (bf16)
    layer_norm (y, x, rows, c, scale, shift, eps, TRUE);
  else
    layer_norm (y, x, rows, c, scale, shift, eps, FALSE);
}

/* ---- attention ---- */

/* the greatest of scale * scores[0 .. n - 1]; n > 0 */
INLINE float
row_highest (const float *scores, gsize n, float scale)
{
  Vf    m = v_set (scores[0]), m2 = m, low = m;
  gsize j = 0;

  if (scale >= 0)
    {
      for (; j + 2 * VW <= n; j += 2 * VW)
        {
          m  = v_max (m, v_load (scores + j));
          m2 = v_max (m2, v_load (scores + j + VW));
        }
      for (; j < n; j++)
        m = v_max (m, v_set (scores[j]));
      return v_highest (v_max (m, m2)) * scale;
    }
  for (; j < n; j++)
    low = v_min (low, v_set (scores[j]));
  return low[0] * scale;
}

INLINE void
softmax_row (const DifCpuSoftmax *s, gsize r, gboolean bf16)
{
  const float *scores = s->scores + r * s->ld;
  float       *acc    = s->acc + r * s->n_acc, high, space[VW];
  float       *rest   = somewhere (space);
  gsize        limit = MIN (s->limit[r], s->ld), whole = limit - limit % VW, size = bf16 ? 2 : 4;
  Vf           sum = v_set (0), k = v_set (s->scale), top;

  memset ((char *) s->p + (r * s->ld + limit) * size, 0, (s->ld - limit) * size);
  if (limit == 0)
    return;
  high = row_highest (scores, limit, s->scale);
  if (high > s->max[r])
    {
      float fade = __builtin_exp2f (s->max[r] - high);

      s->max[r] = high;
      s->sum[r] *= fade;
      for (gsize j = 0; j < s->n_acc; j += VW)
        v_store (acc + j, v_load (acc + j) * fade);
    }
  top = v_set (s->max[r]);
  for (gsize j = 0; j < whole; j += VW)
    {
      Vf w = v_exp2 (v_load (scores + j) * k - top, bf16);

      sum = sum + w;
      store (s->p, r * s->ld + j, w, bf16);
    }
  if (whole < limit)
    {
      v_store (rest, v_exp2 (load_rest (scores, whole, limit - whole, FALSE) * k - top, bf16));
      memset (rest + (limit - whole), 0, (VW - (limit - whole)) * sizeof *rest);
      sum = sum + v_load (rest);
      store_rest (s->p, r * s->ld + whole, limit - whole, v_load (rest), bf16);
    }
  s->sum[r] += v_sum (sum);
}

static void
kernel_softmax (const DifCpuSoftmax *s)
{
  for (gsize r = 0; r < s->rows; r++)
    if (s->bf16)
      softmax_row (s, r, TRUE);
    else
      softmax_row (s, r, FALSE);
}

/* rows by vectors of the product, kept in registers; both counts are constants
 * where this is called */
INLINE void
gemm_tile (const DifCpuGemm *g, gsize i, gsize j, int rows, int vectors)
{
  const float *a = g->a + i * g->lda, *b = g->b + j;
  float       *c = g->c + i * g->ldc + j;
  Vf           s[4][2];

  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      s[r][v] = g->add ? v_load (c + r * g->ldc + v * VW) : v_set (0);
  for (gsize k = 0; k < g->k; k++)
    for (int v = 0; v < vectors; v++)
      {
        Vf bv = v_load (b + k * g->ldb + v * VW);

        for (int r = 0; r < rows; r++)
          s[r][v] = s[r][v] + a[r * g->lda + k] * bv;
      }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      v_store (c + r * g->ldc + v * VW, s[r][v]);
}

static void
kernel_gemm (const DifCpuGemm *g)
{
  gsize j = 0;

  for (; j + 2 * VW <= g->n; j += 2 * VW)
    {
      gsize i = 0;

      for (; i + 4 <= g->m; i += 4)
        gemm_tile (g, i, j, 4, 2);
      for (; i < g->m; i++)
        gemm_tile (g, i, j, 1, 2);
    }
  for (; j < g->n; j += VW)
    for (gsize i = 0; i < g->m; i++)
      gemm_tile (g, i, j, 1, 1);
}

const DifCpuKernels KERNELS = {
  .name         = KERNELS_NAME,
  .act          = kernel_act,
  .add          = kernel_add,
  .gelu_gate    = kernel_gelu_gate,
  .lincomb      = kernel_lincomb,
  .gather       = kernel_gather,
  .clamp        = kernel_clamp,
  .f16_to_f32   = kernel_f16_to_f32,
  .bf16_to_f32  = kernel_bf16_to_f32,
  .f16_to_bf16  = kernel_f16_to_bf16,
  .f32_to_bf16  = kernel_f32_to_bf16,
  .narrow_f16   = kernel_narrow_f16,
  .narrow_bf16  = kernel_narrow_bf16,
  .channel_sums = kernel_channel_sums,
  .scale_shift  = kernel_scale_shift,
  .layer_norm   = kernel_layer_norm,
  .softmax      = kernel_softmax,
  .gemm         = kernel_gemm,
};
