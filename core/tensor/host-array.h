/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* host-array.h - an array as it lies in a file, in whatever encoding.
 *
 * An encoding is a row of one table: how many elements a block has, how many
 * bytes, and how blocks become floats.  Nobody computes an address from an
 * element's size; who does not know better reads rows as f32.
 */
#ifndef DIF_TENSOR_HOST_ARRAY_H
#define DIF_TENSOR_HOST_ARRAY_H

#include "tensor/shape.h"

G_BEGIN_DECLS

/**
 * DifEncoding:
 * @DIF_ENC_F32: IEEE single
 * @DIF_ENC_BF16: the upper half of an IEEE single
 * @DIF_ENC_F16: IEEE half
 * @DIF_ENC_I32: 32-bit signed
 * @DIF_ENC_I64: 64-bit signed
 * @DIF_ENC_F64: IEEE double, rounded to single as it is read
 * @DIF_ENC_F8_E4M3: sign, 4 bits of exponent, 3 of mantissa; no infinities
 *   (torch.float8_e4m3fn)
 * @DIF_ENC_F8_E5M2: the upper half of an IEEE half
 * @DIF_ENC_I8: 8-bit signed; numbers only with scales
 * @DIF_ENC_U8: 8-bit unsigned: bytes that mean something else
 * @DIF_ENC_Q4_0: @DIF_ENC_Q4_1: @DIF_ENC_Q5_0: @DIF_ENC_Q5_1: @DIF_ENC_Q8_0:
 *   ggml's blocks of 32: a scale, with _1 a minimum, and so many bits each
 * @DIF_ENC_Q2_K: @DIF_ENC_Q3_K: @DIF_ENC_Q4_K: @DIF_ENC_Q5_K: @DIF_ENC_Q6_K:
 *   ggml's blocks of 256, with scales of groups below the block's
 *
 * How the elements of an array are stored.
 */
typedef enum
{
  DIF_ENC_F32,
  DIF_ENC_BF16,
  DIF_ENC_F16,
  DIF_ENC_I32,
  DIF_ENC_I64,
  DIF_ENC_F64,
  DIF_ENC_F8_E4M3,
  DIF_ENC_F8_E5M2,
  DIF_ENC_I8,
  DIF_ENC_U8,
  DIF_ENC_Q4_0,
  DIF_ENC_Q4_1,
  DIF_ENC_Q5_0,
  DIF_ENC_Q5_1,
  DIF_ENC_Q8_0,
  DIF_ENC_Q2_K,
  DIF_ENC_Q3_K,
  DIF_ENC_Q4_K,
  DIF_ENC_Q5_K,
  DIF_ENC_Q6_K
} DifEncoding;

/** DIF_N_ENCODINGS: their number. */
#define DIF_N_ENCODINGS (DIF_ENC_Q6_K + 1)

/**
 * DifHostArray:
 * @encoding: how elements are stored
 * @shape: dimensions, in the checkpoint's own order
 * @data: contiguous, any alignment, read-only; NULL for an absent bias
 * @scales: (nullable) (array length=n_scales): factors of the stored numbers
 * @n_scales: 0, 1, or one a row
 *
 * A weight as it lies in the file.  Its rows are what the first dimension
 * counts: `[N, K]` has N rows of K elements, `[O, I, kh, kw]` O of I kh kw, a
 * vector rows of one element; a scalar is one.
 */
typedef struct
{
  DifEncoding  encoding;
  DifShape     shape;
  const void  *data;
  const float *scales;
  gsize        n_scales;
} DifHostArray;

/**
 * dif_encoding_name:
 * @encoding: an encoding
 *
 * Returns: (transfer none): such as "f32" or "f8_e4m3"
 */
DIF_API const char *dif_encoding_name (DifEncoding encoding);

/**
 * dif_encoding_is_number:
 * @encoding: an encoding
 *
 * Returns: whether its elements are numbers by themselves that a weight may
 * consist of: floating, not integers
 */
DIF_API gboolean dif_encoding_is_number (DifEncoding encoding);

/**
 * dif_encoding_bytes:
 * @encoding: an encoding
 * @n: elements
 * @bytes: (out): what they take
 *
 * Returns: FALSE if @n is no whole number of blocks, or if the product
 * overflows
 */
DIF_API gboolean dif_encoding_bytes (DifEncoding encoding, gsize n, gsize *bytes);

/**
 * dif_encoding_of_dtype:
 * @dtype: an element type of tensors
 *
 * Returns: the encoding that stores the same
 */
DIF_API DifEncoding dif_encoding_of_dtype (DifDtype dtype);

/**
 * dif_encoding_dtype:
 * @encoding: an encoding
 * @dtype: (out): set on success
 *
 * Returns: whether tensors can have elements stored so
 */
DIF_API gboolean dif_encoding_dtype (DifEncoding encoding, DifDtype *dtype);

/**
 * dif_host_is_weight:
 * @a: an array
 *
 * Returns: whether it holds numbers: floating ones, or integers with scales
 */
DIF_API gboolean dif_host_is_weight (const DifHostArray *a);

/**
 * dif_host_is_plain:
 * @a: an array
 * @dtype: (out) (optional): of its elements, on success
 *
 * Returns: whether it is floating, without scales, and of a dtype that tensors
 * have, so that a backend can take it as it is
 */
DIF_API gboolean dif_host_is_plain (const DifHostArray *a, DifDtype *dtype);

/**
 * dif_host_dtype:
 * @a: an array that dif_host_is_plain(), as backends are given
 *
 * Returns: the dtype of its elements
 */
DIF_API DifDtype dif_host_dtype (const DifHostArray *a);

/**
 * dif_host_n_rows:
 * @a: an array
 *
 * Returns: how many rows it has
 */
DIF_API gsize dif_host_n_rows (const DifHostArray *a);

/**
 * dif_host_row_bytes:
 * @a: an array whose size is known not to overflow
 *
 * Returns: bytes from one row to the next
 */
DIF_API gsize dif_host_row_bytes (const DifHostArray *a);

/**
 * dif_host_bytes:
 * @a: an array
 * @bytes: (out): what its data take
 *
 * Returns: FALSE if rows are no whole number of blocks, or if the size
 * overflows
 */
DIF_API gboolean dif_host_bytes (const DifHostArray *a, gsize *bytes);

/**
 * dif_host_rows:
 * @a: an array
 * @first: a row
 * @n: how many; they lie inside @a
 *
 * Returns: those rows, in @a's memory
 */
DIF_API DifHostArray dif_host_rows (const DifHostArray *a, gsize first, gsize n);

/**
 * dif_host_rows_to_f32:
 * @a: an array with data
 * @first: a row
 * @n: how many; they lie inside @a
 * @out: (array): receives @n rows
 *
 * The one reader of numbers: decoded, and times the scales in single
 * precision.
 */
DIF_API void dif_host_rows_to_f32 (const DifHostArray *a, gsize first, gsize n, float *out);

/**
 * dif_host_to_f32:
 * @a: an array with data
 * @n: (out) (optional): number of elements
 *
 * Returns: (transfer full) (nullable): all of it; NULL when memory runs out
 */
DIF_API float *dif_host_to_f32 (const DifHostArray *a, gsize *n);

/**
 * dif_host_expand:
 * @a: an array with data that dif_host_is_weight() but not plain; becomes the
 *   same numbers in the smallest dtype that surely holds them
 *
 * Returns: (transfer full) (nullable): its new memory, for g_free(); NULL when
 * memory runs out
 */
DIF_API gpointer dif_host_expand (DifHostArray *a);

G_END_DECLS

#endif /* DIF_TENSOR_HOST_ARRAY_H */
