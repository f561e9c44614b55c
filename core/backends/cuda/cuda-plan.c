/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-plan.c - a card in name only, to see how much memory a run will take.
 *
 * The same code as for the card, with a driver that does nothing: tensors and
 * scratch lie in an arena whose one region has no end, at addresses of nothing.
 * Since an arena's layout does not depend on its region's size, how far that
 * one was used is what the run needs in one piece.
 */
#include <string.h>

#include "backends/cuda/cuda-private.h"
#include "base/error.h"

/* beyond any real address */
#define NOWHERE ((guintptr) 1 << 60)
#define ENDLESS ((gsize) 1 << 50)

/* A driver that says yes to everything; unused parameters are the point of it. */

static CuResult
no_context_set (CuContext context)
{
  return CU_SUCCESS;
}

static CuResult
no_launch (CuKernel kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
           unsigned block_y, unsigned block_z, unsigned shared, CuStream stream, void **params,
           void **extra)
{
  return CU_SUCCESS;
}

static CuResult
no_stream_call (CuStream stream)
{
  return CU_SUCCESS;
}

static CuResult
no_copy_in (CuPointer to, const void *from, size_t bytes, CuStream stream)
{
  return CU_SUCCESS;
}

static CuResult
zeros_out (void *to, CuPointer from, size_t bytes, CuStream stream)
{
  memset (to, 0, bytes);
  return CU_SUCCESS;
}

static CuResult
no_copy_inside (CuPointer to, CuPointer from, size_t bytes, CuStream stream)
{
  return CU_SUCCESS;
}

static CuResult
no_capture_begin (CuStream stream, int mode)
{
  return CU_SUCCESS;
}

static CuResult
no_capture_end (CuStream stream, CuGraph *graph)
{
  *graph = NULL;
  return CU_SUCCESS;
}

static CuResult
no_graph_make (CuExec *exec, CuGraph graph, unsigned long long flags)
{
  *exec = NULL;
  return CU_SUCCESS;
}

static CuResult
no_graph_launch (CuExec exec, CuStream stream)
{
  return CU_SUCCESS;
}

static CuResult
no_graph_call (CuGraph graph)
{
  return CU_SUCCESS;
}

static CuResult
no_exec_call (CuExec exec)
{
  return CU_SUCCESS;
}

static CuResult
no_mem_info (size_t *available, size_t *total)
{
  *available = *total = ENDLESS;
  return CU_SUCCESS;
}

static LtStatus
no_matmul (LtHandle handle, LtProduct product, const void *alpha, const void *a, LtLayout a_layout,
           const void *b, LtLayout b_layout, const void *beta, const void *c, LtLayout c_layout,
           void *d, LtLayout d_layout, const LtAlgorithm *algorithm, void *workspace, size_t bytes,
           CuStream stream)
{
  return LT_SUCCESS;
}

static gboolean
no_wait (DifBackend *be, GError **error)
{
  return TRUE;
}

/* ---- the arena ---- */

static gpointer
get_nowhere (gsize bytes, gpointer user_data)
{
  return bytes == ENDLESS ? (gpointer) NOWHERE : NULL;
}

static void
put_nowhere (gpointer region, gpointer user_data)
{
  /* nothing was taken */
}

static void
plan_close (DifBackend *be)
{
  DifCuda *plan = (DifCuda *) be;

  _dif_cuda_arena_free (plan->tensors);
  dif_backend_unref (plan->plan_of);
  g_mutex_clear (&plan->lock);
  g_free (plan);
}

DifBackend *
_dif_cuda_plan (DifBackend *be)
{
  DifCuda           *cuda   = _dif_cuda_begin (be);
  DifCuda           *plan   = g_new0 (DifCuda, 1);
  DifCudaArenaSource source = { get_nowhere, put_nowhere, NULL };

  if (cuda->has_lt)
    _dif_cuda_lt_workspace (cuda);
  plan->own_class        = *be->klass;
  plan->own_class.close  = plan_close;
  plan->own_class.wait   = no_wait;
  plan->own_class.pace   = no_wait;
  plan->parent.klass     = &plan->own_class;
  plan->parent.ref_count = 1;
  plan->plan_of          = dif_backend_ref (be);
  plan->cu               = cuda->cu;
  plan->cu.context_set   = no_context_set;
  plan->cu.launch        = no_launch;
  plan->cu.stream_wait   = no_stream_call;
  plan->cu.copy_in       = no_copy_in;
  plan->cu.copy_out      = zeros_out;
  plan->cu.copy_inside   = no_copy_inside;
  plan->cu.mem_info      = no_mem_info;
  plan->cu.capture_begin = no_capture_begin;
  plan->cu.capture_end   = no_capture_end;
  plan->cu.graph_make    = no_graph_make;
  plan->cu.graph_launch  = no_graph_launch;
  plan->cu.graph_destroy = no_graph_call;
  plan->cu.exec_destroy  = no_exec_call;
  plan->tensors          = _dif_cuda_arena_new (source, ENDLESS);
  plan->has_lt           = cuda->has_lt;
  plan->lt               = cuda->lt;
  plan->lt.matmul        = no_matmul;
  plan->lt_handle        = cuda->lt_handle;
  plan->lt_workspace     = cuda->lt_workspace;
  plan->plans            = cuda->plans;
  g_mutex_init (&plan->lock);
  _dif_cuda_end (cuda, TRUE);
  return &plan->parent;
}

gsize
_dif_cuda_planned (DifBackend *plan)
{
  return _dif_cuda_arena_most (((DifCuda *) plan)->tensors);
}
