/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mask.c - see mask.h. */
#include <string.h>

#include "plugin/geometry.h"
#include "plugin/mask.h"

struct _DifLatentMask
{
  guint    width, height, grow;
  guint    columns, rows;
  gboolean is_soft;
  float   *strength; /* [rows, columns] */
  float   *row;      /* [columns], of one row of pixels */
};

DifLatentMask *
dif_latent_mask_new (guint width, guint height, guint grow, guint mask_width, guint mask_height,
                     gboolean is_soft)
{
  DifLatentMask *latents = g_new0 (DifLatentMask, 1);

  latents->width    = width;
  latents->height   = height;
  latents->grow     = grow;
  latents->columns  = mask_width / DIF_PICTURE_UNIT;
  latents->rows     = mask_height / DIF_PICTURE_UNIT;
  latents->is_soft  = is_soft;
  latents->strength = g_new0 (float, (gsize) latents->columns * latents->rows);
  latents->row      = g_new (float, latents->columns);
  return latents;
}

void
dif_latent_mask_free (DifLatentMask *latents)
{
  if (latents == NULL)
    return;
  g_free (latents->strength);
  g_free (latents->row);
  g_free (latents);
}

/* The latent pixels that pixels from @from to @to touch, when @size pixels make @n. */
static void
touched (guint from, guint to, guint grow, guint size, guint n, guint *first, guint *last)
{
  guint64 begin = from > grow ? from - grow : 0;
  guint64 end   = MIN ((guint64) to + grow + 1, size);

  *first = (guint) (begin * n / size);
  *last  = (guint) ((end * n - 1) / size);
}

/* How strongly a pixel is repainted, [0, 1]. */
static float
strength_of (const DifLatentMask *latents, float value)
{
  if (value < DIF_MASK_LEAST)
    return 0.0f;
  return latents->is_soft ? MIN (value, 1.0f) : 1.0f;
}

/* Runs of pixels that are selected alike, as latent pixels. */
static gboolean
mark_row (DifLatentMask *latents, const float *values)
{
  gboolean is_any = FALSE;
  guint    from, to, first, last;

  memset (latents->row, 0, latents->columns * sizeof (float));
  for (from = 0; from < latents->width; from = to)
    {
      float strength = strength_of (latents, values[from]);

      for (to = from + 1; to < latents->width && strength_of (latents, values[to]) == strength;)
        to++;
      if (strength == 0.0f)
        continue;
      touched (from, to - 1, latents->grow, latents->width, latents->columns, &first, &last);
      for (guint i = first; i <= last; i++)
        latents->row[i] = MAX (latents->row[i], strength);
      is_any = TRUE;
    }
  return is_any;
}

void
dif_latent_mask_add_row (DifLatentMask *latents, guint y, const float *values)
{
  guint first, last;

  if (! mark_row (latents, values))
    return;
  touched (y, y, latents->grow, latents->height, latents->rows, &first, &last);
  for (guint row = first; row <= last; row++)
    {
      float *to = latents->strength + (gsize) row * latents->columns;

      for (guint i = 0; i < latents->columns; i++)
        to[i] = MAX (to[i], latents->row[i]);
    }
}

DifImage *
dif_latent_mask_to_image (DifLatentMask *latents)
{
  const guint       unit = DIF_PICTURE_UNIT, width = latents->columns * unit;
  guint             height = latents->rows * unit;
  g_autofree float *values = g_try_new (float, (gsize) width *height);

  if (values == NULL)
    return NULL;
  for (guint y = 0; y < height; y++)
    {
      for (guint x = 0; x < width; x++)
        values[(gsize) y * width + x] =
            latents->strength[(gsize) (y / unit) * latents->columns + x / unit];
    }
  return dif_image_new (width, height, 1, values);
}

/* Room for one line of values, and for the queue of its least ones. */
typedef struct
{
  float *values;
  guint *queue;
} Line;

static const float *
copy_line (const float *values, gsize step, guint n, Line *line)
{
  for (guint i = 0; i < n; i++)
    line->values[i] = values[i * step];
  return line->values;
}

/* Each value becomes the least of those within @radius; the queue holds the places of values
 * that are least from there on, in order. */
static void
least_of_line (float *values, gsize step, guint n, guint radius, Line *line)
{
  const float *old  = copy_line (values, step, n, line);
  guint        head = 0, tail = 0, next = 0;

  for (guint i = 0; i < n; i++)
    {
      for (; next < n && next <= (guint64) i + radius; next++)
        {
          while (tail > head && old[line->queue[tail - 1]] >= old[next])
            tail--;
          line->queue[tail++] = next;
        }
      while ((guint64) line->queue[head] + radius < i)
        head++;
      values[i * step] = old[line->queue[head]];
    }
}

static void
mean_of_line (float *values, gsize step, guint n, guint radius, Line *line)
{
  dif_fill_means (copy_line (values, step, n, line), 1, values, step, n, radius);
}

typedef void (*LinePass) (float *values, gsize step, guint n, guint radius, Line *line);

static void
both_ways (LinePass pass, float *values, guint width, guint height, guint radius, Line *line)
{
  for (guint y = 0; y < height; y++)
    pass (values + (gsize) y * width, 1, width, radius, line);
  for (guint x = 0; x < width; x++)
    pass (values + x, width, height, radius, line);
}

gboolean
dif_mask_feather (float *values, guint width, guint height, guint radius)
{
  g_autofree float *room  = g_try_new (float, MAX (width, height));
  g_autofree guint *queue = g_try_new (guint, MAX (width, height));
  Line              line  = { room, queue };

  if (room == NULL || queue == NULL)
    return FALSE;
  /* As much as it is worn away it is blurred, in two passes. */
  both_ways (least_of_line, values, width, height, radius, &line);
  both_ways (mean_of_line, values, width, height, radius - radius / 2, &line);
  both_ways (mean_of_line, values, width, height, radius / 2, &line);
  return TRUE;
}

DifImage *
dif_mask_fade (DifImage *mask, guint radius)
{
  guint             width = dif_image_width (mask), height = dif_image_height (mask);
  gsize             n      = (gsize) width * height;
  g_autofree float *values = g_try_new (float, n);

  if (values == NULL)
    return NULL;
  for (gsize i = 0; i < n; i++)
    values[i] = 1.0f - dif_image_pixels (mask)[i];
  if (! dif_mask_feather (values, width, height, radius))
    return NULL;
  for (gsize i = 0; i < n; i++)
    values[i] = 1.0f - values[i];
  return dif_image_new (width, height, 1, values);
}
