/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* catalog.c - which models are installed, and what a model's name means.
 *
 * A model is installed when a folder of its name, with a model_index.json in
 * it, or a .safetensors file of its name lies in one of the catalog's folders.
 */
#include "config.h"

#include "formats/catalog.h"

#include <string.h>

#include "base/error.h"
#include "base/hub-cache.h"
#include "formats/catalog-nested.h"

#define MODELS_FOLDER     "models"
#define TOKENIZERS_FOLDER "tokenizers"
#define OUR_FOLDER        "gimp-diffusion"
#define FILE_ENDING       ".safetensors"

/* Where things of @kind, such as "models", are looked for. */
static char **
folders_of (const char *kind)
{
  GPtrArray         *folders = g_ptr_array_new ();
  const char        *own     = g_getenv ("DIF_DATA_DIR");
  const char *const *shared  = g_get_system_data_dirs ();

  if (own && *own)
    g_ptr_array_add (folders, g_build_filename (own, kind, NULL));
  g_ptr_array_add (folders,
                   g_build_filename (g_get_user_data_dir (), OUR_FOLDER, kind, NULL));
  for (guint i = 0; shared[i]; i++)
    g_ptr_array_add (folders, g_build_filename (shared[i], OUR_FOLDER, kind, NULL));
  g_ptr_array_add (folders, g_build_filename (DIF_PKGDATADIR, kind, NULL));
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_free (folders, FALSE);
}

char **
dif_catalog_folders (void)
{
  return folders_of (MODELS_FOLDER);
}

/* Path of the file @name, with or without its ending, in @folder, or NULL. */
static char *
find_file_in (const char *folder, const char *name)
{
  g_autofree char *file = g_strconcat (
      name, g_str_has_suffix (name, FILE_ENDING) ? "" : FILE_ENDING, NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path) : NULL;
}

/* Path of the model @name in @folder, or NULL. */
static char *
find_in (const char *folder, const char *name)
{
  g_autofree char *path  = g_build_filename (folder, name, NULL);
  g_autofree char *index = g_build_filename (path, "model_index.json", NULL);

  return g_file_test (index, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path)
                                                     : find_file_in (folder, name);
}

/* Bundled models that do one task only, or do it better. */
static const struct
{
  const char *task, *model;
} defaults[] = {
  { "inpaint", DIF_DEFAULT_MODEL "-inpaint" },
  { "depth2img", DIF_DEFAULT_MODEL "-depth" },
  { "unconditional", DIF_DEFAULT_MODEL "-unconditional" },
};

const char *
dif_catalog_default (const char *task)
{
  g_auto (GStrv) folders = dif_catalog_folders ();

  for (guint k = 0; k < G_N_ELEMENTS (defaults); k++)
    for (guint i = 0; strcmp (defaults[k].task, task) == 0 && folders[i]; i++)
      {
        g_autofree char *path = find_in (folders[i], defaults[k].model);

        if (path)
          return defaults[k].model;
      }
  return DIF_DEFAULT_MODEL;
}

char *
dif_catalog_find_data (const char *name)
{
  g_auto (GStrv) paths = folders_of (name);

  for (guint i = 0; paths[i]; i++)
    if (g_file_test (paths[i], G_FILE_TEST_IS_REGULAR))
      return g_strdup (paths[i]);
  return NULL;
}

/* Path of a pipeline in the hub's cache, or NULL. */
static char *
find_in_hub (const char *repository)
{
  g_autofree char *path  = dif_hub_cache_find (repository);
  g_autofree char *index = path ? g_build_filename (path, "model_index.json", NULL) : NULL;

  return index && g_file_test (index, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path) : NULL;
}

/* Adds the names of the pipelines in the hub's cache. */
static void
add_hub_names (GPtrArray *names)
{
  g_auto (GStrv) repositories = dif_hub_cache_list ();

  for (guint i = 0; repositories[i]; i++)
    {
      g_autofree char *path = find_in_hub (repositories[i]);

      if (path)
        g_ptr_array_add (names, g_strdup (repositories[i]));
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
dif_catalog_names (void)
{
  g_auto (GStrv)         folders = dif_catalog_folders ();
  g_autoptr (GHashTable) seen    = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray             *names   = g_ptr_array_new ();

  for (guint i = 0; folders[i]; i++)
    {
      g_autoptr (GDir) dir = g_dir_open (folders[i], 0, NULL);
      const char      *name;

      while (dir && (name = g_dir_read_name (dir)))
        {
          g_autofree char *path = find_in (folders[i], name);
          g_autofree char *bare = g_strdup (name);

          if (path && g_str_has_suffix (bare, FILE_ENDING))
            bare[strlen (bare) - strlen (FILE_ENDING)] = '\0';
          if (path && ! g_hash_table_contains (seen, bare))
            {
              g_hash_table_add (seen, bare);
              g_ptr_array_add (names, g_steal_pointer (&bare));
            }
        }
    }
  add_hub_names (names);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/* A word is a name, so that it means the same in every folder. */
static gboolean
is_name (const char *text)
{
  return *text && ! strchr (text, G_DIR_SEPARATOR) && strcmp (text, ".") != 0 &&
         strcmp (text, "..") != 0;
}

char *
dif_catalog_find (const char *kind, const char *name)
{
  g_auto (GStrv) folders = folders_of (kind);
  gboolean       model   = strcmp (kind, MODELS_FOLDER) == 0;
  char          *path    = NULL;

  for (guint i = 0; is_name (name) && ! path && folders[i]; i++)
    path = model ? find_in (folders[i], name) : find_file_in (folders[i], name);
  if (! path && ! model && is_name (name))
    _dif_catalog_find_nested (folders, name, &path, NULL);
  return path || ! model ? path : find_in_hub (name);
}

char *
dif_catalog_name_of (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  char            *name  = dif_hub_cache_name_of (whole);

  if (name)
    return name;
  name = g_path_get_basename (whole);

  if (g_str_has_suffix (name, FILE_ENDING) && ! g_file_test (path, G_FILE_TEST_IS_DIR))
    name[strlen (name) - strlen (FILE_ENDING)] = '\0';
  return name;
}

/* Where the word that was not found would be a path. */
static const char *
hint_of (const char *word)
{
  return is_name (word) && g_file_test (word, G_FILE_TEST_EXISTS)
             ? "; what is in the current folder is named with ./ before it"
             : "";
}

static void
fail_not_found (const char *model, char **folders, GError **error)
{
  g_auto (GStrv)   names  = dif_catalog_names ();
  g_autofree char *where  = g_strjoinv (", ", folders);
  g_autofree char *found  = g_strjoinv (", ", names);
  g_autofree char *listed = *names ? g_strdup_printf ("the models %s", found)
                                   : g_strdup ("no models");

  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
               "%s: expected a path or the name of an installed model, found %s in %s%s", model,
               listed, where, hint_of (model));
}

char *
dif_catalog_resolve (const char *model, GError **error)
{
  g_auto (GStrv)   folders = dif_catalog_folders ();
  g_autofree char *path    = NULL;

  if (! model || ! *model)
    model = DIF_DEFAULT_MODEL;
  path = dif_catalog_find (MODELS_FOLDER, model);
  if (path || (! is_name (model) && g_file_test (model, G_FILE_TEST_EXISTS)))
    return path ? g_steal_pointer (&path) : g_strdup (model);
  fail_not_found (model, folders, error);
  return NULL;
}

char *
dif_catalog_resolve_file (const char *kind, const char *name, GError **error)
{
  g_auto (GStrv)   folders = folders_of (kind);
  g_autofree char *where   = NULL;
  g_autofree char *path    = dif_catalog_find (kind, name);

  if (! path && ! _dif_catalog_find_nested (folders, name, &path, error))
    return NULL;
  if (path || (! is_name (name) && g_file_test (name, G_FILE_TEST_EXISTS)))
    return path ? g_steal_pointer (&path) : g_strdup (name);
  where = g_strjoinv (", ", folders);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
               "%s: expected a file, or the name of one in %s, found neither%s", name, where,
               hint_of (name));
  return NULL;
}

char *
dif_catalog_tokenizer_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), OUR_FOLDER, TOKENIZERS_FOLDER, "clip", NULL);
}

char **
dif_catalog_tokenizers (void)
{
  g_auto (GStrv) own     = folders_of (TOKENIZERS_FOLDER);
  g_auto (GStrv) models  = dif_catalog_names ();
  GPtrArray     *folders = g_ptr_array_new ();

  for (guint i = 0; own[i]; i++)
    g_ptr_array_add (folders, g_build_filename (own[i], "clip", NULL));
  for (guint i = 0; models[i]; i++)
    {
      g_autofree char *path = dif_catalog_resolve (models[i], NULL);

      if (path && g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          g_ptr_array_add (folders, g_build_filename (path, "tokenizer", NULL));
          g_ptr_array_add (folders, g_build_filename (path, "tokenizer_2", NULL));
        }
    }
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_free (folders, FALSE);
}

char *
dif_catalog_split_spec (const char *spec, char **rest)
{
  const char *colon = strrchr (spec, ':');

  *rest = NULL;
  if (! colon || ! colon[1] ||
      (! is_name (spec) && g_file_test (spec, G_FILE_TEST_EXISTS)))
    return g_strdup (spec);
  *rest = g_strdup (colon + 1);
  return g_strndup (spec, (gsize) (colon - spec));
}
