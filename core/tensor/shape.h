/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* shape.h - dimensions and element types; the only place sizes are multiplied.
 */
#ifndef DIF_TENSOR_SHAPE_H
#define DIF_TENSOR_SHAPE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_MAX_DIMS: no tensor here has more dimensions. */
#define DIF_MAX_DIMS 4

/**
 * DifShape:
 * @n: number of dimensions, 0 (a scalar) to DIF_MAX_DIMS
 * @d: the dimensions, outermost first; the last one is contiguous
 */
typedef struct
{
  guint n;
  gsize d[DIF_MAX_DIMS];
} DifShape;

/** DIF_SHAPE: a shape from its dimensions, outermost first. */
#define DIF_SHAPE(...)                                                    \
  ((DifShape) { .n = sizeof ((gsize[]) { __VA_ARGS__ }) / sizeof (gsize), \
                .d = { __VA_ARGS__ } })

/**
 * dif_dtype_size:
 * @dtype: an element type
 *
 * Returns: bytes of one element
 */
DIF_API gsize dif_dtype_size (DifDtype dtype);

/**
 * dif_dtype_name:
 * @dtype: an element type
 *
 * Returns: (transfer none): "f32", "bf16", "f16", "i32" or "i64"
 */
DIF_API const char *dif_dtype_name (DifDtype dtype);

/**
 * dif_dtype_from_name:
 * @name: "f32", "bf16", "f16", "i32" or "i64"
 * @dtype: (out): set on success
 *
 * Returns: whether @name is known
 */
DIF_API gboolean dif_dtype_from_name (const char *name, DifDtype *dtype);

/**
 * dif_dtype_is_float:
 * @dtype: an element type
 *
 * Returns: whether activations and weights can have it
 */
DIF_API gboolean dif_dtype_is_float (DifDtype dtype);

/**
 * dif_shape_count:
 * @shape: a shape
 * @count: (out): number of elements, 1 for a scalar
 *
 * Returns: FALSE if the product overflows
 */
DIF_API gboolean dif_shape_count (const DifShape *shape, gsize *count);

/**
 * dif_shape_bytes:
 * @shape: a shape
 * @dtype: element type
 * @bytes: (out): size of the contiguous array
 *
 * Returns: FALSE if the product overflows
 */
DIF_API gboolean dif_shape_bytes (const DifShape *shape, DifDtype dtype, gsize *bytes);

/**
 * dif_shape_equal:
 * @a: a shape
 * @b: another
 *
 * Returns: whether dimensions and their number agree
 */
DIF_API gboolean dif_shape_equal (const DifShape *a, const DifShape *b);

/**
 * dif_shape_to_string:
 * @shape: a shape
 *
 * Returns: (transfer full): such as "[2, 64, 64, 320]"
 */
DIF_API char *dif_shape_to_string (const DifShape *shape);

/**
 * dif_f16_to_f32:
 * @h: bits of an IEEE half
 *
 * Returns: its value, exactly
 */
DIF_API float dif_f16_to_f32 (guint16 h);

/**
 * dif_f32_to_f16:
 * @f: a number
 *
 * Returns: bits of the nearest IEEE half, ties to even
 */
DIF_API guint16 dif_f32_to_f16 (float f);

/**
 * dif_bf16_to_f32:
 * @b: bits of a bfloat16
 *
 * Returns: its value, exactly
 */
DIF_API float dif_bf16_to_f32 (guint16 b);

/**
 * dif_f32_to_bf16:
 * @f: a number
 *
 * Returns: bits of the nearest bfloat16, ties to even; NaN stays NaN
 */
DIF_API guint16 dif_f32_to_bf16 (float f);

/**
 * dif_convert_to_f32:
 * @dst: (array length=n): floats
 * @src: @n elements of @dtype, any alignment
 * @dtype: F32, BF16, F16, I32 or I64
 * @n: count
 */
DIF_API void dif_convert_to_f32 (float *dst, const void *src, DifDtype dtype, gsize n);

/**
 * dif_convert_from_f32:
 * @dst: @n elements of @dtype, written
 * @dtype: F32, BF16 or F16
 * @src: (array length=n): floats
 * @n: count
 */
DIF_API void dif_convert_from_f32 (void *dst, DifDtype dtype, const float *src, gsize n);

G_END_DECLS

#endif /* DIF_TENSOR_SHAPE_H */
