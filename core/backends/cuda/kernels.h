/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels.h - the list of kernels and their arguments.
 *
 * Read by nvcc as well: no GLib here.  A kernel takes one struct by value.
 * Numbers of elements are size_t; `dtype` and its like hold a DifDtype (F32,
 * BF16 or F16), `act` a DifAct.  A new kernel is a struct and a row here, and
 * a body in one of kernels-*.cuh.
 */
#ifndef DIF_BACKENDS_CUDA_KERNELS_H
#define DIF_BACKENDS_CUDA_KERNELS_H

#include <stddef.h>

/** KERNEL_F32: DIF_F32, for who cannot include it; and so on. */
enum
{
  KERNEL_F32,
  KERNEL_BF16,
  KERNEL_F16
};

/** KERNEL_ACT_NONE: DIF_ACT_NONE, for who cannot include it; and so on. */
enum
{
  KERNEL_ACT_NONE,
  KERNEL_ACT_SILU,
  KERNEL_ACT_GELU,
  KERNEL_ACT_QUICK_GELU,
  KERNEL_ACT_RELU,
  KERNEL_ACT_GELU_TANH,
  KERNEL_ACT_TANH,
  KERNEL_ACT_SIGMOID,
  KERNEL_ACT_LEAKY_RELU
};

/** THREADS: threads of a block, for every kernel. */
#define THREADS 256

/** KERNEL_LINCOMB_TERMS: most terms of a linear combination. */
#define KERNEL_LINCOMB_TERMS 8

/** CastArgs: y[i] = x[i], from one dtype to the other. */
typedef struct
{
  const void *x;
  void       *y;
  size_t      n;
  int         from, to;
} CastArgs;

/** PackArgs: y[o, s, i] = x[o, i, s]: a convolution's weight, channels last. */
typedef struct
{
  const void *x;
  void       *y;
  size_t      rows, n_in, n_spots;
  int         from, to;
} PackArgs;

/** ActivateArgs: y[i] = act (x[i]). */
typedef struct
{
  const void *x;
  void       *y;
  size_t      n;
  int         dtype, act;
} ActivateArgs;

/** AddArgs: y[i] = a[i] + b[i]. */
typedef struct
{
  const void *a, *b;
  void       *y;
  size_t      n;
  int         dtype;
} AddArgs;

/** ConcatArgs: y [rows, n_a + n_b] = a [rows, n_a] beside b [rows, n_b]. */
typedef struct
{
  const void *a, *b;
  void       *y;
  size_t      rows, n_a, n_b;
  int         dtype;
} ConcatArgs;

/** UpsampleArgs: y [N, H, W, C], pixel (i, j) is x's (i h / H, j w / W). */
typedef struct
{
  const void *x;
  void       *y;
  size_t      N, H, W, C, h, w;
  int         dtype;
} UpsampleArgs;

/**
 * GatherArgs: y [N, n_out, C]: row i of an item is the sum of weights[i, k] * x
 * [rows[i, k]], x [N, n_in, C], or without weights the greatest; a negative row
 * is zeros.
 */
typedef struct
{
  const void  *x;
  const int   *rows;
  const float *weights;
  void        *y;
  size_t       N, n_in, n_out, n_terms, C;
  int          dtype;
} GatherArgs;

/** EmbedArgs: y [n, width] = row ids[i] of the table. */
typedef struct
{
  const void *table;
  const int  *ids;
  void       *y;
  size_t      n, width;
  int         from, to;
} EmbedArgs;

/** LincombArgs: y[i] = sum over k of coef[k] * x[k][i]. */
typedef struct
{
  const float *x[KERNEL_LINCOMB_TERMS];
  float        coef[KERNEL_LINCOMB_TERMS];
  float       *y;
  size_t       n;
  int          terms;
} LincombArgs;

/** ClampArgs: y[i] = min (max (x[i], lo), hi). */
typedef struct
{
  const float *x;
  float       *y;
  size_t       n;
  float        lo, hi;
} ClampArgs;

/** GluArgs: y[i] = value[i] * act (gate[i]). */
typedef struct
{
  const float *value, *gate;
  void        *y;
  size_t       n;
  int          dtype, act;
} GluArgs;

/** RowsAt: row r of a tensor begins at r / per_item * item + r % per_item * row. */
typedef struct
{
  size_t per_item, item, row;
} RowsAt;

/** ScaleShiftArgs: v * (plus + scale) + shift + residual, where item r / per_item of a row r has
 * vectors at item * scale_item and item * shift_item; all but plus may be absent. */
typedef struct
{
  const void *scale, *shift, *residual;
  RowsAt      residual_at;
  size_t      scale_item, shift_item;
  float       plus;
  int         scale_dtype, shift_dtype;
} ScaleShiftArgs;

/** RowNormArgs: one block a part of C / n_heads of a row of x; scale and shift may be absent. */
typedef struct
{
  const void    *x;
  const float   *scale, *shift;
  void          *y;
  RowsAt         at;
  ScaleShiftArgs after;
  size_t         C, n_heads;
  float          eps;
  int            center, dtype;
} RowNormArgs;

/** ModulateArgs: y [rows, C] = x scaled and shifted. */
typedef struct
{
  const void    *x;
  void          *y;
  RowsAt         at;
  ScaleShiftArgs by;
  size_t         rows, C;
  int            dtype;
} ModulateArgs;

/** RotateArgs: one block a head of D of a row of x; row r of the table is r % T; scale, of the
 * norm before, may be absent. */
typedef struct
{
  const void  *x;
  const float *table, *scale;
  void        *y;
  RowsAt       at;
  size_t       T, n_heads, D;
  float        eps;
  int          halves, dtype;
} RotateArgs;

/** MultiplyArgs: y [rows, C] = act (a) * b. */
typedef struct
{
  const void *a, *b;
  void       *y;
  RowsAt      a_at, b_at;
  size_t      rows, C;
  int         dtype, act;
} MultiplyArgs;

/** PreluArgs: y[i] = x[i], or x[i] * slope[i % C] where that is negative. */
typedef struct
{
  const void  *x;
  const float *slope;
  void        *y;
  size_t       n, C;
  int          dtype;
} PreluArgs;

/** KERNEL_PERMUTE_DIMS: most dimensions of a permutation. */
#define KERNEL_PERMUTE_DIMS 6

/** PermuteArgs: y [n] = x read along d with stride, outermost first. */
typedef struct
{
  const void *x;
  void       *y;
  size_t      n, offset, d[KERNEL_PERMUTE_DIMS], stride[KERNEL_PERMUTE_DIMS];
  int         dims, dtype;
} PermuteArgs;

/** GroupMoments: of the values of one group in one slice of positions. */
typedef struct
{
  float n, mean, squares; /* squares: sum of (x - mean)^2 */
} GroupMoments;

/** GroupNormArgs: x [N, P, C], groups of C / n_groups channels, slices of positions.
 * group_moments fills moments [N, n_groups, n_slices], group_merge makes of them
 * stats [N, n_groups, 2] (mean, 1 / deviation), group_apply writes y. */
typedef struct
{
  const void   *x;
  const float  *scale, *shift;
  void         *y;
  GroupMoments *moments;
  float        *stats;
  size_t        N, P, C, n_groups, n_slices;
  float         eps;
  int           dtype, act;
} GroupNormArgs;

/** ConvWindow: which pixels a row of an unfolded image holds: x is [N, h, w, C], the
 * convolution's output [N, H, W, ..]; row m is output pixel m, column (r kw + s) C + c. */
typedef struct
{
  size_t h, w, C, H, W, kh, kw, stride, top, left;
} ConvWindow;

/** UnfoldArgs: y [rows, kh kw C] = rows first_row and following of the unfolded x. */
typedef struct
{
  const void *x;
  void       *y;
  size_t      first_row, rows;
  ConvWindow  window;
  int         dtype;
} UnfoldArgs;

/** EpilogueArgs: y [rows, N] = act (x + bias [N]) + per_channel [items, N] + residual
 * [rows, N]; x is f32; all but x may be absent; row r belongs to item
 * (first_row + r) / rows_per_item. */
typedef struct
{
  const float *x;
  const float *bias, *per_channel;
  const void  *residual;
  void        *y;
  size_t       first_row, rows, N, rows_per_item;
  int          dtype, act;
} EpilogueArgs;

/** MatmulArgs: y [M, N] = epilogue of x [M, K] w [N, K]^T, x being unfolded on the way
 * if is_conv; y in dtype `to`; row m belongs to item (first_row + m) / rows_per_item. */
typedef struct
{
  const void  *x, *w;
  const float *bias, *per_channel;
  const void  *residual;
  void        *y;
  size_t       M, N, K, first_row, rows_per_item;
  ConvWindow   window;
  int          is_conv, dtype, to, act;
} MatmulArgs;

/** AttentionRows: head h of row i of item b begins at i * stride + b * batch + h * head_dim. */
typedef struct
{
  const void *data;
  size_t      stride, batch;
} AttentionRows;

/** KERNEL_SEGMENTS: most segments of a sequence. */
#define KERNEL_SEGMENTS 4

/** AttentionSegment: the first query and the first key of these rows in the whole sequence. */
typedef struct
{
  AttentionRows q, k, v;
  size_t        query, key;
} AttentionSegment;

/** AttentionArgs: y [n_batch, n_queries, n_heads * head_dim] = softmax (scale q k^T + bias) v;
 * the bias, which may be absent, is [bias_d[0], bias_d[1], bias_d[2], n_keys]; n_group heads
 * share one of keys and values. */
typedef struct
{
  AttentionSegment segments[KERNEL_SEGMENTS];
  const float     *bias;
  void            *y;
  size_t           n_batch, n_queries, n_keys, n_heads, n_group, head_dim, bias_d[3];
  float            scale;
  int              n_segments, causal, dtype;
} AttentionArgs;

/** ATTENTION_QUERIES: queries of a block; it makes ATTENTION_WIDTH columns of their y. */
#define ATTENTION_QUERIES 64

/** ATTENTION_WIDTH: see ATTENTION_QUERIES. */
#define ATTENTION_WIDTH 128

/** MATMUL_TILE: a block makes MATMUL_TILE x MATMUL_TILE elements of y. */
#define MATMUL_TILE 64

/** DIF_CUDA_KERNELS: X (name, its argument). */
#define DIF_CUDA_KERNELS(X)        \
  X (cast, CastArgs)               \
  X (pack, PackArgs)               \
  X (activate, ActivateArgs)       \
  X (add, AddArgs)                 \
  X (concat, ConcatArgs)           \
  X (upsample, UpsampleArgs)       \
  X (gather, GatherArgs)           \
  X (embed, EmbedArgs)             \
  X (lincomb, LincombArgs)         \
  X (clamp, ClampArgs)             \
  X (glu, GluArgs)                 \
  X (row_norm, RowNormArgs)        \
  X (modulate, ModulateArgs)       \
  X (rotate, RotateArgs)           \
  X (multiply, MultiplyArgs)       \
  X (prelu, PreluArgs)             \
  X (permute, PermuteArgs)         \
  X (group_moments, GroupNormArgs) \
  X (group_merge, GroupNormArgs)   \
  X (group_apply, GroupNormArgs)   \
  X (unfold, UnfoldArgs)           \
  X (epilogue, EpilogueArgs)       \
  X (matmul, MatmulArgs)           \
  X (attention, AttentionArgs)

#endif /* DIF_BACKENDS_CUDA_KERNELS_H */
