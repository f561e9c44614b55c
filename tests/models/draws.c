/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* draws.c - weights and inputs drawn as torch draws them. */
#include <math.h>
#include <string.h>

#include "draws.h"

static gsize
read_shape (DifJson *draw, DifShape *s)
{
  DifJson *list = dif_json_member (draw, "shape");
  gsize    n;

  g_assert_cmpuint (dif_json_length (list), <=, DIF_MAX_DIMS);
  s->n = dif_json_length (list);
  for (guint i = 0; i < s->n; i++)
    s->d[i] = (gsize) dif_json_value_int (dif_json_at (list, i), 1, 1 << 20);
  g_assert_true (dif_shape_count (s, &n));
  return n;
}

static void
fill (DifRng *rng, DifJson *draw, float *x, gsize n)
{
  const char *op    = dif_json_string (draw, "op", "?");
  float       low   = (float) dif_json_double (draw, "low", 0);
  float       high  = (float) dif_json_double (draw, "high", 0);
  float       mean  = (float) dif_json_double (draw, "mean", 0);
  float       std   = (float) dif_json_double (draw, "std", 1);
  float       value = (float) dif_json_double (draw, "value", 0);

  if (strcmp (op, "normal") == 0)
    dif_rng_randn (rng, x, n);
  else if (strcmp (op, "uniform") == 0)
    dif_rng_rand (rng, x, n);
  else
    g_assert_cmpstr (op, ==, "constant");
  for (gsize i = 0; i < n; i++)
    x[i] = op[0] == 'n' ? x[i] * std + mean : op[0] == 'u' ? x[i] * (high - low) + low
                                                           : value;
}

DifWeights *
draws_make (DifJson *draws)
{
  DifWeights        *w   = dif_weights_new ("published");
  g_autoptr (DifRng) rng = dif_rng_new (0);

  for (guint i = 0; i < dif_json_length (draws); i++)
    {
      DifJson           *draw  = dif_json_at (draws, i);
      const char        *name  = dif_json_string (draw, "name", "?");
      DifHostArray       array = { .encoding = DIF_ENC_F32 };
      g_autoptr (GBytes) owner = NULL;
      float             *x;
      gsize              n;
      double             sum = 0;

      if (strcmp (dif_json_string (draw, "op", "?"), "seed") == 0)
        {
          dif_rng_seed (rng, (guint64) dif_json_int (draw, "value", 0, 0, G_MAXUINT32));
          continue;
        }
      n = read_shape (draw, &array.shape);
      x = g_new (float, n);
      fill (rng, draw, x, n);
      for (gsize k = 0; k < n; k++)
        sum += (double) x[k];
      /* an ulp of each, and the nine digits printed */
      sum -= dif_json_double (draw, "sum", sum);
      g_assert_cmpfloat (fabs (sum), <=, 1e-6 * (1 + sqrt ((double) n)));
      owner      = g_bytes_new_take (x, n * sizeof *x);
      array.data = x;
      g_assert_true (dif_weights_add (w, name, &array, owner));
    }
  return w;
}
