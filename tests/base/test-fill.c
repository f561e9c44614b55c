/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-fill.c - places filled from their surroundings, and colors that suit them. */
#include <math.h>
#include <string.h>

#include "base/fill.h"
#include "tasks/surroundings.h"

#define WIDTH  61
#define HEIGHT 47
#define COUNT  (WIDTH * HEIGHT * 3)

/* A hole inside, and one that reaches an edge. */
static void
make_known (guint8 *known)
{
  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    {
      guint x = i % WIDTH, y = i / WIDTH;

      known[i] = ! (x >= 10 && x < 37 && y >= 8 && y < 30) && ! (x >= 50 && y >= 20 && y < 33);
    }
}

/* A plane for each channel: harmonic, so a membrane over a hole in it is the plane again. */
static float
plane (guint i)
{
  guint  c = i % 3, x = i / 3 % WIDTH, y = i / 3 / WIDTH;
  double slope[3][2] = { { 0.01, 0 }, { 0, -0.02 }, { 0.008, 0.012 } };

  return (float) (slope[c][0] * x + slope[c][1] * y + 0.1 * c);
}

static void
test_membrane_is_flat_over_a_plane (void)
{
  g_autofree float  *values = g_new (float, COUNT);
  g_autofree guint8 *known  = g_new (guint8, WIDTH * HEIGHT);
  double             worst  = 0;

  make_known (known);
  for (guint i = 0; i < COUNT; i++)
    values[i] = known[i / 3] ? plane (i) : 77.0f;
  g_assert_true (dif_fill_smoothly (values, WIDTH, HEIGHT, 3, known));
  for (guint i = 0; i < COUNT; i++)
    {
      if (known[i / 3])
        g_assert_cmpfloat (values[i], ==, plane (i));
      /* At the edge the membrane is free, so the plane is bent there. */
      else if (i / 3 % WIDTH < 40)
        worst = fmax (worst, fabs ((double) values[i] - plane (i)));
    }
  g_test_message ("off by %g of a range of 0.9", worst);
  g_assert_cmpfloat (worst, <, 0.02);
}

static void
test_membrane_stays_in_range (void)
{
  static const guint sizes[][2] = { { 1, 1 }, { 1, 9 }, { 13, 1 }, { 2, 2 }, { 31, 17 } };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    {
      guint              n = sizes[s][0] * sizes[s][1], n_known = 0;
      g_autofree float  *values = g_new (float, n);
      g_autofree guint8 *known  = g_new (guint8, n);
      float              low = 2, high = -2;

      for (guint i = 0; i < n; i++)
        {
          known[i]  = i * 7 % 5 == 0;
          values[i] = known[i] ? (float) sin (i * 1.7) : NAN;
          low       = known[i] ? MIN (low, values[i]) : low;
          high      = known[i] ? MAX (high, values[i]) : high;
          n_known += known[i];
        }
      g_assert_cmpuint (n_known, >, 0);
      g_assert_true (dif_fill_smoothly (values, sizes[s][0], sizes[s][1], 1, known));
      for (guint i = 0; i < n; i++)
        {
          g_assert_cmpfloat (values[i], >=, low - 1e-6f);
          g_assert_cmpfloat (values[i], <=, high + 1e-6f);
        }
    }
}

static void
test_nothing_known_changes_nothing (void)
{
  float  values[6] = { 1, 2, 3, 4, 5, 6 };
  guint8 known[6]  = { 0 };

  g_assert_true (dif_fill_smoothly (values, 3, 2, 1, known));
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (values[i], ==, i + 1);
}

static void
test_blur (void)
{
  g_autofree float  *values = g_new (float, COUNT);
  g_autofree guint8 *known  = g_new (guint8, WIDTH * HEIGHT);
  double             before = 0, after = 0;

  make_known (known);
  for (guint i = 0; i < COUNT; i++)
    values[i] = 0.5f + (i / 3 % 2 ? 0.25f : -0.25f);
  g_assert_true (dif_fill_blurred (values, WIDTH, HEIGHT, 3, known, 3));
  for (guint i = 0; i < COUNT; i++)
    {
      float own = 0.5f + (i / 3 % 2 ? 0.25f : -0.25f);

      if (known[i / 3])
        {
          g_assert_cmpfloat (values[i], ==, own);
          continue;
        }
      before += fabs (own - 0.5);
      after += fabs (values[i] - 0.5);
    }
  /* What alternates from pixel to pixel is all but gone; what is constant stays. */
  g_assert_cmpfloat (after, <, before / 100);
  for (guint i = 0; i < COUNT; i++)
    values[i] = 0.75f;
  g_assert_true (dif_fill_blurred (values, WIDTH, HEIGHT, 3, known, 200));
  for (guint i = 0; i < COUNT; i++)
    g_assert_cmpfloat (fabsf (values[i] - 0.75f), <, 1e-6f);
}

/* The right picture, in other colors, with something drawn into the hole. */
static void
make_pictures (const guint8 *known, float *picture, float *drawn, float gain, float shift)
{
  for (guint i = 0; i < COUNT; i++)
    {
      picture[i] = plane (i);
      drawn[i]   = picture[i] * gain + shift + (known[i / 3] ? 0.0f : 0.1f * sinf ((float) i));
    }
}

static void
test_seamless_takes_a_shift_away (void)
{
  g_autofree float  *picture = g_new (float, COUNT), *drawn = g_new (float, COUNT);
  g_autofree guint8 *known = g_new (guint8, WIDTH * HEIGHT);
  double             worst = 0;

  make_known (known);
  make_pictures (known, picture, drawn, 1, 0.3f);
  g_assert_true (dif_surroundings_match (drawn, picture, WIDTH, HEIGHT, known, "seamless"));
  for (guint i = 0; i < COUNT; i++)
    {
      float detail = known[i / 3] ? 0.0f : 0.1f * sinf ((float) i);

      worst = fmax (worst, fabs ((double) drawn[i] - picture[i] - detail));
    }
  g_assert_cmpfloat (worst, <, 1e-5);
}

static void
test_colors_undo_contrast_and_shift (void)
{
  g_autofree float  *picture = g_new (float, COUNT), *drawn = g_new (float, COUNT);
  g_autofree guint8 *known = g_new (guint8, WIDTH * HEIGHT);

  make_known (known);
  make_pictures (known, picture, drawn, 0.8f, -0.2f);
  g_assert_true (dif_surroundings_match (drawn, picture, WIDTH, HEIGHT, known, "colors"));
  for (guint i = 0; i < COUNT; i++)
    {
      float detail = known[i / 3] ? 0.0f : 0.125f * sinf ((float) i);

      g_assert_cmpfloat (fabsf (drawn[i] - picture[i] - detail), <, 1e-4f);
    }
}

static void
test_nothing_known_keeps_what_is_drawn (void)
{
  g_autofree float  *picture = g_new (float, COUNT), *drawn = g_new (float, COUNT);
  g_autofree guint8 *known  = g_new0 (guint8, WIDTH * HEIGHT);
  g_autofree float  *before = g_new (float, COUNT);

  for (guint how = 0; dif_match_choices[how]; how++)
    {
      make_pictures (known, picture, drawn, 0.8f, -0.2f);
      memcpy (before, drawn, COUNT * sizeof *drawn);
      g_assert_true (
          dif_surroundings_match (drawn, picture, WIDTH, HEIGHT, known, dif_match_choices[how]));
      g_assert_cmpmem (drawn, COUNT * sizeof *drawn, before, COUNT * sizeof *before);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/fill/membrane-over-a-plane-is-the-plane",
                   test_membrane_is_flat_over_a_plane);
  g_test_add_func ("/base/fill/membrane-stays-in-range", test_membrane_stays_in_range);
  g_test_add_func ("/base/fill/nothing-known", test_nothing_known_changes_nothing);
  g_test_add_func ("/base/fill/blur", test_blur);
  g_test_add_func ("/pipelines/surroundings/seamless", test_seamless_takes_a_shift_away);
  g_test_add_func ("/pipelines/surroundings/colors", test_colors_undo_contrast_and_shift);
  g_test_add_func ("/pipelines/surroundings/nothing-known", test_nothing_known_keeps_what_is_drawn);
  return g_test_run ();
}
