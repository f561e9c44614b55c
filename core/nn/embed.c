/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embed.c - sines and cosines of a timestep, in float32 as torch has them. */
#include <math.h>

#include "nn/embed.h"

void
dif_timestep_embedding (float *out, guint dim, double timestep, gboolean flip_sin_to_cos,
                        float shift)
{
  guint half = dim / 2;

  for (guint i = 0; i < half; i++)
    {
      /* each of torch's steps rounds to float32: an ulp here is 1e-5 of a wave at t = 999 */
      float exponent = (float) -log (10000.0) * (float) i / ((float) half - shift);
      float angle    = (float) timestep * expf (exponent);

      out[flip_sin_to_cos ? half + i : i] = sinf (angle);
      out[flip_sin_to_cos ? i : half + i] = cosf (angle);
    }
  if (dim % 2)
    out[dim - 1] = 0;
}

void
dif_guidance_embedding (float *out, guint dim, double scale)
{
  guint half = dim / 2;
  float w    = (float) (scale - 1) * 1000.0f;
  float each = logf (10000.0f) / (float) (half - 1);

  for (guint i = 0; i < half; i++)
    {
      float angle = w * expf ((float) i * -each);

      out[i]        = sinf (angle);
      out[half + i] = cosf (angle);
    }
  if (dim % 2)
    out[dim - 1] = 0;
}
