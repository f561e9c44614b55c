/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* select.c - which files of a repository are needed.
 *
 * A pipeline's repository holds its weights several times over (pickles, ONNX, Flax, variants,
 * the original single files); what is wanted is one set of safetensors for every folder that
 * model_index.json names.
 */
#include <string.h>

#include "base/json.h"
#include "fetch/fetch-private.h"

#define MAX_PATH_BYTES 300
#define MAX_LISTED     12

gboolean
_dif_select_is_safe (const char *path)
{
  g_auto (GStrv) parts = NULL;

  if (! *path || strlen (path) > MAX_PATH_BYTES || ! g_utf8_validate (path, -1, NULL))
    return FALSE;
  for (const char *p = path; *p; p = g_utf8_next_char (p))
    if (! g_unichar_isprint (g_utf8_get_char (p)) || strchr ("\\:*?\"<>|", *p))
      return FALSE;
  parts = g_strsplit (path, "/", -1);
  for (guint i = 0; parts[i]; i++)
    if (! *parts[i] || parts[i][0] == '.' || strlen (parts[i]) > 200)
      return FALSE;
  return TRUE;
}

static char *
folder_of (const char *path)
{
  const char *slash = strchr (path, '/');

  return slash ? g_strndup (path, (gsize) (slash - path)) : g_strdup ("");
}

static gboolean
is_weights (const char *path)
{
  return g_str_has_suffix (path, ".safetensors") || strstr (path, ".safetensors.index.");
}

/* "diffusion_pytorch_model.fp16.safetensors", "model.fp16-00001-of-00002.safetensors" and
 * "model.safetensors.index.fp16.json" are the variant fp16; sets @variant, "" if there is none. */
static void
variant_of (const char *path, char **variant)
{
  const char *name  = strrchr (path, '/');
  const char *ext   = NULL;
  const char *start = NULL;

  name     = name ? name + 1 : path;
  ext      = strstr (name, ".safetensors");
  *variant = g_strdup ("");
  if (! ext)
    return;
  if (g_str_has_prefix (ext, ".safetensors.index."))
    {
      start = ext + strlen (".safetensors.index.");
      if (strcmp (start, "json") != 0 && g_str_has_suffix (start, ".json"))
        {
          g_free (*variant);
          *variant = g_strndup (start, strlen (start) - strlen (".json"));
        }
      return;
    }
  start = g_strrstr_len (name, ext - name, ".");
  if (start)
    {
      g_autofree char *word  = g_strndup (start + 1, (gsize) (ext - start - 1));
      char            *shard = strstr (word, "-0");

      if (shard)
        *shard = '\0';
      g_free (*variant);
      *variant = g_steal_pointer (&word);
    }
}

/* Whether @folder has weights of that variant. */
static gboolean
has_variant (GPtrArray *all, const char *folder, const char *variant)
{
  for (guint i = 0; i < all->len; i++)
    {
      const DifFetchFile *file  = all->pdata[i];
      g_autofree char    *where = folder_of (file->path);
      g_autofree char    *kind  = NULL;

      variant_of (file->path, &kind);
      if (is_weights (file->path) && strcmp (where, folder) == 0 && strcmp (kind, variant) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Whether model_index.json names the folder as a part that is there. */
static gboolean
is_part (DifJson *index, const char *folder)
{
  DifJson *part = *folder && *folder != '_' ? dif_json_member (index, folder) : NULL;

  return part && dif_json_type (part) == DIF_JSON_ARRAY && dif_json_length (part) == 2 &&
         dif_json_type (dif_json_at (part, 0)) == DIF_JSON_STRING;
}

static gboolean
is_needed (GPtrArray *all, const DifFetchFile *file, DifJson *index, const char *variant)
{
  static const char *const small[] = { ".json", ".txt", ".model", ".jinja" };
  g_autofree char         *folder  = folder_of (file->path);
  g_autofree char         *kind    = NULL;
  gboolean                 prefers;

  if (strcmp (file->path, "model_index.json") == 0)
    return TRUE;
  if (! is_part (index, folder))
    return FALSE;
  if (is_weights (file->path))
    {
      variant_of (file->path, &kind);
      prefers = variant && has_variant (all, folder, variant);
      return strcmp (kind, prefers ? variant : "") == 0;
    }
  for (guint i = 0; i < G_N_ELEMENTS (small); i++)
    if (g_str_has_suffix (file->path, small[i]) && ! strstr (file->path, ".index."))
      return TRUE;
  return FALSE;
}

/* The names that might have been meant, for a message. */
static char *
list_names (GPtrArray *all)
{
  g_autoptr (GString) names = g_string_new (NULL);
  guint               n     = 0;

  for (guint i = 0; i < all->len; i++)
    {
      const DifFetchFile *file = all->pdata[i];

      if (! is_weights (file->path) && ! g_str_has_suffix (file->path, ".gguf"))
        continue;
      if (n++ < MAX_LISTED)
        g_string_append_printf (names, "%s%s", names->len ? ", " : "", file->path);
    }
  if (n > MAX_LISTED)
    g_string_append_printf (names, " and %u more", n - MAX_LISTED);
  return n ? g_strdup_printf ("it has %s", names->str) : g_strdup ("it has no safetensors at all");
}

static GPtrArray *
copy_file (GPtrArray *to, const DifFetchFile *file)
{
  g_ptr_array_add (to, _dif_fetch_file_new (file->path, file->hash, file->size));
  return to;
}

static guint
count_weights (GPtrArray *files)
{
  guint n = 0;

  for (guint i = 0; i < files->len; i++)
    n += is_weights (((const DifFetchFile *) files->pdata[i])->path) ||
         g_str_has_suffix (((const DifFetchFile *) files->pdata[i])->path, ".gguf");
  return n;
}

GPtrArray *
_dif_select_files (GPtrArray *all, DifJson *index, const char *variant, const char *pattern,
                   const char *repository, GError **error)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func (_dif_fetch_file_free);
  g_autofree char      *names  = NULL;

  for (guint i = 0; i < all->len; i++)
    {
      const DifFetchFile *file = all->pdata[i];

      if (pattern ? g_pattern_match_simple (pattern, file->path)
          : index ? is_needed (all, file, index, variant)
                  : is_weights (file->path))
        copy_file (chosen, file);
    }
  if (pattern ? chosen->len > 0 : index ? count_weights (chosen) > 0
                                        : chosen->len == 1)
    return g_steal_pointer (&chosen);
  names = list_names (all);
  if (pattern)
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%s: expected a file that matches \"%s\", found none; %s", repository, pattern,
                 names);
  else if (index)
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%s: expected weights in safetensors for the parts that model_index.json names, "
                 "found none; %s",
                 repository, names);
  else
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%s: it is no pipeline, so --file must say which file is meant; %s", repository,
                 names);
  return NULL;
}
