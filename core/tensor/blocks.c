/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* blocks.c - decoders of ggml's quantized blocks.
 *
 * A block has one or two halves as its scale and minimum; those of the K kinds
 * have sixteen or eight small scales below them.  Products are rounded in the
 * reference's order: the scale of a group first, then the element.
 */
#include "tensor/blocks.h"

#include <string.h>

#include "tensor/shape.h"

/* Bytes of a block: its halves and its parts. */
enum
{
  Q4_0 = 2 + 16,
  Q4_1 = 4 + 16,
  Q5_0 = 2 + 4 + 16,
  Q5_1 = 4 + 4 + 16,
  Q8_0 = 2 + 32,
  Q2_K = 16 + 64 + 4,
  Q3_K = 32 + 64 + 12 + 2,
  Q4_K = 4 + 12 + 128,
  Q5_K = 4 + 12 + 32 + 128,
  Q6_K = 128 + 64 + 16 + 2
};

static float
half_at (const guint8 *p)
{
  return dif_f16_to_f32 ((guint16) (p[0] | p[1] << 8));
}

/* ---- blocks of 32: sixteen bytes, low nibbles before high ones ---- */

/* Element @i of a block whose nibbles begin at @q; fifth bits come from @high. */
static int
nibble (const guint8 *q, guint32 high, guint i)
{
  int low = i < 16 ? q[i] & 15 : q[i - 16] >> 4;

  return low | (int) ((high >> i) & 1) << 4;
}

static guint32
bits_at (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8 | (guint32) p[2] << 16 | (guint32) p[3] << 24;
}

/* Values @q minus @less, times @d, plus @m; adding -0 changes nothing. */
static void
simple_block (float *out, const guint8 *q, guint32 high, int less, float d, float m)
{
  for (guint i = 0; i < DIF_BLOCK; i++)
    out[i] = d * (float) (nibble (q, high, i) - less) + m;
}

void
_dif_q4_0_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_BLOCK, in += Q4_0, out += DIF_BLOCK)
    simple_block (out, in + 2, 0, 8, half_at (in), -0.0f);
}

void
_dif_q4_1_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_BLOCK, in += Q4_1, out += DIF_BLOCK)
    simple_block (out, in + 4, 0, 0, half_at (in), half_at (in + 2));
}

void
_dif_q5_0_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_BLOCK, in += Q5_0, out += DIF_BLOCK)
    simple_block (out, in + 6, bits_at (in + 2), 16, half_at (in), -0.0f);
}

void
_dif_q5_1_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_BLOCK, in += Q5_1, out += DIF_BLOCK)
    simple_block (out, in + 8, bits_at (in + 4), 0, half_at (in), half_at (in + 2));
}

void
_dif_q8_0_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_BLOCK, in += Q8_0, out += DIF_BLOCK)
    {
      float d = half_at (in);

      for (guint i = 0; i < DIF_BLOCK; i++)
        out[i] = d * (float) (gint8) in[2 + i];
    }
}

/* ---- blocks of 256 ---- */

/* Two bits of element @i: bytes of 32 hold four elements, 32 apart. */
static int
pair_of (const guint8 *q, guint i)
{
  return q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
}

void
_dif_q2_k_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_SUPER_BLOCK, in += Q2_K, out += DIF_SUPER_BLOCK)
    {
      const guint8 *scales = in, *q = in + 16;
      float         d = half_at (in + 80), min = half_at (in + 82);

      for (guint i = 0; i < DIF_SUPER_BLOCK; i++)
        {
          float scale = d * (float) (scales[i / 16] & 15);
          float less  = min * (float) (scales[i / 16] >> 4);

          out[i] = scale * (float) pair_of (q, i) - less;
        }
    }
}

/* Scale @i of sixteen with six bits each: four low bits in the first eight
 * bytes, two high ones in the last four. */
static int
scale_of_16 (const guint8 *scales, guint i)
{
  int low  = i < 8 ? scales[i] & 15 : scales[i - 8] >> 4;
  int high = scales[8 + i % 4] >> (i / 4 * 2) & 3;

  return (low | high << 4) - 32;
}

void
_dif_q3_k_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_SUPER_BLOCK, in += Q3_K, out += DIF_SUPER_BLOCK)
    {
      const guint8 *mask = in, *q = in + 32, *scales = in + 96;
      float         d = half_at (in + 108);

      for (guint i = 0; i < DIF_SUPER_BLOCK; i++)
        {
          float scale = d * (float) scale_of_16 (scales, i / 16);
          int   less  = mask[i % 32] >> (i / 32) & 1 ? 0 : 4;

          out[i] = scale * (float) (pair_of (q, i) - less);
        }
    }
}

/* Scale and minimum @i of eight with six bits each, in twelve bytes: four of
 * either in six bits, whose upper two hold those of the other four. */
static void
scale_of_8 (const guint8 *p, guint i, float *scale, float *min)
{
  int s = i < 4 ? p[i] & 63 : (p[i + 4] & 15) | p[i - 4] >> 6 << 4;
  int m = i < 4 ? p[i + 4] & 63 : p[i + 4] >> 4 | p[i] >> 6 << 4;

  *scale = (float) s;
  *min   = (float) m;
}

/* Q4_K and Q5_K: @high is NULL, or 32 bytes, a bit for each 32 elements. */
static void
k_block (float *out, const guint8 *in, const guint8 *high, const guint8 *q)
{
  float d = half_at (in), least = half_at (in + 2);

  for (guint group = 0; group < 8; group++)
    {
      float scale, min;

      scale_of_8 (in + 4, group, &scale, &min);
      scale *= d;
      min *= least;
      for (guint k = 0; k < 32; k++)
        {
          int value = group % 2 ? q[group / 2 * 32 + k] >> 4 : q[group / 2 * 32 + k] & 15;

          if (high)
            value |= (high[k] >> group & 1) << 4;
          out[group * 32 + k] = scale * (float) value - min;
        }
    }
}

void
_dif_q4_k_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_SUPER_BLOCK, in += Q4_K, out += DIF_SUPER_BLOCK)
    k_block (out, in, NULL, in + 16);
}

void
_dif_q5_k_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_SUPER_BLOCK, in += Q5_K, out += DIF_SUPER_BLOCK)
    k_block (out, in, in + 16, in + 48);
}

void
_dif_q6_k_to_f32 (float *out, const guint8 *in, gsize n)
{
  for (; n; n -= DIF_SUPER_BLOCK, in += Q6_K, out += DIF_SUPER_BLOCK)
    {
      const guint8 *low = in, *high = in + 128, *scales = in + 192;
      float         d = half_at (in + 208);

      for (guint i = 0; i < DIF_SUPER_BLOCK; i++)
        {
          guint half = i / 128, at = i % 128;
          int   four  = low[half * 64 + at % 64] >> (at / 64 * 4) & 15;
          int   two   = high[half * 32 + at % 32] >> (at / 32 * 2) & 3;
          float scale = d * (float) (gint8) scales[i / 16];

          out[i] = scale * (float) ((four | two << 4) - 32);
        }
    }
}
