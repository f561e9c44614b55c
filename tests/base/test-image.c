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
  g_autofree float  *data  = test_floats (w, name, &shape);
  gsize              n     = shape.d[0] * shape.d[1] * shape.d[2];
  g_autofree guint8 *bytes = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) data[i];
  return dif_image_new_8bit ((guint) shape.d[1], (guint) shape.d[0], 3, bytes, shape.d[1] * 3, 3);
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/image/resampling-is-pillows", test_resampling_is_pillows);
  g_test_add_func ("/base/image/gray-is-pillows", test_gray_is_pillows);
  g_test_add_func ("/base/image/deep-pictures-stay-deep", test_deep_pictures_stay_deep);
  g_test_add_func ("/base/image/crop-and-channels", test_crop_and_channels);
  return g_test_run ();
}
