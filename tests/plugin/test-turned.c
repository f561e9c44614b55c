/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-turned.c - a mask that was flipped, and masks that were painted on. */
#include "plugin/turned.h"

#define GRID DIF_TURNED_GRID

static float then[GRID * GRID], now[GRID * GRID];

/* A blot left of the middle, high up, and a smaller one. */
static float
blot (guint x, guint y)
{
  return (x > 10 && x < 50 && y > 20 && y < 40) || (x > 90 && x < 100 && y > 70 && y < 120);
}

static gboolean
is_turned (gboolean is_square)
{
  return dif_turned_is (then, now, is_square);
}

static void
fill (float *mask, guint turn)
{
  for (guint y = 0; y < GRID; y++)
    {
      for (guint x = 0; x < GRID; x++)
        {
          guint u = turn & 1 ? GRID - 1 - x : x, v = turn & 2 ? GRID - 1 - y : y;

          mask[y * GRID + x] = turn & 4 ? blot (v, u) : blot (u, v);
        }
    }
}

static void
test_turns (void)
{
  for (guint turn = 0; turn < 8; turn++)
    {
      fill (then, 0);
      fill (now, turn);
      g_assert_cmpint (is_turned (TRUE), ==, turn != 0);
      g_assert_cmpint (is_turned (FALSE), ==, turn > 0 && turn < 4);
    }
}

/* What a person paints, or a soft edge, is no turn. */
static void
test_paint (void)
{
  fill (then, 0);
  fill (now, 0);
  for (guint y = 0; y < GRID; y++)
    now[y * GRID + 60] = 1.0f;
  g_assert_false (is_turned (TRUE));
  for (guint i = 0; i < GRID * GRID; i++)
    now[i] = 0.0f;
  g_assert_false (is_turned (TRUE));
  for (guint i = 0; i < GRID * GRID; i++)
    now[i] = 1.0f;
  g_assert_false (is_turned (TRUE));
  for (guint i = 0; i < GRID * GRID; i++)
    now[i] = 1.0f - then[i];
  g_assert_false (is_turned (TRUE));
  for (guint i = 0; i < GRID * GRID; i++)
    now[i] = 0.8f * then[i];
  g_assert_false (is_turned (TRUE));
  for (guint i = 0; i < GRID * GRID; i++)
    then[i] = now[i] = 0.0f;
  g_assert_false (is_turned (TRUE));
}

/* A soft edge leaves little of a small selection; its flip is one all the same. */
static void
test_soft_edges (void)
{
  for (guint turn = 0; turn < 8; turn++)
    {
      fill (then, 0);
      fill (now, turn);
      for (guint i = 0; i < GRID * GRID; i++)
        now[i] *= 0.02f + 0.5f * (float) (i % 3 == 0);
      g_assert_cmpint (is_turned (TRUE), ==, turn != 0);
    }
}

/* The same, of what is alike on both sides. */
static void
test_symmetry (void)
{
  for (guint i = 0; i < GRID * GRID; i++)
    then[i] = now[i] = i / GRID > 30 && i / GRID < 60;
  g_assert_false (is_turned (TRUE));
}

static void
test_points (void)
{
  static const guint lengths[] = { 1, 2, 3, 7, 127, 128, 129, 5000, 524288 };

  for (guint k = 0; k < G_N_ELEMENTS (lengths); k++)
    {
      for (guint i = 0; i < GRID; i++)
        {
          g_assert_cmpuint (dif_turned_point (i, lengths[k]), <, lengths[k]);
          g_assert_cmpuint (dif_turned_point (i, lengths[k]) +
                                dif_turned_point (GRID - 1 - i, lengths[k]),
                            ==, lengths[k] - 1);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/turned/knows-flips-and-turns", test_turns);
  g_test_add_func ("/plugin/turned/sees-through-soft-edges", test_soft_edges);
  g_test_add_func ("/plugin/turned/leaves-painting-alone", test_paint);
  g_test_add_func ("/plugin/turned/leaves-symmetry-alone", test_symmetry);
  g_test_add_func ("/plugin/turned/mirrors-points", test_points);
  return g_test_run ();
}
