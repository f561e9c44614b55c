/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt-processor.c - resizing and normalising for the depth estimator.
 *
 * Defaults are those of transformers' DPTImageProcessor; files of 2022 have a
 * number for the size.
 */
#include <math.h>

#include "base/error.h"
#include "models/dpt-processor.h"

#define DEFAULT_SIDE 384

static void
read_size (DifDptProcessor *p, DifJson *config)
{
  DifJson *size = dif_json_member (config, "size");

  p->height = p->width = DEFAULT_SIDE;
  if (! size)
    return;
  if (dif_json_type (size) != DIF_JSON_OBJECT)
    {
      p->height = p->width = (guint) dif_json_value_int (size, 1, 1 << 14);
      return;
    }
  p->height = (guint) dif_json_int (size, "height", 0, 1, 1 << 14);
  p->width  = (guint) dif_json_int (size, "width", 0, 1, 1 << 14);
  if (! p->height || ! p->width)
    dif_json_fail (size, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected a number, or height and width, found neither");
}

/* Pillow's numbers of filters. */
static DifFilter
read_filter (DifJson *config)
{
  static const DifFilter filters[] = { DIF_FILTER_NEAREST, DIF_FILTER_LANCZOS, DIF_FILTER_BILINEAR,
                                       DIF_FILTER_BICUBIC };
  gint64                 number    = dif_json_int (config, "resample", 3, 0, 99);

  if (number >= (gint64) G_N_ELEMENTS (filters))
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                     "resample: expected 0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic), "
                     "found %" G_GINT64_FORMAT,
                     number);
      number = 0;
    }
  return filters[number];
}

/* A number, or one for each channel. */
static void
read_three (float *out, DifJson *config, const char *key, gboolean positive)
{
  DifJson *value = dif_json_member (config, key);
  gboolean list  = value && dif_json_type (value) == DIF_JSON_ARRAY;

  if (list && dif_json_length (value) != 3)
    {
      dif_json_fail (value, DIF_FORMAT_ERROR_BAD_VALUE, "expected 3 numbers, found %u",
                     dif_json_length (value));
      return;
    }
  for (guint c = 0; c < 3; c++)
    {
      double v = ! value ? 0.5 : dif_json_value_double (list ? dif_json_at (value, c) : value);

      if (! isfinite (v) || (positive && ! (v > 0)))
        dif_json_fail (value, DIF_FORMAT_ERROR_BAD_VALUE, "expected %s numbers, found %g",
                       positive ? "positive" : "finite", v);
      out[c] = (float) v;
    }
}

gboolean
dif_dpt_processor_read (DifDptProcessor *p, DifJson *config, GError **error)
{
  *p             = (DifDptProcessor) { .std = { 1, 1, 1 }, .scale = 1 };
  p->resize      = dif_json_bool (config, "do_resize", TRUE);
  p->keep_aspect = dif_json_bool (config, "keep_aspect_ratio", FALSE);
  p->multiple    = (guint) dif_json_int (config, "ensure_multiple_of", 1, 1, 1 << 14);
  p->filter      = read_filter (config);
  read_size (p, config);
  if (dif_json_bool (config, "do_rescale", TRUE))
    p->scale = dif_json_double (config, "rescale_factor", 1 / 255.0);
  if (dif_json_bool (config, "do_normalize", TRUE))
    {
      read_three (p->mean, config, "image_mean", FALSE);
      read_three (p->std, config, "image_std", TRUE);
    }
  if (! isfinite (p->scale))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "rescale_factor: expected a finite number, found %g", p->scale);
  if (dif_json_bool (config, "do_pad", FALSE))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "do_pad: expected false, found true");
  return dif_json_finish (config, error);
}

/* The nearest multiple; halves go to the even one, as Python's round() does. */
static guint
to_multiple (double value, guint multiple)
{
  return (guint) rint (value / multiple) * multiple;
}

static void
new_size (const DifDptProcessor *p, DifImage *image, guint *height, guint *width)
{
  double h = dif_image_height (image), w = dif_image_width (image);
  double down = p->height / h, across = p->width / w;

  *height = (guint) h;
  *width  = (guint) w;
  if (! p->resize)
    return;
  /* the side that changes least is fitted */
  if (p->keep_aspect && fabs (1 - across) < fabs (1 - down))
    down = across;
  else if (p->keep_aspect)
    across = down;
  *height = to_multiple (down * h, p->multiple);
  *width  = to_multiple (across * w, p->multiple);
}

float *
dif_dpt_processor_run (const DifDptProcessor *p, DifImage *image, guint *height, guint *width,
                       GError **error)
{
  g_autoptr (DifImage) rgb = NULL, fit = NULL;
  gsize                n;
  float               *out = NULL;

  new_size (p, image, height, width);
  if (! *height || ! *width || *height > DIF_IMAGE_MAX_SIDE || *width > DIF_IMAGE_MAX_SIDE)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE,
                   "image: expected one that the depth estimator's processor can resize, found "
                   "%u x %u, which would become %u x %u",
                   dif_image_width (image), dif_image_height (image), *width, *height);
      return NULL;
    }
  n   = (gsize) *height * *width;
  rgb = dif_image_to_rgb (image);
  fit = rgb ? dif_image_resize (rgb, *width, *height, p->filter) : NULL;
  out = fit ? g_try_new (float, 3 * n) : NULL;
  if (! out)
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                           "out of memory while preparing a picture for the depth estimator");
      return NULL;
    }
  for (gsize i = 0; i < 3 * n; i++)
    {
      gsize  c = i % 3;
      double v = (double) dif_image_pixels (fit)[i] * 255;

      out[c * n + i / 3] = ((float) (v * p->scale) - p->mean[c]) / p->std[c];
    }
  return out;
}
