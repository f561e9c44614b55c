/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* simd.h - vectors of floats for kernels.c, as wide as the compiler flags allow.
 *
 * GCC's vector extension does the arithmetic (a product and a sum contract to
 * one FMA where there is one); intrinsics stand only where it has no word.
 */
#ifndef DIF_BACKENDS_CPU_SIMD_H
#define DIF_BACKENDS_CPU_SIMD_H

#include <string.h>

#include "dif-types.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VW 16
#elif defined(__AVX2__)
#define VW 8
#else
#define VW 4
#endif

typedef float   Vf __attribute__ ((vector_size (VW * 4)));
typedef gint32  Vi __attribute__ ((vector_size (VW * 4)));
typedef guint32 Vu __attribute__ ((vector_size (VW * 4)));
typedef guint16 Vh __attribute__ ((vector_size (VW * 2)));

#define INLINE static inline __attribute__ ((always_inline))

INLINE Vf
v_set (float x)
{
  return x - (Vf) {};
}

INLINE Vf
v_load (const float *p)
{
  Vf v;

  memcpy (&v, p, sizeof v);
  return v;
}

INLINE void
v_store (float *p, Vf v)
{
  memcpy (p, &v, sizeof v);
}

INLINE Vf
v_max (Vf a, Vf b)
{
#if defined(__AVX512F__)
  return _mm512_max_ps (a, b);
#elif defined(__AVX2__)
  return _mm256_max_ps (a, b);
#else
  Vi m = a > b;
  return (Vf) ((m & (Vi) a) | (~m & (Vi) b));
#endif
}

INLINE Vf
v_min (Vf a, Vf b)
{
#if defined(__AVX512F__)
  return _mm512_min_ps (a, b);
#elif defined(__AVX2__)
  return _mm256_min_ps (a, b);
#else
  Vi m = a < b;
  return (Vf) ((m & (Vi) a) | (~m & (Vi) b));
#endif
}

INLINE float
v_sum (Vf v)
{
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps (v);
#else
  float s = 0;

  for (int i = 0; i < VW; i++)
    s += v[i];
  return s;
#endif
}

INLINE float
v_highest (Vf v)
{
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps (v);
#else
  float m = v[0];

  for (int i = 1; i < VW; i++)
    m = MAX (m, v[i]);
  return m;
#endif
}

INLINE Vf
v_load_bf16 (const guint16 *p)
{
  Vh h;

  memcpy (&h, p, sizeof h);
  return (Vf) (__builtin_convertvector (h, Vu) << 16);
}

INLINE void
v_store_bf16 (guint16 *p, Vf v)
{
#if defined(__AVX512BF16__)
  __m256bh h = _mm512_cvtneps_pbh (v);

  memcpy (p, &h, sizeof h);
#else
  Vu bits = (Vu) v, nan = (Vu) (v != v);
  Vu rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  Vh h;

  /* a NaN keeps its sign and becomes quiet instead of rounding to infinity */
  rounded = (nan & (bits >> 16 | 0x40)) | (~nan & rounded);
  h       = __builtin_convertvector (rounded, Vh);
  memcpy (p, &h, sizeof h);
#endif
}

INLINE Vf
v_load_f16 (const guint16 *p)
{
#if defined(__AVX512F__)
  return _mm512_cvtph_ps (_mm256_loadu_si256 ((const __m256i *) p));
#elif defined(__F16C__)
  return _mm256_cvtph_ps (_mm_loadu_si128 ((const __m128i *) p));
#else
  Vh h;
  Vu bits, sign, special;

  memcpy (&h, p, sizeof h);
  bits = __builtin_convertvector (h, Vu);
  sign = (bits & 0x8000) << 16;
  bits &= 0x7fff;
  special = (Vu) (bits >= 0x7c00);
  /* the exponent's bias differs by 112; scaling also makes subnormals right */
  bits = (Vu) ((Vf) (bits << 13) * 0x1p112f);
  return (Vf) (bits | (special & 0x7f800000) | sign);
#endif
}

/* undoes v_load_f16: nothing is rounded, since f16 holds the numbers exactly */
INLINE void
v_narrow_f16 (guint16 *p, Vf v)
{
#if defined(__AVX512F__)
  _mm256_storeu_si256 ((__m256i *) p, _mm512_cvtps_ph (v, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
  _mm_storeu_si128 ((__m128i *) p, _mm256_cvtps_ph (v, _MM_FROUND_TO_NEAREST_INT));
#else
  Vu bits = (Vu) v, sign = bits >> 16 & 0x8000, special;
  Vh h;

  bits &= 0x7fffffff;
  special = (Vu) (bits >= 0x7f800000);
  bits    = (special & (0x7c00 | (bits >> 13 & 0x3ff))) |
         (~special & ((Vu) ((Vf) bits * 0x1p-112f) >> 13));
  h = __builtin_convertvector (bits | sign, Vh);
  memcpy (p, &h, sizeof h);
#endif
}

/* undoes v_load_bf16 */
INLINE void
v_narrow_bf16 (guint16 *p, Vf v)
{
  Vh h = __builtin_convertvector ((Vu) v >> 16, Vh);

  memcpy (p, &h, sizeof h);
}

/* Rounds to an integer by adding a number whose last place is 1; the integer
 * is then in the low bits of the sum.  For |x| < 2^22. */
#define V_ROUND 0x1.8p23f

/* 2^x for x <= 127, relative error below 1e-6, or 1e-4 if that is enough
 * (bf16 has 4e-3); x below -126 counts as -126.
 * The polynomials interpolate 2^r at Chebyshev nodes in [-1/2, 1/2]. */
INLINE Vf
v_exp2 (Vf x, gboolean coarse)
{
  Vf t, r, p;

  x = v_max (x, v_set (-126.0f));
  t = x + V_ROUND;
  r = x - (t - V_ROUND);
  if (coarse)
    {
      p = 0.0558382829462f * r + 0.242639478546f;
      p = p * r + 0.693136733884f;
      p = p * r + 0.999924556951f;
    }
  else
    {
      p = 0.000154614446986f * r + 0.00134004281776f;
      p = p * r + 0.00961805667852f;
      p = p * r + 0.0555032722667f;
      p = p * r + 0.240226509223f;
      p = p * r + 0.693147206703f;
      p = p * r + 1.0f;
    }
  return (Vf) ((Vi) p + ((Vi) t << 23));
}

#define V_LOG2E 1.44269504088896f

/* e^x for |x| up to 87, error below 2e-7 relative: the remainder is taken from
 * x itself, in two parts, so that a large x costs no digits. */
INLINE Vf
v_exp (Vf x, gboolean coarse)
{
  Vf t, r, p;

  if (coarse)
    return v_exp2 (v_min (x * V_LOG2E, v_set (127.0f)), TRUE);
  x = v_min (v_max (x, v_set (-87.0f)), v_set (88.0f));
  t = x * V_LOG2E + V_ROUND;
  r = x - (t - V_ROUND) * 0.693359375f;
  r = r + (t - V_ROUND) * 2.12194440e-4f;
  /* Taylor's series of e^r; |r| <= 0.35 */
  p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return (Vf) ((Vi) p + ((Vi) t << 23));
}

/* x * Phi (x), error below 1e-6 relative on both sides.  Phi of a negative
 * number is erfc (z) / 2 with z = |x| / sqrt (2), and
 * erfc (z) = t exp (P (t) - z^2), t = 1 / (1 + z / 2), where P interpolates
 * the logarithm at Chebyshev nodes in [0.17, 1]. */
INLINE Vf
v_gelu (Vf x, gboolean coarse)
{
  Vf z        = (Vf) ((Vi) x & 0x7fffffff) * 0.70710678118655f;
  Vf t        = 1.0f / (1.0f + 0.5f * v_min (z, v_set (9.5f))), p, tail;
  Vi negative = x < 0.0f;

  p    = 0.145856018721f * t - 0.68564541785f;
  p    = p * t + 1.16744058402f;
  p    = p * t - 0.709498153027f;
  p    = p * t - 0.0703099407985f;
  p    = p * t - 0.00341415927742f;
  p    = p * t + 0.0359522573727f;
  p    = p * t + 0.38641595091f;
  p    = p * t + 0.998651424719f;
  p    = p * t - 1.26544851733f;
  tail = 0.5f * t * v_exp (p - z * z, coarse);
  tail = (Vf) ((negative & (Vi) tail) | (~negative & (Vi) (1.0f - tail)));
  return x * tail;
}

/* x / (1 + e^(-k x)) */
INLINE Vf
v_swish (Vf x, float k, gboolean coarse)
{
  return x / (1.0f + v_exp (-k * x, coarse));
}

/* x * sigmoid (2 u): the same as x (1 + tanh (u)) / 2 */
INLINE Vf
v_gelu_tanh (Vf x, gboolean coarse)
{
  Vf u = x * (1.0f + 0.044715f * x * x);

  return x / (1.0f + v_exp (-1.5957691216057308f * u, coarse));
}

/* |x| below 0.3 by the series, so that small numbers keep their digits */
INLINE Vf
v_tanh (Vf x, gboolean coarse)
{
  Vf q     = x * x, small, large;
  Vi close = q < 0.09f;

  small = x + x * q * (-1.0f / 3 + q * (2.0f / 15 + q * (-17.0f / 315 + q * (62.0f / 2835))));
  large = 1.0f - 2.0f / (1.0f + v_exp (2.0f * x, coarse));
  return (Vf) ((close & (Vi) small) | (~close & (Vi) large));
}

INLINE Vf
v_act (Vf x, DifAct act, gboolean coarse)
{
  switch (act)
    {
    case DIF_ACT_SILU:
      return v_swish (x, 1.0f, coarse);
    case DIF_ACT_GELU:
      return v_gelu (x, coarse);
    case DIF_ACT_QUICK_GELU:
      return v_swish (x, 1.702f, coarse);
    case DIF_ACT_RELU:
      return v_max (v_set (0), x); /* in this order, NaN stays NaN */
    case DIF_ACT_GELU_TANH:
      return v_gelu_tanh (x, coarse);
    case DIF_ACT_TANH:
      return v_tanh (x, coarse);
    case DIF_ACT_SIGMOID:
      return 1.0f / (1.0f + v_exp (-x, coarse));
    case DIF_ACT_LEAKY_RELU:
      return v_max (x * 0.2f, x);
    case DIF_ACT_NONE:
    default:
      return x;
    }
}

#endif /* DIF_BACKENDS_CPU_SIMD_H */
