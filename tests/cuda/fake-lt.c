/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fake-lt.c - a libcublasLt.so.13 that multiplies on the host.
 *
 * Does what NVIDIA documents for column-major matrices: D = op (A) op (B) +
 * beta C, then a bias along the rows of D, of D's type.  Like the real one it
 * is choosy: halves must lie at multiples of 16 bytes and be a multiple of 8
 * deep, else it has nothing to offer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cuda/cuda-abi.h"
#include "tensor/shape.h"

#define EXPORT(name, parameters)                                     \
  __attribute__ ((visibility ("default"))) LtStatus name parameters; \
  LtStatus name                                          parameters

/* of fake-driver.c */
int fake_cuda_note (int (*run) (void *data), const void *data, size_t bytes);

enum
{
  INVALID_VALUE = 7,
  ALLOC_FAILED  = 3
};

struct LtHandle_
{
  int nothing;
};

struct LtProduct_
{
  int         compute_type, scale_type, a_op, b_op, epilogue;
  const void *bias;
};

struct LtLayout_
{
  int      type;
  uint64_t rows, columns;
  int64_t  leading;
};

struct LtChoice_
{
  uint64_t workspace;
  uint32_t a, b, c, d;
};

EXPORT (cublasLtCreate, (LtHandle * handle))
{
  *handle = calloc (1, sizeof **handle);
  return *handle ? LT_SUCCESS : ALLOC_FAILED;
}

EXPORT (cublasLtDestroy, (LtHandle handle))
{
  free (handle);
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulDescCreate, (LtProduct * product, int compute_type, int scale_type))
{
  *product                 = calloc (1, sizeof **product);
  (*product)->compute_type = compute_type;
  (*product)->scale_type   = scale_type;
  (*product)->epilogue     = LT_EPILOGUE_NONE;
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulDescDestroy, (LtProduct product))
{
  free (product);
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulDescSetAttribute,
        (LtProduct product, int which, const void *value, size_t bytes))
{
  int   *to[] = { [LT_PRODUCT_A_OP]     = &product->a_op,
                  [LT_PRODUCT_B_OP]     = &product->b_op,
                  [LT_PRODUCT_EPILOGUE] = &product->epilogue };
  size_t n_to = sizeof to / sizeof *to;

  if (which == LT_PRODUCT_BIAS && bytes == sizeof product->bias)
    memcpy (&product->bias, value, bytes);
  else if ((size_t) which < n_to && to[which] && bytes == sizeof (int))
    memcpy (to[which], value, bytes);
  else
    return INVALID_VALUE;
  return LT_SUCCESS;
}

EXPORT (cublasLtMatrixLayoutCreate,
        (LtLayout * layout, int type, uint64_t rows, uint64_t columns, int64_t leading))
{
  *layout  = malloc (sizeof **layout);
  **layout = (struct LtLayout_) { type, rows, columns, leading };
  return LT_SUCCESS;
}

EXPORT (cublasLtMatrixLayoutDestroy, (LtLayout layout))
{
  free (layout);
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulPreferenceCreate, (LtChoice * choice))
{
  *choice  = malloc (sizeof **choice);
  **choice = (struct LtChoice_) { 0, 256, 256, 256, 256 };
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulPreferenceDestroy, (LtChoice choice))
{
  free (choice);
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmulPreferenceSetAttribute,
        (LtChoice choice, int which, const void *value, size_t bytes))
{
  uint32_t *to[] = { [LT_CHOICE_A_ALIGNED] = &choice->a,
                     [LT_CHOICE_B_ALIGNED] = &choice->b,
                     [LT_CHOICE_C_ALIGNED] = &choice->c,
                     [LT_CHOICE_D_ALIGNED] = &choice->d };
  size_t    n_to = sizeof to / sizeof *to;

  if (which == LT_CHOICE_WORKSPACE && bytes == sizeof choice->workspace)
    memcpy (&choice->workspace, value, bytes);
  else if ((size_t) which < n_to && to[which] && bytes == sizeof (uint32_t))
    memcpy (to[which], value, bytes);
  else
    return INVALID_VALUE;
  return LT_SUCCESS;
}

/* op (A) is m x k, op (B) k x n, C and D m x n */
static int
fits (LtProduct p, LtLayout a, LtLayout b, LtLayout c, LtLayout d)
{
  uint64_t m = p->a_op ? a->columns : a->rows, k = p->a_op ? a->rows : a->columns;
  uint64_t n = p->b_op ? b->rows : b->columns, k_b = p->b_op ? b->columns : b->rows;

  return p->compute_type == LT_COMPUTE_F32 && p->scale_type == LT_F32 && k == k_b &&
         m == d->rows && n == d->columns && m == c->rows && n == c->columns &&
         a->type == b->type && c->type == d->type && (d->type == a->type || d->type == LT_F32) &&
         a->leading >= (int64_t) a->rows && b->leading >= (int64_t) b->rows &&
         d->leading >= (int64_t) d->rows;
}

EXPORT (cublasLtMatmulAlgoGetHeuristic,
        (LtHandle handle, LtProduct product, LtLayout a, LtLayout b, LtLayout c, LtLayout d,
         LtChoice choice, int wanted, LtAnswer *answers, int *found))
{
  uint32_t least = choice->a | choice->b | choice->c | choice->d;

  *found = 0;
  if (! handle || wanted < 1 || ! fits (product, a, b, c, d))
    return INVALID_VALUE;
  if (a->type != LT_F32 && ((least & -least) < 16 || a->rows % 8))
    return LT_NOT_SUPPORTED;
  memset (answers, 0, sizeof *answers);
  answers->algorithm.data[0] = 0x5eed;
  answers->workspace         = choice->workspace;
  *found                     = 1;
  return LT_SUCCESS;
}

static float
element (const void *data, int type, size_t i)
{
  const uint16_t *half = data;

  return type == LT_F16    ? dif_f16_to_f32 (half[i])
         : type == LT_BF16 ? dif_bf16_to_f32 (half[i])
                           : ((const float *) data)[i];
}

/* All of a matrix, packed by columns. */
static float *
floats (const void *data, LtLayout layout)
{
  float *out = malloc (layout->rows * layout->columns * sizeof *out);

  for (size_t j = 0; j < layout->columns; j++)
    for (size_t i = 0; i < layout->rows; i++)
      out[j * layout->rows + i] = element (data, layout->type, j * (size_t) layout->leading + i);
  return out;
}

static void
put (void *data, int type, size_t i, float v)
{
  if (type == LT_F16)
    ((uint16_t *) data)[i] = dif_f32_to_f16 (v);
  else if (type == LT_BF16)
    ((uint16_t *) data)[i] = dif_f32_to_bf16 (v);
  else
    ((float *) data)[i] = v;
}

/* All that a product is told, since a graph may do it later. */
typedef struct
{
  struct LtProduct_ p;
  struct LtLayout_  a_layout, b_layout, c_layout, d_layout;
  const void       *a, *b, *c;
  void             *d;
  float             scale, keep;
} Product;

static int
run_product (void *data)
{
  Product *all = data;
  LtLayout la = &all->a_layout, lb = &all->b_layout, lc = &all->c_layout, ld = &all->d_layout;
  size_t   k = all->p.a_op ? la->rows : la->columns;
  float   *x = floats (all->a, la), *y = floats (all->b, lb);

  for (size_t j = 0; j < ld->columns; j++)
    for (size_t i = 0; i < ld->rows; i++)
      {
        size_t at  = j * (size_t) ld->leading + i;
        float  sum = 0;

        for (size_t l = 0; l < k; l++)
          sum += x[all->p.a_op ? i * la->rows + l : l * la->rows + i] *
                 y[all->p.b_op ? l * lb->rows + j : j * lb->rows + l];
        sum *= all->scale;
        if (all->keep != 0)
          sum += all->keep * element (all->c, lc->type, j * (size_t) lc->leading + i);
        if (all->p.epilogue == LT_EPILOGUE_BIAS)
          sum += element (all->p.bias, ld->type, i);
        put (all->d, ld->type, at, sum);
      }
  free (x);
  free (y);
  return LT_SUCCESS;
}

EXPORT (cublasLtMatmul, (LtHandle handle, LtProduct p, const void *alpha, const void *a,
                         LtLayout la, const void *b, LtLayout lb, const void *beta, const void *c,
                         LtLayout lc, void *d, LtLayout ld, const LtAlgorithm *algorithm,
                         void *workspace, size_t bytes, CuStream stream))
{
  Product all = { *p, *la, *lb, *lc, *ld, a, b, c, d, *(const float *) alpha,
                  *(const float *) beta };

  if (! fits (p, la, lb, lc, ld) || algorithm->data[0] != 0x5eed || (bytes && ! workspace) ||
      (p->epilogue == LT_EPILOGUE_BIAS) != (p->bias != NULL) || ! stream)
    return INVALID_VALUE;
  return fake_cuda_note (run_product, &all, sizeof all) ? LT_SUCCESS : run_product (&all);
}
