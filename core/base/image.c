/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* image.c - Pillow's separable resampling, and what else tasks do to pictures.
 *
 * Source: Pillow, Image.resize and Image.convert; the 8-bit arithmetic has 22
 * fractional bits.
 */
#include <math.h>
#include <string.h>

#include "base/image.h"

struct _DifImage
{
  gint     ref_count;
  guint    width, height, channels;
  gboolean eight_bit;
  float   *pixels;
};

#define FRACTION_BITS 22

static DifImage *
image_alloc (guint width, guint height, guint channels)
{
  DifImage *image = g_new0 (DifImage, 1);
  gsize     n     = 0;

  image->ref_count = 1;
  image->width     = width;
  image->height    = height;
  image->channels  = channels;
  if (g_size_checked_mul (&n, width, height) && g_size_checked_mul (&n, n, channels) &&
      g_size_checked_mul (&n, n, sizeof (float)))
    image->pixels = g_try_malloc0 (n);
  if (! image->pixels)
    g_clear_pointer (&image, g_free);
  return image;
}

static gsize
count (const DifImage *image)
{
  return (gsize) image->width * image->height * image->channels;
}

DifImage *
dif_image_new (guint width, guint height, guint channels, const float *pixels)
{
  DifImage *image;

  g_return_val_if_fail (width && height && (channels == 1 || channels == 3), NULL);
  image = image_alloc (width, height, channels);
  if (! image)
    return NULL;
  image->eight_bit = TRUE;
  for (gsize i = 0; pixels && i < count (image); i++)
    {
      float v = pixels[i] > 0 ? MIN (pixels[i], 1) : 0;

      image->pixels[i] = v;
      image->eight_bit = image->eight_bit && rintf (v * 255) / 255 == v;
    }
  return image;
}

DifImage *
dif_image_new_8bit (guint width, guint height, guint channels, const guint8 *pixels, gsize stride,
                    guint pixel_stride)
{
  DifImage *image;

  g_return_val_if_fail (width && height && (channels == 1 || channels == 3), NULL);
  image = image_alloc (width, height, channels);
  if (! image)
    return NULL;
  image->eight_bit = TRUE;
  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < channels; c++)
        image->pixels[((gsize) y * width + x) * channels + c] =
            (float) pixels[y * stride + (gsize) x * pixel_stride + c] / 255;
  return image;
}

DifImage *
dif_image_ref (DifImage *image)
{
  g_atomic_int_inc (&image->ref_count);
  return image;
}

void
dif_image_unref (DifImage *image)
{
  if (! image || ! g_atomic_int_dec_and_test (&image->ref_count))
    return;
  g_free (image->pixels);
  g_free (image);
}

guint
dif_image_width (DifImage *image)
{
  return image->width;
}

guint
dif_image_height (DifImage *image)
{
  return image->height;
}

guint
dif_image_channels (DifImage *image)
{
  return image->channels;
}

gboolean
dif_image_is_8bit (DifImage *image)
{
  return image->eight_bit;
}

const float *
dif_image_pixels (DifImage *image)
{
  return image->pixels;
}

/* ---- resizing ---- */

static double
triangle (double x)
{
  x = fabs (x);
  return x < 1 ? 1 - x : 0;
}

static double
cubic (double x)
{
  const double a = -0.5;

  x = fabs (x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double
sinc (double x)
{
  return x == 0 ? 1 : sin (x * G_PI) / (x * G_PI);
}

static double
lanczos (double x)
{
  return x >= -3 && x < 3 ? sinc (x) * sinc (x / 3) : 0;
}

static const struct
{
  double (*weight) (double x);
  double support;
} filters[] = {
  [DIF_FILTER_NEAREST]  = { NULL, 0 },
  [DIF_FILTER_BILINEAR] = { triangle, 1 },
  [DIF_FILTER_BICUBIC]  = { cubic, 2 },
  [DIF_FILTER_LANCZOS]  = { lanczos, 3 },
};

/* Weights of the source pixels that make one output pixel. */
typedef struct
{
  guint   first, n;
  double *w; /* n, summing to 1 */
} Window;

static void
make_window (Window *window, guint at, guint in, guint out, DifFilter filter, double *w)
{
  double scale = (double) in / out, wide = MAX (scale, 1), support = filters[filter].support * wide;
  double center = (at + 0.5) * scale, sum = 0;
  int    first = MAX ((int) (center - support + 0.5), 0),
      last     = MIN ((int) (center + support + 0.5), (int) in);

  window->first = (guint) first;
  window->n     = (guint) MAX (last - first, 0);
  window->w     = w;
  for (guint i = 0; i < window->n; i++)
    sum += w[i] = filters[filter].weight ((i + first - center + 0.5) / wide);
  for (guint i = 0; sum != 0 && i < window->n; i++)
    w[i] /= sum;
}

/* One output pixel of an 8-bit line: sums of whole numbers, as Pillow has them. */
static float
sum_8bit (const Window *window, const float *line, gsize step)
{
  gint64 sum = 1 << (FRACTION_BITS - 1);

  for (guint i = 0; i < window->n; i++)
    {
      gint64 k = (gint64) (window->w[i] * (1 << FRACTION_BITS) + (window->w[i] < 0 ? -0.5 : 0.5));

      sum += k * (gint64) rintf (line[(window->first + i) * step] * 255);
    }
  return (float) CLAMP (sum >> FRACTION_BITS, 0, 255) / 255;
}

static float
sum_float (const Window *window, const float *line, gsize step)
{
  double sum = 0;

  for (guint i = 0; i < window->n; i++)
    sum += window->w[i] * line[(window->first + i) * step];
  return (float) CLAMP (sum, 0, 1);
}

/* One pass: @from's rows (or columns) become @to's. */
static void
pass (DifImage *to, const DifImage *from, gboolean columns, const Window *windows)
{
  gsize from_row = (gsize) from->width * from->channels, step = columns ? from_row : from->channels;
  float (*sum) (const Window *, const float *, gsize) = from->eight_bit ? sum_8bit : sum_float;

  for (guint y = 0; y < to->height; y++)
    for (guint x = 0; x < to->width; x++)
      for (guint c = 0; c < to->channels; c++)
        {
          const float *line =
              from->pixels + (columns ? (gsize) x * from->channels : y * from_row) + c;

          to->pixels[((gsize) y * to->width + x) * to->channels + c] =
              sum (&windows[columns ? y : x], line, step);
        }
}

static DifImage *
resize_pass (DifImage *from, guint size, gboolean columns, DifFilter filter)
{
  guint     in   = columns ? from->height : from->width;
  gsize     most = (gsize) (2 * filters[filter].support * MAX ((double) in / size, 1)) + 3;
  DifImage *to =
      image_alloc (columns ? from->width : size, columns ? size : from->height, from->channels);
  g_autofree Window *windows = g_try_new (Window, size);
  g_autofree double *weights = g_try_malloc_n (size, most * sizeof (double));

  if (! to || ! windows || ! weights)
    {
      dif_image_unref (to);
      return NULL;
    }
  to->eight_bit = from->eight_bit;
  for (guint i = 0; i < size; i++)
    make_window (&windows[i], i, in, size, filter, weights + i * most);
  pass (to, from, columns, windows);
  return to;
}

/* Steps are added up, not multiplied: that settles ties as Pillow does. */
static DifImage *
resize_nearest (DifImage *image, guint width, guint height)
{
  DifImage *to     = image_alloc (width, height, image->channels);
  double    across = (double) image->width / width, down = (double) image->height / height;
  double    row = down / 2, column;

  if (! to)
    return NULL;
  to->eight_bit = image->eight_bit;
  for (guint y = 0; y < height; y++, row += down)
    {
      column = across / 2;
      for (guint x = 0; x < width; x++, column += across)
        memcpy (to->pixels + ((gsize) y * width + x) * image->channels,
                image->pixels + (MIN ((gsize) row, image->height - 1) * image->width +
                                 MIN ((gsize) column, image->width - 1)) *
                                    image->channels,
                image->channels * sizeof (float));
    }
  return to;
}

/* Pillow 13 begins with the pass that shrinks most: columns if the height loses
 * more than twice what the width does.  Rounding between the passes shows it. */
static gboolean
columns_first (const DifImage *image, guint width, guint height)
{
  gint64 lower    = (gint64) image->height - height;
  gint64 narrower = (gint64) image->width - width;

  return lower > 0 && lower > 2 * narrower;
}

DifImage *
dif_image_resize (DifImage *image, guint width, guint height, DifFilter filter)
{
  gboolean  columns;
  DifImage *one, *both;

  g_return_val_if_fail (width && height, NULL);
  if (image->width == width && image->height == height)
    return dif_image_ref (image);
  if (filter == DIF_FILTER_NEAREST)
    return resize_nearest (image, width, height);
  if (image->width == width)
    return resize_pass (image, height, TRUE, filter);
  if (image->height == height)
    return resize_pass (image, width, FALSE, filter);
  columns = columns_first (image, width, height);
  one     = resize_pass (image, columns ? height : width, columns, filter);
  if (! one)
    return NULL;
  both = resize_pass (one, columns ? width : height, ! columns, filter);
  dif_image_unref (one);
  return both;
}

DifImage *
dif_image_crop (DifImage *image, guint x, guint y, guint width, guint height)
{
  DifImage *part;

  g_return_val_if_fail (width && height && x + width <= image->width && y + height <= image->height,
                        NULL);
  part = image_alloc (width, height, image->channels);
  if (! part)
    return NULL;
  part->eight_bit = image->eight_bit;
  for (guint row = 0; row < height; row++)
    memcpy (part->pixels + (gsize) row * width * image->channels,
            image->pixels + ((gsize) (y + row) * image->width + x) * image->channels,
            (gsize) width * image->channels * sizeof (float));
  return part;
}

DifImage *
dif_image_to_gray (DifImage *image)
{
  DifImage *gray;

  if (image->channels == 1)
    return dif_image_ref (image);
  gray = image_alloc (image->width, image->height, 1);
  if (! gray)
    return NULL;
  gray->eight_bit = image->eight_bit;
  for (gsize i = 0; i < count (gray); i++)
    {
      const float *p = image->pixels + 3 * i;

      if (image->eight_bit)
        gray->pixels[i] =
            (float) ((19595 * (guint) rintf (p[0] * 255) + 38470 * (guint) rintf (p[1] * 255) +
                      7471 * (guint) rintf (p[2] * 255) + 32768) >>
                     16) /
            255;
      else
        gray->pixels[i] = (19595 * p[0] + 38470 * p[1] + 7471 * p[2]) / 65536;
    }
  return gray;
}

DifImage *
dif_image_to_rgb (DifImage *image)
{
  DifImage *rgb;

  if (image->channels == 3)
    return dif_image_ref (image);
  rgb = image_alloc (image->width, image->height, 3);
  if (! rgb)
    return NULL;
  rgb->eight_bit = image->eight_bit;
  for (gsize i = 0; i < count (image); i++)
    for (guint c = 0; c < 3; c++)
      rgb->pixels[3 * i + c] = image->pixels[i];
  return rgb;
}
