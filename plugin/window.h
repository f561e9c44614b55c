/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window.h - the painter's window, one in a session of GIMP.
 *
 * Two procedures: one opens the window, or presents the one that is open; the other is
 * the window's button, for a menu entry and a shortcut of the canvas.  Both tell the open
 * window about their image through a socket of their own, and return.
 */
#ifndef DIF_PLUGIN_WINDOW_H
#define DIF_PLUGIN_WINDOW_H

#include <libgimp/gimp.h>

G_BEGIN_DECLS

/** DIF_WINDOW_PROCEDURE: DIF_WINDOW_TRIGGER: the two procedures. */
#define DIF_WINDOW_PROCEDURE "plug-in-diffusion-window"
#define DIF_WINDOW_TRIGGER   "plug-in-diffusion-generate"

/**
 * dif_window_procedure:
 * @procedure: one of the two
 * @run_mode: not looked at
 * @image: becomes the window's
 * @drawables: not looked at
 * @config: no arguments
 * @run_data: nothing
 *
 * A GimpRunImageFunc.  The first call returns when its window is closed; a call that finds
 * a window open returns at once.
 *
 * Returns: (transfer full): GIMP_PDB_SUCCESS; GIMP_PDB_CALLING_ERROR without a display to
 * open a window on
 */
GimpValueArray *dif_window_procedure (GimpProcedure *procedure, GimpRunMode run_mode,
                                      GimpImage *image, GimpDrawable **drawables,
                                      GimpProcedureConfig *config, gpointer run_data);

/**
 * dif_window_quit:
 *
 * GIMP is about to end: so is the window.
 */
void dif_window_quit (void);

G_END_DECLS

#endif /* DIF_PLUGIN_WINDOW_H */
