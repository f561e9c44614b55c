/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* requests.c - requests for a task by its name, from JSON, and the files that
 * they name, for a process in another folder.
 */
#include "pipelines/requests.h"

#include <string.h>

#include "base/error.h"
#include "families/families.h"
#include "formats/catalog.h"
#include "pipelines/adapters.h"
#include "run/task.h"

const char *
dif_task_label (const char *task)
{
  const DifTaskClass *klass = dif_task_find (task);

  return klass ? klass->label : NULL;
}

const char *
dif_task_blurb (const char *task)
{
  const DifTaskClass *klass = dif_task_find (task);

  return klass ? klass->blurb : NULL;
}

/* Whether @family has the table @params for the task. */
static gboolean
has_table (const DifFamilyClass *family, const DifParam *params, const DifTaskClass *task)
{
  for (guint j = 0; j < family->n_rows; j++)
    if (family->rows[j].params == params && (family->rows[j].tasks & task->needs))
      return TRUE;
  return FALSE;
}

/* The names of families that have the table. */
static const char *const *
families_with (const DifParam *params, const DifTaskClass *task)
{
  const DifFamilyClass *const *all   = dif_family_list ();
  GPtrArray                   *names = g_ptr_array_new ();

  for (guint i = 0; all[i]; i++)
    if (has_table (all[i], params, task))
      g_ptr_array_add (names, (gpointer) all[i]->name);
  g_ptr_array_add (names, NULL);
  return (const char *const *) g_ptr_array_free (names, FALSE);
}

/* Appends the tables of @family that no family before it has. */
static void
append_rows (GArray *rows, const DifFamilyClass *family, const DifTaskClass *task)
{
  for (guint j = 0; j < family->n_rows; j++)
    {
      const DifFamilyRows *table    = &family->rows[j];
      const char *const   *families = NULL;

      if (! (table->tasks & task->needs))
        continue;
      families = families_with (table->params, task);
      for (guint k = 0; strcmp (families[0], family->name) == 0 && k < table->n_params; k++)
        {
          DifParam row = table->params[k];

          row.families = families;
          g_array_append_val (rows, row);
        }
    }
}

/* A task's own rows and those that families have for it, made once. */
static const GArray *
rows_of (const DifTaskClass *task)
{
  static GMutex                lock;
  static GHashTable           *known; /* task -> GArray of DifParam */
  const DifFamilyClass *const *all = dif_family_list ();
  GArray                      *rows;

  g_mutex_lock (&lock);
  if (! known)
    known = g_hash_table_new (NULL, NULL);
  rows = g_hash_table_lookup (known, task);
  if (! rows)
    {
      rows = g_array_new (FALSE, FALSE, sizeof (DifParam));
      g_array_append_vals (rows, task->params, task->n_params);
      for (guint i = 0; all[i]; i++)
        append_rows (rows, all[i], task);
      g_hash_table_insert (known, (gpointer) task, rows);
    }
  g_mutex_unlock (&lock);
  return rows;
}

const DifParam *
dif_task_params (const char *task, guint *n)
{
  const DifTaskClass *klass = dif_task_find (task);
  const GArray       *rows  = klass ? rows_of (klass) : NULL;

  *n = rows ? rows->len : 0;
  return rows ? (const DifParam *) (void *) rows->data : NULL;
}

gboolean
dif_param_is_for (const DifParam *row, DifCheckpoint *c)
{
  const DifFamilyClass *family = row->families ? dif_family_of_checkpoint (c, NULL) : NULL;

  return ! row->families || (family && g_strv_contains (row->families, family->name));
}

char *
dif_param_families (const DifParam *row)
{
  const DifFamilyClass *const *all  = dif_family_list ();
  GString                     *list = row->families ? g_string_new (NULL) : NULL;

  for (guint i = 0; list && all[i]; i++)
    if (g_strv_contains (row->families, all[i]->name))
      g_string_append_printf (list, "%s%s", list->len ? " or " : "", all[i]->label);
  return list ? g_string_free (list, FALSE) : NULL;
}

DifRequest *
dif_request_new (const char *task, GError **error)
{
  const DifTaskClass *klass = dif_task_find (task);
  g_autofree char    *known = NULL;
  const DifParam     *rows;
  guint               n;

  if (klass)
    {
      rows = dif_task_params (klass->name, &n);
      return dif_request_new_for (klass->name, rows, n);
    }
  known = g_strjoinv (", ", (char **) dif_task_names ());
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "task: expected one of %s, found \"%s\"", known, task);
  return NULL;
}

const char *
dif_request_model (DifRequest *rq)
{
  const char *model = dif_request_text (rq, "model");

  return model && *model ? model : dif_catalog_default (dif_request_task (rq));
}

static gboolean
set_from_json (DifRequest *rq, DifJson *member, GError **error)
{
  const char     *name = dif_json_key (member);
  const DifParam *row  = dif_request_param (rq, name, error);

  if (! row)
    return FALSE;
  if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE || row->type == DIF_PARAM_BOOL)
    return dif_request_set_number (rq, name, dif_json_value_double (member), error);
  if (row->type == DIF_PARAM_STRINGS)
    {
      g_auto (GStrv) lines = g_strsplit (dif_json_value_string (member), "\n", -1);

      for (guint i = 0; lines[i]; i++)
        if (! dif_request_set (rq, name, lines[i], error))
          return FALSE;
      return TRUE;
    }
  return dif_request_set (rq, name, dif_json_value_string (member), error);
}

DifRequest *
dif_request_from_json (DifJson *json, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new (dif_json_string (json, "task", ""), error);

  if (! rq)
    return NULL;
  for (guint i = 0; i < dif_json_length (json); i++)
    {
      DifJson *member = dif_json_at (json, i);

      if (strcmp (dif_json_key (member), "task") != 0 && ! set_from_json (rq, member, error))
        return NULL;
    }
  if (! dif_json_finish (json, error))
    return NULL;
  return g_steal_pointer (&rq);
}

/* ---- files ---- */

/* Replaces every FILE or FILE:REST of the list by its absolute path. */
static gboolean
resolve_list (DifRequest *rq, const char *name, const char *kind, GError **error)
{
  g_auto (GStrv) list = g_strdupv ((char **) dif_request_list (rq, name));

  dif_request_unset (rq, name);
  for (guint i = 0; list[i]; i++)
    {
      g_autofree char *rest     = NULL;
      g_autofree char *file     = dif_catalog_split_spec (list[i], &rest);
      g_autofree char *path     = dif_catalog_resolve_file (kind, file, error);
      g_autofree char *absolute = path ? g_canonicalize_filename (path, NULL) : NULL;
      g_autofree char *spec     = NULL;

      if (! absolute)
        {
          g_prefix_error (error, "%s: ", name);
          return FALSE;
        }
      spec = g_strconcat (absolute, rest ? ":" : NULL, rest, NULL);
      if (! dif_request_set (rq, name, spec, error))
        return FALSE;
    }
  return TRUE;
}

/* Replaces a file's path by its absolute one. */
static gboolean
resolve_path (DifRequest *rq, const char *name, GError **error)
{
  const char      *path     = dif_request_text (rq, name);
  g_autofree char *absolute = path && *path ? g_canonicalize_filename (path, NULL) : NULL;

  return ! absolute || dif_request_set (rq, name, absolute, error);
}

gboolean
dif_request_resolve_files (DifRequest *rq, GError **error)
{
  for (guint i = 0; dif_adapter_kind (i); i++)
    if (! resolve_list (rq, dif_adapter_kind (i)->option, dif_adapter_kind (i)->folder, error))
      return FALSE;
  return resolve_path (rq, "latents", error);
}
