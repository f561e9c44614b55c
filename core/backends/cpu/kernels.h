/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels.h - the loops that oneDNN has no fast form of, one table per instruction set.
 *
 * kernels.c is compiled once per table; the right one is chosen once, when the
 * backend opens.  Kernels are single
 * threaded and know neither tensors nor errors.  Arrays named void are f32, or
 * bf16 where the bf16 argument is TRUE; none needs any alignment, and any
 * count is right, also zero.
 */
#ifndef DIF_BACKENDS_CPU_KERNELS_H
#define DIF_BACKENDS_CPU_KERNELS_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifCpuSoftmax:
 * @scores: [rows, ld] f32, q.k before the scale; changed
 * @p: [rows, ld] written: 2^(scale * score - max)
 * @ld: columns in a row of either, a multiple of 32
 * @rows: queries
 * @limit: (array length=rows): keys a row may see; those beyond weigh nothing
 * @bias: (nullable) (array length=rows): of each row, what is added to
 *   the scores, times log2 (e), after the scale; [limit] floats
 * @scale: on scores, times log2 (e)
 * @max: (array length=rows) (inout): running maximum of scale * score
 * @sum: (array length=rows) (inout): running sum of the weights
 * @acc: [rows, @n_acc] f32, multiplied where a maximum rises
 * @n_acc: a multiple of 16
 * @bf16: type of @p
 *
 * One block of keys in the online softmax of flash attention.
 * Source: Dao et al. 2022, algorithm 1.
 */
typedef struct
{
  float              *scores;
  void               *p;
  gsize               ld, rows;
  const gsize        *limit;
  const float *const *bias;
  float               scale;
  float              *max, *sum, *acc;
  gsize               n_acc;
  gboolean            bf16;
} DifCpuSoftmax;

/**
 * DifCpuGemm:
 * @a: [m, lda]
 * @b: [k, ldb]
 * @c: [m, ldc]
 * @n: a multiple of 16
 * @add: whether to add to @c
 *
 * c [m, n] (+)= a [m, k] b [k, n], f32: what attention uses without oneDNN's
 * micro-kernels.
 */
typedef struct
{
  const float *a, *b;
  float       *c;
  gsize        lda, ldb, ldc, m, n, k;
  gboolean     add;
} DifCpuGemm;

/**
 * DifCpuRows:
 * @y: [rows, c], rows @y_row elements apart
 * @x: [rows, c], rows @x_row elements apart; may be @y
 * @residual: (nullable): [rows, c], rows @residual_row elements apart; may be @y
 * @scale: (array length=c)
 * @shift: (array length=c)
 * @eps: of a norm
 * @center: whether a norm takes the mean off
 * @bf16: type of @y, @x and @residual
 *
 * Rows that share their factors and addends.
 */
typedef struct
{
  void        *y;
  const void  *x, *residual;
  gsize        rows, c, y_row, x_row, residual_row;
  const float *scale, *shift;
  float        eps;
  gboolean     center, bf16;
} DifCpuRows;

/**
 * DifCpuRotation:
 * @y: [heads, d]
 * @x: [heads, d]; may be @y
 * @factors: (array length=2 * d): of itself, then of the partner
 * @scale: (nullable) (array length=d): of a root mean square norm before
 * @buffer: room for 3 * d / 2 + 16 floats
 * @halves: see DifRotary
 *
 * The heads of one token.
 */
typedef struct
{
  void        *y;
  const void  *x;
  gsize        heads, d;
  const float *factors, *scale;
  float       *buffer;
  float        eps;
  gboolean     halves, bf16;
} DifCpuRotation;

/**
 * DifCpuKernels:
 * @name: "sse2", "avx2", "avx512" or "avx512_bf16"
 * @act: y = act (x), n elements; y may be x
 * @add: y = a + b; y may be either
 * @lincomb: y = sum of coef[i] * x[i]; y may be any x[i]
 * @gather: y [c] = sum of weights[k] * row rows[k] of x [.., c], or the
 *   greatest where weights is NULL; a negative row is zeros
 * @clamp: y = min (max (x, lo), hi)
 * @f16_to_f32: exact
 * @bf16_to_f32: exact
 * @f16_to_bf16: nearest, ties to even
 * @f32_to_bf16: nearest, ties to even; subnormals may become zero
 * @narrow_f16: undoes f16_to_f32: of floats that f16 holds, every bit
 * @narrow_bf16: undoes bf16_to_f32, likewise
 * @channel_sums: adds sums of x - pivot and of its square over rows of
 *   [rows, c] to sum [c] and square [c]
 * @scale_shift: y = act (x * scale [c] + shift [c]) over [rows, c]; y may be x
 * @row_norm: each row to mean 0 and variance 1, or to mean square 1, then
 *   * scale + shift + residual
 * @modulate: x * scale + shift + residual
 * @multiply: y = act (a) * b; y may be either
 * @prelu: y = x, negative ones times slope [c], over [rows, c]; y may be x
 * @rotate: see #DifCpuRotation
 * @softmax: see #DifCpuSoftmax
 * @gemm: see #DifCpuGemm
 */
typedef struct
{
  const char *name;
  void (*act) (void *y, const void *x, gsize n, DifAct act, gboolean bf16);
  void (*add) (void *y, const void *a, const void *b, gsize n, gboolean bf16);
  void (*lincomb) (float *y, guint n_terms, const float *coef, const float *const *x, gsize n);
  void (*gather) (void *y, const void *x, gsize c, gsize n_terms, const gint32 *rows,
                  const float *weights, gboolean bf16);
  void (*clamp) (float *y, const float *x, float lo, float hi, gsize n);
  void (*f16_to_f32) (float *y, const guint16 *x, gsize n);
  void (*bf16_to_f32) (float *y, const guint16 *x, gsize n);
  void (*f16_to_bf16) (guint16 *y, const guint16 *x, gsize n);
  void (*f32_to_bf16) (guint16 *y, const float *x, gsize n);
  void (*narrow_f16) (guint16 *y, const float *x, gsize n);
  void (*narrow_bf16) (guint16 *y, const float *x, gsize n);
  void (*channel_sums) (double *sum, double *square, const void *x, const float *pivot, gsize rows,
                        gsize c, gboolean bf16);
  void (*scale_shift) (void *y, const void *x, gsize rows, gsize c, const float *scale,
                       const float *shift, DifAct act, gboolean bf16);
  void (*row_norm) (const DifCpuRows *r);
  void (*modulate) (const DifCpuRows *r);
  void (*multiply) (void *y, const void *a, DifAct act, const void *b, gsize n, gboolean bf16);
  void (*prelu) (void *y, const void *x, gsize rows, gsize c, const float *slope, gboolean bf16);
  void (*rotate) (const DifCpuRotation *r);
  void (*softmax) (const DifCpuSoftmax *s);
  void (*gemm) (const DifCpuGemm *g);
} DifCpuKernels;

/** _dif_cpu_kernels_sse2: for any x86-64, and in plain C for anything else. */
extern const DifCpuKernels _dif_cpu_kernels_sse2;

/** _dif_cpu_kernels_avx2: AVX2, FMA and F16C. */
extern const DifCpuKernels _dif_cpu_kernels_avx2;

/** _dif_cpu_kernels_avx512: AVX-512 F, BW, VL and DQ. */
extern const DifCpuKernels _dif_cpu_kernels_avx512;

/** _dif_cpu_kernels_avx512_bf16: the same and BF16. */
extern const DifCpuKernels _dif_cpu_kernels_avx512_bf16;

G_END_DECLS

#endif /* DIF_BACKENDS_CPU_KERNELS_H */
