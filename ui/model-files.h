/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-files.h - the platform's chooser for a model that is not installed. */
#ifndef DIF_UI_MODEL_FILES_H
#define DIF_UI_MODEL_FILES_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * DifUiPathFunc:
 * @path: of a file or folder
 * @user_data: as given
 */
typedef void (*DifUiPathFunc) (const char *path, gpointer user_data);

/**
 * dif_ui_model_files_choose:
 * @owner: while it lives, the chooser does; one at a time
 * @is_folder: GTK chooses a file or a folder, not either
 * @chosen: called when something was chosen
 * @user_data: for @chosen
 *
 * Does not wait, so that the window stays alive behind it.
 */
void dif_ui_model_files_choose (GtkWidget *owner, gboolean is_folder, DifUiPathFunc chosen,
                                gpointer user_data);

G_END_DECLS

#endif /* DIF_UI_MODEL_FILES_H */
