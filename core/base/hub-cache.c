/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* hub-cache.c - repositories in the Hugging Face cache: names become folders, and back. */
#include "base/hub-cache.h"

#include <string.h>

#define PREFIX      "models--"
#define HASH_DIGITS 40u

char *
dif_hub_cache_folder (void)
{
  static const char *const names[] = { "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE" };
  const char              *home    = g_getenv ("HF_HOME");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *named = g_getenv (names[i]);

      if (named && *named)
        return g_strdup (named);
    }
  return home && *home ? g_build_filename (home, "hub", NULL)
                       : g_build_filename (g_get_user_cache_dir (), "huggingface", "hub", NULL);
}

/* OWNER/NAME of letters, digits, "-", "_" and ".", neither part beginning with a dot. */
static gboolean
is_repository (const char *text)
{
  const char *slash = strchr (text, '/');

  if (! slash || slash == text || ! slash[1] || *text == '.' || slash[1] == '.')
    return FALSE;
  for (const char *p = text; *p; p++)
    if (p != slash && ! g_ascii_isalnum (*p) && ! strchr ("-_.", *p))
      return FALSE;
  return TRUE;
}

/* The snapshot that refs/main names, if it is there. */
static char *
main_snapshot (const char *folder)
{
  g_autofree char *reference = g_build_filename (folder, "refs", "main", NULL);
  g_autofree char *text      = NULL;
  g_autofree char *path      = NULL;

  if (! g_file_get_contents (reference, &text, NULL, NULL))
    return NULL;
  g_strstrip (text);
  if (strlen (text) != HASH_DIGITS || strspn (text, "0123456789abcdef") != HASH_DIGITS)
    return NULL;
  path = g_build_filename (folder, "snapshots", text, NULL);
  return g_file_test (path, G_FILE_TEST_IS_DIR) ? g_steal_pointer (&path) : NULL;
}

static char *
only_snapshot (const char *folder)
{
  g_autofree char *snapshots = g_build_filename (folder, "snapshots", NULL);
  g_autoptr (GDir) dir       = g_dir_open (snapshots, 0, NULL);
  const char      *name      = dir ? g_dir_read_name (dir) : NULL;
  g_autofree char *path      = name ? g_build_filename (snapshots, name, NULL) : NULL;

  return path && ! g_dir_read_name (dir) ? g_steal_pointer (&path) : NULL;
}

char *
dif_hub_cache_find (const char *repository)
{
  g_autofree char *cache  = dif_hub_cache_folder ();
  g_auto (GStrv)   parts  = g_strsplit (repository, "/", 2);
  g_autofree char *flat   = NULL;
  g_autofree char *folder = NULL;
  char            *found;

  if (! is_repository (repository))
    return NULL;
  flat   = g_strconcat (PREFIX, parts[0], "--", parts[1], NULL);
  folder = g_build_filename (cache, flat, NULL);
  found  = main_snapshot (folder);
  return found ? found : only_snapshot (folder);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
dif_hub_cache_list (void)
{
  g_autofree char *cache = dif_hub_cache_folder ();
  g_autoptr (GDir) dir   = g_dir_open (cache, 0, NULL);
  GPtrArray       *names = g_ptr_array_new ();
  const char      *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_auto (GStrv)   parts  = NULL;
      g_autofree char *joined = NULL;
      g_autofree char *found  = NULL;

      if (! g_str_has_prefix (name, PREFIX))
        continue;
      parts  = g_strsplit (name + strlen (PREFIX), "--", 2);
      joined = g_strjoinv ("/", parts);
      found  = dif_hub_cache_find (joined);
      if (found)
        g_ptr_array_add (names, g_steal_pointer (&joined));
    }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

char *
dif_hub_cache_name_of (const char *path)
{
  g_autofree char *snapshots = g_path_get_dirname (path);
  g_autofree char *folder    = g_path_get_dirname (snapshots);
  g_autofree char *cache     = g_path_get_dirname (folder);
  g_autofree char *own       = dif_hub_cache_folder ();
  g_autofree char *place     = g_canonicalize_filename (own, NULL);
  g_autofree char *flat      = g_path_get_basename (folder);
  g_auto (GStrv)   parts     = NULL;

  if (! g_str_has_suffix (snapshots, "/snapshots") || strcmp (cache, place) != 0 ||
      ! g_str_has_prefix (flat, PREFIX))
    return NULL;
  parts = g_strsplit (flat + strlen (PREFIX), "--", 2);
  return g_strjoinv ("/", parts);
}
