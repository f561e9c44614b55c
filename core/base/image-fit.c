/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* image-fit.c - parts of pictures: which, at what size, and back again. */
#include <math.h>
#include <string.h>

#include "base/image-fit.h"

/* ---- which part ---- */

/* First and last column and row that are not 0 throughout. */
static gboolean
bounds (DifImage *gray, gint64 *x, gint64 *y)
{
  const float *p = dif_image_pixels (gray);
  gint64       w = dif_image_width (gray), h = dif_image_height (gray);

  x[0] = w;
  y[0] = h;
  x[1] = y[1] = -1;
  for (gint64 i = 0; i < h; i++)
    for (gint64 j = 0; j < w; j++)
      if (p[i * w + j] > 0)
        {
          x[0] = MIN (x[0], j);
          x[1] = MAX (x[1], j);
          y[0] = MIN (y[0], i);
          y[1] = MAX (y[1], i);
        }
  return x[1] >= 0;
}

/* Widens [side[0], side[1]) by @more, moved so that it lies inside @limit. */
static void
widen (gint64 *side, gint64 more, gint64 limit)
{
  side[0] -= more / 2;
  side[1] += more - more / 2;
  if (side[1] >= limit)
    {
      side[0] -= side[1] - limit;
      side[1] = limit;
    }
  if (side[0] < 0)
    {
      side[1] -= side[0];
      side[0] = 0;
    }
  side[1] = MIN (side[1], limit);
}

gboolean
dif_crop_around (DifImage *gray, guint width, guint height, guint padding, DifCrop *crop)
{
  gint64 w = dif_image_width (gray), h = dif_image_height (gray), x[2], y[2];
  double wanted = (double) width / height;

  if (! bounds (gray, x, y))
    return FALSE;
  x[0] = MAX (x[0] - padding, 0);
  y[0] = MAX (y[0] - padding, 0);
  x[1] = MIN (x[1] + 1 + padding, w);
  y[1] = MIN (y[1] + 1 + padding, h);
  if ((double) (x[1] - x[0]) / (double) (y[1] - y[0]) > wanted)
    widen (y, (gint64) ((double) (x[1] - x[0]) / wanted - (double) (y[1] - y[0])), h);
  else
    widen (x, (gint64) ((double) (y[1] - y[0]) * wanted - (double) (x[1] - x[0])), w);
  *crop = (DifCrop) { (guint) x[0], (guint) y[0], (guint) (x[1] - x[0]), (guint) (y[1] - y[0]) };
  return TRUE;
}

/* ---- at what size ---- */

/* The sides of @image at which it just fits inside (or just covers) @width by
 * @height. */
static void
fitted_size (DifImage *image, guint width, guint height, gboolean inside, guint *w, guint *h)
{
  guint64 iw = dif_image_width (image), ih = dif_image_height (image);
  double  ratio = (double) width / height, own = (double) iw / (double) ih;
  guint   across = (guint) MAX (iw * height / ih, 1), down = (guint) MAX (ih * width / iw, 1);

  if (inside)
    {
      *w = ratio < own ? width : across;
      *h = ratio >= own ? height : down;
    }
  else
    {
      *w = ratio > own ? width : across;
      *h = ratio <= own ? height : down;
    }
}

/* Copies what of @from lies inside @to, [height, width, channels], with its
 * upper left corner at (x, y). */
static void
paste (float *to, gint64 width, gint64 height, DifImage *from, gint64 x, gint64 y)
{
  gint64 w = dif_image_width (from), h = dif_image_height (from), c = dif_image_channels (from);
  gint64 first = MAX (0, -x), last = MIN (w, width - x);

  for (gint64 i = MAX (0, -y); i < MIN (h, height - y) && first < last; i++)
    memcpy (to + ((i + y) * width + first + x) * c,
            dif_image_pixels (from) + (i * w + first) * c,
            (gsize) ((last - first) * c) * sizeof *to);
}

static float *
canvas (guint width, guint height, guint channels)
{
  gsize n;

  if (! g_size_checked_mul (&n, width, height) || ! g_size_checked_mul (&n, n, channels))
    return NULL;
  return g_try_new0 (float, n);
}

static guint
byte (float v)
{
  return (guint) rintf (v * 255);
}

/* What Pillow makes of an empty box at an edge by its bicubic filter: the line
 * at the edge and an eighth of the step to it from the next one, in 8 bits. */
static float
beyond (float edge, float next)
{
  int v = 9 * (int) byte (edge) - (int) byte (next) + 4;

  return (float) MIN (MAX (v, 0) / 8, 255) / 255;
}

/* Draws the border lines of the picture that lies at rows [at, at + size) out
 * over the rows before and behind; @stride from one row to the next, @line and
 * @step for what runs along it. */
static void
draw_out (float *p, guint length, guint at, guint size, gsize stride, guint line, gsize step,
          guint channels)
{
  for (guint k = 0; k < line; k++)
    for (guint c = 0; c < channels; c++)
      {
        float *q   = p + k * step + c;
        float  low = q[at * stride], high = q[(at + size - 1) * stride];
        float  low2  = size > 1 ? q[(at + 1) * stride] : low;
        float  high2 = size > 1 ? q[(at + size - 2) * stride] : high;

        for (guint i = 0; i < at; i++)
          q[i * stride] = beyond (low, low2);
        /* as many behind as before: an odd one out stays black */
        for (guint i = at + size; i < MIN (2 * at + size, length); i++)
          q[i * stride] = beyond (high, high2);
      }
}

DifImage *
dif_image_fit_inside (DifImage *image, guint width, guint height)
{
  guint                w, h, channels = dif_image_channels (image), x, y;
  g_autoptr (DifImage) small = NULL;
  g_autofree float    *out   = NULL;

  fitted_size (image, width, height, TRUE, &w, &h);
  small = dif_image_resize (image, w, h, DIF_FILTER_LANCZOS);
  out   = canvas (width, height, channels);
  if (! small || ! out)
    return NULL;
  x = width / 2 - w / 2;
  y = height / 2 - h / 2;
  paste (out, width, height, small, x, y);
  if (y)
    draw_out (out, height, y, h, (gsize) width * channels, width, channels, channels);
  if (x)
    draw_out (out, width, x, w, channels, height, (gsize) width * channels, channels);
  return dif_image_new (width, height, channels, out);
}

DifImage *
dif_image_fit_over (DifImage *image, guint width, guint height)
{
  guint                w, h, channels = dif_image_channels (image);
  g_autoptr (DifImage) large = NULL;
  g_autofree float    *out   = NULL;

  fitted_size (image, width, height, FALSE, &w, &h);
  large = dif_image_resize (image, w, h, DIF_FILTER_LANCZOS);
  out   = canvas (width, height, channels);
  if (! large || ! out)
    return NULL;
  paste (out, width, height, large, (gint64) (width / 2) - w / 2, (gint64) (height / 2) - h / 2);
  return dif_image_new (width, height, channels, out);
}

/* ---- back again ---- */

/* a / 255, rounded, for a up to 255 * 255 << 7 */
static guint
by_255 (guint a)
{
  return (a + (a >> 8)) >> 8;
}

/* @above, of which the share @keep of 255 is there, over @below.  The way by
 * premultiplied values and back loses what it loses in the reference. */
static float
composite (float above, float below, guint keep)
{
  guint premultiplied, plain;

  if (keep == 0)
    return below;
  if (keep == 255)
    return above;
  premultiplied = by_255 (byte (above) * keep + 128);
  plain         = MIN (255 * premultiplied / keep, 255);
  return (float) (by_255 ((plain * keep + byte (below) * (255 - keep) + 128) << 7) >> 7) / 255;
}

DifImage *
dif_image_put_back (DifImage *image, DifImage *gray, DifImage *part, const DifCrop *crop)
{
  guint             width = dif_image_width (image), height = dif_image_height (image);
  g_autofree float *out = canvas (width, height, 3);

  if (! out)
    return NULL;
  paste (out, width, height, part, crop->x, crop->y);
  for (gsize i = 0; i < (gsize) width * height; i++)
    for (guint c = 0; c < 3; c++)
      out[3 * i + c] = composite (dif_image_pixels (image)[3 * i + c], out[3 * i + c],
                                  255 - byte (dif_image_pixels (gray)[i]));
  return dif_image_new (width, height, 3, out);
}
