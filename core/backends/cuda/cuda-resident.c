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
 * have every single one come again in each step.  Those that have not been used
 * since the wanted one was belong to another network and go first.
 */
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

/* left to the driver where all the rest is taken: graphs and kernels need some */
#define LEFT_OVER ((gsize) 32 << 20)

gsize
_dif_cuda_matrix_bytes (const DifCudaWeight *w)
{
  return w->n_out * w->n_in * w->kh * w->kw * dif_dtype_size (w->dtype);
}

static gsize
least_weights (DifCuda *cuda)
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

  while (at && ((DifCudaWeight *) at->data)->last_use == cuda->op_count)
    at = at->prev;
  return at ? at->data : NULL;
}

static gboolean
has_victim (DifCuda *cuda, DifCudaArena *arena)
{
  /* a closed arena gives nothing to the others */
  return newest (cuda) && (arena == cuda->weights || ! _dif_cuda_arena_is_closed (cuda->weights));
}

static gboolean
park_one (DifCuda *cuda, const DifCudaWeight *w, GError **error)
{
  DifCudaWeight *oldest = cuda->residents.head->data;
  gboolean       old    = ! w || ! w->last_use || oldest->last_use < w->last_use;

  return park (cuda, old ? oldest : newest (cuda), error);
}

/* ---- taking memory ---- */

/* Gives back what other arenas keep for later. */
static void
trim_but (DifCuda *cuda, DifCudaArena *arena)
{
  DifCudaArena *all[] = { cuda->tensors, cuda->weights, cuda->persistent };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i] != arena)
      _dif_cuda_arena_trim (all[i]);
}

static gpointer
take_for (DifCuda *cuda, DifCudaArena *arena, gsize bytes, const DifCudaWeight *w,
          GError **error)
{
  gpointer data = _dif_cuda_arena_take (arena, bytes);

  /* a graph has what was planned, and a plan all there is */
  while (! data && ! cuda->capture_arena && ! cuda->plan_of)
    {
      trim_but (cuda, arena);
      data = _dif_cuda_arena_take (arena, bytes);
      if (data || ! has_victim (cuda, arena))
        break;
      if (! park_one (cuda, w, error))
        return NULL;
    }
  if (! data)
    _dif_cuda_out_of_memory (cuda, bytes, error);
  return data;
}

gpointer
_dif_cuda_take (DifCuda *cuda, DifCudaArena *arena, gsize bytes, GError **error)
{
  return take_for (cuda, arena, bytes, NULL, error);
}

gpointer
_dif_cuda_alloc (DifBackend *be, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  gpointer data = _dif_cuda_take (cuda, cuda->tensors, bytes, error);

  if (data)
    dif_backend_account (be, (gssize) bytes);
  _dif_cuda_end (cuda, data != NULL);
  return data;
}

void
_dif_cuda_trim (DifBackend *be)
{
  DifCuda *cuda = _dif_cuda_begin (be);

  _dif_cuda_drop_stages (cuda);
  _dif_cuda_arena_set_kept (cuda->tensors, FALSE);
  trim_but (cuda, NULL);
  _dif_cuda_end (cuda, TRUE);
}

/* ---- weights that come and go ---- */

gpointer
_dif_cuda_take_matrix (DifCuda *cuda, const DifCudaWeight *w, GError **error)
{
  gsize    bytes = _dif_cuda_matrix_bytes (w);
  gpointer data  = take_for (cuda, cuda->weights, bytes, w, error);

  cuda->largest = MAX (cuda->largest, bytes);
  return data;
}

void
_dif_cuda_load_resident (DifCuda *cuda, DifCudaWeight *w)
{
  w->link.data = w;
  g_queue_push_tail_link (&cuda->residents, &w->link);
}

void
_dif_cuda_offload_all (DifCuda *cuda, DifCudaWeight *w)
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
  if (cuda->plan_of)
    return TRUE;
  if (! w->w && cuda->capture_arena)
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
  w->last_use = cuda->op_count;
  return TRUE;
}

static gboolean
park_all (DifCuda *cuda, GError **error)
{
  while (cuda->residents.head)
    if (! park (cuda, cuda->residents.head->data, error))
      return FALSE;
  return TRUE;
}

/* ---- room for a run ---- */

/* Every weight to the host, then @bytes for tensors and all the rest for weights to come
 * back to. */
static gboolean
squeeze (DifCuda *cuda, gsize bytes, gsize *room, GError **error)
{
  gsize available, total, left;

  if (! park_all (cuda, error))
    return FALSE;
  _dif_cuda_arena_trim (cuda->weights);
  _dif_cuda_memory (cuda, &available, &total);
  left  = MIN (LEFT_OVER, available / 16);
  *room = available - MIN (available, left + least_weights (cuda));
  if (bytes > *room || ! _dif_cuda_arena_reserve (cuda->tensors, bytes))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "expected room for %.1f MiB beside the weights, found %.1f of the card's %.1f "
                   "MiB",
                   (double) bytes / 1048576, (double) *room / 1048576, (double) total / 1048576);
      return FALSE;
    }
  _dif_cuda_memory (cuda, &available, &total);
  if (_dif_cuda_arena_reserve (cuda->weights, available - MIN (available, left)))
    _dif_cuda_arena_set_closed (cuda->weights, TRUE);
  return TRUE;
}

gboolean
_dif_cuda_reserve (DifBackend *be, gsize bytes, gsize *room, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  gboolean ok;

  *room = bytes;
  _dif_cuda_give_places (cuda);
  _dif_cuda_arena_set_kept (cuda->tensors, FALSE);
  ok = _dif_cuda_arena_reserve (cuda->tensors, bytes);
  if (! ok)
    {
      _dif_cuda_arena_set_closed (cuda->weights, FALSE);
      ok = squeeze (cuda, bytes, room, error);
    }
  /* weights that come back while no tensor is there must not take its place */
  _dif_cuda_arena_set_kept (cuda->tensors, ok);
  return _dif_cuda_end (cuda, ok);
}
