/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* rng.c - torch's generators: on the CPU MT19937 and its two ways to normal numbers.
 *
 * Knows no tensors.  Invariant: the same calls give the same bits on every
 * machine.  torch's x86 kernel evaluates Cephes' single precision logf, sinf and
 * cosf with fused multiply-adds; the same polynomials are evaluated here by
 * fmaf(), which rounds once whether or not the machine has the instruction, so
 * that the order of operations below must not be "simplified".
 *
 * Sources: Matsumoto & Nishimura 1998 (MT19937); Box & Muller 1958; Moshier's
 * Cephes (polynomials); ATen MT19937RNGEngine.h, DistributionTemplates.h,
 * DistributionsHelper.h (order of the draws).
 */
#include "base/rng.h"

#include "base/philox.h"

#include <math.h>
#include <string.h>

#define STATE_SIZE  624
#define STATE_SHIFT 397

/* From this many numbers on torch draws in blocks. */
#define BLOCK 16

struct _DifRng
{
  gboolean is_cuda; /* then these two, else the rest */
  guint64  seed, offset;
  guint32  state[STATE_SIZE];
  guint    next;       /* index of the next word; STATE_SIZE: make new ones */
  gboolean has_cached; /* of the pairwise path only */
  double   cached;
  gsize    share_first, share_of; /* of a batch's items; share_of 0: all */
};

/* ---- MT19937 ---- */

static guint32
twist (guint32 here, guint32 next, guint32 far)
{
  guint32 mix = (here & 0x80000000u) | (next & 0x7fffffffu);

  return far ^ (mix >> 1) ^ (-(mix & 1) & 0x9908b0dfu);
}

static void
refill (DifRng *rng)
{
  guint32 *s = rng->state;
  guint    i = 0;

  for (; i < STATE_SIZE - STATE_SHIFT; i++)
    s[i] = twist (s[i], s[i + 1], s[i + STATE_SHIFT]);
  for (; i < STATE_SIZE - 1; i++)
    s[i] = twist (s[i], s[i + 1], s[i + STATE_SHIFT - STATE_SIZE]);
  s[i]      = twist (s[i], s[0], s[STATE_SHIFT - 1]);
  rng->next = 0;
}

guint32
dif_rng_u32 (DifRng *rng)
{
  guint32 y;

  g_return_val_if_fail (! rng->is_cuda, 0);
  if (rng->next == STATE_SIZE)
    refill (rng);
  y = rng->state[rng->next++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

void
dif_rng_seed (DifRng *rng, guint64 seed)
{
  rng->seed     = seed;
  rng->offset   = 0;
  rng->state[0] = (guint32) seed;
  for (guint i = 1; i < STATE_SIZE; i++)
    {
      guint32 last = rng->state[i - 1];

      rng->state[i] = 1812433253u * (last ^ (last >> 30)) + i;
    }
  rng->next       = STATE_SIZE;
  rng->has_cached = FALSE;
}

DifRng *
dif_rng_new (guint64 seed)
{
  DifRng *rng = g_new0 (DifRng, 1);

  dif_rng_seed (rng, seed);
  return rng;
}

DifRng *
dif_rng_new_torch_cuda (guint64 seed)
{
  DifRng *rng = dif_rng_new (seed);

  rng->is_cuda = TRUE;
  return rng;
}

void
dif_rng_free (DifRng *rng)
{
  g_free (rng);
}

/* ---- uniform numbers in [0, 1) ---- */

void
dif_rng_rand (DifRng *rng, float *out, gsize n)
{
  for (gsize i = 0; i < n; i++)
    out[i] = (float) (dif_rng_u32 (rng) & 0xffffff) * 0x1p-24f;
}

static double
uniform_double (DifRng *rng)
{
  guint64 high = dif_rng_u32 (rng);
  guint64 bits = high << 32 | dif_rng_u32 (rng);

  return (double) (bits & ((G_GUINT64_CONSTANT (1) << 53) - 1)) * 0x1p-53;
}

/* ---- normal numbers, pairwise, in double precision ---- */

static double
normal_double (DifRng *rng)
{
  double u1, u2, radius, theta;

  if (rng->has_cached)
    {
      rng->has_cached = FALSE;
      return rng->cached;
    }
  u1              = uniform_double (rng);
  u2              = uniform_double (rng);
  radius          = sqrt (-2.0 * log1p (-u2));
  theta           = 2.0 * G_PI * u1;
  rng->cached     = radius * sin (theta);
  rng->has_cached = TRUE;
  return radius * cos (theta);
}

/* ---- normal numbers, in blocks, in single precision ---- */

/* Natural logarithm of a normal number x > 0 (Cephes logf). */
static float
log_positive (float x)
{
  guint32 bits;
  float   e, z, y;

  memcpy (&bits, &x, sizeof bits);
  e    = (float) ((int) (bits >> 23) - 126);
  bits = (bits & 0x007fffffu) | 0x3f000000u; /* mantissa in [0.5, 1) */
  memcpy (&x, &bits, sizeof x);
  if (x < 0.707106781186547524f)
    {
      e -= 1.0f;
      x = (x - 1.0f) + x;
    }
  else
    x -= 1.0f;
  z = x * x;
  y = 7.0376836292e-2f;
  y = fmaf (y, x, -1.1514610310e-1f);
  y = fmaf (y, x, 1.1676998740e-1f);
  y = fmaf (y, x, -1.2420140846e-1f);
  y = fmaf (y, x, 1.4249322787e-1f);
  y = fmaf (y, x, -1.6668057665e-1f);
  y = fmaf (y, x, 2.0000714765e-1f);
  y = fmaf (y, x, -2.4999993993e-1f);
  y = fmaf (y, x, 3.3333331174e-1f);
  y = y * x;
  y = fmaf (y, z, e * -2.12194440e-4f);
  y = fmaf (-z, 0.5f, y);
  x = x + y;
  return fmaf (e, 0.693359375f, x);
}

/* Sine and cosine of x in [0, 2 pi] (Cephes sincosf). */
static void
sine_cosine (float x, float *sine, float *cosine)
{
  guint octant = ((guint) (x * 1.27323954473516f) + 1) & ~1u;
  float y      = (float) octant;
  float z, c, s;

  x = fmaf (y, -0.78515625f, x);
  x = fmaf (y, -2.4187564849853515625e-4f, x);
  x = fmaf (y, -3.77489497744594108e-8f, x);
  z = x * x;
  c = 2.443315711809948e-5f;
  c = fmaf (c, z, -1.388731625493765e-3f);
  c = fmaf (c, z, 4.166664568298827e-2f);
  c = c * z;
  c = fmaf (c, z, -(z * 0.5f)) + 1.0f;
  s = -1.9515295891e-4f;
  s = fmaf (s, z, 8.3321608736e-3f);
  s = fmaf (s, z, -1.6666654611e-1f);
  s = s * z;
  s = fmaf (s, x, x);
  if (octant & 2)
    {
      float swap = s;

      s = c;
      c = swap;
    }
  *sine   = octant & 4 ? -s : s;
  *cosine = (octant + 2) & 4 ? -c : c;
}

/* Turns BLOCK uniform numbers into as many normal ones: element j < 8 is the
 * radius of pair j, element j + 8 its angle. */
static void
box_muller (float *d)
{
  for (guint j = 0; j < BLOCK / 2; j++)
    {
      float radius = sqrtf (-2.0f * log_positive (1.0f - d[j]));
      float s, c;

      sine_cosine (2.0f * (float) G_PI * d[j + BLOCK / 2], &s, &c);
      d[j]             = radius * c;
      d[j + BLOCK / 2] = radius * s;
    }
}

void
dif_rng_randn (DifRng *rng, float *out, gsize n)
{
  if (rng->is_cuda)
    {
      dif_philox_randn (rng->seed, &rng->offset, DIF_PHILOX_BLOCKS, out, n);
      return;
    }
  if (n < BLOCK)
    {
      for (gsize i = 0; i < n; i++)
        out[i] = (float) normal_double (rng);
      return;
    }
  dif_rng_rand (rng, out, n);
  for (gsize i = 0; i + BLOCK <= n; i += BLOCK)
    box_muller (out + i);
  if (n % BLOCK)
    {
      /* The rest has no block of its own: the last BLOCK numbers are drawn again. */
      dif_rng_rand (rng, out + n - BLOCK, BLOCK);
      box_muller (out + n - BLOCK);
    }
}

void
dif_rng_set_share (DifRng *rng, gsize first, gsize of)
{
  rng->share_first = first;
  rng->share_of    = of;
}

gboolean
dif_rng_randn_items (DifRng *rng, float *out, gsize n, gsize each)
{
  g_autofree float *whole = NULL;
  gsize             count;

  if (! rng->share_of)
    {
      dif_rng_randn (rng, out, n * each);
      return TRUE;
    }
  g_return_val_if_fail (rng->share_first + n <= rng->share_of, FALSE);
  if (! g_size_checked_mul (&count, rng->share_of, each))
    return FALSE;
  whole = g_try_new (float, count);
  if (! whole)
    return FALSE;
  dif_rng_randn (rng, whole, count);
  memcpy (out, whole + rng->share_first * each, n * each * sizeof *out);
  return TRUE;
}
