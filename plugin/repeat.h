/* SPDX-License-Identifier: GPL-3.0-or-later */
/* repeat.h - drawing the picture of a layer again. */
#ifndef DIF_PLUGIN_REPEAT_H
#define DIF_PLUGIN_REPEAT_H

#include <libgimp/gimp.h>

G_BEGIN_DECLS

/**
 * dif_repeat_procedure:
 * @procedure: the one that repeats
 * @run_mode: with a dialog or without
 * @image: the canvas
 * @drawables: (array zero-terminated=1): the layer, or its mask
 * @changes: the arguments of dif_arguments_add_changes(); a dialog shows the
 *   recipe's values instead
 * @run_data: unused
 *
 * A GimpRunImageFunc.  A layer is drawn again where it is now, in the size that it
 * has now; one that was cut, scaled, turned or flipped by its layer mask as it is
 * now, and a message says that the picture is another.  One picture of several is
 * drawn together with the others, which are forgotten, because they share their
 * random numbers; with another seed it is drawn alone.
 *
 * A model or file that is not installed under the recipe's name and with its
 * fingerprint is an error without a dialog, unless @changes names another; with one,
 * the user is shown what it is, paths in full, and asked.
 *
 * Returns: (transfer full): as dif_run_procedure(); GIMP_PDB_CALLING_ERROR for a
 * layer without a recipe, or with one that cannot be followed
 */
GimpValueArray *dif_repeat_procedure (GimpProcedure *procedure, GimpRunMode run_mode,
                                      GimpImage *image, GimpDrawable **drawables,
                                      GimpProcedureConfig *changes, gpointer run_data);

G_END_DECLS

#endif /* DIF_PLUGIN_REPEAT_H */
