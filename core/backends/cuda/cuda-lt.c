/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-lt.c - products by cuBLASLt, with what its epilogues can add.
 *
 * cuBLASLt thinks in columns: y [rows, N] = x [rows, K] w [N, K]^T is, read by
 * columns, the N x rows matrix w^T x of w (K x N, transposed) and x (K x
 * rows).  How a shape is done is asked for once and kept; a shape for which
 * cuBLASLt offers nothing is kept as well, and left to the plain kernel.
 */
#include <string.h>

#include "backends/cuda/cuda-library.h"
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

/* What decides how a product is done; no padding, for it is hashed as bytes. */
typedef struct
{
  guint64 rows, n, k;
  guint32 type, to, has_bias, has_residual;
  guint32 x_aligned, w_aligned, c_aligned, y_aligned;
} Shape;

typedef struct
{
  Shape       shape;
  gboolean    usable;
  LtProduct   product;
  LtLayout    w, x, y;
  LtAlgorithm algorithm;
  gsize       workspace;
} Plan;

static guint
shape_hash (gconstpointer key)
{
  const guint8 *bytes = key;
  guint         hash  = 2166136261u;

  for (gsize i = 0; i < sizeof (Shape); i++)
    hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

static gboolean
shape_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Shape)) == 0;
}

static void
plan_free (DifCuda *cuda, Plan *plan)
{
  if (plan->product)
    cuda->lt.product_destroy (plan->product);
  if (plan->w)
    cuda->lt.layout_destroy (plan->w);
  if (plan->x)
    cuda->lt.layout_destroy (plan->x);
  if (plan->y)
    cuda->lt.layout_destroy (plan->y);
  g_free (plan);
}

void
_dif_cuda_lt_start (DifCuda *cuda)
{
  cuda->has_lt = _dif_cuda_open_lt (&cuda->lt);
  if (! cuda->has_lt)
    g_debug ("cuda: no cuBLASLt: products are done by the plain kernel");
  else if (cuda->lt.create (&cuda->lt_handle) != LT_SUCCESS)
    {
      g_debug ("cuda: cuBLASLt does not start: products are done by the plain kernel");
      cuda->has_lt = FALSE;
    }
  else
    cuda->plans = g_hash_table_new (shape_hash, shape_equal);
}

void
_dif_cuda_lt_stop (DifCuda *cuda)
{
  GHashTableIter iter;
  gpointer       plan;

  if (! cuda->plans)
    return;
  g_hash_table_iter_init (&iter, cuda->plans);
  while (g_hash_table_iter_next (&iter, NULL, &plan))
    plan_free (cuda, plan);
  g_hash_table_unref (cuda->plans);
  cuda->lt.destroy (cuda->lt_handle);
}

static int
type_of (DifDtype dtype)
{
  return dtype == DIF_F16 ? LT_F16 : dtype == DIF_BF16 ? LT_BF16
                                                       : LT_F32;
}

/* The largest power of two, 256 at most, that divides the address. */
static guint32
alignment (gconstpointer data)
{
  guintptr at = (guintptr) data | 256;

  return (guint32) (at & -at);
}

static gboolean
describe (DifCuda *cuda, Plan *plan)
{
  const DifCudaLt *lt  = &cuda->lt;
  const Shape     *s   = &plan->shape;
  const gint32     yes = LT_TRANSPOSE, no = LT_NO_TRANSPOSE;
  const guint32    epilogue = s->has_bias ? LT_EPILOGUE_BIAS : LT_EPILOGUE_NONE;
  const int        type = type_of (s->type), to = type_of (s->to);

  return lt->product_create (&plan->product, LT_COMPUTE_F32, LT_F32) == LT_SUCCESS &&
         lt->product_set (plan->product, LT_PRODUCT_A_OP, &yes, sizeof yes) == LT_SUCCESS &&
         lt->product_set (plan->product, LT_PRODUCT_B_OP, &no, sizeof no) == LT_SUCCESS &&
         lt->product_set (plan->product, LT_PRODUCT_EPILOGUE, &epilogue, sizeof epilogue) ==
             LT_SUCCESS &&
         lt->layout_create (&plan->w, type, s->k, s->n, (gint64) s->k) == LT_SUCCESS &&
         lt->layout_create (&plan->x, type, s->k, s->rows, (gint64) s->k) == LT_SUCCESS &&
         lt->layout_create (&plan->y, to, s->n, s->rows, (gint64) s->n) == LT_SUCCESS;
}

/* Asks cuBLASLt how it would do it. */
static gboolean
choose (DifCuda *cuda, Plan *plan)
{
  const DifCudaLt *lt     = &cuda->lt;
  const Shape     *s      = &plan->shape;
  guint64          most   = cuda->lt_workspace ? DIF_CUDA_LT_WORKSPACE : 0;
  LtChoice         choice = NULL;
  LtAnswer         answer = { .status = LT_NOT_SUPPORTED };
  int              found  = 0;
  gboolean         ok     = lt->choice_create (&choice) == LT_SUCCESS;

  ok = ok && lt->choice_set (choice, LT_CHOICE_WORKSPACE, &most, sizeof most) == LT_SUCCESS &&
       lt->choice_set (choice, LT_CHOICE_A_ALIGNED, &s->w_aligned, 4) == LT_SUCCESS &&
       lt->choice_set (choice, LT_CHOICE_B_ALIGNED, &s->x_aligned, 4) == LT_SUCCESS &&
       lt->choice_set (choice, LT_CHOICE_C_ALIGNED, &s->c_aligned, 4) == LT_SUCCESS &&
       lt->choice_set (choice, LT_CHOICE_D_ALIGNED, &s->y_aligned, 4) == LT_SUCCESS &&
       lt->choose (cuda->lt_handle, plan->product, plan->w, plan->x, plan->y, plan->y, choice, 1,
                   &answer, &found) == LT_SUCCESS &&
       found > 0 && answer.status == LT_SUCCESS;
  if (choice)
    lt->choice_destroy (choice);
  plan->algorithm = answer.algorithm;
  plan->workspace = answer.workspace;
  return ok;
}

void
_dif_cuda_lt_workspace (DifCuda *cuda)
{
  gsize available, total;

  /* a plan has what its card has */
  if (cuda->lt_workspace || cuda->plan_of)
    return;
  _dif_cuda_memory (cuda, &available, &total);
  /* a small card has other uses for it */
  if (total >= 16 * DIF_CUDA_LT_WORKSPACE)
    cuda->lt_workspace = _dif_cuda_take (cuda, cuda->persistent, DIF_CUDA_LT_WORKSPACE, NULL);
}

static Plan *
plan_for (DifCuda *cuda, const Shape *shape)
{
  Plan *plan = g_hash_table_lookup (cuda->plans, shape);

  if (plan)
    return plan;
  _dif_cuda_lt_workspace (cuda);
  plan         = g_new0 (Plan, 1);
  plan->shape  = *shape;
  plan->usable = describe (cuda, plan) && choose (cuda, plan);
  g_hash_table_insert (cuda->plans, &plan->shape, plan);
  return plan;
}

gboolean
_dif_cuda_lt_product (DifCuda *cuda, const DifCudaProduct *p, const void *bias, gboolean *done,
                      GError **error)
{
  const DifCudaWeight *w   = p->w;
  const float          one = 1, beta = p->residual ? 1 : 0;
  gconstpointer        c    = p->residual ? p->residual : p->y;
  Shape                key  = { .rows         = p->rows,
                                .n            = w->n_out,
                                .k            = w->n_in * w->kh * w->kw,
                                .type         = w->dtype,
                                .to           = p->to,
                                .has_bias     = bias != NULL,
                                .has_residual = p->residual != NULL,
                                .x_aligned    = alignment (p->x),
                                .w_aligned    = alignment (w->w),
                                .c_aligned    = alignment (c),
                                .y_aligned    = alignment (p->y) };
  Plan                *plan = plan_for (cuda, &key);
  LtStatus             status;

  *done = FALSE;
  if (! plan->usable)
    return TRUE;
  if (bias &&
      cuda->lt.product_set (plan->product, LT_PRODUCT_BIAS, &bias, sizeof bias) != LT_SUCCESS)
    return TRUE;
  status = cuda->lt.matmul (cuda->lt_handle, plan->product, &one, w->w, plan->w, p->x, plan->x,
                            &beta, c, plan->y, p->y, plan->y, &plan->algorithm,
                            cuda->lt_workspace, plan->workspace, cuda->stream);
  if (status == LT_NOT_SUPPORTED)
    {
      plan->usable = FALSE;
      return TRUE;
    }
  if (status != LT_SUCCESS)
    {
      g_set_error (error, DIF_BACKEND_ERROR,
                   status == LT_EXECUTION_FAILED ? DIF_BACKEND_ERROR_LOST
                                                 : DIF_BACKEND_ERROR_FAILED,
                   "device cuda: a product of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
                   " x %" G_GSIZE_FORMAT ": cuBLASLt reports status %d",
                   p->rows, (gsize) key.n, (gsize) key.k, status);
      return FALSE;
    }
  *done = TRUE;
  return TRUE;
}
