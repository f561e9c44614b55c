/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-processor.c - CLIPImageProcessor: resize, cut, scale, normalise.
 *
 * Everything up to the cut happens in eight bits, as Pillow does it.
 */
#include <math.h>

#include "base/error.h"
#include "models/clip-processor.h"

#define CHANNELS 3
#define MAX_SIDE 2048

struct _DifClipProcessor
{
  gboolean  resize, crop, rescale, normalize;
  guint     shortest;      /* side to resize to, or 0 */
  guint     width, height; /* size to resize to where shortest is 0 */
  guint     crop_width, crop_height;
  DifFilter filter;
  double    factor;
  float     mean[CHANNELS], std[CHANNELS];
};

/* By Pillow's numbers of its filters. */
static const struct
{
  int       number;
  DifFilter filter;
} filters[] = {
  { 0, DIF_FILTER_NEAREST },
  { 1, DIF_FILTER_LANCZOS },
  { 2, DIF_FILTER_BILINEAR },
  { 3, DIF_FILTER_BICUBIC },
};

static void
read_filter (DifClipProcessor *p, DifJson *config)
{
  gint64 number = dif_json_int (config, "resample", 3, 0, 5);

  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    if (filters[i].number == number)
      {
        p->filter = filters[i].filter;
        return;
      }
  dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "resample: expected 0 to 3 (nearest, Lanczos, bilinear, bicubic), found "
                 "%" G_GINT64_FORMAT,
                 number);
}

/* A number, or an object of "height" and "width"; FALSE if it is neither. */
static gboolean
read_size (DifJson *config, const char *key, guint *width, guint *height)
{
  DifJson *member = dif_json_member (config, key);

  if (! member || dif_json_type (member) != DIF_JSON_OBJECT)
    {
      *width = *height = (guint) dif_json_int (config, key, 224, 1, MAX_SIDE);
      return FALSE;
    }
  *width  = (guint) dif_json_int (member, "width", 224, 1, MAX_SIDE);
  *height = (guint) dif_json_int (member, "height", 224, 1, MAX_SIDE);
  return TRUE;
}

static void
read_target (DifClipProcessor *p, DifJson *config)
{
  gboolean object = read_size (config, "size", &p->width, &p->height);

  if (! object)
    p->shortest = p->width;
  else
    p->shortest =
        (guint) dif_json_int (dif_json_member (config, "size"), "shortest_edge", 0, 0, MAX_SIDE);
}

static void
read_numbers (DifJson *config, const char *key, const float *fallback, float *out)
{
  DifJson *list = dif_json_member (config, key);

  for (guint i = 0; i < CHANNELS; i++)
    out[i] = fallback[i];
  if (! list)
    return;
  if (dif_json_type (list) != DIF_JSON_ARRAY || dif_json_length (list) != CHANNELS)
    {
      dif_json_fail_value (list, DIF_FORMAT_ERROR_BAD_VALUE, "a list of three numbers");
      return;
    }
  for (guint i = 0; i < CHANNELS; i++)
    out[i] = (float) dif_json_value_double (dif_json_at (list, i));
}

DifClipProcessor *
dif_clip_processor_new (DifJson *config, GError **error)
{
  static const float mean[CHANNELS] = { 0.48145466f, 0.4578275f, 0.40821073f };
  static const float std[CHANNELS]  = { 0.26862954f, 0.26130258f, 0.27577711f };

  g_autoptr (DifClipProcessor) p = g_new0 (DifClipProcessor, 1);

  p->resize    = dif_json_bool (config, "do_resize", TRUE);
  p->crop      = dif_json_bool (config, "do_center_crop", TRUE);
  p->rescale   = dif_json_bool (config, "do_rescale", TRUE);
  p->normalize = dif_json_bool (config, "do_normalize", TRUE);
  p->factor    = dif_json_double (config, "rescale_factor", 1 / 255.0);
  read_target (p, config);
  read_size (config, "crop_size", &p->crop_width, &p->crop_height);
  read_filter (p, config);
  read_numbers (config, "image_mean", mean, p->mean);
  read_numbers (config, "image_std", std, p->std);
  for (guint i = 0; i < CHANNELS; i++)
    if (! (p->std[i] > 0) || ! isfinite (p->std[i]) || ! isfinite (p->mean[i]))
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "image_std: expected finite numbers above 0, found %g", (double) p->std[i]);
  return dif_json_finish (config, error) ? g_steal_pointer (&p) : NULL;
}

void
dif_clip_processor_free (DifClipProcessor *p)
{
  g_free (p);
}

gboolean
dif_clip_processor_size (DifClipProcessor *p, guint *width, guint *height)
{
  gboolean fixed = p->crop || (p->resize && ! p->shortest);

  *width  = p->crop ? p->crop_width : fixed ? p->width
                                            : 0;
  *height = p->crop ? p->crop_height : fixed ? p->height
                                             : 0;
  return fixed;
}

static DifImage *
resized (const DifClipProcessor *p, DifImage *image)
{
  guint  w = dif_image_width (image), h = dif_image_height (image);
  double longer = p->shortest * (double) MAX (w, h) / MIN (w, h);

  if (! p->resize)
    return dif_image_ref (image);
  if (! p->shortest)
    return dif_image_resize (image, p->width, p->height, p->filter);
  return w <= h ? dif_image_resize (image, p->shortest, (guint) longer, p->filter)
                : dif_image_resize (image, (guint) longer, p->shortest, p->filter);
}

/* Where the first of @size pixels out of the middle of @of lies; negative if
 * there are fewer.  Source: transformers center_crop. */
static gint64
middle (gint64 of, gint64 size)
{
  return size <= of ? (of - size) / 2 : -((size - of + 1) / 2);
}

/* One value of the result. */
static float
value_at (const DifClipProcessor *p, DifImage *image, gint64 x, gint64 y, guint c)
{
  gint64 w = dif_image_width (image), h = dif_image_height (image);
  float  v = 0;

  if (x >= 0 && y >= 0 && x < w && y < h)
    v = rintf (dif_image_pixels (image)[(y * w + x) * CHANNELS + c] * 255);
  if (p->rescale)
    v = (float) (v * p->factor);
  return p->normalize ? (v - p->mean[c]) / p->std[c] : v;
}

float *
dif_clip_processor_apply (DifClipProcessor *p, DifImage *image, guint *width, guint *height)
{
  g_autoptr (DifImage) rgb = dif_image_to_rgb (image);
  g_autoptr (DifImage) fit = rgb ? resized (p, rgb) : NULL;
  gint64               left, top;
  float               *out;

  if (! fit)
    return NULL;
  *width  = p->crop ? p->crop_width : dif_image_width (fit);
  *height = p->crop ? p->crop_height : dif_image_height (fit);
  left    = middle (dif_image_width (fit), *width);
  top     = middle (dif_image_height (fit), *height);
  out     = g_try_new (float, (gsize) *width **height *CHANNELS);
  for (guint y = 0; out && y < *height; y++)
    for (guint x = 0; x < *width; x++)
      for (guint c = 0; c < CHANNELS; c++)
        out[((gsize) y * *width + x) * CHANNELS + c] = value_at (p, fit, left + x, top + y, c);
  return out;
}
