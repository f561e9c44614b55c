/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-rows.c - shapes: one, odd, even, prime, degenerate, and Stable Diffusion's, reduced.
 *
 * The oracle's loops are slow, so real widths come with few positions and the
 * other way round.
 */
#include "op-rows.h"

/* f32: products and sums of f32 differ from the oracle's doubles by some 1e-7
 * relative, which is 1e-14 as NMSE; the bounds leave room for long sums and
 * for oneDNN's own approximation of gelu.  The project's limit is 1e-7.
 *
 * bf16: inputs and weights are rounded before both backends see them.  An
 * rounding to 8 bits errs by up to 2^-8, 2.4e-6 as NMSE.  Where both sides
 * round nearly the same f32 value almost nothing remains: only values near a
 * tie differ.  glu keeps its gate in bf16 and attention its weights: that
 * rounding and the two then unlike ones of the outputs make 7.3e-6.  With a
 * side path what is between the factors is rounded, and the output twice. */
const Bound op_bounds[N_OPS] = {
  [OP_LINEAR]      = { "linear", 1e-11, 1e-6 },
  [OP_GLU]         = { "glu", 1e-11, 1e-5 },
  [OP_CONV2D]      = { "conv2d", 1e-11, 1e-6 },
  [OP_GROUP_NORM]  = { "group_norm", 1e-11, 1e-6 },
  [OP_ROW_NORM]    = { "row_norm", 1e-11, 1e-6 },
  [OP_SCALE_SHIFT] = { "scale_shift", 1e-12, 1e-6 },
  [OP_ROTATE]      = { "rotate", 1e-11, 1e-6 },
  [OP_ATTENTION]   = { "attention", 1e-11, 1e-5 },
  [OP_ACTIVATION]  = { "activation", 1e-12, 1e-6 },
  [OP_MULTIPLY]    = { "multiply", 1e-12, 1e-6 },
  [OP_PRELU]       = { "prelu", 1e-12, 1e-6 },
  [OP_ADD]         = { "add", 0, 0 },
  [OP_CONCAT]      = { "concat", 0, 0 },
  [OP_PERMUTE]     = { "permute", 0, 0 },
  [OP_UPSAMPLE]    = { "upsample", 0, 0 },
  [OP_GATHER]      = { "gather", 1e-12, 1e-6 },
  [OP_EMBED]       = { "embed", 0, 0 },
  [OP_LINCOMB]     = { "lincomb", 1e-12, 1e-12 },
  [OP_CLAMP]       = { "clamp", 0, 0 },
  [OP_CAST]        = { "cast", 0, 0 },
  [OP_SIDE_LINEAR] = { "side_linear", 1e-11, 1e-5 },
  [OP_SIDE_GLU]    = { "side_glu", 1e-11, 2e-5 },
  [OP_SIDE_CONV2D] = { "side_conv2d", 1e-11, 1e-5 },
};

#define SILU       DIF_ACT_SILU
#define GELU       DIF_ACT_GELU
#define QUICK_GELU DIF_ACT_QUICK_GELU
#define RELU       DIF_ACT_RELU
#define GELU_TANH  DIF_ACT_GELU_TANH
#define TANH       DIF_ACT_TANH
#define SIGMOID    DIF_ACT_SIGMOID
#define LEAKY_RELU DIF_ACT_LEAKY_RELU

const Row op_rows[] = {
  /* rows, K, N */
  { OP_LINEAR, { 1, 1, 1 } },
  { OP_LINEAR, { 1, 320, 1280 }, FROM_F16, SILU },
  { OP_LINEAR, { 2, 7, 5 }, NO_BIAS },
  { OP_LINEAR, { 2, 7, 5 }, RESIDUAL, SILU },
  { OP_LINEAR, { 3, 1, 17 }, RESIDUAL | ALIAS, GELU },
  { OP_LINEAR, { 13, 31, 1 }, FROM_BF16 },
  { OP_LINEAR, { 77, 768, 96 }, FROM_F16 },
  { OP_LINEAR, { 77, 64, 256 }, 0, QUICK_GELU },
  { OP_LINEAR, { 77, 64, 256 }, FROM_F16, GELU },
  { OP_LINEAR, { 131, 17, 31 }, RESIDUAL },
  { OP_LINEAR, { 131, 17, 31 }, RESIDUAL | ALIAS | SLICE },
  { OP_LINEAR, { 256, 320, 96 }, RESIDUAL },
  { OP_LINEAR, { 256, 320, 96 }, RESIDUAL | ALIAS | NO_BIAS },
  { OP_LINEAR, { 64, 320, 960 }, NO_BIAS | FROM_F16 },
  { OP_LINEAR, { 1024, 40, 64 }, SLICE },
  /* packed in several slices of outputs, with and without a rest */
  { OP_LINEAR, { 3, 1536, 700 }, FROM_F16 },
  { OP_LINEAR, { 3, 1531, 768 }, FROM_BF16 },
  { OP_LINEAR, { 2, 4096, 1024 }, FROM_F16 | NO_BIAS },
  /* few rows and a large weight: a slice of outputs at a time, with and without a rest */
  { OP_LINEAR, { 13, 1280, 1280 }, FROM_F16 | RESIDUAL },
  { OP_LINEAR, { 11, 768, 1500 }, FROM_BF16 | RESIDUAL | ALIAS, SILU },
  { OP_LINEAR, { 9, 701, 809 } },
  { OP_LINEAR, { 77, 32, 48 }, LARGE, GELU },
  { OP_LINEAR, { 77, 32, 48 }, LARGE, QUICK_GELU },
  { OP_LINEAR, { 77, 32, 48 }, RESIDUAL, RELU },
  /* rows, K, N */
  { OP_GLU, { 1, 1, 1 }, 0, GELU },
  { OP_GLU, { 3, 5, 7 }, 0, GELU },
  { OP_GLU, { 77, 64, 256 }, FROM_F16, GELU },
  { OP_GLU, { 130, 32, 129 }, NO_BIAS, GELU },
  { OP_GLU, { 64, 320, 640 }, SLICE, GELU },
  { OP_GLU, { 1101, 8, 1000 }, 0, GELU },
  { OP_GLU, { 9, 640, 1700 }, FROM_F16, GELU },
  { OP_GLU, { 5, 33, 70 }, NO_BIAS, SILU },
  { OP_GLU, { 131, 64, 96 }, 0, SILU },
  { OP_GLU, { 31, 40, 64 }, 0, GELU_TANH },
  { OP_GLU, { 7, 11, 13 }, SLICE, GELU_TANH },
  /* N, H, W, I, O, k, stride, top and left, bottom and right */
  { OP_CONV2D, { 1, 1, 1, 1, 1, 3, 1, 1, 1 } },
  { OP_CONV2D, { 1, 1, 1, 1, 1, 1, 1, 0, 0 } },
  { OP_CONV2D, { 1, 3, 5, 3, 5, 3, 1, 1, 1 }, RESIDUAL },
  { OP_CONV2D, { 2, 8, 8, 4, 320, 3, 1, 1, 1 }, FROM_F16 },
  { OP_CONV2D, { 2, 8, 8, 320, 4, 3, 1, 1, 1 }, FROM_BF16 },
  { OP_CONV2D, { 1, 13, 7, 7, 11, 3, 2, 1, 1 } },
  { OP_CONV2D, { 1, 9, 9, 6, 6, 3, 2, 0, 1 } },
  { OP_CONV2D, { 2, 16, 16, 32, 64, 3, 2, 0, 1 }, FROM_F16 },
  { OP_CONV2D, { 2, 16, 16, 32, 64, 3, 1, 1, 1 }, PER_CHANNEL },
  { OP_CONV2D, { 2, 16, 16, 32, 32, 3, 1, 1, 1 }, RESIDUAL | ALIAS },
  { OP_CONV2D, { 2, 9, 13, 48, 40, 3, 1, 1, 1 }, RESIDUAL | PER_CHANNEL | SLICE },
  { OP_CONV2D, { 2, 9, 13, 48, 40, 3, 1, 1, 1 }, RESIDUAL | PER_CHANNEL | ALIAS | NO_BIAS },
  { OP_CONV2D, { 1, 8, 8, 320, 160, 3, 1, 1, 1 }, FROM_F16 },
  { OP_CONV2D, { 1, 4, 4, 640, 64, 3, 1, 1, 1 }, FROM_F16 },
  { OP_CONV2D, { 1, 3, 3, 512, 203, 3, 1, 1, 1 }, FROM_F16 },
  { OP_CONV2D, { 1, 3, 2, 320, 320, 3, 1, 1, 1 }, FROM_BF16 },
  { OP_CONV2D, { 2, 4, 3, 320, 230, 3, 1, 1, 1 }, FROM_F16 | RESIDUAL | PER_CHANNEL },
  { OP_CONV2D, { 2, 3, 4, 256, 256, 3, 1, 1, 1 }, FROM_F16 | RESIDUAL | PER_CHANNEL | ALIAS },
  { OP_CONV2D, { 2, 5, 3, 264, 250, 3, 2, 0, 1 }, PER_CHANNEL | NO_BIAS },
  /* one column of several rows, and one row of several columns */
  { OP_CONV2D, { 2, 4, 2, 256, 256, 3, 2, 1, 1 }, FROM_F16 | RESIDUAL },
  { OP_CONV2D, { 2, 2, 4, 256, 256, 3, 2, 1, 1 } },
  { OP_CONV2D, { 1, 5, 5, 5, 3, 3, 1, 0, 0 } },
  { OP_CONV2D, { 3, 32, 32, 3, 3, 3, 1, 1, 1 }, FROM_F16 },
  { OP_CONV2D, { 2, 7, 5, 12, 20, 1, 1, 0, 0 }, RESIDUAL },
  { OP_CONV2D, { 2, 7, 5, 12, 20, 1, 1, 0, 0 }, RESIDUAL | PER_CHANNEL | ALIAS },
  { OP_CONV2D, { 1, 8, 8, 320, 64, 1, 1, 0, 0 }, FROM_F16 },
  { OP_CONV2D, { 1, 8, 6, 16, 16, 1, 2, 0, 0 } },
  { OP_CONV2D, { 1, 32, 28, 3, 64, 7, 2, 2, 3 }, NO_BIAS },
  { OP_CONV2D, { 1, 13, 11, 3, 8, 7, 2, 3, 3 } },
  { OP_CONV2D, { 1, 7, 9, 24, 48, 1, 2, 0, 0 }, NO_BIAS },
  /* N, positions, C, groups */
  { OP_GROUP_NORM, { 1, 1, 1, 1 } },
  { OP_GROUP_NORM, { 1, 3, 7, 7 } },
  { OP_GROUP_NORM, { 1, 1, 64, 32 } },
  { OP_GROUP_NORM, { 1, 77, 10, 5 }, ALIAS },
  { OP_GROUP_NORM, { 2, 64, 320, 32 }, FROM_F16, SILU },
  { OP_GROUP_NORM, { 2, 1021, 32, 32 }, OFFSET },
  { OP_GROUP_NORM, { 1, 4096, 128, 32 }, ALIAS | SLICE, SILU },
  { OP_GROUP_NORM, { 3, 100, 33, 3 }, OFFSET, GELU },
  { OP_GROUP_NORM, { 1, 50, 24, 1 }, 0, QUICK_GELU },
  { OP_GROUP_NORM, { 2, 49, 64, 32 }, OFFSET, RELU },
  /* N, rows, C of a part, parts */
  { OP_ROW_NORM, { 1, 1, 1, 1 }, CENTER },
  { OP_ROW_NORM, { 1, 5, 7, 1 }, CENTER | ALIAS },
  { OP_ROW_NORM, { 1, 77, 768, 1 }, CENTER | FROM_F16 },
  { OP_ROW_NORM, { 1, 1021, 33, 1 }, CENTER | OFFSET },
  { OP_ROW_NORM, { 1, 300, 320, 1 }, CENTER | SLICE },
  { OP_ROW_NORM, { 1, 3, 1280, 1 }, CENTER | OFFSET | ALIAS },
  { OP_ROW_NORM, { 1, 1, 1, 1 }, BARE },
  { OP_ROW_NORM, { 2, 13, 37, 1 } },
  { OP_ROW_NORM, { 1, 77, 2560, 1 }, FROM_BF16 },
  { OP_ROW_NORM, { 2, 31, 32, 3 }, VIEW },
  { OP_ROW_NORM, { 1, 101, 17, 5 }, VIEW | ALIAS },
  { OP_ROW_NORM, { 3, 7, 96, 1 }, CENTER | BARE | SCALE | SHIFT },
  { OP_ROW_NORM, { 2, 5, 33, 1 }, CENTER | BARE | SCALE | SHIFT | VIEW },
  { OP_ROW_NORM, { 2, 5, 33, 1 }, CENTER | SCALE | SHARED },
  { OP_ROW_NORM, { 2, 11, 40, 1 }, SCALE | RESIDUAL },
  { OP_ROW_NORM, { 2, 11, 40, 2 }, SCALE | SHIFT | RESIDUAL | VIEW | SLICE },
  /* N, rows, C */
  { OP_SCALE_SHIFT, { 1, 1, 1 } },
  { OP_SCALE_SHIFT, { 2, 9, 33 }, SCALE },
  { OP_SCALE_SHIFT, { 2, 9, 33 }, SHIFT | SHARED },
  { OP_SCALE_SHIFT, { 3, 50, 64 }, SCALE | RESIDUAL },
  { OP_SCALE_SHIFT, { 3, 50, 64 }, SCALE | SHIFT | RESIDUAL | VIEW },
  { OP_SCALE_SHIFT, { 3, 50, 61 }, SCALE | SHIFT | ALIAS | SLICE },
  { OP_SCALE_SHIFT, { 1, 2000, 48 }, SCALE | SHARED | RESIDUAL | VIEW },
  /* N, T, heads, D */
  { OP_ROTATE, { 1, 1, 1, 2 } },
  { OP_ROTATE, { 2, 7, 3, 6 } },
  { OP_ROTATE, { 2, 7, 3, 6 }, HALVES | NORM },
  { OP_ROTATE, { 1, 77, 4, 128 }, NORM | VIEW },
  { OP_ROTATE, { 1, 77, 4, 128 }, HALVES | NORM | ALIAS },
  { OP_ROTATE, { 2, 101, 5, 34 }, HALVES | VIEW },
  { OP_ROTATE, { 3, 11, 2, 40 }, ALIAS | SLICE },
  /* N, queries, keys, heads, head_dim */
  { OP_ATTENTION, { 1, 1, 1, 1, 1 } },
  { OP_ATTENTION, { 2, 77, 77, 3, 64 }, CAUSAL | FUSED },
  { OP_ATTENTION, { 2, 64, 77, 8, 40 } },
  { OP_ATTENTION, { 2, 65, 77, 2, 40 }, SHARED },
  { OP_ATTENTION, { 1, 100, 100, 2, 5 }, FUSED },
  { OP_ATTENTION, { 1, 37, 53, 3, 10 }, SLICE },
  { OP_ATTENTION, { 2, 257, 257, 2, 80 }, FUSED },
  { OP_ATTENTION, { 2, 256, 256, 1, 160 }, FUSED },
  { OP_ATTENTION, { 1, 64, 64, 1, 512 } },
  { OP_ATTENTION, { 1, 300, 300, 1, 40 }, CAUSAL },
  { OP_ATTENTION, { 1, 5, 3, 2, 16 }, CAUSAL },
  { OP_ATTENTION, { 1, 3, 5, 2, 7 }, CAUSAL | FUSED },
  { OP_ATTENTION, { 1, 1031, 1031, 1, 8 } },
  { OP_ATTENTION, { 1, 64, 1024, 1, 40 }, LARGE },
  { OP_ATTENTION, { 1, 1, 600, 2, 13 } },
  { OP_ATTENTION, { 1, 600, 1, 2, 13 } },
  { OP_ATTENTION, { 2, 33, 47, 6, 16, 2 } },
  { OP_ATTENTION, { 2, 70, 70, 4, 24, 1 }, CAUSAL },
  { OP_ATTENTION, { 1, 64, 77, 8, 40 }, BIAS },
  { OP_ATTENTION, { 2, 37, 300, 3, 10 }, BIAS },
  { OP_ATTENTION, { 2, 77, 77, 4, 32, 2 }, CAUSAL | MASK },
  { OP_ATTENTION, { 3, 5, 3, 2, 7 }, MASK | SLICE },
  { OP_ATTENTION, { 2, 101, 131, 3, 24 }, SEGMENTS },
  { OP_ATTENTION, { 1, 40, 40, 4, 64, 2 }, SEGMENTS | CAUSAL | BIAS },
  { OP_ATTENTION, { 2, 3, 3, 2, 5 }, SEGMENTS | MASK },
  /* elements */
  { OP_ACTIVATION, { 1 }, 0, SILU },
  { OP_ACTIVATION, { 17 }, 0, GELU },
  { OP_ACTIVATION, { 17 }, ALIAS, DIF_ACT_NONE },
  { OP_ACTIVATION, { 4099 }, LARGE, SILU },
  { OP_ACTIVATION, { 4099 }, LARGE, GELU },
  { OP_ACTIVATION, { 4099 }, LARGE, QUICK_GELU },
  { OP_ACTIVATION, { 50021 }, ALIAS | SLICE, GELU },
  { OP_ACTIVATION, { 50021 }, ALIAS | SLICE, RELU },
  { OP_ACTIVATION, { 50021 }, 0, DIF_ACT_NONE },
  { OP_ACTIVATION, { 4099 }, LARGE, GELU_TANH },
  { OP_ACTIVATION, { 4099 }, 0, GELU_TANH },
  { OP_ACTIVATION, { 4099 }, LARGE, TANH },
  { OP_ACTIVATION, { 4099 }, 0, TANH },
  { OP_ACTIVATION, { 4099 }, LARGE, SIGMOID },
  { OP_ACTIVATION, { 50021 }, ALIAS | SLICE, LEAKY_RELU },
  /* rows, C */
  { OP_MULTIPLY, { 1, 1 } },
  { OP_MULTIPLY, { 31, 33 }, VIEW, SILU },
  { OP_MULTIPLY, { 301, 64 }, SLICE, GELU_TANH },
  { OP_MULTIPLY, { 17, 7 }, ALIAS | VIEW, GELU },
  { OP_MULTIPLY, { 17, 70 }, ALIAS, TANH },
  { OP_MULTIPLY, { 5, 1 }, VIEW },
  /* rows, C */
  { OP_PRELU, { 1, 1 } },
  { OP_PRELU, { 101, 37 }, SLICE },
  { OP_PRELU, { 301, 64 }, ALIAS },
  /* elements */
  { OP_ADD, { 1 } },
  { OP_ADD, { 17 }, ALIAS },
  { OP_ADD, { 50021 }, SLICE },
  /* rows, Ca, Cb */
  { OP_CONCAT, { 1, 1, 1 } },
  { OP_CONCAT, { 7, 3, 5 } },
  { OP_CONCAT, { 1, 30011, 20021 } },
  { OP_CONCAT, { 128, 320, 640 }, SLICE },
  /* dimensions of x, then the order in which they are read */
  { OP_PERMUTE, { 1, 1, 1, 1, 0, 1, 2, 3 } },
  { OP_PERMUTE, { 3, 5, 7, 11, 0, 2, 1, 3 } },
  { OP_PERMUTE, { 3, 5, 7, 11, 3, 2, 1, 0 }, SLICE },
  { OP_PERMUTE, { 2, 31, 1, 64, 1, 2, 0, 3 } },
  { OP_PERMUTE, { 2, 31, 6, 40, 0, 1, 2, 3 }, VIEW },
  /* N, H, W, C, H', W' */
  { OP_UPSAMPLE, { 1, 1, 1, 1, 1, 1 } },
  { OP_UPSAMPLE, { 2, 8, 8, 320, 16, 16 } },
  { OP_UPSAMPLE, { 1, 7, 5, 3, 13, 11 }, SLICE },
  { OP_UPSAMPLE, { 1, 9, 9, 4, 4, 5 } },
  /* N, rows, C, rows out, terms */
  { OP_GATHER, { 1, 1, 1, 1, 1 } },
  { OP_GATHER, { 1, 1, 1, 1, 1 }, GREATEST },
  { OP_GATHER, { 2, 37, 5, 41, 4 }, SLICE },
  { OP_GATHER, { 2, 37, 5, 41, 9 }, SLICE | GREATEST },
  { OP_GATHER, { 1, 64, 256, 200, 4 } },
  { OP_GATHER, { 1, 200, 64, 50, 9 }, GREATEST },
  { OP_GATHER, { 3, 20, 33, 1000, 1 }, GREATEST },
  /* table rows, D, ids */
  { OP_EMBED, { 1, 1, 1 } },
  { OP_EMBED, { 101, 33, 77 }, FROM_F16 },
  { OP_EMBED, { 500, 64, 77 }, FROM_BF16 },
  /* terms, elements */
  { OP_LINCOMB, { 1, 1 } },
  { OP_LINCOMB, { 2, 1023 }, ALIAS },
  { OP_LINCOMB, { 8, 16387 } },
  /* elements */
  { OP_CLAMP, { 1 } },
  { OP_CLAMP, { 1003 }, ALIAS },
  /* elements */
  { OP_CAST, { 1 } },
  { OP_CAST, { 1003 }, LARGE },
  { OP_CAST, { 40009 }, SLICE },
  /* rows, K, N, rank */
  { OP_SIDE_LINEAR, { 1, 1, 1, 1 } },
  { OP_SIDE_LINEAR, { 3, 7, 5, 2 }, NO_BIAS },
  { OP_SIDE_LINEAR, { 3, 7, 5, 11 }, RESIDUAL },
  { OP_SIDE_LINEAR, { 13, 31, 1, 3 }, RESIDUAL, SILU },
  { OP_SIDE_LINEAR, { 77, 64, 256, 4 }, 0, QUICK_GELU },
  { OP_SIDE_LINEAR, { 131, 17, 31, 13 }, SLICE, GELU },
  { OP_SIDE_LINEAR, { 64, 320, 960, 48 }, NO_BIAS | FROM_F16 },
  { OP_SIDE_LINEAR, { 256, 320, 96, 16 }, RESIDUAL | FROM_BF16 },
  { OP_SIDE_LINEAR, { 1, 320, 1280, 1 }, FROM_F16, SILU },
  /* rows, K, N, rank */
  { OP_SIDE_GLU, { 1, 1, 1, 1 } },
  { OP_SIDE_GLU, { 3, 5, 7, 2 }, SLICE },
  { OP_SIDE_GLU, { 64, 320, 640, 8 }, FROM_F16 },
  { OP_SIDE_GLU, { 130, 32, 129, 31 }, NO_BIAS },
  /* N, H, W, I, O, k, stride, top and left, bottom and right, rank */
  { OP_SIDE_CONV2D, { 1, 1, 1, 1, 1, 3, 1, 1, 1, 1 } },
  { OP_SIDE_CONV2D, { 1, 3, 5, 3, 5, 3, 1, 1, 1, 2 }, RESIDUAL },
  { OP_SIDE_CONV2D, { 2, 7, 5, 12, 20, 1, 1, 0, 0, 3 }, RESIDUAL | PER_CHANNEL },
  { OP_SIDE_CONV2D, { 2, 16, 16, 32, 64, 3, 2, 0, 1, 8 }, FROM_F16 },
  { OP_SIDE_CONV2D, { 2, 9, 13, 48, 40, 3, 1, 1, 1, 16 }, PER_CHANNEL | SLICE },
  { OP_SIDE_CONV2D, { 1, 13, 7, 7, 11, 3, 2, 1, 1, 5 }, NO_BIAS },
  { OP_SIDE_CONV2D, { 2, 4, 2, 64, 48, 3, 2, 1, 1, 7 } },
};

const guint op_n_rows = G_N_ELEMENTS (op_rows);
