/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* graph.c - inputs and output at fixed addresses around what the device noted down.
 *
 * Invariant: while @made is set, @inputs and @output are, and the caller never
 * sees them: what it gives is copied in, what it gets is a copy, so it may keep
 * either as long as it likes.
 */
#include "base/error.h"
#include "tensor/backend.h"
#include "tensor/graph.h"

struct _DifGraph
{
  DifGraphFunc func;
  guint        n_inputs;
  gpointer     user_data;
  DifBackend  *backend; /* since the first call */
  gboolean     was_called;
  gsize        bytes; /* that a call takes, once planned */
  DifTensor   *inputs[DIF_GRAPH_INPUTS], *output;
  gpointer     made;
};

DifGraph *
dif_graph_new (DifGraphFunc func, guint n_inputs, gpointer user_data)
{
  DifGraph *g = g_new0 (DifGraph, 1);

  g_assert (n_inputs >= 1 && n_inputs <= DIF_GRAPH_INPUTS);
  g->func      = func;
  g->n_inputs  = n_inputs;
  g->user_data = user_data;
  return g;
}

static void
drop (DifGraph *g)
{
  if (g->made)
    g->backend->klass->graph_free (g->backend, g_steal_pointer (&g->made));
  for (guint i = 0; i < g->n_inputs; i++)
    g_clear_pointer (&g->inputs[i], dif_tensor_unref);
  g_clear_pointer (&g->output, dif_tensor_unref);
}

void
dif_graph_free (DifGraph *g)
{
  if (! g)
    return;
  drop (g);
  dif_backend_unref (g->backend);
  g_free (g);
}

/* Tensors on @be like the @n at @from; FALSE if there is no room. */
static gboolean
like (DifBackend *be, DifTensor *const *from, guint n, DifTensor **to, GError **error)
{
  for (guint i = 0; i < n; i++)
    {
      to[i] = dif_tensor_new (be, from[i]->dtype, &from[i]->shape, error);
      if (! to[i])
        return FALSE;
    }
  return TRUE;
}

/* What a call takes, and on @g a place for its output. */
static gboolean
plan (DifGraph *g, DifContext *cx, DifTensor *const *inputs, GError **error)
{
  g_autoptr (DifBackend) nowhere                    = g->backend->klass->plan (g->backend);
  g_autoptr (DifContext) dry                        = NULL;
  DifTensor             *stand_in[DIF_GRAPH_INPUTS] = { NULL }, *out = NULL;
  gboolean               ok;

  dry = dif_context_new (nowhere, dif_context_dtype (cx));
  ok  = like (nowhere, inputs, g->n_inputs, stand_in, error);
  if (ok)
    out = g->func (dry, stand_in, g->user_data);
  ok       = ok && dif_context_finish (dry, error) && like (g->backend, &out, 1, &g->output, error);
  g->bytes = nowhere->klass->planned (nowhere);
  for (guint i = 0; i < g->n_inputs; i++)
    dif_tensor_unref (stand_in[i]);
  return ok;
}

static gboolean
copy (DifGraph *g, DifTensor *to, DifTensor *from, GError **error)
{
  return g->backend->klass->copy (g->backend, to->data, from->data, to->bytes, error);
}

/* The function's ops, noted down by the device. */
static gboolean
note_down (DifGraph *g, DifContext *cx, GError **error)
{
  const DifBackendClass *klass = g->backend->klass;
  DifTensor             *out;
  gboolean               ok, ended;

  g->made = klass->graph_begin (g->backend, g->bytes, error);
  if (! g->made)
    return ! error || ! *error;
  dif_context_enter (cx, "graph");
  out = g->func (cx, g->inputs, g->user_data);
  ok  = ! dif_context_failed (cx) && copy (g, g->output, out, error);
  dif_context_leave (cx, NULL);
  /* to be ended in any case; the first error counts */
  ended = klass->graph_end (g->backend, g->made, ok ? error : NULL);
  return ok && ended;
}

/* Makes the graph, if the device can now; a failure is the context's. */
static void
make (DifGraph *g, DifContext *cx, DifTensor *const *inputs)
{
  GError  *error = NULL;
  gboolean ok    = plan (g, cx, inputs, &error);

  ok = ok && like (g->backend, inputs, g->n_inputs, g->inputs, &error);
  ok = ok && note_down (g, cx, &error);
  if (error)
    dif_context_fail (cx, error);
  if (! ok || ! g->made)
    drop (g);
}

/* The output of a launch; NULL if the graph is no good any more. */
static DifTensor *
launch (DifGraph *g, DifContext *cx, DifTensor *const *inputs)
{
  GError    *error = NULL;
  DifTensor *out   = NULL;
  gboolean   ok    = TRUE;

  for (guint i = 0; ok && i < g->n_inputs; i++)
    ok = copy (g, g->inputs[i], inputs[i], &error);
  if (ok && ! g->backend->klass->graph_launch (g->backend, g->made, &error) && ! error)
    return NULL;
  ok = ! error && like (g->backend, &g->output, 1, &out, &error) &&
       copy (g, out, g->output, &error);
  if (ok)
    return dif_context_adopt (cx, out);
  dif_tensor_unref (out);
  return dif_context_fail (cx, error);
}

DifTensor *
dif_graph_call (DifGraph *g, DifContext *cx, DifTensor *const *inputs)
{
  DifTensor *out = NULL;

  if (! dif_context_check (cx))
    return dif_context_inert (cx);
  if (! g->backend)
    g->backend = dif_backend_ref (dif_context_backend (cx));
  if (! g->backend->klass->graph_begin || dif_context_wants_profile (cx))
    return g->func (cx, inputs, g->user_data);
  if (! g->made && g->was_called)
    make (g, cx, inputs);
  g->was_called = TRUE;
  if (g->made)
    out = launch (g, cx, inputs);
  if (out || dif_context_failed (cx))
    return out ? out : dif_context_inert (cx);
  drop (g);
  return g->func (cx, inputs, g->user_data);
}
