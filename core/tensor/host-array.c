/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* host-array.c - the table of encodings, and the one reader of rows.
 *
 * Invariant: file data have no alignment; elements are loaded by memcpy only.
 */
#include "tensor/host-array.h"

#include <math.h>
#include <string.h>

#include "tensor/blocks.h"

/* Elements expanded at a time, so that the floats in between stay in cache. */
#define CHUNK 4096

/* ---- decoding ---- */

static void
f32_to_f32 (float *out, const guint8 *in, gsize n)
{
  dif_convert_to_f32 (out, in, DIF_F32, n);
}

static void
bf16_to_f32 (float *out, const guint8 *in, gsize n)
{
  dif_convert_to_f32 (out, in, DIF_BF16, n);
}

static void
f16_to_f32 (float *out, const guint8 *in, gsize n)
{
  dif_convert_to_f32 (out, in, DIF_F16, n);
}

static void
i32_to_f32 (float *out, const guint8 *in, gsize n)
{
  dif_convert_to_f32 (out, in, DIF_I32, n);
}

static void
i64_to_f32 (float *out, const guint8 *in, gsize n)
{
  dif_convert_to_f32 (out, in, DIF_I64, n);
}

static void
f64_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      double d;

      memcpy (&d, in + i * sizeof d, sizeof d);
      out[i] = (float) d;
    }
}

static void
i8_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (gsize i = 0; i < n; i++)
    out[i] = (gint8) in[i];
}

static void
u8_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (gsize i = 0; i < n; i++)
    out[i] = in[i];
}

static float
e5m2 (guint8 code)
{
  return dif_f16_to_f32 ((guint16) (code << 8));
}

/* Exponents are biased by 7; the code that would be the largest is NaN.
 * Source: Micikevicius et al. 2022, "FP8 Formats for Deep Learning", table 1. */
static float
e4m3 (guint8 code)
{
  int   exponent = (code >> 3) & 15, mantissa = code & 7;
  float f = exponent == 15 && mantissa == 7 ? NAN
            : exponent                      ? ldexpf ((float) (8 + mantissa), exponent - 10)
                                            : ldexpf ((float) mantissa, -9);

  return code & 0x80 ? -f : f;
}

static void
f8_to_f32 (float *out, const guint8 *in, gsize n, float (*decode) (guint8))
{
  float values[256];

  if (n < G_N_ELEMENTS (values))
    {
      for (gsize i = 0; i < n; i++)
        out[i] = decode (in[i]);
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = decode ((guint8) i);
  for (gsize i = 0; i < n; i++)
    out[i] = values[in[i]];
}

static void
e4m3_to_f32 (float *out, const guint8 *in, gsize n)
{
  f8_to_f32 (out, in, n, e4m3);
}

static void
e5m2_to_f32 (float *out, const guint8 *in, gsize n)
{
  f8_to_f32 (out, in, n, e5m2);
}

/* ---- the table ---- */

/* Blocks of @block elements in @bytes bytes.  @dtype is that of tensors with the
 * same elements, if @is_tensors; else the smallest one that holds every number
 * exactly, or f32 where none does.  @is_number: without scales, too.  @to_f32
 * decodes @n elements, whole blocks. */
typedef struct
{
  const char *name;
  gsize       block, bytes;
  gboolean    is_tensors;
  DifDtype    dtype;
  gboolean    is_number;
  void (*to_f32) (float *out, const guint8 *in, gsize n);
} Row;

static const Row rows[DIF_N_ENCODINGS] = {
  [DIF_ENC_F32]     = { "f32", 1, 4, TRUE, DIF_F32, TRUE, f32_to_f32 },
  [DIF_ENC_BF16]    = { "bf16", 1, 2, TRUE, DIF_BF16, TRUE, bf16_to_f32 },
  [DIF_ENC_F16]     = { "f16", 1, 2, TRUE, DIF_F16, TRUE, f16_to_f32 },
  [DIF_ENC_I32]     = { "i32", 1, 4, TRUE, DIF_I32, FALSE, i32_to_f32 },
  [DIF_ENC_I64]     = { "i64", 1, 8, TRUE, DIF_I64, FALSE, i64_to_f32 },
  [DIF_ENC_F64]     = { "f64", 1, 8, FALSE, DIF_F32, TRUE, f64_to_f32 },
  [DIF_ENC_F8_E4M3] = { "f8_e4m3", 1, 1, FALSE, DIF_BF16, TRUE, e4m3_to_f32 },
  [DIF_ENC_F8_E5M2] = { "f8_e5m2", 1, 1, FALSE, DIF_BF16, TRUE, e5m2_to_f32 },
  [DIF_ENC_I8]      = { "i8", 1, 1, FALSE, DIF_F32, FALSE, i8_to_f32 },
  [DIF_ENC_U8]      = { "u8", 1, 1, FALSE, DIF_F32, FALSE, u8_to_f32 },
  [DIF_ENC_Q4_0]    = { "q4_0", 32, 18, FALSE, DIF_F32, TRUE, _dif_q4_0_to_f32 },
  [DIF_ENC_Q4_1]    = { "q4_1", 32, 20, FALSE, DIF_F32, TRUE, _dif_q4_1_to_f32 },
  [DIF_ENC_Q5_0]    = { "q5_0", 32, 22, FALSE, DIF_F32, TRUE, _dif_q5_0_to_f32 },
  [DIF_ENC_Q5_1]    = { "q5_1", 32, 24, FALSE, DIF_F32, TRUE, _dif_q5_1_to_f32 },
  [DIF_ENC_Q8_0]    = { "q8_0", 32, 34, FALSE, DIF_F32, TRUE, _dif_q8_0_to_f32 },
  [DIF_ENC_Q2_K]    = { "q2_k", 256, 84, FALSE, DIF_F32, TRUE, _dif_q2_k_to_f32 },
  [DIF_ENC_Q3_K]    = { "q3_k", 256, 110, FALSE, DIF_F32, TRUE, _dif_q3_k_to_f32 },
  [DIF_ENC_Q4_K]    = { "q4_k", 256, 144, FALSE, DIF_F32, TRUE, _dif_q4_k_to_f32 },
  [DIF_ENC_Q5_K]    = { "q5_k", 256, 176, FALSE, DIF_F32, TRUE, _dif_q5_k_to_f32 },
  [DIF_ENC_Q6_K]    = { "q6_k", 256, 210, FALSE, DIF_F32, TRUE, _dif_q6_k_to_f32 },
};

const char *
dif_encoding_name (DifEncoding encoding)
{
  return rows[encoding].name;
}

gboolean
dif_encoding_is_number (DifEncoding encoding)
{
  return rows[encoding].is_number;
}

gboolean
dif_encoding_bytes (DifEncoding encoding, gsize n, gsize *bytes)
{
  const Row *row = &rows[encoding];

  return n % row->block == 0 && g_size_checked_mul (bytes, n / row->block, row->bytes);
}

DifEncoding
dif_encoding_of_dtype (DifDtype dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].is_tensors && rows[i].dtype == dtype)
      return (DifEncoding) i;
  g_return_val_if_reached (DIF_ENC_F32);
}

gboolean
dif_encoding_dtype (DifEncoding encoding, DifDtype *dtype)
{
  if (rows[encoding].is_tensors)
    *dtype = rows[encoding].dtype;
  return rows[encoding].is_tensors;
}

/* ---- arrays ---- */

gboolean
dif_host_is_weight (const DifHostArray *a)
{
  return rows[a->encoding].is_number || a->n_scales;
}

gboolean
dif_host_is_plain (const DifHostArray *a, DifDtype *dtype)
{
  DifDtype own;

  if (! rows[a->encoding].is_number || a->n_scales || ! dif_encoding_dtype (a->encoding, &own))
    return FALSE;
  if (dtype)
    *dtype = own;
  return TRUE;
}

DifDtype
dif_host_dtype (const DifHostArray *a)
{
  return rows[a->encoding].dtype;
}

gsize
dif_host_n_rows (const DifHostArray *a)
{
  return a->shape.n ? a->shape.d[0] : 1;
}

/* FALSE if the product overflows */
static gboolean
row_elements (const DifHostArray *a, gsize *n)
{
  *n = 1;
  for (guint i = 1; i < a->shape.n; i++)
    if (! g_size_checked_mul (n, *n, a->shape.d[i]))
      return FALSE;
  return TRUE;
}

gboolean
dif_host_bytes (const DifHostArray *a, gsize *bytes)
{
  gsize n;

  return row_elements (a, &n) && dif_encoding_bytes (a->encoding, n, &n) &&
         g_size_checked_mul (bytes, n, dif_host_n_rows (a));
}

gsize
dif_host_row_bytes (const DifHostArray *a)
{
  gsize n = 0;

  if (! row_elements (a, &n) || ! dif_encoding_bytes (a->encoding, n, &n))
    g_return_val_if_reached (0);
  return n;
}

DifHostArray
dif_host_rows (const DifHostArray *a, gsize first, gsize n)
{
  DifHostArray cut = *a;

  if (a->data)
    cut.data = (const char *) a->data + first * dif_host_row_bytes (a);
  if (cut.shape.n)
    cut.shape.d[0] = n;
  if (a->n_scales > 1)
    {
      cut.scales += first;
      cut.n_scales = n;
    }
  return cut;
}

void
dif_host_rows_to_f32 (const DifHostArray *a, gsize first, gsize n, float *out)
{
  gsize         row   = 0, bytes;
  const guint8 *begin = a->data;

  if (! n || ! row_elements (a, &row) || ! row)
    return;
  bytes = dif_host_row_bytes (a);
  rows[a->encoding].to_f32 (out, begin + first * bytes, n * row);
  for (gsize i = 0; a->n_scales && i < n; i++)
    {
      float scale = a->scales[a->n_scales > 1 ? first + i : 0];

      for (gsize k = 0; k < row; k++)
        out[i * row + k] *= scale;
    }
}

float *
dif_host_to_f32 (const DifHostArray *a, gsize *n)
{
  gsize  count = 0;
  float *out   = NULL;

  if (dif_shape_count (&a->shape, &count))
    out = g_try_new (float, MAX (count, 1));
  if (out)
    dif_host_rows_to_f32 (a, 0, dif_host_n_rows (a), out);
  if (n)
    *n = count;
  return out;
}

gpointer
dif_host_expand (DifHostArray *a)
{
  DifDtype         dtype = a->n_scales ? DIF_F32 : rows[a->encoding].dtype;
  gsize            row, n = dif_host_n_rows (a), step, bytes;
  g_autofree char *data    = NULL;
  g_autofree void *between = NULL;

  if (! row_elements (a, &row) || ! dif_shape_bytes (&a->shape, dtype, &bytes))
    return NULL;
  step = CLAMP (CHUNK / MAX (row, 1), 1, MAX (n, 1));
  data = g_try_malloc (MAX (bytes, 1));
  if (data && dtype != DIF_F32)
    between = g_try_new (float, MAX (step * row, 1));
  if (! data || (dtype != DIF_F32 && ! between))
    return NULL;
  for (gsize i = 0; i < n; i += step)
    {
      gsize at = i * row, some = MIN (step, n - i);

      if (between)
        {
          dif_host_rows_to_f32 (a, i, some, between);
          dif_convert_from_f32 (data + at * dif_dtype_size (dtype), dtype, between, some * row);
        }
      else
        dif_host_rows_to_f32 (a, i, some, (float *) (gpointer) data + at);
    }
  a->encoding = dif_encoding_of_dtype (dtype);
  a->data     = data;
  a->scales   = NULL;
  a->n_scales = 0;
  return g_steal_pointer (&data);
}
