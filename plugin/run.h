/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - what a procedure does when it is called. */
#ifndef DIF_PLUGIN_RUN_H
#define DIF_PLUGIN_RUN_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/drawing.h"

G_BEGIN_DECLS

/**
 * dif_run_begin:
 * @procedure: one of ours
 *
 * To be called first by every procedure.
 */
void dif_run_begin (GimpProcedure *procedure);

/**
 * dif_run_find_layer:
 * @image: the canvas
 * @drawables: (array zero-terminated=1): as given to a procedure
 * @layer: (out) (transfer none) (nullable): the layer that the user has in hand; a
 *   script may leave the drawables out
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for one of another image.
 *
 * Returns: FALSE on error
 */
gboolean dif_run_find_layer (GimpImage *image, GimpDrawable **drawables, GimpLayer **layer,
                             GError **error);

/**
 * dif_run_task:
 * @procedure: the one that was called
 * @task: a task
 * @image: the canvas
 * @layer: (nullable): the selected layer, or the one that pictures started from
 * @config: arguments of the task's procedure
 * @repeat: (nullable): a recipe to draw by; its "visible" image is deleted as soon
 *   as it was looked at
 *
 * Draws pictures and puts them on the canvas.
 *
 * Returns: (transfer full): what a procedure returns
 */
GimpValueArray *dif_run_task (GimpProcedure *procedure, const char *task, GimpImage *image,
                              GimpLayer *layer, GimpProcedureConfig *config,
                              DifRepeat *repeat);

/**
 * dif_run_add_results:
 * @procedure: gets the return values of dif_run_task()
 */
void dif_run_add_results (GimpProcedure *procedure);

/**
 * dif_run_procedure:
 * @procedure: one of ours
 * @run_mode: with a dialog or without
 * @image: the canvas
 * @drawables: (array zero-terminated=1): selected layers, possibly none
 * @config: the other arguments
 * @run_data: the task's name
 *
 * A GimpRunImageFunc.
 *
 * Returns: (transfer full): new layers and the seed, or GIMP_PDB_CALLING_ERROR
 * (arguments, or an image that cannot take the picture),
 * GIMP_PDB_EXECUTION_ERROR or GIMP_PDB_CANCEL
 */
GimpValueArray *dif_run_procedure (GimpProcedure *procedure, GimpRunMode run_mode,
                                   GimpImage *image, GimpDrawable **drawables,
                                   GimpProcedureConfig *config, gpointer run_data);

G_END_DECLS

#endif /* DIF_PLUGIN_RUN_H */
