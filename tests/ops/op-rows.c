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
 * tie differ.  geglu keeps its gate in bf16 and attention its weights: that
 * rounding and the two then unlike ones of the outputs make 7.3e-6.  With a
 * side path what is between the factors is rounded, and the output twice. */
const Bound op_bounds[N_OPS] = {
  [OP_LINEAR]      = { "linear", 1e-11, 1e-6 },
  [OP_GEGLU]       = { "geglu", 1e-11, 1e-5 },
  [OP_CONV2D]      = { "conv2d", 1e-11, 1e-6 },
  [OP_GROUP_NORM]  = { "group_norm", 1e-11, 1e-6 },
  [OP_LAYER_NORM]  = { "layer_norm", 1e-11, 1e-6 },
  [OP_ATTENTION]   = { "attention", 1e-11, 1e-5 },
  [OP_ACTIVATION]  = { "activation", 1e-12, 1e-6 },
  [OP_GELU_GATE]   = { "gelu_gate", 1e-12, 1e-6 },
  [OP_ADD]         = { "add", 0, 0 },
  [OP_CONCAT]      = { "concat", 0, 0 },
  [OP_UPSAMPLE]    = { "upsample", 0, 0 },
  [OP_GATHER]      = { "gather", 1e-12, 1e-6 },
  [OP_EMBED]       = { "embed", 0, 0 },
  [OP_LINCOMB]     = { "lincomb", 1e-12, 1e-12 },
  [OP_CLAMP]       = { "clamp", 0, 0 },
  [OP_CAST]        = { "cast", 0, 0 },
  [OP_SIDE_LINEAR] = { "side_linear", 1e-11, 1e-5 },
  [OP_SIDE_GEGLU]  = { "side_geglu", 1e-11, 2e-5 },
  [OP_SIDE_CONV2D] = { "side_conv2d", 1e-11, 1e-5 },
};

#define SILU       DIF_ACT_SILU
#define GELU       DIF_ACT_GELU
#define QUICK_GELU DIF_ACT_QUICK_GELU
#define RELU       DIF_ACT_RELU

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
  { OP_GEGLU, { 1, 1, 1 } },
  { OP_GEGLU, { 3, 5, 7 } },
  { OP_GEGLU, { 77, 64, 256 }, FROM_F16 },
  { OP_GEGLU, { 130, 32, 129 }, NO_BIAS },
  { OP_GEGLU, { 64, 320, 640 }, SLICE },
  { OP_GEGLU, { 1101, 8, 1000 } },
  { OP_GEGLU, { 9, 640, 1700 }, FROM_F16 },
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
  /* rows, C */
  { OP_LAYER_NORM, { 1, 1 } },
  { OP_LAYER_NORM, { 5, 7 }, ALIAS },
  { OP_LAYER_NORM, { 77, 768 }, FROM_F16 },
  { OP_LAYER_NORM, { 1021, 33 }, OFFSET },
  { OP_LAYER_NORM, { 300, 320 }, SLICE },
  { OP_LAYER_NORM, { 3, 1280 }, OFFSET | ALIAS },
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
  /* elements */
  { OP_GELU_GATE, { 1 } },
  { OP_GELU_GATE, { 17 }, ALIAS },
  { OP_GELU_GATE, { 4099 }, LARGE },
  { OP_GELU_GATE, { 50021 }, SLICE },
  /* elements */
  { OP_ADD, { 1 } },
  { OP_ADD, { 17 }, ALIAS },
  { OP_ADD, { 50021 }, SLICE },
  /* rows, Ca, Cb */
  { OP_CONCAT, { 1, 1, 1 } },
  { OP_CONCAT, { 7, 3, 5 } },
  { OP_CONCAT, { 1, 30011, 20021 } },
  { OP_CONCAT, { 128, 320, 640 }, SLICE },
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
  { OP_SIDE_GEGLU, { 1, 1, 1, 1 } },
  { OP_SIDE_GEGLU, { 3, 5, 7, 2 }, SLICE },
  { OP_SIDE_GEGLU, { 64, 320, 640, 8 }, FROM_F16 },
  { OP_SIDE_GEGLU, { 130, 32, 129, 31 }, NO_BIAS },
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
