/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dialog.h - the dialog of a procedure. */
#ifndef DIF_PLUGIN_DIALOG_H
#define DIF_PLUGIN_DIALOG_H

#include <libgimp/gimp.h>

G_BEGIN_DECLS

/**
 * dif_dialog_run:
 * @procedure: one of ours
 * @config: its arguments, shown and changed
 * @task: its task
 * @title: translated
 * @is_placed: whether the place of the picture is settled and not shown
 *
 * Returns: FALSE if the user gave up
 */
gboolean dif_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, const char *task,
                         const char *title, gboolean is_placed);

G_END_DECLS

#endif /* DIF_PLUGIN_DIALOG_H */
