/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* resample.c - plans for dif_gather().
 *
 * A plan is made for each call: these ops run a few times per picture, and a
 * plan costs less than what it moves.
 */
#include <math.h>

#include "base/error.h"
#include "tensor/resample.h"

typedef struct
{
  DifGather gather;
  gint32   *rows;
  float    *weights; /* NULL unless asked for */
} Plan;

static gboolean
plan_init (DifContext *cx, Plan *plan, gsize n_out, gsize n_terms, gboolean weighted)
{
  gsize n = 0;

  *plan = (Plan) { { n_out, n_terms, NULL, NULL }, NULL, NULL };
  if (g_size_checked_mul (&n, n_out, n_terms))
    {
      plan->rows = g_try_new (gint32, n);
      if (weighted)
        plan->weights = g_try_new (float, n);
    }
  plan->gather.rows    = plan->rows;
  plan->gather.weights = plan->weights;
  if (plan->rows && (plan->weights || ! weighted))
    return TRUE;
  dif_context_fail (cx, g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                             "out of memory for the plan of a resampling"));
  return FALSE;
}

/* Carries the plan out on @x and shapes the result as @shape. */
static DifTensor *
plan_run (DifContext *cx, Plan *plan, DifTensor *x, DifShape shape)
{
  DifTensor *y = dif_context_failed (cx) ? dif_context_inert (cx)
                                         : dif_gather (cx, x, &plan->gather);

  g_free (plan->rows);
  g_free (plan->weights);
  return dif_reshape (cx, y, shape);
}

/* Whether @x is a picture; the context fails if it is another tensor. */
static gboolean
is_picture (DifContext *cx, const DifTensor *x, const char *op)
{
  if (! dif_context_check (cx) || ! x->data)
    return FALSE;
  if (x->shape.n == 4)
    return TRUE;
  dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                     "%s: expected [N, H, W, C], found %u dimensions", op,
                                     x->shape.n));
  return FALSE;
}

/* Where pixel @i of @out lies among @in: two pixels and the share of the second.
 * In floats, as torch has it. */
static void
neighbours (gsize i, gsize in, gsize out, gboolean align_corners, gsize *first, gsize *second,
            float *share)
{
  float at;

  if (align_corners)
    at = out > 1 ? (float) (in - 1) / (float) (out - 1) * (float) i : 0;
  else
    at = MAX ((float) in / (float) out * ((float) i + 0.5f) - 0.5f, 0);
  *first  = MIN ((gsize) at, in - 1);
  *second = MIN (*first + 1, in - 1);
  *share  = MIN (at - (float) *first, 1.0f);
}

DifTensor *
dif_resize_bilinear (DifContext *cx, DifTensor *x, gsize height, gsize width,
                     gboolean align_corners)
{
  gsize H, W, n = 0, y[2], c[2];
  float down, across;
  Plan  plan;

  if (! is_picture (cx, x, "resize_bilinear"))
    return dif_context_inert (cx);
  H = x->shape.d[1];
  W = x->shape.d[2];
  if (H == height && W == width)
    return x;
  if (! plan_init (cx, &plan, height * width, 4, TRUE))
    return plan_run (cx, &plan, x, x->shape);
  for (gsize i = 0; i < height; i++)
    for (gsize j = 0; j < width; j++)
      {
        neighbours (i, H, height, align_corners, &y[0], &y[1], &down);
        neighbours (j, W, width, align_corners, &c[0], &c[1], &across);
        for (guint k = 0; k < 4; k++, n++)
          {
            plan.rows[n] = (gint32) (y[k / 2] * W + c[k % 2]);
            plan.weights[n] =
                (k / 2 ? down : 1 - down) * (k % 2 ? across : 1 - across);
          }
      }
  return plan_run (cx, &plan, x, DIF_SHAPE (x->shape.d[0], height, width, x->shape.d[3]));
}

DifTensor *
dif_max_pool (DifContext *cx, DifTensor *x, guint k, const DifConvSpec *spec)
{
  gsize H, W, height, width, n = 0;
  Plan  plan;

  if (! is_picture (cx, x, "max_pool"))
    return dif_context_inert (cx);
  H = x->shape.d[1];
  W = x->shape.d[2];
  if (H + spec->pad.top + spec->pad.bottom < k || W + spec->pad.left + spec->pad.right < k)
    return dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                              "max_pool: expected a picture of at least %u pixels "
                                              "a side, found a smaller one",
                                              k));
  height = (H + spec->pad.top + spec->pad.bottom - k) / spec->stride + 1;
  width  = (W + spec->pad.left + spec->pad.right - k) / spec->stride + 1;
  if (! plan_init (cx, &plan, height * width, (gsize) k * k, FALSE))
    return plan_run (cx, &plan, x, x->shape);
  for (gsize i = 0; i < height; i++)
    for (gsize j = 0; j < width; j++)
      for (gsize a = 0; a < k; a++)
        for (gsize b = 0; b < k; b++, n++)
          {
            gsize r = i * spec->stride + a - spec->pad.top;
            gsize c = j * spec->stride + b - spec->pad.left;

            /* what would be negative is far above */
            plan.rows[n] = r < H && c < W ? (gint32) (r * W + c) : -1;
          }
  return plan_run (cx, &plan, x, DIF_SHAPE (x->shape.d[0], height, width, x->shape.d[3]));
}

DifTensor *
dif_pixel_shuffle (DifContext *cx, DifTensor *x, guint k)
{
  gsize    N, H, W, C, n = 0;
  DifShape pieces;
  Plan     plan;

  if (! is_picture (cx, x, "pixel_shuffle"))
    return dif_context_inert (cx);
  N = x->shape.d[0];
  H = x->shape.d[1];
  W = x->shape.d[2];
  C = x->shape.d[3] / k / k;
  if (C * k * k != x->shape.d[3])
    return dif_context_fail (
        cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                         "pixel_shuffle: expected a multiple of %u channels, found "
                         "%" G_GSIZE_FORMAT,
                         k * k, x->shape.d[3]));
  pieces = DIF_SHAPE (N, H * W * k * k, C);
  if (! plan_init (cx, &plan, H * W * k * k, 1, FALSE))
    return plan_run (cx, &plan, x, pieces);
  for (gsize i = 0; i < H * k; i++)
    for (gsize j = 0; j < W * k; j++)
      plan.rows[n++] = (gint32) (((i / k * W + j / k) * k + i % k) * k + j % k);
  return plan_run (cx, &plan, dif_reshape (cx, x, pieces), DIF_SHAPE (N, H * k, W * k, C));
}

DifTensor *
dif_repeat_row (DifContext *cx, DifTensor *x, gsize row, gsize count)
{
  Plan     plan;
  DifShape shape = DIF_SHAPE (dif_tensor_dim (x, 0), count, dif_tensor_dim (x, -1));

  if (plan_init (cx, &plan, count, 1, FALSE))
    for (gsize i = 0; i < count; i++)
      plan.rows[i] = (gint32) row;
  return plan_run (cx, &plan, x, shape);
}
