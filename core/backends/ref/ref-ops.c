/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ref-ops.c - what every op means, as loops over its definition.
 *
 * Sums are doubles.  Rows that an output may share with an input are read
 * before they are written.
 */
#include <math.h>

#include "backends/ref/ref.h"
#include "base/error.h"

/* One row of x times the matrix, with bias: element @o. */
static double
dot (const DifTensor *x, gsize row, const RefWeight *w, gsize o)
{
  double sum = w->bias ? w->bias[o] : 0;

  for (gsize k = 0; k < w->n_in; k++)
    sum += ref_get (x, row * w->n_in + k) * w->w[o * w->n_in + k];
  return sum;
}

gboolean
ref_linear (DifBackend *be, const DifTensor *x, gpointer weight, DifAct act,
            const DifTensor *residual, DifTensor *y, GError **error)
{
  const RefWeight *w    = weight;
  gsize            rows = dif_tensor_count (x) / w->n_in;

  for (gsize r = 0; r < rows; r++)
    for (gsize o = 0; o < w->n_out; o++)
      {
        gsize  i = r * w->n_out + o;
        double v = ref_act (dot (x, r, w, o), act);

        ref_set (y, i, residual ? v + ref_get (residual, i) : v);
      }
  return TRUE;
}

gboolean
ref_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate, DifAct act,
         DifTensor *y, GError **error)
{
  const RefWeight *v = value, *g = gate;
  gsize            rows = dif_tensor_count (x) / v->n_in;

  for (gsize r = 0; r < rows; r++)
    for (gsize o = 0; o < v->n_out; o++)
      ref_set (y, r * v->n_out + o, dot (x, r, v, o) * ref_act (dot (x, r, g, o), act));
  return TRUE;
}

/* The sum under the kernel at output (i, j) of item @n, channel @o. */
static double
under_kernel (const DifTensor *x, const RefWeight *w, const DifConvSpec *spec, gsize n, gsize i,
              gsize j, gsize o)
{
  gsize  H = x->shape.d[1], W = x->shape.d[2], C = w->n_in;
  double sum = w->bias ? w->bias[o] : 0;

  for (gsize a = 0; a < w->kh; a++)
    for (gsize b = 0; b < w->kw; b++)
      {
        gsize r = i * spec->stride + a, c = j * spec->stride + b;

        if (r < spec->pad.top || r - spec->pad.top >= H || c < spec->pad.left ||
            c - spec->pad.left >= W)
          continue;
        for (gsize k = 0; k < C; k++)
          sum += ref_get (x, ((n * H + r - spec->pad.top) * W + c - spec->pad.left) * C + k) *
                 w->w[((o * C + k) * w->kh + a) * w->kw + b];
      }
  return sum;
}

gboolean
ref_conv2d (DifBackend *be, const DifTensor *x, gpointer weight, const DifConvSpec *spec,
            const DifTensor *per_channel, const DifTensor *residual, DifTensor *y, GError **error)
{
  const RefWeight *w = weight;
  gsize            N = y->shape.d[0], H = y->shape.d[1], W = y->shape.d[2], O = y->shape.d[3];

  for (gsize n = 0; n < N; n++)
    for (gsize i = 0; i < H; i++)
      for (gsize j = 0; j < W; j++)
        for (gsize o = 0; o < O; o++)
          {
            gsize  at = ((n * H + i) * W + j) * O + o;
            double v  = under_kernel (x, w, spec, n, i, j, o);

            if (per_channel)
              v += ref_get (per_channel, n * O + o);
            if (residual)
              v += ref_get (residual, at);
            ref_set (y, at, v);
          }
  return TRUE;
}

gboolean
ref_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups, float eps,
                DifAct act, DifTensor *y, GError **error)
{
  const RefWeight *w = norm;
  gsize            C = w->n_out, D = C / n_groups;
  gsize            N = x->shape.d[0], P = dif_tensor_count (x) / N / C;

  for (gsize n = 0; n < N; n++)
    for (gsize g = 0; g < n_groups; g++)
      {
        double mean = 0, variance = 0;

        for (gsize p = 0; p < P; p++)
          for (gsize c = g * D; c < (g + 1) * D; c++)
            mean += ref_get (x, (n * P + p) * C + c) / (double) (P * D);
        for (gsize p = 0; p < P; p++)
          for (gsize c = g * D; c < (g + 1) * D; c++)
            {
              double d = ref_get (x, (n * P + p) * C + c) - mean;

              variance += d * d / (double) (P * D);
            }
        for (gsize p = 0; p < P; p++)
          for (gsize c = g * D; c < (g + 1) * D; c++)
            {
              gsize i = (n * P + p) * C + c;

              ref_set (
                  y, i,
                  ref_act ((ref_get (x, i) - mean) / sqrt (variance + eps) * w->w[c] + w->bias[c],
                           act));
            }
      }
  return TRUE;
}

gboolean
ref_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y, GError **error)
{
  for (gsize i = 0, n = dif_tensor_count (x); i < n; i++)
    ref_set (y, i, ref_act (ref_get (x, i), act));
  return TRUE;
}

gboolean
ref_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y, GError **error)
{
  for (gsize i = 0, n = dif_tensor_count (a); i < n; i++)
    ref_set (y, i, ref_get (a, i) + ref_get (b, i));
  return TRUE;
}

gboolean
ref_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y, GError **error)
{
  gsize A = dif_tensor_dim (a, -1), B = dif_tensor_dim (b, -1), rows = dif_tensor_count (a) / A;

  for (gsize r = 0; r < rows; r++)
    {
      for (gsize c = 0; c < A; c++)
        ref_set (y, r * (A + B) + c, ref_get (a, r * A + c));
      for (gsize c = 0; c < B; c++)
        ref_set (y, r * (A + B) + A + c, ref_get (b, r * B + c));
    }
  return TRUE;
}

gboolean
ref_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  gsize N = y->shape.d[0], H = y->shape.d[1], W = y->shape.d[2], C = y->shape.d[3];
  gsize h = x->shape.d[1], w = x->shape.d[2];

  for (gsize n = 0; n < N; n++)
    for (gsize i = 0; i < H; i++)
      for (gsize j = 0; j < W; j++)
        for (gsize c = 0; c < C; c++)
          ref_set (y, ((n * H + i) * W + j) * C + c,
                   ref_get (x, ((n * h + i * h / H) * w + j * w / W) * C + c));
  return TRUE;
}

/* Element @c of row @i of item @n. */
static double
gathered (const DifTensor *x, const DifGather *g, gsize n, gsize i, gsize c)
{
  gsize  C = dif_tensor_dim (x, -1), R = dif_tensor_count (x) / x->shape.d[0] / C;
  double result = g->weights ? 0 : -INFINITY;

  for (gsize k = i * g->n_terms; k < (i + 1) * g->n_terms; k++)
    {
      double v = g->rows[k] < 0 ? 0 : ref_get (x, (n * R + (gsize) g->rows[k]) * C + c);

      result = g->weights ? result + g->weights[k] * v : MAX (result, v);
    }
  return result;
}

gboolean
ref_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y, GError **error)
{
  gsize C = dif_tensor_dim (x, -1);

  for (gsize n = 0; n < x->shape.d[0]; n++)
    for (gsize i = 0; i < g->n_out; i++)
      for (gsize c = 0; c < C; c++)
        ref_set (y, (n * g->n_out + i) * C + c, gathered (x, g, n, i, c));
  return TRUE;
}

gboolean
ref_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y, GError **error)
{
  const RefWeight *w = table;

  for (gsize r = 0; r < n; r++)
    for (gsize d = 0; d < w->n_in; d++)
      ref_set (y, r * w->n_in + d, w->w[(gsize) ids[r] * w->n_in + d]);
  return TRUE;
}

gboolean
ref_lincomb (DifBackend *be, guint n, const float *coef, const DifTensor *const *x, DifTensor *y,
             GError **error)
{
  for (gsize i = 0, count = dif_tensor_count (y); i < count; i++)
    {
      double sum = 0;

      for (guint k = 0; k < n; k++)
        sum += (double) coef[k] * ref_get (x[k], i);
      ref_set (y, i, sum);
    }
  return TRUE;
}

gboolean
ref_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y, GError **error)
{
  for (gsize i = 0, n = dif_tensor_count (x); i < n; i++)
    ref_set (y, i, CLAMP (ref_get (x, i), lo, hi));
  return TRUE;
}

gboolean
ref_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  for (gsize i = 0, n = dif_tensor_count (x); i < n; i++)
    ref_set (y, i, ref_get (x, i));
  return TRUE;
}
