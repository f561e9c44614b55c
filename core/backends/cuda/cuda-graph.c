/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-graph.c - the calls of a step as one CUDA graph.
 *
 * While the stream is captured, tensors and scratch come from an arena of the
 * graph's own, in one block of the tensors' arena that persistent taken as long as
 * the graph lives: nothing else lies where a launch writes, and nothing is asked
 * of the driver that a capture forbids.
 *
 * A graph has the addresses of weights in it, so it is good until one moves.
 */
#include <string.h>

#include "backends/cuda/cuda-private.h"
#include "base/error.h"

typedef struct
{
  CuExec        exec;
  gpointer      block;
  gsize         bytes;
  gboolean      is_given; /* the block, to the arena */
  DifCudaArena *arena;
  guint64       moves;
} Graph;

static gpointer
get_block (gsize bytes, gpointer user_data)
{
  Graph *graph = user_data;

  if (graph->is_given || bytes > graph->bytes)
    return NULL;
  graph->is_given = TRUE;
  return graph->block;
}

static void
put_block (gpointer block, gpointer user_data)
{
  ((Graph *) user_data)->is_given = FALSE;
}

/* Frees a graph; the lock is held. */
static void
drop (DifCuda *cuda, Graph *graph)
{
  if (graph->exec)
    {
      cuda->cu.stream_wait (cuda->stream);
      cuda->cu.exec_destroy (graph->exec);
    }
  _dif_cuda_arena_free (graph->arena);
  _dif_cuda_arena_give (cuda->tensors, graph->block);
  g_free (graph);
}

void
_dif_cuda_graph_free (DifBackend *be, gpointer graph)
{
  DifCuda *cuda;

  if (! graph)
    return;
  cuda = _dif_cuda_begin (be);
  drop (cuda, graph);
  _dif_cuda_end (cuda, TRUE);
}

/* Whether the calls are worth noting down: weights moved while they were made the last
 * time, so they would move again. */
static gboolean
are_settled (DifCuda *cuda)
{
  gboolean settled = cuda->moves == cuda->moves_before;

  cuda->moves_before = cuda->moves;
  return settled;
}

/* Starts the capture; the tensors' arena is the graph's until it ends. */
static gboolean
start (DifCuda *cuda, Graph *graph, GError **error)
{
  DifCudaArenaSource source = { get_block, put_block, graph };

  if (! _dif_cuda_check (cuda, cuda->cu.capture_begin (cuda->stream, CU_CAPTURE_THREAD_LOCAL),
                         "beginning a graph", error))
    return FALSE;
  graph->moves        = cuda->moves;
  graph->arena        = _dif_cuda_arena_new (source, graph->bytes);
  cuda->capture_arena = cuda->tensors;
  cuda->tensors       = graph->arena;
  return TRUE;
}

gpointer
_dif_cuda_graph_begin (DifBackend *be, gsize bytes, GError **error)
{
  DifCuda    *cuda    = _dif_cuda_begin (be);
  const char *setting = g_getenv ("DIF_CUDA_GRAPH");
  Graph      *graph   = g_new0 (Graph, 1);
  gboolean    off     = setting && strcmp (setting, "off") == 0;

  graph->bytes = bytes;
  graph->block = off ? NULL : _dif_cuda_take (cuda, cuda->tensors, bytes, error);
  /* asked last: weights may have moved for the block as well */
  if (! graph->block || ! are_settled (cuda) || ! start (cuda, graph, error))
    {
      drop (cuda, graph);
      graph = NULL;
    }
  _dif_cuda_end (cuda, TRUE);
  return graph;
}

gboolean
_dif_cuda_graph_end (DifBackend *be, gpointer data, GError **error)
{
  DifCuda *cuda  = _dif_cuda_begin (be);
  Graph   *graph = data;
  CuGraph  drawn = NULL;
  gboolean ok    = _dif_cuda_check (cuda, cuda->cu.capture_end (cuda->stream, &drawn),
                                    "ending a graph", error);

  cuda->tensors = g_steal_pointer (&cuda->capture_arena);
  if (ok && ! _dif_cuda_arena_is_idle (graph->arena))
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                           "device cuda: expected every tensor of a graph to be freed with it");
      ok = FALSE;
    }
  ok = ok && _dif_cuda_check (cuda, cuda->cu.graph_make (&graph->exec, drawn, 0),
                              "making a graph", error);
  if (drawn)
    cuda->cu.graph_destroy (drawn);
  return _dif_cuda_end (cuda, ok);
}

gboolean
_dif_cuda_graph_launch (DifBackend *be, gpointer data, GError **error)
{
  DifCuda *cuda  = _dif_cuda_begin (be);
  Graph   *graph = data;

  if (graph->moves != cuda->moves)
    return _dif_cuda_end (cuda, FALSE);
  return _dif_cuda_end (cuda, _dif_cuda_check (cuda,
                                               cuda->cu.graph_launch (graph->exec, cuda->stream),
                                               "launching a graph", error));
}
