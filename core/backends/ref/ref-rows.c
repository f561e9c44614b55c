/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ref-rows.c - what ops over rows mean: norms, modulation, rotation, attention, permutation. */
#include <math.h>

#include "backends/ref/ref.h"

/* Element @c of row @r of a tensor whose rows may lie apart. */
static double
row_get (const DifTensor *t, gsize r, gsize c)
{
  return ref_get (t, dif_tensor_row_at (t, dif_tensor_rows (t), r) + c);
}

/* What row @r of x becomes at channel @c, if it is @v before. */
static double
scaled (const DifScaleShift *s, gsize per_item, gsize r, gsize c, double v)
{
  gsize  item   = r / per_item;
  double factor = s->plus;

  if (s->scale)
    factor += row_get (s->scale, s->scale->shape.d[0] == 1 ? 0 : item, c);
  v *= factor;
  if (s->shift)
    v += row_get (s->shift, s->shift->shape.d[0] == 1 ? 0 : item, c);
  return s->residual ? v + row_get (s->residual, r, c) : v;
}

gboolean
ref_row_norm (DifBackend *be, const DifTensor *x, gpointer norm, const DifRowNorm *spec,
              const DifScaleShift *after, DifTensor *y, GError **error)
{
  const RefWeight *w = norm;
  gsize            C = dif_tensor_dim (x, -1), D = C / spec->n_heads;
  gsize            rows = dif_tensor_count (x) / C;

  for (gsize r = 0; r < rows; r++)
    for (gsize first = 0; first < C; first += D)
      {
        double mean = 0, square = 0;

        for (gsize c = first; c < first + D && spec->center; c++)
          mean += row_get (x, r, c) / (double) D;
        for (gsize c = first; c < first + D; c++)
          {
            double d = row_get (x, r, c) - mean;

            square += d * d / (double) D;
          }
        for (gsize c = first; c < first + D; c++)
          {
            double v = (row_get (x, r, c) - mean) / sqrt (square + spec->eps);

            if (w)
              v = v * w->w[c - first] + (w->bias ? w->bias[c - first] : 0);
            ref_set (y, r * C + c, after ? scaled (after, dif_tensor_rows (x), r, c, v) : v);
          }
      }
  return TRUE;
}

gboolean
ref_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s, DifTensor *y,
                 GError **error)
{
  gsize C = dif_tensor_dim (x, -1), rows = dif_tensor_count (x) / C;

  for (gsize r = 0; r < rows; r++)
    for (gsize c = 0; c < C; c++)
      ref_set (y, r * C + c, scaled (s, dif_tensor_rows (x), r, c, row_get (x, r, c)));
  return TRUE;
}

/* One head of row @r, which begins at channel @first, normalised if there is a norm. */
static double
head_get (const DifTensor *x, const RefWeight *w, float eps, gsize D, gsize r, gsize first, gsize d)
{
  double square = 0;

  if (! w)
    return row_get (x, r, first + d);
  for (gsize c = 0; c < D; c++)
    square += row_get (x, r, first + c) * row_get (x, r, first + c) / (double) D;
  return row_get (x, r, first + d) / sqrt (square + eps) * w->w[d];
}

gboolean
ref_rotate (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec, DifTensor *y,
            GError **error)
{
  gsize   T = x->shape.d[1], D = dif_tensor_dim (spec->table, 1) / 2, C = D * spec->n_heads;
  double *turned = ref_alloc (be, D * sizeof *turned, error);

  if (! turned)
    return FALSE;
  for (gsize r = 0; r < x->shape.d[0] * T; r++)
    for (gsize first = 0; first < C; first += D)
      {
        for (gsize d = 0; d < D; d++)
          {
            gsize partner = spec->halves ? (d + D / 2) % D : d ^ 1;

            turned[d] = head_get (x, norm, spec->eps, D, r, first, d) *
                            ref_get (spec->table, r % T * 2 * D + d) +
                        head_get (x, norm, spec->eps, D, r, first, partner) *
                            ref_get (spec->table, r % T * 2 * D + D + d);
          }
        for (gsize d = 0; d < D; d++)
          ref_set (y, r * C + first + d, turned[d]);
      }
  ref_free (be, turned, D * sizeof *turned);
  return TRUE;
}

gboolean
ref_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b, DifTensor *y,
              GError **error)
{
  gsize C = dif_tensor_dim (a, -1), rows = dif_tensor_count (a) / C;

  for (gsize r = 0; r < rows; r++)
    for (gsize c = 0; c < C; c++)
      ref_set (y, r * C + c, ref_act (row_get (a, r, c), act) * row_get (b, r, c));
  return TRUE;
}

gboolean
ref_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y, GError **error)
{
  const RefWeight *w = norm;

  for (gsize i = 0, n = dif_tensor_count (x); i < n; i++)
    {
      double v = ref_get (x, i);

      ref_set (y, i, v < 0 ? v * w->w[i % w->n_out] : v);
    }
  return TRUE;
}

gboolean
ref_permute (DifBackend *be, const DifTensor *x, const DifPermutation *p, DifTensor *y,
             GError **error)
{
  for (gsize i = 0, n = dif_tensor_count (y); i < n; i++)
    {
      gsize at = p->offset, rest = i;

      for (guint k = p->n; k-- > 0; rest /= p->d[k])
        at += rest % p->d[k] * p->stride[k];
      ref_set (y, i, ref_get (x, at));
    }
  return TRUE;
}

/* ---- attention ---- */

/* Where row @i of the whole sequence lies: which of a segment's rows, @what, is asked for. */
static double
token_get (const DifAttention *a, guint what, gsize b, gsize i, gsize column)
{
  DifSegment     s = { a->q, a->k, a->v, a->n_queries, a->n_keys };
  const DifRows *rows;

  for (guint k = 0; i >= (what ? s.n_keys : s.n_queries); k++)
    {
      i -= what ? s.n_keys : s.n_queries;
      s = a->more[k];
    }
  rows = what == 0 ? &s.q : what == 1 ? &s.k
                                      : &s.v;
  return ref_get (rows->t, rows->offset + b * rows->batch + i * rows->stride + column);
}

static double
bias_at (const DifTensor *t, gsize b, gsize h, gsize i, gsize j)
{
  const gsize *d = t->shape.d;

  return ref_get (t, ((b % d[0] * d[1] + h % d[1]) * d[2] + i % d[2]) * d[3] + j);
}

/* One query row of one head: softmax over the keys it sees, then the mean of
 * the values.  @p has room for n_keys numbers. */
static void
attend (const DifAttention *a, gsize b, gsize h, gsize i, gsize n_keys, double *p, DifTensor *y)
{
  gsize  D = a->head_dim, keys = a->causal ? MIN (i + 1, n_keys) : n_keys;
  gsize  kv  = h / (a->n_heads / (a->n_kv_heads ? a->n_kv_heads : a->n_heads));
  double top = -INFINITY, sum = 0;

  for (gsize j = 0; j < keys; j++)
    {
      p[j] = 0;
      for (gsize d = 0; d < D; d++)
        p[j] += token_get (a, 0, b, i, h * D + d) * token_get (a, 1, b, j, kv * D + d);
      p[j] *= a->scale;
      if (a->bias)
        p[j] += bias_at (a->bias, b, h, i, j);
      top = MAX (top, p[j]);
    }
  for (gsize j = 0; j < keys; j++)
    sum += p[j] = exp (p[j] - top);
  for (gsize d = 0; d < D; d++)
    {
      double v = 0;

      for (gsize j = 0; j < keys; j++)
        v += p[j] / sum * token_get (a, 2, b, j, kv * D + d);
      ref_set (y, ((b * y->shape.d[1] + i) * a->n_heads + h) * D + d, v);
    }
}

gboolean
ref_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error)
{
  gsize   n_keys = a->n_keys, bytes;
  double *p;

  for (guint i = 0; i < a->n_more; i++)
    n_keys += a->more[i].n_keys;
  bytes = n_keys * sizeof (double);
  p     = ref_alloc (be, bytes, error);
  if (! p)
    return FALSE;
  for (gsize b = 0; b < a->n_batch; b++)
    for (gsize h = 0; h < a->n_heads; h++)
      for (gsize i = 0; i < y->shape.d[1]; i++)
        attend (a, b, h, i, n_keys, p, y);
  ref_free (be, p, bytes);
  return TRUE;
}
