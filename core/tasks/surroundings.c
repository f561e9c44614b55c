/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* surroundings.c - see surroundings.h. */
#include "config.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "base/fill.h"
#include "tasks/surroundings.h"

#define CHANNELS    3
#define BLUR_PART   16   /* of the picture's shorter side */
#define MIN_SPREAD  1e-3 /* a channel that varies less is shifted only */
#define MOST_SPREAD 2.0  /* times that a channel's deviation may become */

const char *const dif_fill_choices[] = { N_ ("keep"), N_ ("blurred"), N_ ("border"),
                                         N_ ("neutral"), N_ ("noise"), NULL };

const char *const dif_match_choices[] = { N_ ("off"), N_ ("colors"), N_ ("seamless"), NULL };

gboolean
dif_surroundings_fill (float *picture, guint width, guint height, const guint8 *known,
                       const char *how)
{
  guint radius = MAX (MIN (width, height) / BLUR_PART, 1);

  if (g_str_equal (how, "border"))
    return dif_fill_smoothly (picture, width, height, CHANNELS, known);
  if (g_str_equal (how, "blurred"))
    return dif_fill_blurred (picture, width, height, CHANNELS, known, radius);
  if (g_str_equal (how, "neutral"))
    {
      for (gsize i = 0; i < (gsize) width * height * CHANNELS; i++)
        if (! known[i / CHANNELS])
          picture[i] = 0;
    }
  return TRUE;
}

/* Of one channel, over the known places; FALSE if there are none. */
static gboolean
spread_of (const float *values, gsize n, const guint8 *known, double *mean, double *deviation)
{
  double sum = 0, squares = 0;
  gsize  count = 0;

  for (gsize i = 0; i < n; i++)
    if (known[i])
      {
        sum += (double) values[i * CHANNELS];
        count++;
      }
  *mean = count ? sum / (double) count : 0;
  for (gsize i = 0; i < n; i++)
    if (known[i])
      squares += pow ((double) values[i * CHANNELS] - *mean, 2);
  *deviation = count ? sqrt (squares / (double) count) : 0;
  return count > 0;
}

static void
match_channel (float *drawn, const float *picture, gsize n, const guint8 *known)
{
  double has, had, wants, wanted, gain = 1;

  if (! spread_of (drawn, n, known, &has, &had) || ! spread_of (picture, n, known, &wants, &wanted))
    return;
  if (had > MIN_SPREAD && wanted > MIN_SPREAD)
    gain = CLAMP (wanted / had, 1 / MOST_SPREAD, MOST_SPREAD);
  for (gsize i = 0; i < n; i++)
    drawn[i * CHANNELS] = (float) (((double) drawn[i * CHANNELS] - has) * gain + wants);
}

/* Solved for the difference, so that the shapes of what was drawn stay. */
static gboolean
match_seamlessly (float *drawn, const float *picture, guint width, guint height,
                  const guint8 *known)
{
  gsize             n          = (gsize) width * height * CHANNELS;
  g_autofree float *difference = g_try_new0 (float, n);

  if (difference == NULL)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (known[i / CHANNELS])
      difference[i] = picture[i] - drawn[i];
  if (! dif_fill_smoothly (difference, width, height, CHANNELS, known))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    drawn[i] += difference[i];
  return TRUE;
}

gboolean
dif_surroundings_match (float *drawn, const float *picture, guint width, guint height,
                        const guint8 *known, const char *how)
{
  if (g_str_equal (how, "seamless"))
    return match_seamlessly (drawn, picture, width, height, known);
  for (guint c = 0; g_str_equal (how, "colors") && c < CHANNELS; c++)
    match_channel (drawn + c, picture + c, (gsize) width * height, known);
  return TRUE;
}
