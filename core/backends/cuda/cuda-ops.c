/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-ops.c - the slots that are one kernel, or a few: arguments, then a launch. */
#include <string.h>

#include "backends/cuda/cuda-private.h"
#include "base/error.h"

/* Slices of a group's positions: enough blocks to fill a card, each worth its start. */
#define SLICE_ELEMENTS 4096
#define MAX_SLICES     64

gboolean
_dif_cuda_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups, float eps,
                      DifAct act, DifTensor *y, GError **error)
{
  DifCuda           *cuda   = _dif_cuda_begin (be);
  const DifCudaNorm *w      = norm;
  GroupNormArgs      a      = { .x        = x->data,
                                .scale    = w->scale,
                                .shift    = w->shift,
                                .y        = y->data,
                                .N        = x->shape.d[0],
                                .C        = dif_tensor_dim (x, -1),
                                .n_groups = n_groups,
                                .eps      = eps,
                                .dtype    = x->dtype,
                                .act      = act };
  gsize              groups = a.N * n_groups, bytes;
  char              *scratch;
  gboolean           ok;

  a.P        = dif_tensor_count (x) / a.N / a.C;
  a.n_slices = CLAMP (a.P * (a.C / n_groups) / SLICE_ELEMENTS, 1, MIN (a.P, MAX_SLICES));
  bytes      = groups * a.n_slices * sizeof (GroupMoments);
  scratch    = _dif_cuda_take (cuda, cuda->tensors, bytes + groups * 2 * sizeof (float), error);
  if (! scratch)
    return _dif_cuda_end (cuda, FALSE);
  a.moments = (GroupMoments *) scratch;
  a.stats   = (float *) (scratch + bytes);
  ok        = _dif_cuda_launch (cuda, DIF_CUDA_KERNEL_group_moments, groups * a.n_slices, &a,
                                error) &&
       _dif_cuda_each (cuda, DIF_CUDA_KERNEL_group_merge, groups, &a, error) &&
       _dif_cuda_each (cuda, DIF_CUDA_KERNEL_group_apply, dif_tensor_count (x), &a, error);
  _dif_cuda_arena_give (cuda->tensors, scratch);
  return _dif_cuda_end (cuda, ok);
}

gboolean
_dif_cuda_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y, GError **error)
{
  DifCuda     *cuda = _dif_cuda_begin (be);
  ActivateArgs a    = { x->data, y->data, dif_tensor_count (x), x->dtype, act };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_activate, a.n, &a, error));
}

gboolean
_dif_cuda_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
               GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  AddArgs  args = { a->data, b->data, y->data, dif_tensor_count (a), a->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_add, args.n, &args, error));
}

gboolean
_dif_cuda_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                  GError **error)
{
  DifCuda   *cuda = _dif_cuda_begin (be);
  gsize      n_a = dif_tensor_dim (a, -1), n_b = dif_tensor_dim (b, -1);
  ConcatArgs args = { a->data, b->data, y->data, dif_tensor_count (a) / n_a, n_a, n_b, a->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_concat, dif_tensor_count (y),
                                              &args, error));
}

gboolean
_dif_cuda_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  DifCuda     *cuda = _dif_cuda_begin (be);
  const gsize *d = y->shape.d, *s = x->shape.d;
  UpsampleArgs a = { x->data, y->data, d[0], d[1], d[2], d[3], s[1], s[2], x->dtype };

  return _dif_cuda_end (
      cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_upsample, dif_tensor_count (y), &a, error));
}

gboolean
_dif_cuda_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                 GError **error)
{
  DifCuda       *cuda = _dif_cuda_begin (be);
  DifCudaWeight *w    = table;
  gboolean       here = _dif_cuda_need (cuda, w, error);
  gpointer       list =
      here ? _dif_cuda_take (cuda, cuda->tensors, n * sizeof *ids, error) : NULL;
  EmbedArgs a = { w->w, list, y->data, n, w->n_in, w->dtype, y->dtype };
  gboolean  ok;

  if (! list)
    return _dif_cuda_end (cuda, FALSE);
  ok = _dif_cuda_send (cuda, (CuPointer) (guintptr) list, ids, n * sizeof *ids, error) &&
       _dif_cuda_each (cuda, DIF_CUDA_KERNEL_embed, n * w->n_in, &a, error);
  _dif_cuda_arena_give (cuda->tensors, list);
  return _dif_cuda_end (cuda, ok);
}

gboolean
_dif_cuda_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                  GError **error)
{
  DifCuda   *cuda = _dif_cuda_begin (be);
  gsize      n = g->n_out * g->n_terms, C = dif_tensor_dim (x, -1);
  gsize      bytes = n * sizeof *g->rows;
  char      *table = _dif_cuda_take (cuda, cuda->tensors, 2 * bytes, error);
  gsize      N     = x->shape.d[0];
  GatherArgs a     = { .x       = x->data,
                       .rows    = (const int *) table,
                       .y       = y->data,
                       .N       = N,
                       .n_in    = dif_tensor_count (x) / N / C,
                       .n_out   = g->n_out,
                       .n_terms = g->n_terms,
                       .C       = C,
                       .dtype   = x->dtype };
  CuPointer  rows = (CuPointer) (guintptr) table, weights = rows + bytes;
  gboolean   ok;

  if (! table)
    return _dif_cuda_end (cuda, FALSE);
  ok = _dif_cuda_send (cuda, rows, g->rows, bytes, error);
  if (g->weights)
    {
      a.weights = (const float *) (table + bytes);
      ok        = ok && _dif_cuda_send (cuda, weights, g->weights, bytes, error);
    }
  ok = ok && _dif_cuda_each (cuda, DIF_CUDA_KERNEL_gather, dif_tensor_count (y), &a, error);
  _dif_cuda_arena_give (cuda->tensors, table);
  return _dif_cuda_end (cuda, ok);
}

gboolean
_dif_cuda_lincomb (DifBackend *be, guint n, const float *coef, const DifTensor *const *x,
                   DifTensor *y, GError **error)
{
  DifCuda    *cuda = _dif_cuda_begin (be);
  LincombArgs a    = { .y = y->data, .n = dif_tensor_count (y), .terms = (int) n };

  g_assert (n <= KERNEL_LINCOMB_TERMS);
  for (guint i = 0; i < n; i++)
    {
      a.x[i]    = x[i]->data;
      a.coef[i] = coef[i];
    }
  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_lincomb, a.n, &a, error));
}

gboolean
_dif_cuda_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                 GError **error)
{
  DifCuda  *cuda = _dif_cuda_begin (be);
  ClampArgs a    = { x->data, y->data, dif_tensor_count (x), lo, hi };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_clamp, a.n, &a, error));
}

gboolean
_dif_cuda_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CastArgs a    = { x->data, y->data, dif_tensor_count (x), x->dtype, y->dtype };

  return _dif_cuda_end (cuda, _dif_cuda_each (cuda, DIF_CUDA_KERNEL_cast, a.n, &a, error));
}
