/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-mask.c - the model's mask, and feathering, on selections by hand. */
#include <string.h>

#include "plugin/mask.h"

/* The mask of one pixel (x, y) of value @value on @width x @height. */
static DifImage *
mask_of_pixel (guint width, guint height, guint x, guint y, float value, guint grow, guint w,
               guint h)
{
  g_autoptr (DifLatentMask) latents = dif_latent_mask_new (width, height, grow, w, h, FALSE);
  g_autofree float         *row     = g_new0 (float, width);
  g_autofree float         *none    = g_new0 (float, width);

  row[x] = value;
  for (guint i = 0; i < height; i++)
    dif_latent_mask_add_row (latents, i, i == y ? row : none);
  return dif_latent_mask_to_image (latents);
}

/* Whether exactly the cells of columns c1 to c2 and rows r1 to r2 are drawn. */
static void
assert_cells (DifImage *mask, guint c1, guint c2, guint r1, guint r2)
{
  guint width = dif_image_width (mask), height = dif_image_height (mask);

  g_assert_cmpuint (dif_image_channels (mask), ==, 1);
  for (guint y = 0; y < height; y++)
    {
      for (guint x = 0; x < width; x++)
        {
          gboolean is_in = x / 8 >= c1 && x / 8 <= c2 && y / 8 >= r1 && y / 8 <= r2;

          g_assert_cmpfloat (dif_image_pixels (mask)[y * width + x], ==, is_in ? 1 : 0);
        }
    }
}

static void
test_cells (void)
{
  static const struct
  {
    guint width, height, x, y, grow, w, h, c1, c2, r1, r2;
  } cases[] = {
    { 64, 64, 0, 0, 0, 64, 64, 0, 0, 0, 0 },
    { 64, 64, 63, 63, 0, 64, 64, 7, 7, 7, 7 },
    { 64, 64, 8, 7, 0, 64, 64, 1, 1, 0, 0 },
    { 64, 64, 8, 7, 1, 64, 64, 0, 1, 0, 1 },
    { 64, 64, 30, 30, 500, 64, 64, 0, 7, 0, 7 },
    { 1, 1, 0, 0, 0, 64, 32, 0, 7, 0, 3 },
    { 3, 2, 1, 0, 0, 64, 32, 2, 5, 0, 1 },
    { 1000, 900, 999, 0, 0, 64, 64, 7, 7, 0, 0 },
    { 1000, 900, 125, 113, 0, 64, 64, 1, 1, 1, 1 },
    { 65, 64, 64, 0, 0, 64, 64, 7, 7, 0, 0 },
    { 65, 64, 8, 0, 0, 64, 64, 0, 1, 0, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (DifImage) mask =
          mask_of_pixel (cases[i].width, cases[i].height, cases[i].x, cases[i].y, 1.0f,
                         cases[i].grow, cases[i].w, cases[i].h);

      g_assert_nonnull (mask);
      assert_cells (mask, cases[i].c1, cases[i].c2, cases[i].r1, cases[i].r2);
    }
}

static void
test_faint (void)
{
  g_autoptr (DifImage) faint = mask_of_pixel (64, 64, 20, 20, 0.002f, 0, 64, 64);
  g_autoptr (DifImage) trace = mask_of_pixel (64, 64, 20, 20, 0.0019f, 0, 64, 64);

  assert_cells (faint, 2, 2, 2, 2);
  assert_cells (trace, 9, 9, 9, 9);
}

static void
test_nothing (void)
{
  g_autoptr (DifImage) mask = mask_of_pixel (64, 64, 20, 20, 0.0f, 5, 64, 64);

  assert_cells (mask, 9, 9, 9, 9);
}

/* In every cell the strongest pixel that touches it. */
static void
test_soft (void)
{
  g_autoptr (DifLatentMask) latents = dif_latent_mask_new (32, 16, 1, 32, 16, TRUE);
  g_autoptr (DifImage)      mask    = NULL;
  float                     row[32], none[32] = { 0 };
  const float               wanted[] = { 0.25f, 0.5f, 1.0f, 1.0f };

  for (guint i = 0; i < G_N_ELEMENTS (row); i++)
    row[i] = i < 8 ? 0.25f : i < 12 ? 0.5f
                         : i == 20  ? 3.0f
                         : i == 31  ? 1.0f
                                    : 0.0f;
  row[7] = 0.001f;
  for (guint y = 0; y < 16; y++)
    dif_latent_mask_add_row (latents, y, y == 3 ? row : none);
  mask = dif_latent_mask_to_image (latents);
  for (guint y = 0; y < 16; y++)
    {
      for (guint x = 0; x < 32; x++)
        {
          float value = y >= 8 ? 0.0f : wanted[x / 8];

          /* Grown by one pixel, the second cell's values reach the first. */
          if (y < 8 && x < 8)
            value = 0.5f;
          g_assert_cmpfloat (dif_image_pixels (mask)[y * 32 + x], ==, value);
        }
    }
}

static void
test_fade (void)
{
  g_autoptr (DifImage) mask  = mask_of_pixel (64, 64, 30, 30, 1.0f, 0, 64, 64);
  g_autoptr (DifImage) faded = dif_mask_fade (mask, 4);
  g_autoptr (DifImage) same  = dif_mask_fade (mask, 0);

  for (guint i = 0; i < 64 * 64; i++)
    {
      int   x = (int) i % 64, y = (int) i / 64;
      int   away = MAX (MAX (24 - x, x - 31), MAX (24 - y, y - 31));
      float now  = dif_image_pixels (faded)[i];

      g_assert_cmpfloat (dif_image_pixels (same)[i], ==, dif_image_pixels (mask)[i]);
      if (away <= 0)
        g_assert_cmpfloat (now, ==, 1.0f);
      else if (away > 8)
        g_assert_cmpfloat (now, ==, 0.0f);
      else if (away == 1 || away == 2)
        g_assert_true (now > 0.5f && now < 1.0f);
    }
}

#define SIDE 64

static void
square (float *values, float value)
{
  for (guint y = 0; y < SIDE; y++)
    {
      for (guint x = 0; x < SIDE; x++)
        values[y * SIDE + x] = x >= 16 && x < 48 && y >= 16 && y < 48 ? value : 0.0f;
    }
}

static void
test_feather (void)
{
  const float values[] = { 1.0f, 0.5f, 200.0f / 255 };
  const guint radii[]  = { 1, 2, 5, 8 };
  float       mask[SIDE * SIDE];

  for (guint i = 0; i < G_N_ELEMENTS (values) * G_N_ELEMENTS (radii); i++)
    {
      const float value  = values[i % G_N_ELEMENTS (values)];
      const guint radius = radii[i / G_N_ELEMENTS (values)];

      square (mask, value);
      g_assert_true (dif_mask_feather (mask, SIDE, SIDE, radius));
      for (guint y = 0; y < SIDE; y++)
        {
          for (guint x = 0; x < SIDE; x++)
            {
              float now = mask[y * SIDE + x];

              if (x < 16 || x >= 48 || y < 16 || y >= 48)
                g_assert_cmpfloat (now, ==, 0.0f);
              else if (x >= 16 + 2 * radius && x < 48 - 2 * radius && y >= 16 + 2 * radius &&
                       y < 48 - 2 * radius)
                g_assert_cmpfloat (now, ==, value);
              g_assert_true (now >= 0.0f && now <= value);
              if (x > 16 && x < 32 && y == 32)
                g_assert_cmpfloat (now, >=, mask[y * SIDE + x - 1]);
            }
        }
      g_assert_cmpfloat (mask[32 * SIDE + 16], <, value);
    }
}

static void
test_feather_keeps (void)
{
  float mask[SIDE * SIDE], before[SIDE * SIDE];

  square (mask, 0.25f);
  memcpy (before, mask, sizeof mask);
  g_assert_true (dif_mask_feather (mask, SIDE, SIDE, 0));
  g_assert_cmpmem (mask, sizeof mask, before, sizeof before);
  for (guint i = 0; i < SIDE * SIDE; i++)
    mask[i] = before[i] = 0.75f;
  g_assert_true (dif_mask_feather (mask, SIDE, SIDE, 30));
  g_assert_cmpmem (mask, sizeof mask, before, sizeof before);
  square (mask, 1.0f);
  g_assert_true (dif_mask_feather (mask, SIDE, SIDE, 1000));
  for (guint i = 0; i < SIDE * SIDE; i++)
    g_assert_cmpfloat (mask[i], ==, 0.0f);
  g_assert_true (dif_mask_feather (mask, 1, 1, 5));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/mask/soft-cells-keep-the-strongest", test_soft);
  g_test_add_func ("/plugin/mask/fading-goes-outwards", test_fade);
  g_test_add_func ("/plugin/mask/cells-that-a-pixel-touches", test_cells);
  g_test_add_func ("/plugin/mask/faint-pixels-count", test_faint);
  g_test_add_func ("/plugin/mask/nothing-selected-is-empty", test_nothing);
  g_test_add_func ("/plugin/mask/feathers-inwards", test_feather);
  g_test_add_func ("/plugin/mask/feathering-keeps-what-it-must", test_feather_keeps);
  return g_test_run ();
}
