/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fill.c - see fill.h.
 *
 * A level has half as many places each way as the one above; one of its places
 * is known if any of the four above is, and is their mean.  The solution below
 * is where the level begins, and a few rounds of relaxation make it smooth.
 */
#include "base/fill.h"

#include <string.h>

#define ROUNDS 24
#define PASSES 3

typedef struct
{
  guint   width, height, channels;
  float  *values;
  guint8 *known;
} Level;

/* The mean of the known ones among the four places above (@x, @y). */
static void
coarsen_place (const Level *fine, const Level *coarse, guint x, guint y)
{
  float *to = coarse->values + ((gsize) y * coarse->width + x) * coarse->channels;
  guint  n  = 0;

  for (guint j = 2 * y; j < MIN (2 * y + 2, fine->height); j++)
    {
      for (guint i = 2 * x; i < MIN (2 * x + 2, fine->width); i++)
        {
          gsize at = (gsize) j * fine->width + i;

          if (! fine->known[at])
            continue;
          n++;
          for (guint c = 0; c < fine->channels; c++)
            to[c] += (fine->values[at * fine->channels + c] - to[c]) / (float) n;
        }
    }
  coarse->known[(gsize) y * coarse->width + x] = n > 0;
}

static void
take_from_coarse (Level *fine, const Level *coarse)
{
  for (guint y = 0; y < fine->height; y++)
    {
      for (guint x = 0; x < fine->width; x++)
        {
          gsize at    = (gsize) y * fine->width + x;
          gsize below = (gsize) (y / 2) * coarse->width + x / 2;

          if (! fine->known[at])
            memcpy (fine->values + at * fine->channels, coarse->values + below * fine->channels,
                    fine->channels * sizeof (float));
        }
    }
}

/* A place becomes the mean of its neighbours, of which there are fewer at the edges. */
static void
relax_place (Level *l, guint x, guint y)
{
  gsize  at = (gsize) y * l->width + x, c = l->channels;
  float *v = l->values + at * c;
  gsize  near[4];
  guint  n = 0;

  if (x > 0)
    near[n++] = at - 1;
  if (x + 1 < l->width)
    near[n++] = at + 1;
  if (y > 0)
    near[n++] = at - l->width;
  if (y + 1 < l->height)
    near[n++] = at + l->width;
  for (gsize k = 0; n > 0 && k < c; k++)
    {
      float sum = 0;

      for (guint i = 0; i < n; i++)
        sum += l->values[near[i] * c + k];
      v[k] = sum / (float) n;
    }
}

static void
relax (Level *l)
{
  for (guint round = 0; round < ROUNDS; round++)
    {
      for (guint y = 0; y < l->height; y++)
        {
          for (guint x = 0; x < l->width; x++)
            {
              if (! l->known[(gsize) y * l->width + x])
                relax_place (l, x, y);
            }
        }
    }
}

static gboolean
has (const Level *l, guint8 known)
{
  for (gsize i = 0; i < (gsize) l->width * l->height; i++)
    {
      if ((l->known[i] != 0) == known)
        return TRUE;
    }
  return FALSE;
}

/* At least one place is known. */
static gboolean
solve (Level *l)
{
  Level coarse = { (l->width + 1) / 2, (l->height + 1) / 2, l->channels, NULL, NULL };
  gsize n      = (gsize) coarse.width * coarse.height;

  if (! has (l, FALSE))
    return TRUE;
  g_autofree float  *values = coarse.values = g_try_new0 (float, n * l->channels);
  g_autofree guint8 *known = coarse.known = g_try_new0 (guint8, n);

  if (values == NULL || known == NULL)
    return FALSE;
  for (guint y = 0; y < coarse.height; y++)
    {
      for (guint x = 0; x < coarse.width; x++)
        coarsen_place (l, &coarse, x, y);
    }
  if (! solve (&coarse))
    return FALSE;
  take_from_coarse (l, &coarse);
  relax (l);
  return TRUE;
}

gboolean
dif_fill_smoothly (float *values, guint width, guint height, guint channels, const guint8 *known)
{
  Level level = { width, height, channels, values, (guint8 *) known };

  return ! has (&level, TRUE) || solve (&level);
}

void
dif_fill_means (const float *from, gsize from_step, float *to, gsize to_step, guint n, guint radius)
{
  const double one = 4294967296.0;
  gint64       sum = 0;

  for (gint64 k = -(gint64) radius; k <= (gint64) radius; k++)
    sum += (gint64) (from[(gsize) CLAMP (k, 0, (gint64) n - 1) * from_step] * one);
  for (gint64 i = 0; i < n; i++)
    {
      gsize leaves = (gsize) MAX (i - radius, 0);
      gsize enters = (gsize) MIN (i + radius + 1, (gint64) n - 1);

      to[(gsize) i * to_step] = (float) ((double) sum / (2.0 * radius + 1.0) / one);
      sum += (gint64) (from[enters * from_step] * one) - (gint64) (from[leaves * from_step] * one);
    }
}

gboolean
dif_fill_blurred (float *values, guint width, guint height, guint channels, const guint8 *known,
                  guint radius)
{
  gsize             row = (gsize) width * channels, n = row * height;
  g_autofree float *soft = g_try_new (float, n), *half = g_try_new (float, n);

  if (soft == NULL || half == NULL)
    return FALSE;
  memcpy (soft, values, n * sizeof (float));
  for (guint pass = 0; pass < PASSES; pass++)
    {
      for (gsize y = 0; y < height; y++)
        {
          for (gsize c = 0; c < channels; c++)
            dif_fill_means (soft + y * row + c, channels, half + y * row + c, channels, width,
                            radius);
        }
      for (gsize x = 0; x < row; x++)
        dif_fill_means (half + x, row, soft + x, row, height, radius);
    }
  for (gsize i = 0; i < n; i++)
    {
      if (! known[i / channels])
        values[i] = soft[i];
    }
  return TRUE;
}
