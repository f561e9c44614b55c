/* SPDX-License-Identifier: GPL-3.0-or-later */
/* folder.c - see folder.h.
 *
 * GIMP starts a plug-in by its full path, as its first argument; libgimp keeps only its name.
 */
#include "config.h"

#include "plugin/folder.h"

char *
dif_folder_find (const char *name)
{
  g_autofree char *line   = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *path   = NULL;

  if (! g_file_get_contents ("/proc/self/cmdline", &line, NULL, NULL) ||
      ! g_path_is_absolute (line))
    return NULL;
  folder = g_path_get_dirname (line);
  path   = g_build_filename (folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_IS_DIR) ? g_steal_pointer (&path) : NULL;
}
