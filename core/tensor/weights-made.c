/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* weights-made.c - weights that are not prepared as they lie in the file.
 *
 * Standardised filters, and convolutions whose stride is their side, which are
 * products.  Each is computed once, at loading.
 */
#include <math.h>

#include "base/error.h"
#include "tensor/weights.h"

/* Added to a filter's variance. */
#define STANDARDIZE_EPS 1e-8

/* "name.weight" or "name.bias" as floats; NULL after a failure or in a dry run. */
static float *
part (DifLoader *l, const char *name, const char *suffix, DifShape shape)
{
  g_autofree char *full = g_strconcat (name, suffix, NULL);

  return dif_loader_floats (l, full, shape);
}

/* Room for @n floats; the loader fails if there is none. */
static float *
room (DifLoader *l, const char *name, gsize n)
{
  float *data = g_try_new (float, n);

  if (! data)
    dif_loader_fail (l, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                     "%s: out of memory", name));
  return data;
}

DifConv *
dif_loader_conv_spec (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                      const DifConvSpec *spec, gboolean bias)
{
  g_autofree float *w = part (l, name, ".weight", DIF_SHAPE (n_out, n_in, k, k));
  g_autofree float *b = bias ? part (l, name, ".bias", DIF_SHAPE (n_out)) : NULL;

  return dif_loader_made_conv (l, name, n_out, n_in, k, spec, b || ! bias ? w : NULL, b);
}

DifConv *
dif_loader_conv_standardized (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                              const DifConvSpec *spec)
{
  g_autofree float *w = part (l, name, ".weight", DIF_SHAPE (n_out, n_in, k, k));
  gsize             n = n_in * k * k;

  for (gsize o = 0; w && o < n_out; o++)
    {
      float *filter = w + o * n;
      double mean = 0, variance = 0, scale;

      for (gsize i = 0; i < n; i++)
        mean += filter[i] / (double) n;
      for (gsize i = 0; i < n; i++)
        variance += (filter[i] - mean) * (filter[i] - mean) / (double) n;
      scale = 1 / sqrt (variance + STANDARDIZE_EPS);
      for (gsize i = 0; i < n; i++)
        filter[i] = (float) ((filter[i] - mean) * scale);
    }
  return dif_loader_made_conv (l, name, n_out, n_in, k, spec, w, NULL);
}

DifLinear *
dif_loader_cut (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k, gboolean bias)
{
  g_autofree float *w = part (l, name, ".weight", DIF_SHAPE (n_out, n_in, k, k));
  g_autofree float *b = bias ? part (l, name, ".bias", DIF_SHAPE (n_out)) : NULL;

  return dif_loader_made_linear (l, name, n_out, n_in * k * k, b || ! bias ? w : NULL, b);
}

DifLinear *
dif_loader_enlarge (DifLoader *l, const char *name, gsize n, guint k)
{
  gsize             square = (gsize) k * k;
  g_autofree float *w      = part (l, name, ".weight", DIF_SHAPE (n, n, k, k));
  g_autofree float *b      = part (l, name, ".bias", DIF_SHAPE (n));
  g_autofree float *moved = NULL, *bias = NULL;

  if (w && b)
    {
      moved = room (l, name, square * n * n);
      bias  = room (l, name, square * n);
    }
  /* [in, out, cell] becomes [cell, out, in] */
  for (gsize i = 0; moved && bias && i < n; i++)
    for (gsize o = 0; o < n; o++)
      for (gsize c = 0; c < square; c++)
        {
          moved[(c * n + o) * n + i] = w[(i * n + o) * square + c];
          bias[c * n + o]            = b[o];
        }
  return dif_loader_made_linear (l, name, square * n, n, bias ? moved : NULL, bias);
}
