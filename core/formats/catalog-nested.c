/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* catalog-nested.c - LoRAs and textual-inversion words in folders inside their folders. */
#include "formats/catalog-nested.h"

#include <string.h>

#include "base/error.h"

#define FILE_ENDING ".safetensors"

/* Deeper folders, and more entries than these, are not looked at: a link may
 * lead into a whole disk. */
#define MAX_DEPTH   6
#define MAX_ENTRIES 20000

/* A walk through one folder. */
typedef struct
{
  const char *file;  /* looked for */
  GPtrArray  *found; /* of its paths below the folder, without ending */
  guint       n_left;
} Walk;

static char *
file_of (const char *name)
{
  return g_strconcat (name, g_str_has_suffix (name, FILE_ENDING) ? "" : FILE_ENDING, NULL);
}

static void
walk (Walk *w, const char *folder, const char *below, guint depth)
{
  g_autoptr (GDir) dir = depth < MAX_DEPTH ? g_dir_open (folder, 0, NULL) : NULL;
  const char      *name;

  while (dir && w->n_left && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path     = g_build_filename (folder, name, NULL);
      g_autofree char *relative = *below ? g_build_filename (below, name, NULL) : g_strdup (name);

      w->n_left--;
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        walk (w, path, relative, depth + 1);
      else if (strcmp (name, w->file) == 0 && g_file_test (path, G_FILE_TEST_IS_REGULAR))
        {
          relative[strlen (relative) - strlen (FILE_ENDING)] = '\0';
          g_ptr_array_add (w->found, g_steal_pointer (&relative));
        }
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* "style/foo" below one of the folders, if it is no way out of them. */
static char *
find_below (char **folders, const char *name)
{
  g_autofree char *file  = file_of (name);
  g_auto (GStrv)   words = g_strsplit (name, G_DIR_SEPARATOR_S, -1);

  for (guint i = 0; words[i]; i++)
    if (! *words[i] || strcmp (words[i], ".") == 0 || strcmp (words[i], "..") == 0)
      return NULL;
  for (guint i = 0; folders[i]; i++)
    {
      g_autofree char *path = g_build_filename (folders[i], file, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
    }
  return NULL;
}

gboolean
_dif_catalog_find_nested (char **folders, const char *name, char **path, GError **error)
{
  g_autofree char      *file  = file_of (name);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  Walk                  w     = { file, found, MAX_ENTRIES };

  *path = NULL;
  if (strchr (name, G_DIR_SEPARATOR))
    {
      *path = find_below (folders, name);
      return TRUE;
    }
  for (guint i = 0; folders[i]; i++)
    walk (&w, folders[i], "", 0);
  g_ptr_array_sort (found, compare_names);
  for (guint i = found->len; i-- > 1;)
    if (strcmp (found->pdata[i], found->pdata[i - 1]) == 0)
      g_ptr_array_remove_index (found, i);
  if (found->len > 1)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "%s: expected the name of one file, found %s and %s", name,
                   (const char *) found->pdata[0], (const char *) found->pdata[1]);
      return FALSE;
    }
  if (found->len)
    *path = find_below (folders, found->pdata[0]);
  return TRUE;
}
