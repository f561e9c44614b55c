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

/* one loop for each activation and type */
#define ACT_CASE(name, call) \
  case name:                 \
    if (bf16)                \
      call (name, TRUE);     \
    else                     \
      call (name, FALSE);    \
    break;
#define EVERY_ACT(call)               \
  ACT_CASE (DIF_ACT_SILU, call)       \
  ACT_CASE (DIF_ACT_GELU, call)       \
  ACT_CASE (DIF_ACT_QUICK_GELU, call) \
  ACT_CASE (DIF_ACT_RELU, call)       \
  ACT_CASE (DIF_ACT_GELU_TANH, call)  \
  ACT_CASE (DIF_ACT_TANH, call)       \
  ACT_CASE (DIF_ACT_SIGMOID, call)    \
  ACT_CASE (DIF_ACT_LEAKY_RELU, call)

static void
kernel_act (void *y, const void *x, gsize n, DifAct act, gboolean bf16)
{
#define ACT_LOOP(name, narrow) act_loop (y, x, n, name, narrow)
  switch (act)
    {
      EVERY_ACT (ACT_LOOP)
    case DIF_ACT_NONE:
    default:
      if (y != x)
        memcpy (y, x, n * (bf16 ? 2 : 4));
    }
#undef ACT_LOOP
}

INLINE void
multiply_loop (void *y, const void *a, DifAct act, const void *b, gsize n, gboolean bf16)
{
  gsize i = 0;

  for (; i + VW <= n; i += VW)
    store (y, i, v_act (load (a, i, bf16), act, bf16) * load (b, i, bf16), bf16);
  if (i < n)
    store_rest (y, i, n - i,
                v_act (load_rest (a, i, n - i, bf16), act, bf16) * load_rest (b, i, n - i, bf16),
                bf16);
}

static void
kernel_multiply (void *y, const void *a, DifAct act, const void *b, gsize n, gboolean bf16)
{
#define MULTIPLY_LOOP(name, narrow) multiply_loop (y, a, name, b, n, narrow)
  switch (act)
    {
      EVERY_ACT (MULTIPLY_LOOP)
    case DIF_ACT_NONE:
    default:
      if (bf16)
        multiply_loop (y, a, DIF_ACT_NONE, b, n, TRUE);
      else
        multiply_loop (y, a, DIF_ACT_NONE, b, n, FALSE);
    }
#undef MULTIPLY_LOOP
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

/* v * scale + shift + residual of the first n of VW channels from i on */
INLINE void
finish (const DifCpuRows *r, const void *residual, void *y, gsize i, gsize n, Vf v, gboolean bf16)
{
  if (n == VW)
    {
      v = v * v_load (r->scale + i) + v_load (r->shift + i);
      if (residual)
        v = v + load (residual, i, bf16);
      store (y, i, v, bf16);
      return;
    }
  v = v * load_rest (r->scale, i, n, FALSE) + load_rest (r->shift, i, n, FALSE);
  if (residual)
    v = v + load_rest (residual, i, n, bf16);
  store_rest (y, i, n, v, bf16);
}

/* (x - mean) * inv, scaled and shifted, over one row */
INLINE void
finish_row (const DifCpuRows *r, gsize row, float mean, float inv, gboolean bf16)
{
  gsize       size = bf16 ? 2 : 4, i = 0;
  const char *x   = (const char *) r->x + row * r->x_row * size;
  const char *res = r->residual ? (const char *) r->residual + row * r->residual_row * size : NULL;
  char       *y   = (char *) r->y + row * r->y_row * size;

  for (; i + VW <= r->c; i += VW)
    finish (r, res, y, i, VW, (load (x, i, bf16) - mean) * inv, bf16);
  if (i < r->c)
    finish (r, res, y, i, r->c - i, (load_rest (x, i, r->c - i, bf16) - mean) * inv, bf16);
}

INLINE void
row_norm (const DifCpuRows *r, gboolean bf16)
{
  for (gsize row = 0; row < r->rows; row++)
    {
      const char *in   = (const char *) r->x + row * r->x_row * (bf16 ? 2 : 4);
      float       mean = 0, inv;

      if (r->center)
        {
          mean = row_sum (in, r->c, 0, FALSE, bf16) / (float) r->c;
          /* what rounding left of the mean, then the variance around the better one */
          mean += row_sum (in, r->c, mean, FALSE, bf16) / (float) r->c;
        }
      inv = 1.0f / __builtin_sqrtf (row_sum (in, r->c, mean, TRUE, bf16) / (float) r->c + r->eps);
      finish_row (r, row, mean, inv, bf16);
    }
}

static void
kernel_row_norm (const DifCpuRows *r)
{
  if (r->bf16)
    row_norm (r, TRUE);
  else
    row_norm (r, FALSE);
}

static void
kernel_modulate (const DifCpuRows *r)
{
  for (gsize row = 0; row < r->rows; row++)
    if (r->bf16)
      finish_row (r, row, 0, 1, TRUE);
    else
      finish_row (r, row, 0, 1, FALSE);
}

/* max (x, 0) + slope * min (x, 0) */
INLINE Vf
v_prelu (Vf x, Vf slope)
{
  return v_max (v_set (0), x) + slope * v_min (v_set (0), x);
}

static void
kernel_prelu (void *y, const void *x, gsize rows, gsize c, const float *slope, gboolean bf16)
{
  for (gsize r = 0; r < rows; r++)
    {
      gsize at = r * c, i = 0;

      for (; i + VW <= c; i += VW)
        store (y, at + i, v_prelu (load (x, at + i, bf16), v_load (slope + i)), bf16);
      if (i < c)
        store_rest (y, at + i, c - i,
                    v_prelu (load_rest (x, at + i, c - i, bf16),
                             load_rest (slope, i, c - i, FALSE)),
                    bf16);
    }
}

/* ---- rotary embedding ---- */

/* neighbours 2 i and 2 i + 1 change places */
INLINE Vf
v_swap_pairs (Vf v)
{
  Vi m;

  for (int i = 0; i < VW; i++)
    m[i] = i ^ 1;
  return __builtin_shuffle (v, m);
}

/* one head as floats, normalised, with what its partners need behind it */
INLINE void
take_head (const DifCpuRotation *r, const char *x, gboolean bf16)
{
  float *to  = r->buffer;
  float  inv = 1;
  gsize  i   = 0;

  if (r->scale)
    inv = 1.0f / __builtin_sqrtf (row_sum (x, r->d, 0, TRUE, bf16) / (float) r->d + r->eps);
  for (; i + VW <= r->d; i += VW)
    v_store (to + i, load (x, i, bf16) * (r->scale ? v_load (r->scale + i) * inv : v_set (1)));
  for (; i < r->d; i++)
    to[i] = load_rest (x, i, 1, bf16)[0] * (r->scale ? r->scale[i] * inv : 1);
  for (i = 0; i < r->d / 2; i++)
    to[r->d + i] = to[i];
  memset (to + r->d + r->d / 2, 0, 16 * sizeof *to);
}

INLINE void
rotate (const DifCpuRotation *r, gboolean bf16)
{
  const float *own = r->factors, *other = r->factors + r->d;
  gsize        size = bf16 ? 2 : 4;

  for (gsize h = 0; h < r->heads; h++)
    {
      char *y = (char *) r->y + h * r->d * size;
      gsize i = 0;

      take_head (r, (const char *) r->x + h * r->d * size, bf16);
      for (; i < r->d; i += VW)
        {
          gsize n = MIN (VW, r->d - i);
          Vf    v = v_load (r->buffer + i);
          Vf    p = r->halves ? v_load (r->buffer + r->d / 2 + i) : v_swap_pairs (v);

          if (n == VW)
            store (y, i, v * v_load (own + i) + p * v_load (other + i), bf16);
          else
            store_rest (y, i, n,
                        v * load_rest (own, i, n, FALSE) + p * load_rest (other, i, n, FALSE),
                        bf16);
        }
    }
}

static void
kernel_rotate (const DifCpuRotation *r)
{
  if (r->bf16)
    rotate (r, TRUE);
  else
    rotate (r, FALSE);
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

/* scale * scores + bias, in place */
INLINE void
add_bias (float *scores, const float *bias, float scale, gsize n)
{
  gsize j = 0;

  for (; j + VW <= n; j += VW)
    v_store (scores + j, v_load (scores + j) * scale + v_load (bias + j));
  for (; j < n; j++)
    scores[j] = scores[j] * scale + bias[j];
}

INLINE void
softmax_row (const DifCpuSoftmax *s, gsize r, gboolean bf16)
{
  float *scores = s->scores + r * s->ld;
  float *acc    = s->acc + r * s->n_acc, high, space[VW];
  float *rest   = somewhere (space);
  gsize  limit = MIN (s->limit[r], s->ld), whole = limit - limit % VW, size = bf16 ? 2 : 4;
  Vf     sum = v_set (0), k = v_set (s->bias ? 1 : s->scale), top;

  memset ((char *) s->p + (r * s->ld + limit) * size, 0, (s->ld - limit) * size);
  if (limit == 0)
    return;
  if (s->bias)
    add_bias (scores, s->bias[r], s->scale, limit);
  high = row_highest (scores, limit, s->bias ? 1 : s->scale);
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
  .row_norm     = kernel_row_norm,
  .modulate     = kernel_modulate,
  .multiply     = kernel_multiply,
  .prelu        = kernel_prelu,
  .rotate       = kernel_rotate,
  .softmax      = kernel_softmax,
  .gemm         = kernel_gemm,
};
