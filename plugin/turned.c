/* SPDX-License-Identifier: GPL-3.0-or-later */
/* turned.c - see turned.h. */
#include <math.h>

#include "plugin/turned.h"

#define GRID     DIF_TURNED_GRID
#define N_TURNS  8    /* of a square: four and their mirror images */
#define N_OBLONG 4    /* of those, what keeps an oblong's shape */
#define UNLIKE   0.1  /* of what both mark: less of a difference is none */
#define CLEARLY  0.25 /* a turn explains at least three quarters of it */
#define LEAST    (1.0f / 512.0f)

guint
dif_turned_point (guint i, guint length)
{
  guint first = i < GRID / 2 ? i : GRID - 1 - i;
  guint at    = (guint) ((guint64) (2 * first + 1) * length / (2 * GRID));

  return i < GRID / 2 ? at : length - 1 - at;
}

/* Bits: mirrored left to right, mirrored top to bottom, rows for columns. */
static double
difference (const float *then, const float *now, guint turn)
{
  double sum = 0.0;

  for (guint y = 0; y < GRID; y++)
    {
      for (guint x = 0; x < GRID; x++)
        {
          guint u = turn & 1 ? GRID - 1 - x : x, v = turn & 2 ? GRID - 1 - y : y;

          sum += fabs ((double) now[y * GRID + x] -
                       (double) (turn & 4 ? then[u * GRID + v] : then[v * GRID + u]));
        }
    }
  return sum;
}

static gboolean
explains (const float *then, const float *now, gboolean is_square)
{
  double marked = 0.0, same, best = G_MAXDOUBLE;

  for (guint i = 0; i < GRID * GRID; i++)
    marked += (double) then[i] + (double) now[i];
  same = difference (then, now, 0);
  for (guint turn = 1; turn < (is_square ? N_TURNS : N_OBLONG); turn++)
    best = MIN (best, difference (then, now, turn));
  return same > UNLIKE * marked && best < CLEARLY * same;
}

/* By the values, or by what is marked at all: a soft edge takes much of a small selection, but
 * nothing of where it lies. */
gboolean
dif_turned_is (const float *then, const float *now, gboolean is_square)
{
  const gsize       n        = (gsize) GRID * GRID;
  g_autofree float *was      = g_new (float, n);
  g_autofree float *is       = g_new (float, n);
  gboolean          by_value = explains (then, now, is_square);

  for (gsize i = 0; ! by_value && i < n; i++)
    {
      was[i] = then[i] >= LEAST;
      is[i]  = now[i] >= LEAST;
    }
  return by_value || explains (was, is, is_square);
}
