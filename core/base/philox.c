/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* philox.c - counters turned into numbers, in the order of a card's threads.
 *
 * A number depends on seed, thread and how many the thread has drawn, so the
 * card's threads need not run: each is asked for its numbers in turn.
 */
#include "base/philox.h"

#include <math.h>

#define THREADS 256

static void
multiply (guint32 a, guint32 b, guint32 *high, guint32 *low)
{
  guint64 product = (guint64) a * b;

  *high = (guint32) (product >> 32);
  *low  = (guint32) product;
}

void
dif_philox_u32 (guint64 seed, guint64 counter, guint64 thread, guint32 out[4])
{
  guint32 key[2] = { (guint32) seed, (guint32) (seed >> 32) };
  guint32 c[4]   = { (guint32) counter, (guint32) (counter >> 32), (guint32) thread,
                     (guint32) (thread >> 32) };

  for (guint round = 0; round < 10; round++)
    {
      guint32 high0, low0, high1, low1;

      multiply (0xd2511f53u, c[0], &high0, &low0);
      multiply (0xcd9e8d57u, c[2], &high1, &low1);
      c[0] = high1 ^ c[1] ^ key[0];
      c[1] = low1;
      c[2] = high0 ^ c[3] ^ key[1];
      c[3] = low0;
      key[0] += 0x9e3779b9u;
      key[1] += 0xbb67ae85u;
    }
  for (guint i = 0; i < 4; i++)
    out[i] = c[i];
}

/* Box & Muller 1958, as cuRAND does it. */
static void
normal_pair (guint32 x, guint32 y, float *out)
{
  const float unit = 0x1p-32f, turn = 0x1p-32f * 6.2831855f;
  float       u = fmaf ((float) x, unit, unit / 2), v = fmaf ((float) y, turn, turn / 2);
  float       s = sqrtf (-2.0f * logf (u));

  out[0] = s * sinf (v);
  out[1] = s * cosf (v);
}

void
dif_philox_randn (guint64 seed, guint64 *offset, guint n_blocks, float *out, gsize n)
{
  gsize threads = MIN ((n + THREADS - 1) / THREADS, n_blocks) * THREADS, rounds;

  if (! n)
    return;
  rounds = (n - 1) / (threads * 4) + 1;
  for (gsize thread = 0; thread < MIN (threads, n); thread++)
    for (gsize round = 0; round < rounds; round++)
      {
        guint32 bits[4];
        float   normals[4];

        dif_philox_u32 (seed, *offset / 4 + round, thread, bits);
        normal_pair (bits[0], bits[1], normals);
        normal_pair (bits[2], bits[3], normals + 2);
        for (gsize i = 0; i < 4; i++)
          {
            gsize at = thread + (round * 4 + i) * threads;

            if (at < n)
              out[at] = normals[i];
          }
      }
  *offset += rounds * 4;
}
