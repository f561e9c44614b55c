/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* depth.c - depth maps as the U-Net wants them.
 *
 * In floats where the reference has floats: a position is rounded as there.
 */
#include <math.h>

#include "tasks/depth.h"

/* Keys' cubic with torch's coefficient; 0 to 1 and 1 to 2 pixels away. */
#define A (-0.75f)

static float
near_weight (float x)
{
  return ((A + 2) * x - (A + 3)) * x * x + 1;
}

static float
far_weight (float x)
{
  return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
}

typedef struct
{
  gsize at[4];
  float weight[4];
} Window;

static void
make_window (Window *window, gsize i, gsize in, gsize out)
{
  float  scale = (float) in / (float) out, position = scale * ((float) i + 0.5f) - 0.5f;
  gssize first = MIN ((gssize) floorf (position), (gssize) in - 1);
  float  t     = CLAMP (position - (float) first, 0.0f, 1.0f);

  for (int k = 0; k < 4; k++)
    window->at[k] = (gsize) CLAMP (first + k - 1, 0, (gssize) in - 1);
  window->weight[0] = far_weight (t + 1);
  window->weight[1] = near_weight (t);
  window->weight[2] = near_weight (1 - t);
  window->weight[3] = far_weight (2 - t);
}

float *
dif_depth_resize (const float *depth, gsize height, gsize width, gsize new_height, gsize new_width)
{
  gsize              n       = 0;
  g_autofree Window *columns = g_try_new (Window, new_width);
  float             *out     = NULL;

  if (columns && g_size_checked_mul (&n, new_height, new_width))
    out = g_try_new (float, n);
  if (! out)
    return NULL;
  for (gsize j = 0; j < new_width; j++)
    make_window (&columns[j], j, width, new_width);
  for (gsize i = 0; i < new_height; i++)
    {
      Window rows;

      make_window (&rows, i, height, new_height);
      for (gsize j = 0; j < new_width; j++)
        {
          float sum = 0;

          for (int a = 0; a < 4; a++)
            {
              const float *row    = depth + rows.at[a] * width;
              float        across = 0;

              for (int b = 0; b < 4; b++)
                across += row[columns[j].at[b]] * columns[j].weight[b];
              sum += across * rows.weight[a];
            }
          out[i * new_width + j] = sum;
        }
    }
  return out;
}

gboolean
dif_depth_normalize (float *depth, gsize n, float lo, float hi)
{
  float least = depth[0], most = depth[0];

  for (gsize i = 0; i < n; i++)
    {
      if (! isfinite (depth[i]))
        return FALSE;
      least = MIN (least, depth[i]);
      most  = MAX (most, depth[i]);
    }
  for (gsize i = 0; i < n; i++)
    depth[i] = most > least ? (hi - lo) * (depth[i] - least) / (most - least) + lo : (lo + hi) / 2;
  return TRUE;
}
