/* SPDX-License-Identifier: GPL-3.0-or-later */
/* icon.c - see icon.h.
 *
 * Computed, so that no file has to be found when GIMP asks for it, wherever the plug-in lies.
 */
#include "config.h"

#include <math.h>

#include "plugin/icon.h"

#define GRID    12 /* grains of noise, each way */
#define SAMPLES 4  /* of a pixel, each way */

static const guint8 near_color[3] = { 0x2a, 0x8f, 0xbd };
static const guint8 far_color[3]  = { 0xe8, 0x8a, 0x2c };

/* In [0, 1), of one grain. */
static double
noise (int x, int y)
{
  guint32 h = (guint32) x * 374761393u + (guint32) y * 668265263u;

  h = (h ^ (h >> 13)) * 1274126177u;
  return (h ^ (h >> 16)) / 4294967296.0;
}

/* Whether there is something at (x, y), both in [0, 1): a grain of noise on the left, more and
 * more of the disk on the right. */
static gboolean
is_covered (double x, double y)
{
  double dx = x - 0.5, dy = y - 0.5;
  double radius = 0.45 + 0.12 * (1.0 - x) * (noise ((int) (x * GRID), (int) (y * GRID)) - 0.5);

  return sqrt (dx * dx + dy * dy) < radius &&
         noise ((int) (x * GRID) + 31, (int) (y * GRID)) < 0.25 + 1.5 * x;
}

GdkPixbuf *
dif_icon_new (int side)
{
  GdkPixbuf *icon   = gdk_pixbuf_new (GDK_COLORSPACE_RGB, TRUE, 8, side, side);
  guint8    *pixels = gdk_pixbuf_get_pixels (icon);
  int        stride = gdk_pixbuf_get_rowstride (icon);

  for (int i = 0; i < side * side; i++)
    {
      int     x = i % side, y = i / side, n = 0;
      guint8 *pixel = pixels + (gsize) y * (gsize) stride + (gsize) x * 4;
      double  share = CLAMP (1.4 * x / side - 0.2, 0.0, 1.0);

      for (int k = 0; k < SAMPLES * SAMPLES; k++)
        n += is_covered ((x + (k % SAMPLES + 0.5) / SAMPLES) / side,
                         (y + (k / SAMPLES + 0.5) / SAMPLES) / side);
      for (int c = 0; c < 3; c++)
        pixel[c] = (guint8) lrint (far_color[c] * (1.0 - share) + near_color[c] * share);
      pixel[3] = (guint8) (n * 255 / (SAMPLES * SAMPLES));
    }
  return icon;
}
