/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* graph.h - calls that are the same every time, handed to the device as a whole.
 *
 * A step of the denoising loop is some hundred ops, always the same ones.  A
 * device that can note them down does them by one call from then on.  On any
 * other, and where somebody wants to see single ops, they are called as
 * always: the numbers are the same.
 */
#ifndef DIF_TENSOR_GRAPH_H
#define DIF_TENSOR_GRAPH_H

#include "tensor/context.h"

G_BEGIN_DECLS

/** DIF_GRAPH_INPUTS: inputs of a graph, at most. */
#define DIF_GRAPH_INPUTS 4

/**
 * DifGraphFunc:
 * @cx: a context
 * @inputs: as given to dif_graph_call(), or tensors like them
 * @user_data: as given
 *
 * Ops on @inputs and on whatever tensors outlive the graph; nothing of it may
 * depend on their numbers, and nothing may come from or go to the host.
 *
 * Returns: (transfer none): the output, in the scope that the context has
 */
typedef DifTensor *(*DifGraphFunc) (DifContext *cx, DifTensor *const *inputs, gpointer user_data);

/**
 * DifGraph: a function that is called again and again.
 */
typedef struct _DifGraph DifGraph;

/**
 * dif_graph_new:
 * @func: what is called
 * @n_inputs: its inputs, 1 to DIF_GRAPH_INPUTS
 * @user_data: for @func
 *
 * Returns: (transfer full): a graph
 */
DIF_API DifGraph *dif_graph_new (DifGraphFunc func, guint n_inputs, gpointer user_data);

/**
 * dif_graph_call:
 * @g: a graph
 * @cx: a context, the same each time
 * @inputs: of the same shapes and dtypes each time
 *
 * Calls the function.  The first time it is called for real, whatever the
 * device: that is when libraries make what they need.  The second time it is
 * noted down.
 *
 * Errors (of the context): those of the function and DIF_BACKEND_ERROR.
 *
 * Returns: (transfer none): the output, in the current scope
 */
DIF_API DifTensor *dif_graph_call (DifGraph *g, DifContext *cx, DifTensor *const *inputs);

/**
 * dif_graph_free:
 * @g: (nullable) (transfer full): a graph; before its context
 */
DIF_API void dif_graph_free (DifGraph *g);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifGraph, dif_graph_free)

G_END_DECLS

#endif /* DIF_TENSOR_GRAPH_H */
