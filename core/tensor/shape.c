/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* shape.c - sizes without overflow, and conversions between element types. */
#include <string.h>

#include "tensor/shape.h"

static const struct
{
  const char *name;
  gsize       size;
  gboolean    is_float;
} dtypes[] = {
  [DIF_F32]  = { "f32", 4, TRUE },
  [DIF_BF16] = { "bf16", 2, TRUE },
  [DIF_F16]  = { "f16", 2, TRUE },
  [DIF_I32]  = { "i32", 4, FALSE },
  [DIF_I64]  = { "i64", 8, FALSE },
};

gsize
dif_dtype_size (DifDtype dtype)
{
  return dtypes[dtype].size;
}

const char *
dif_dtype_name (DifDtype dtype)
{
  return dtypes[dtype].name;
}

gboolean
dif_dtype_from_name (const char *name, DifDtype *dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (name, dtypes[i].name) == 0)
      {
        *dtype = (DifDtype) i;
        return TRUE;
      }
  return FALSE;
}

gboolean
dif_dtype_is_float (DifDtype dtype)
{
  return dtypes[dtype].is_float;
}

gboolean
dif_shape_count (const DifShape *shape, gsize *count)
{
  gsize n = 1;

  for (guint i = 0; i < shape->n; i++)
    if (! g_size_checked_mul (&n, n, shape->d[i]))
      return FALSE;
  *count = n;
  return TRUE;
}

gboolean
dif_shape_bytes (const DifShape *shape, DifDtype dtype, gsize *bytes)
{
  gsize count;

  return dif_shape_count (shape, &count) &&
         g_size_checked_mul (bytes, count, dif_dtype_size (dtype));
}

gboolean
dif_shape_equal (const DifShape *a, const DifShape *b)
{
  return a->n == b->n && memcmp (a->d, b->d, a->n * sizeof a->d[0]) == 0;
}

char *
dif_shape_to_string (const DifShape *shape)
{
  GString *s = g_string_new ("[");

  for (guint i = 0; i < shape->n; i++)
    g_string_append_printf (s, "%s%" G_GSIZE_FORMAT, i ? ", " : "", shape->d[i]);
  g_string_append_c (s, ']');
  return g_string_free (s, FALSE);
}

float
dif_f16_to_f32 (guint16 h)
{
  guint32 sign = (guint32) (h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023, bits;
  float   f;

  if (exponent == 31)
    bits = sign | 0x7f800000 | mantissa << 13;
  else if (exponent)
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  else
    {
      /* subnormal: mantissa * 2^-24, exact in single precision */
      f = (float) mantissa * 0x1p-24f;
      memcpy (&bits, &f, 4);
      bits |= sign;
    }
  memcpy (&f, &bits, 4);
  return f;
}

guint16
dif_f32_to_f16 (float f)
{
  guint32 bits, sign, mantissa, half, rest, shift;
  gint    exponent;

  memcpy (&bits, &f, 4);
  sign     = (bits >> 16) & 0x8000;
  exponent = (gint) ((bits >> 23) & 255) - 112;
  mantissa = bits & 0x7fffff;
  if (exponent >= 143)
    return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  if (exponent >= 31)
    return sign | 0x7c00;
  if (exponent <= 0)
    {
      if (exponent < -10)
        return sign;
      mantissa |= 0x800000;
      shift = 14 - exponent;
      half  = mantissa >> shift;
    }
  else
    {
      shift = 13;
      half  = (guint32) exponent << 10 | mantissa >> 13;
    }
  rest = mantissa & ((1u << shift) - 1);
  if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && (half & 1)))
    half++;
  return sign | half;
}

float
dif_bf16_to_f32 (guint16 b)
{
  guint32 bits = (guint32) b << 16;
  float   f;

  memcpy (&f, &bits, 4);
  return f;
}

guint16
dif_f32_to_bf16 (float f)
{
  guint32 bits;

  memcpy (&bits, &f, 4);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/* dst[i] = @value, of element x of @src, which may lie in a file, where nothing
 * is aligned */
#define CONVERT(type, value)                                    \
  for (gsize i = 0; i < n; i++)                                 \
    {                                                           \
      type x;                                                   \
                                                                \
      memcpy (&x, (const char *) src + i * sizeof x, sizeof x); \
      dst[i] = value;                                           \
    }

void
dif_convert_to_f32 (float *dst, const void *src, DifDtype dtype, gsize n)
{
  switch (dtype)
    {
    case DIF_F32:
      memcpy (dst, src, n * sizeof *dst);
      break;
    case DIF_BF16:
      CONVERT (guint16, dif_bf16_to_f32 (x))
      break;
    case DIF_F16:
      CONVERT (guint16, dif_f16_to_f32 (x))
      break;
    case DIF_I32:
      CONVERT (gint32, (float) x)
      break;
    case DIF_I64:
      CONVERT (gint64, (float) x)
      break;
    }
}

void
dif_convert_from_f32 (void *dst, DifDtype dtype, const float *src, gsize n)
{
  switch (dtype)
    {
    case DIF_F32:
      memcpy (dst, src, n * sizeof *src);
      break;
    case DIF_BF16:
      for (gsize i = 0; i < n; i++)
        ((guint16 *) dst)[i] = dif_f32_to_bf16 (src[i]);
      break;
    case DIF_F16:
      for (gsize i = 0; i < n; i++)
        ((guint16 *) dst)[i] = dif_f32_to_f16 (src[i]);
      break;
    case DIF_I32:
    case DIF_I64:
      g_assert_not_reached ();
    }
}
