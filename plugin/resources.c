/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resources.c - see resources.h.
 *
 * Invariant: no path of a recipe is ever opened, tested or resolved here.  What may be
 * read is what the catalog lists.
 */
#include "config.h"

#include <string.h>

#include "plugin/recipe-check.h"
#include "plugin/resources.h"

#include <glib/gi18n-lib.h>

#define ENDING       ".safetensors"
#define PRINT_DIGITS 12
#define MAX_LISTED   64

/* The rows, and where the catalog has what they name: the model, then the adapters. */
static const DifAdapterKind *
nth_kind (guint i)
{
  static const DifAdapterKind model = { "model", "models", "model-fingerprint", FALSE };

  return i == 0 ? &model : dif_adapter_kind (i - 1);
}

static void
resource_free (gpointer data)
{
  DifResource *r = data;

  g_free (r->name);
  g_free (r->rest);
  g_free (r->print);
  g_free (r->found);
  g_free (r->found_print);
  g_free (r);
}

static const char *
kind_of (const char *row)
{
  for (guint i = 0; nth_kind (i) != NULL; i++)
    {
      if (g_str_equal (nth_kind (i)->option, row))
        return nth_kind (i)->folder;
    }
  return NULL;
}

gboolean
dif_resource_is_row (const DifParam *row)
{
  return kind_of (row->name) != NULL;
}

gboolean
dif_resource_is_sure (const DifResource *r)
{
  return r->state == DIF_RESOURCE_INSTALLED || r->state == DIF_RESOURCE_FOUND;
}

/* ---- what is installed ---- */

/* The fingerprint of what is installed under that name; NULL if nothing is, or nothing that
 * can be read. */
static char *
print_of (const char *kind, const char *name)
{
  g_autofree char          *path       = dif_catalog_find (kind, name);
  g_autoptr (DifCheckpoint) checkpoint = NULL;

  if (path == NULL)
    return NULL;
  if (! g_str_equal (kind, "models"))
    return dif_fingerprint_of_file (path, NULL);
  checkpoint = dif_checkpoint_open (path, NULL);
  return checkpoint != NULL ? dif_fingerprint_of_checkpoint (checkpoint, NULL) : NULL;
}

/* The last part of a path, as a name. */
static char *
last_of (const char *path)
{
  char *name = g_path_get_basename (path);

  if (g_str_has_suffix (name, ENDING))
    name[strlen (name) - strlen (ENDING)] = '\0';
  return name;
}

static gboolean
try_name (DifResource *r, const char *kind, const char *name)
{
  g_autofree char *print = print_of (kind, name);

  if (print == NULL || *r->print == '\0' || ! g_str_equal (print, r->print))
    return FALSE;
  r->found       = g_strdup (name);
  r->found_print = g_steal_pointer (&print);
  return TRUE;
}

/* Finds what is installed under another name, but is the same. */
static gboolean
find_print (DifResource *r, const char *kind)
{
  g_autofree char *last  = last_of (r->name);
  g_auto (GStrv)   names = NULL;

  if (try_name (r, kind, last))
    return TRUE;
  names = g_str_equal (kind, "models") ? dif_catalog_names () : g_new0 (char *, 1);
  for (guint i = 0; names[i] != NULL; i++)
    {
      if (try_name (r, kind, names[i]))
        return TRUE;
    }
  return FALSE;
}

static void
judge (DifResource *r)
{
  const char      *kind = kind_of (r->row);
  g_autofree char *path = dif_catalog_find (kind, r->name);

  if (path != NULL)
    {
      r->found       = g_strdup (r->name);
      r->found_print = print_of (kind, r->name);
      r->state       = *r->print != '\0' && g_strcmp0 (r->found_print, r->print) == 0
                           ? DIF_RESOURCE_INSTALLED
                           : DIF_RESOURCE_OTHER;
    }
  else if (strchr (r->name, G_DIR_SEPARATOR) != NULL)
    r->state = find_print (r, kind) ? DIF_RESOURCE_FOUND : DIF_RESOURCE_PATH;
  else
    {
      r->state = DIF_RESOURCE_UNKNOWN;
      find_print (r, kind);
    }
}

/* ---- reading ---- */

static DifResource *
new_resource (const char *row, const char *text, const char *print)
{
  DifResource *r     = g_new0 (DifResource, 1);
  const char  *colon = g_str_equal (row, "model") ? NULL : strrchr (text, ':');

  if (colon != NULL && colon[1] == '\0')
    colon = NULL;
  r->row   = row;
  r->print = g_strdup (print != NULL ? print : "");
  r->name  = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
  r->rest  = colon != NULL ? g_strdup (colon + 1) : NULL;
  return r;
}

static void
read_row (DifJson *recipe, guint k, GPtrArray *all)
{
  const DifAdapterKind *kind   = nth_kind (k);
  const char           *text   = dif_json_string (recipe, kind->option, "");
  const char           *print  = dif_json_string (recipe, kind->prints, "");
  g_auto (GStrv)        lines  = g_strsplit (text, "\n", MAX_LISTED);
  g_auto (GStrv)        prints = g_strsplit (print, "\n", MAX_LISTED);
  guint                 n      = g_strv_length (prints);

  if (k == 0) /* a model there must be, and only one */
    {
      g_ptr_array_add (all, new_resource (kind->option, text, print));
      return;
    }
  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (*lines[i] != '\0')
        g_ptr_array_add (all, new_resource (kind->option, lines[i], i < n ? prints[i] : NULL));
    }
}

/* Older recipes have one fingerprint of all LoRAs and embeddings together. */
static void
judge_together (GPtrArray *all, const char *print)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < all->len; i++)
    {
      DifResource     *r    = g_ptr_array_index (all, i);
      g_autofree char *name = last_of (r->name);
      g_autofree char *path = dif_catalog_find (kind_of (r->row), name);

      if (g_str_equal (r->row, "model"))
        continue;
      if (path == NULL || ! dif_fingerprint_add_file (sum, path, NULL))
        return;
    }
  if (! g_str_equal (g_checksum_get_string (sum), print))
    return;
  for (guint i = 0; i < all->len; i++)
    {
      DifResource *r = g_ptr_array_index (all, i);

      if (g_str_equal (r->row, "model"))
        continue;
      g_free (r->found);
      r->found = last_of (r->name);
      r->state = DIF_RESOURCE_FOUND;
    }
}

GPtrArray *
dif_resources_read (DifJson *recipe, const char *const *given)
{
  GPtrArray  *all      = g_ptr_array_new_with_free_func (resource_free);
  const char *together = dif_json_string (recipe, "extras-fingerprint", "");
  gboolean    is_all   = TRUE;

  for (guint k = 0; nth_kind (k) != NULL; k++)
    {
      if (g_strv_contains (given, nth_kind (k)->option))
        is_all &= k == 0;
      else
        read_row (recipe, k, all);
    }
  for (guint i = 0; i < all->len; i++)
    judge (g_ptr_array_index (all, i));
  if (*together != '\0' && is_all && ! dif_json_has (recipe, "lora-fingerprints") &&
      ! dif_json_has (recipe, "embedding-fingerprints"))
    judge_together (all, together);
  return all;
}

/* ---- what becomes of them ---- */

char *
dif_resource_problem (const DifResource *r)
{
  g_autofree char *name  = dif_recipe_shown (r->name);
  g_autofree char *print = dif_recipe_shown (r->print);

  if (g_utf8_strlen (print, -1) > PRINT_DIGITS)
    *g_utf8_offset_to_pointer (print, PRINT_DIGITS) = '\0';
  if (r->state == DIF_RESOURCE_PATH)
    return g_strdup_printf (_ ("%s: expected the name of something installed, found the path %s"),
                            r->row, name);
  if (r->state == DIF_RESOURCE_UNKNOWN && r->found != NULL)
    return g_strdup_printf (_ ("%s: expected \"%s\" to be installed, found it under the name "
                               "\"%s\""),
                            r->row, name, r->found);
  if (r->state == DIF_RESOURCE_UNKNOWN)
    return g_strdup_printf (_ ("%s: expected \"%s\" to be installed, found it missing"), r->row,
                            name);
  return g_strdup_printf (_ ("%s: expected \"%s\" with the fingerprint %s, found another with "
                             "%.*s"),
                          r->row, name, *print != '\0' ? print : "?", PRINT_DIGITS,
                          r->found_print != NULL ? r->found_print : "?");
}

char *
dif_resources_value (GPtrArray *resources, const char *row)
{
  g_autoptr (GString) value = g_string_new (NULL);

  for (guint i = 0; i < resources->len; i++)
    {
      const DifResource *r    = g_ptr_array_index (resources, i);
      const char        *name = r->state == DIF_RESOURCE_PATH ? r->name : r->found;

      if (! g_str_equal (r->row, row) || name == NULL)
        continue;
      g_string_append_printf (value, "%s%s%s%s", value->len > 0 ? "\n" : "", name,
                              r->rest != NULL ? ":" : "", r->rest != NULL ? r->rest : "");
    }
  return g_string_free (g_steal_pointer (&value), FALSE);
}
