/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-memory.c - memory of the card, and what goes to it and comes from it.
 *
 * Three arenas: tensors and scratch; matrices of weights, which may have to
 * wait in host memory (cuda-resident.c); and what always persistent, which would
 * keep the regions of the matrices from being given back.
 */
#include <string.h>

#include "backends/cuda/cuda-private.h"
#include "base/error.h"

void
_dif_cuda_limit_memory (DifCuda *cuda)
{
  const char *setting = g_getenv ("DIF_CUDA_MEMORY");
  gsize       total   = 0;

  _dif_cuda_memory (cuda, &cuda->at_first, &total);
  cuda->most = setting ? (gsize) g_ascii_strtoull (setting, NULL, 10) << 20 : 0;
}

static gpointer
get_region (gsize bytes, gpointer user_data)
{
  DifCuda  *cuda = user_data;
  CuPointer data = 0;
  gsize     available, total;

  _dif_cuda_memory (cuda, &available, &total);
  if (cuda->most && bytes > available)
    return NULL;
  return cuda->cu.mem_alloc (&data, bytes) == CU_SUCCESS ? (gpointer) (guintptr) data : NULL;
}

static void
put_region (gpointer region, gpointer user_data)
{
  DifCuda *cuda = user_data;

  cuda->cu.mem_free ((CuPointer) (guintptr) region);
}

DifCudaArena *
_dif_cuda_new_arena (DifCuda *cuda, gsize region)
{
  DifCudaArenaSource source = { get_region, put_region, cuda };

  return _dif_cuda_arena_new (source, region);
}

void
_dif_cuda_free (DifBackend *be, gpointer data, gsize bytes)
{
  DifCuda *cuda;

  if (! data)
    return;
  cuda = _dif_cuda_begin (be);
  _dif_cuda_arena_give (cuda->tensors, data);
  dif_backend_account (be, -(gssize) bytes);
  _dif_cuda_end (cuda, TRUE);
}

void
_dif_cuda_give_places (DifCuda *cuda)
{
  for (guint i = 0; i < G_N_ELEMENTS (cuda->stages); i++)
    if (cuda->stages[i].device)
      _dif_cuda_arena_give (cuda->tensors, g_steal_pointer (&cuda->stages[i].device));
}

/* ---- copies ---- */

gboolean
_dif_cuda_pin (DifCuda *cuda, gsize bytes, gpointer *host, GError **error)
{
  CuResult r = cuda->cu.host_alloc (host, bytes, 0);

  if (r != CU_ERROR_OUT_OF_MEMORY)
    return _dif_cuda_check (cuda, r, "taking pinned memory", error);
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory: expected room for %.1f MiB in pinned host memory, found none",
               (double) bytes / 1048576);
  *host = NULL;
  return FALSE;
}

DifCudaStage *
_dif_cuda_next_stage (DifCuda *cuda, GError **error)
{
  DifCudaStage *stage = &cuda->stages[cuda->next_stage ^= 1];

  if (! stage->host && ! _dif_cuda_pin (cuda, cuda->stage_bytes, &stage->host, error))
    return NULL;
  if (! _dif_cuda_check (cuda, cuda->cu.event_wait (stage->done), "waiting for the card", error))
    return NULL;
  return stage;
}

void
_dif_cuda_drop_stages (DifCuda *cuda)
{
  cuda->cu.stream_wait (cuda->stream);
  _dif_cuda_give_places (cuda);
  for (guint i = 0; i < G_N_ELEMENTS (cuda->stages); i++)
    if (cuda->stages[i].host)
      cuda->cu.host_free (g_steal_pointer (&cuda->stages[i].host));
}

/* What fits a pinned buffer goes through it, so that nobody waits for the card. */
gboolean
_dif_cuda_send (DifCuda *cuda, CuPointer to, const void *from, gsize bytes, GError **error)
{
  DifCudaStage *stage;

  if (bytes > cuda->stage_bytes)
    {
      CuResult r = cuda->cu.copy_in (to, from, bytes, cuda->stream);

      if (r == CU_SUCCESS)
        r = cuda->cu.stream_wait (cuda->stream);
      return _dif_cuda_check (cuda, r, "copying to the card", error);
    }
  stage = _dif_cuda_next_stage (cuda, error);
  if (! stage)
    return FALSE;
  memcpy (stage->host, from, bytes);
  return _dif_cuda_check (cuda, cuda->cu.copy_in (to, stage->host, bytes, cuda->stream),
                          "copying to the card", error) &&
         _dif_cuda_check (cuda, cuda->cu.event_record (stage->done, cuda->stream),
                          "recording an event", error);
}

gboolean
_dif_cuda_upload (DifBackend *be, gpointer dst, const void *src, gsize bytes, GError **error)
{
  DifCuda  *cuda = _dif_cuda_begin (be);
  CuPointer to   = (CuPointer) (guintptr) dst;

  return _dif_cuda_end (cuda, _dif_cuda_send (cuda, to, src, bytes, error));
}

gboolean
_dif_cuda_download (DifBackend *be, void *dst, gconstpointer src, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuResult r    = cuda->cu.copy_out (dst, (CuPointer) (guintptr) src, bytes, cuda->stream);

  if (r == CU_SUCCESS)
    r = cuda->cu.stream_wait (cuda->stream);
  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "copying from the card", error));
}

gconstpointer
_dif_cuda_fetch (DifBackend *be, gconstpointer src, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  gboolean ok   = TRUE;

  if (bytes > cuda->fetched_bytes)
    {
      cuda->cu.stream_wait (cuda->stream);
      if (cuda->fetched)
        cuda->cu.host_free (g_steal_pointer (&cuda->fetched));
      ok                  = _dif_cuda_pin (cuda, bytes, &cuda->fetched, error);
      cuda->fetched_bytes = ok ? bytes : 0;
    }
  ok = ok && _dif_cuda_check (cuda,
                              cuda->cu.copy_out (cuda->fetched, (CuPointer) (guintptr) src, bytes,
                                                 cuda->stream),
                              "copying from the card", error);
  return _dif_cuda_end (cuda, ok) ? cuda->fetched : NULL;
}

gboolean
_dif_cuda_copy (DifBackend *be, gpointer dst, gconstpointer src, gsize bytes, GError **error)
{
  DifCuda  *cuda = _dif_cuda_begin (be);
  CuPointer to = (CuPointer) (guintptr) dst, from = (CuPointer) (guintptr) src;
  CuResult  r = cuda->cu.copy_inside (to, from, bytes, cuda->stream);

  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "copying on the card", error));
}

/* ---- waiting ---- */

gboolean
_dif_cuda_wait (DifBackend *be, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuResult r    = cuda->cu.stream_wait (cuda->stream);

  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "waiting for the card", error));
}

gboolean
_dif_cuda_pace (DifBackend *be, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuEvent  mine = cuda->paced[cuda->next_paced], before = cuda->paced[cuda->next_paced ^ 1];
  gboolean ok = _dif_cuda_check (cuda, cuda->cu.event_record (mine, cuda->stream),
                                 "recording an event", error) &&
                _dif_cuda_check (cuda, cuda->cu.event_wait (before), "waiting for the card", error);

  cuda->next_paced ^= 1;
  return _dif_cuda_end (cuda, ok);
}
