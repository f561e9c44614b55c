/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-rows.h - the table of shapes that every backend is tried with. */
#ifndef DIF_TESTS_OP_ROWS_H
#define DIF_TESTS_OP_ROWS_H

#include "tensor/backend.h"

G_BEGIN_DECLS

/**
 * Op:
 *
 * One per slot that computes, and the ops that use several with a weight that has a side
 * path; the numbers of a row mean what op-rows.c says.
 */
typedef enum
{
  OP_LINEAR,
  OP_GLU,
  OP_CONV2D,
  OP_GROUP_NORM,
  OP_ROW_NORM,
  OP_SCALE_SHIFT,
  OP_ROTATE,
  OP_ATTENTION,
  OP_ACTIVATION,
  OP_MULTIPLY,
  OP_PRELU,
  OP_ADD,
  OP_CONCAT,
  OP_PERMUTE,
  OP_UPSAMPLE,
  OP_GATHER,
  OP_EMBED,
  OP_LINCOMB,
  OP_CLAMP,
  OP_CAST,
  OP_SIDE_LINEAR,
  OP_SIDE_GLU,
  OP_SIDE_CONV2D,
  N_OPS
} Op;

/**
 * RowFlags:
 * @ALIAS: the output is the (first) input, or the residual
 * @RESIDUAL: with a residual
 * @NO_BIAS: weight without bias
 * @PER_CHANNEL: with a time embedding
 * @CAUSAL: causal attention
 * @SHARED: keys and values of one item serve all (batch stride 0)
 * @FUSED: q, k and v lie side by side in one tensor
 * @OFFSET: data far from zero
 * @SLICE: tensors begin at an odd element
 * @FROM_F16: the weight's dtype in the file
 * @FROM_BF16: the weight's dtype in the file
 * @LARGE: values up to 100 instead of 2
 * @GREATEST: gather takes the greatest instead of a sum
 * @VIEW: inputs are slices of channels of wider tensors
 * @CENTER: the norm takes the mean off
 * @BARE: the norm has neither scale nor shift
 * @SCALE: with a factor for every item and channel
 * @SHIFT: with an addend for every item and channel
 * @HALVES: rotary partners are half a head apart
 * @NORM: heads are normalised before they are rotated
 * @BIAS: an addend for every score
 * @MASK: the same for all queries and heads; every third key is hidden
 * @SEGMENTS: tokens lie in three tensors, the second without queries
 */
typedef enum
{
  ALIAS       = 1 << 0,
  RESIDUAL    = 1 << 1,
  NO_BIAS     = 1 << 2,
  PER_CHANNEL = 1 << 3,
  CAUSAL      = 1 << 4,
  SHARED      = 1 << 5,
  FUSED       = 1 << 6,
  OFFSET      = 1 << 7,
  SLICE       = 1 << 8,
  FROM_F16    = 1 << 9,
  FROM_BF16   = 1 << 10,
  LARGE       = 1 << 11,
  GREATEST    = 1 << 12,
  VIEW        = 1 << 13,
  CENTER      = 1 << 14,
  BARE        = 1 << 15,
  SCALE       = 1 << 16,
  SHIFT       = 1 << 17,
  HALVES      = 1 << 18,
  NORM        = 1 << 19,
  BIAS        = 1 << 20,
  MASK        = 1 << 21,
  SEGMENTS    = 1 << 22
} RowFlags;

/** Row: one case; @d and @act are read by the op's run. */
typedef struct
{
  Op     op;
  gsize  d[10];
  guint  flags;
  DifAct act;
} Row;

/** Bound: how far a backend may be from ref, as NMSE, per op. */
typedef struct
{
  const char *name;
  double      f32, bf16;
} Bound;

/** op_bounds: indexed by #Op. */
extern const Bound op_bounds[N_OPS];

/** op_rows: all cases. */
extern const Row op_rows[];

/** op_n_rows: how many. */
extern const guint op_n_rows;

/**
 * op_run:
 * @be: a backend
 * @dtype: of activations and weights
 * @row: which case
 * @n: (out): number of values
 * @error: return location
 *
 * Computes a case on made-up data that depends on @row and @dtype only.
 *
 * Errors: the slot's own; DIF_BACKEND_ERROR FAILED if it writes outside its
 * output.
 *
 * Returns: (transfer full) (nullable): the output as floats
 */
float *op_run (DifBackend *be, DifDtype dtype, const Row *row, gsize *n, GError **error);

/**
 * op_allowed:
 * @row: which case
 * @dtype: of activations and weights
 * @n: number of values of its output
 *
 * Returns: the NMSE by which a backend may differ from ref
 */
double op_allowed (const Row *row, DifDtype dtype, gsize n);

/**
 * op_nmse:
 * @a: (array length=n): tried
 * @b: (array length=n): true
 * @n: count
 *
 * Returns: sum (a - b)^2 / sum b^2; infinite if anything is not finite
 */
double op_nmse (const float *a, const float *b, gsize n);

G_END_DECLS

#endif /* DIF_TESTS_OP_ROWS_H */
