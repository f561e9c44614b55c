/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-image.c - resampling and gray against Pillow, pixel for pixel. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

static DifImage *
image_of (DifWeights *w, const char *name)
{
  DifShape           shape;
  g_autofree float  *data     = test_floats (w, name, &shape);
  guint              channels = shape.n == 3 ? 3 : 1;
  gsize              n        = shape.d[0] * shape.d[1] * channels;
  g_autofree guint8 *bytes    = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) data[i];
  return dif_image_new_8bit ((guint) shape.d[1], (guint) shape.d[0], channels, bytes,
                             shape.d[1] * channels, channels);
}

static void
check_equal (DifImage *image, DifWeights *w, const char *name)
{
  DifShape          shape;
  g_autofree float *expected = test_floats (w, name, &shape);
  gsize             n;

  g_assert_true (dif_shape_count (&shape, &n));
  g_assert_cmpuint (dif_image_height (image), ==, shape.d[0]);
  g_assert_cmpuint (dif_image_width (image), ==, shape.d[1]);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat (rintf (dif_image_pixels (image)[i] * 255), ==, expected[i]);
}

static void
test_resampling_is_pillows (void)
{
  static const char *const filters[] = { "nearest", "bilinear", "bicubic", "lanczos" };
  g_autoptr (DifWeights)   w         = test_read_tensors ("pictures/resampling.safetensors");
  g_autoptr (DifImage)     image     = image_of (w, "image");
  g_autoptr (GPtrArray)    names     = dif_weights_names (w);
  guint                    seen      = 0;

  for (guint i = 0; i < names->len; i++)
    for (guint f = 0; f < G_N_ELEMENTS (filters); f++)
      {
        const char          *name  = g_ptr_array_index (names, i);
        g_autoptr (DifImage) small = NULL;
        guint                width, height;

        if (! g_str_has_prefix (name, filters[f]))
          continue;
        g_assert_cmpint (sscanf (name + strlen (filters[f]), ".%ux%u", &width, &height), ==, 2);
        small = dif_image_resize (image, width, height, (DifFilter) f);
        check_equal (small, w, name);
        seen++;
      }
  g_assert_cmpuint (seen, ==, 36);
}

static void
test_gray_is_pillows (void)
{
  g_autoptr (DifWeights) w     = test_read_tensors ("pictures/resampling.safetensors");
  g_autoptr (DifImage)   image = image_of (w, "image"), gray = dif_image_to_gray (image);

  check_equal (gray, w, "gray");
}

/* Values between the 8-bit steps are not rounded to them. */
static void
test_deep_pictures_stay_deep (void)
{
  const float          pixels[4] = { 0.1001f, 0.5003f, NAN, 2 };
  g_autoptr (DifImage) image     = dif_image_new (2, 2, 1, pixels),
                       wide      = dif_image_resize (image, 3, 2, DIF_FILTER_BILINEAR);

  g_assert_cmpfloat (dif_image_pixels (image)[0], ==, 0.1001f);
  g_assert_cmpfloat (dif_image_pixels (image)[2], ==, 0);
  g_assert_cmpfloat (dif_image_pixels (image)[3], ==, 1);
  g_assert_cmpfloat_with_epsilon (dif_image_pixels (wide)[1], 0.3002f, 1e-6f);
}

static void
test_crop_and_channels (void)
{
  const guint8         bytes[] = { 0, 51, 102, 255, 153, 204, 255, 255 };
  g_autoptr (DifImage) image   = dif_image_new_8bit (2, 1, 3, bytes, 8, 4),
                       part    = dif_image_crop (image, 1, 0, 1, 1);
  g_autoptr (DifImage) gray = dif_image_to_gray (part), rgb = dif_image_to_rgb (gray);

  g_assert_cmpfloat (dif_image_pixels (image)[1], ==, 51 / 255.0f);
  g_assert_cmpfloat (dif_image_pixels (part)[0], ==, 153 / 255.0f);
  g_assert_cmpuint (dif_image_channels (rgb), ==, 3);
  g_assert_cmpfloat (dif_image_pixels (rgb)[2], ==, dif_image_pixels (gray)[0]);
}

static void
test_fitting_is_diffusers (void)
{
  const struct
  {
    const char *name;
    guint       width, height;
    DifImage *(*fit) (DifImage *image, guint width, guint height);
  } cases[]                    = { { "inside.40x64", 40, 64, dif_image_fit_inside },
                                   { "inside.64x25", 64, 25, dif_image_fit_inside },
                                   { "over.40x64", 40, 64, dif_image_fit_over },
                                   { "over.64x25", 64, 25, dif_image_fit_over } };
  g_autoptr (DifWeights) w     = test_read_tensors ("pictures/resampling.safetensors");
  g_autoptr (DifImage)   image = image_of (w, "image"), mask = image_of (w, "mask");
  g_autoptr (DifImage)   part = image_of (w, "part"), whole = NULL;
  const DifCrop          crop = { 20, 11, 24, 17 };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (DifImage) fitted = cases[i].fit (image, cases[i].width, cases[i].height);

      check_equal (fitted, w, cases[i].name);
    }
  whole = dif_image_put_back (image, mask, part, &crop);
  check_equal (whole, w, "whole");
}

static void
crop_is (DifImage *mask, guint width, guint height, guint padding, DifCrop expected)
{
  DifCrop crop;

  g_assert_true (dif_crop_around (mask, width, height, padding, &crop));
  g_assert_cmpuint (crop.x, ==, expected.x);
  g_assert_cmpuint (crop.y, ==, expected.y);
  g_assert_cmpuint (crop.width, ==, expected.width);
  g_assert_cmpuint (crop.height, ==, expected.height);
}

/* Numbers from diffusers' get_crop_region. */
static void
test_crops_are_diffusers (void)
{
  g_autofree float    *p     = g_new0 (float, 60 * 40);
  g_autoptr (DifImage) black = dif_image_new (60, 40, 1, p), mask = NULL, all = NULL;
  DifCrop              crop;

  g_assert_false (dif_crop_around (black, 64, 64, 8, &crop));
  for (guint y = 30; y < 35; y++)
    for (guint x = 50; x < 53; x++)
      p[y * 60 + x] = 1 / 255.0f;
  mask = dif_image_new (60, 40, 1, p);
  crop_is (mask, 64, 64, 0, (DifCrop) { 49, 30, 5, 5 });
  crop_is (mask, 64, 64, 3, (DifCrop) { 46, 27, 11, 11 });
  crop_is (mask, 64, 64, 12, (DifCrop) { 38, 18, 22, 22 });
  crop_is (mask, 96, 32, 5, (DifCrop) { 15, 25, 45, 15 });
  crop_is (mask, 32, 96, 5, (DifCrop) { 45, 1, 13, 39 });
  crop_is (mask, 8, 80, 1, (DifCrop) { 49, 0, 5, 40 });
  crop_is (mask, 800, 80, 2, (DifCrop) { 0, 28, 60, 9 });
  for (guint i = 0; i < 60 * 40; i++)
    p[i] = 1;
  all = dif_image_new (60, 40, 1, p);
  crop_is (all, 64, 64, 5, (DifCrop) { 0, 0, 60, 40 });
  crop_is (all, 8, 800, 0, (DifCrop) { 0, 0, 60, 40 });
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/image/resampling-is-pillows", test_resampling_is_pillows);
  g_test_add_func ("/base/image/gray-is-pillows", test_gray_is_pillows);
  g_test_add_func ("/base/image/fitting-is-diffusers", test_fitting_is_diffusers);
  g_test_add_func ("/base/image/crops-are-diffusers", test_crops_are_diffusers);
  g_test_add_func ("/base/image/deep-pictures-stay-deep", test_deep_pictures_stay_deep);
  g_test_add_func ("/base/image/crop-and-channels", test_crop_and_channels);
  return g_test_run ();
}
