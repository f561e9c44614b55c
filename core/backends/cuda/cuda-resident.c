/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-resident.c - weights that wait in host memory where the card is too small.
 *
 * A matrix is on the card or, once it had to make room, in pinned host memory
 * only; an op that needs it brings it back and, for that, sends others away.
 * All is queued on the one stream, so a place that is given away is not
 * overwritten before those who read it are done.
 *
 * Who goes: a network's matrices come round once a step.  If they do not all
 * fit, whoever was used last is needed last, and sending the oldest away would
 * have every single one come anew in each step.  Those that have not been used
 * since the wanted one was belong to another network and go first.
 */
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

gsize
_dif_cuda_matrix_bytes (const DifCudaWeight *w)
{
  return w->n_out * w->n_in * w->kh * w->kw * dif_dtype_size (w->dtype);
}

gsize
_dif_cuda_least_weights (DifCuda *cuda)
{
  /* GEGLU needs two at once; what is sent away leaves holes of other sizes than what comes */
  return 3 * cuda->largest;
}

static gboolean
park (DifCuda *cuda, DifCudaWeight *w, GError **error)
{
  gsize bytes = _dif_cuda_matrix_bytes (w);

  if (! w->host)
    {
      CuPointer from = (CuPointer) (guintptr) w->w;

      if (! _dif_cuda_pin (cuda, bytes, &w->host, error))
        return FALSE;
      if (! _dif_cuda_check (cuda, cuda->cu.copy_out (w->host, from, bytes, cuda->stream),
                             "copying a weight from the card", error))
        {
          cuda->cu.host_free (g_steal_pointer (&w->host));
          return FALSE;
        }
    }
  _dif_cuda_arena_give (cuda->weights, w->w);
  w->w = NULL;
  g_queue_unlink (&cuda->residents, &w->link);
  cuda->moves++;
  return TRUE;
}

/* The one used last that this very op does not need; NULL if there is none. */
static DifCudaWeight *
newest (DifCuda *cuda)
{
  GList *at = cuda->residents.tail;

  while (at && ((DifCudaWeight *) at->data)->last_use == cuda->turn)
    at = at->prev;
  return at ? at->data : NULL;
}

gboolean
_dif_cuda_has_victim (DifCuda *cuda, DifCudaArena *arena)
{
  /* a closed arena gives nothing to the others */
  return newest (cuda) && (arena == cuda->weights || ! _dif_cuda_arena_is_closed (cuda->weights));
}

gboolean
_dif_cuda_park_one (DifCuda *cuda, const DifCudaWeight *w, GError **error)
{
  DifCudaWeight *oldest = cuda->residents.head->data;
  gboolean       old    = ! w || ! w->last_use || oldest->last_use < w->last_use;

  return park (cuda, old ? oldest : newest (cuda), error);
}

gpointer
_dif_cuda_take_matrix (DifCuda *cuda, const DifCudaWeight *w, GError **error)
{
  gsize    bytes = _dif_cuda_matrix_bytes (w);
  gpointer data  = _dif_cuda_take_for (cuda, cuda->weights, bytes, w, error);

  cuda->largest = MAX (cuda->largest, bytes);
  return data;
}

void
_dif_cuda_settle (DifCuda *cuda, DifCudaWeight *w)
{
  w->link.data = w;
  g_queue_push_tail_link (&cuda->residents, &w->link);
}

void
_dif_cuda_unsettle (DifCuda *cuda, DifCudaWeight *w)
{
  if (w->link.data && w->w)
    g_queue_unlink (&cuda->residents, &w->link);
  if (w->host)
    {
      /* it may still be on its way from there */
      cuda->cu.stream_wait (cuda->stream);
      cuda->cu.host_free (w->host);
    }
}

gboolean
_dif_cuda_need (DifCuda *cuda, DifCudaWeight *w, GError **error)
{
  /* a plan does not touch weights */
  if (cuda->of)
    return TRUE;
  if (! w->w && cuda->aside)
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                           "device cuda: a weight would have to move while a graph is made");
      return FALSE;
    }
  if (! w->w)
    {
      gsize    bytes = _dif_cuda_matrix_bytes (w);
      gpointer data  = _dif_cuda_take_matrix (cuda, w, error);

      if (! data)
        return FALSE;
      if (! _dif_cuda_check (
              cuda, cuda->cu.copy_in ((CuPointer) (guintptr) data, w->host, bytes, cuda->stream),
              "copying a weight to the card", error))
        {
          _dif_cuda_arena_give (cuda->weights, data);
          return FALSE;
        }
      w->w = data;
      cuda->moves++;
    }
  else
    g_queue_unlink (&cuda->residents, &w->link);
  g_queue_push_tail_link (&cuda->residents, &w->link);
  w->last_use = cuda->turn;
  return TRUE;
}

gboolean
_dif_cuda_park_all (DifCuda *cuda, GError **error)
{
  while (cuda->residents.head)
    if (! park (cuda, cuda->residents.head->data, error))
      return FALSE;
  return TRUE;
}
