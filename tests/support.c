/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* support.c - fixtures and comparisons. */
#include <math.h>

#include "support.h"

char *
test_fixture (const char *relative)
{
  return g_build_filename (g_getenv ("DIF_FIXTURES"), relative, NULL);
}

DifJson *
test_read_json (const char *relative)
{
  g_autofree char *path  = test_fixture (relative);
  GError          *error = NULL;
  DifJson         *json  = dif_json_load (path, &error);

  g_assert_no_error (error);
  return json;
}

DifWeights *
test_read_tensors (const char *relative)
{
  g_autofree char *path  = test_fixture (relative);
  DifWeights      *w     = dif_weights_new (relative);
  GError          *error = NULL;

  dif_safetensors_read (path, w, NULL, NULL, &error);
  g_assert_no_error (error);
  return w;
}

float *
test_floats (DifWeights *w, const char *name, DifShape *shape)
{
  const DifHostArray *array = dif_weights_lookup (w, name);
  float              *data;

  if (! array)
    g_error ("no tensor %s in the fixture", name);
  data = dif_host_to_f32 (array, NULL);
  g_assert_nonnull (data);
  if (shape)
    *shape = array->shape;
  return data;
}

void
test_set_image (DifRequest *rq, DifWeights *w, const char *tensor, const char *name)
{
  g_autofree guint8 *bytes = NULL;
  g_autofree float  *data  = NULL;
  DifShape           shape;
  DifImage          *image;
  GError            *error = NULL;
  gsize              n;
  guint              channels;

  if (! dif_weights_lookup (w, tensor))
    return;
  data = test_floats (w, tensor, &shape);
  g_assert_true (dif_shape_count (&shape, &n));
  bytes    = g_malloc (n);
  channels = shape.n == 3 ? 3 : 1;
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) data[i];
  image = dif_image_new_8bit ((guint) shape.d[1], (guint) shape.d[0], channels, bytes,
                              shape.d[1] * channels, channels);
  dif_request_set_image (rq, name, image, &error);
  g_assert_no_error (error);
  dif_image_unref (image);
}

double
test_max_difference (const float *a, const float *b, gsize n)
{
  double worst = 0;

  for (gsize i = 0; i < n; i++)
    {
      double d = fabs ((double) a[i] - (double) b[i]);

      if (! isfinite (d))
        return INFINITY;
      worst = MAX (worst, d);
    }
  return worst;
}

double
test_relative_difference (const float *a, const float *b, gsize n)
{
  double top = 0;

  for (gsize i = 0; i < n; i++)
    top = MAX (top, fabs ((double) b[i]));
  return test_max_difference (a, b, n) / (top > 0 ? top : 1);
}

double
test_psnr (const float *a, const float *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += ((double) a[i] - (double) b[i]) * ((double) a[i] - (double) b[i]);
  return -10 * log10 (sum / (double) n + 1e-20);
}
