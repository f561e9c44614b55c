/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - what a procedure does when it is called. */
#ifndef DIF_PLUGIN_RUN_H
#define DIF_PLUGIN_RUN_H

#include <libgimp/gimp.h>

G_BEGIN_DECLS

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
