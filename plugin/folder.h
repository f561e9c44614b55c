/* SPDX-License-Identifier: GPL-3.0-or-later */
/* folder.h - what lies beside the plug-in. */
#ifndef DIF_PLUGIN_FOLDER_H
#define DIF_PLUGIN_FOLDER_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * dif_folder_find:
 * @name: of a folder
 *
 * Returns: (transfer full) (nullable): its path, if it is there; beside the file that GIMP
 * started, even if that is a symbolic link
 */
char *dif_folder_find (const char *name);

G_END_DECLS

#endif /* DIF_PLUGIN_FOLDER_H */
