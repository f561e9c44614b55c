/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arguments.c - see arguments.h. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "plugin/arguments.h"
#include "plugin/region.h"
#include "ui/fields.h"

#include <glib/gi18n-lib.h>

/* Lax, because a strict one lets Script-Fu replace NaN by the default; GIMP refuses NaN then. */
#define DOUBLE_FLAGS (G_PARAM_READWRITE | G_PARAM_LAX_VALIDATION)

/* What a changed argument of Repeat is that stays as in the recipe. */
#define UNCHANGED "unchanged"

/* GIMP's int has 32 bits with a sign: Script-Fu wraps 3000000000 to -1294967296 in one, without a
 * word, so that a seed beyond 2^31 has to be a double (scheme-wrapper.c: g_value_set_int of
 * ivalue, a long). */
static gboolean
is_int (const DifParam *row)
{
  return row->type == DIF_PARAM_INT && row->max <= G_MAXINT;
}

static void
add_number (GimpProcedure *procedure, const DifParam *row, double least, double value)
{
  const char *label = g_dgettext (GETTEXT_PACKAGE, row->label);
  const char *blurb = g_dgettext (GETTEXT_PACKAGE, row->blurb);

  if (is_int (row))
    gimp_procedure_add_int_argument (procedure, row->name, label, blurb, (int) least,
                                     (int) row->max, (int) value, G_PARAM_READWRITE);
  else
    gimp_procedure_add_double_argument (procedure, row->name, label, blurb, least, row->max, value,
                                        DOUBLE_FLAGS);
}

/* @first: (nullable): a word before the row's own, with its label */
static void
add_choice (GimpProcedure *procedure, const DifParam *row, const char *const *words,
            const char *first, const char *value)
{
  GimpChoice *choice = gimp_choice_new ();
  int         id     = 0;

  if (first != NULL)
    gimp_choice_add (choice, first, id++, _ ("Unchanged"), NULL);
  for (guint i = 0; words[i] != NULL; i++)
    {
      g_autofree char *label = dif_ui_field_word (words[i]);

      gimp_choice_add (choice, words[i], id++, label, NULL);
    }
  gimp_procedure_add_choice_argument (procedure, row->name,
                                      g_dgettext (GETTEXT_PACKAGE, row->label),
                                      g_dgettext (GETTEXT_PACKAGE, row->blurb), choice, value,
                                      G_PARAM_READWRITE);
}

static void
add_argument (GimpProcedure *procedure, const DifParam *row)
{
  const char *label = g_dgettext (GETTEXT_PACKAGE, row->label);
  const char *blurb = g_dgettext (GETTEXT_PACKAGE, row->blurb);

  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      add_number (procedure, row, MIN (row->min, row->fallback), row->fallback);
      break;
    case DIF_PARAM_BOOL:
      gimp_procedure_add_boolean_argument (procedure, row->name, label, blurb,
                                           row->fallback != 0.0, G_PARAM_READWRITE);
      break;
    case DIF_PARAM_CHOICE:
      add_choice (procedure, row, row->choices, NULL, row->text);
      break;
    case DIF_PARAM_STRING:
    case DIF_PARAM_STRINGS:
      gimp_procedure_add_string_argument (procedure, row->name, label, blurb,
                                          row->text != NULL ? row->text : "", G_PARAM_READWRITE);
      break;
    case DIF_PARAM_IMAGE:
      if (dif_region_is_layer_row (row))
        gimp_procedure_add_drawable_argument (procedure, row->name, label, blurb, TRUE,
                                              G_PARAM_READWRITE);
      break;
    }
}

void
dif_arguments_add (GimpProcedure *procedure, const char *task)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      if (! dif_region_replaces (&rows[i]))
        add_argument (procedure, &rows[i]);
    }
  rows = dif_region_params (task, &n);
  for (guint i = 0; i < n; i++)
    add_argument (procedure, &rows[i]);
}

double
dif_arguments_number (GObject *config, const char *name)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_DOUBLE);
  g_object_get_property (config, name, &value);
  return g_value_get_double (&value);
}

void
dif_arguments_set_number (GObject *config, const char *name, double number)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (config), name);

  if (G_IS_PARAM_SPEC_INT (spec))
    g_object_set (config, name, (int) number, NULL);
  else if (spec != NULL)
    g_object_set (config, name, number, NULL);
}

gboolean
dif_arguments_has (GObject *config, const char *name)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (config), name) != NULL;
}

/* ---- changes to a recipe ---- */

/* What a number is that stays as it is. */
static double
unchanged (const DifParam *row)
{
  return MIN (row->min, row->fallback) - 1.0;
}

/* The row of that name, if the task has it and it can be changed. */
static const DifParam *
find_row (const char *task, const char *name)
{
  for (guint more = 0; more < 2; more++)
    {
      guint           n    = 0;
      const DifParam *rows = more ? dif_region_params (task, &n) : dif_task_params (task, &n);

      for (guint i = 0; i < n; i++)
        {
          if (g_str_equal (rows[i].name, name))
            return &rows[i];
        }
    }
  return NULL;
}

static void
collect (const DifParam *rows, guint n, GHashTable *seen, GPtrArray *found)
{
  for (guint i = 0; i < n; i++)
    {
      const DifParam *row        = &rows[i];
      gboolean        is_picture = row->type == DIF_PARAM_IMAGE && ! dif_region_is_layer_row (row);

      if (! is_picture && ! dif_region_replaces (row) && ! dif_region_is_place_row (row) &&
          g_hash_table_add (seen, (gpointer) row->name))
        g_ptr_array_add (found, (gpointer) row);
    }
}

/* Rows of any task that a recipe's picture can be given another value of, each once. */
static GPtrArray *
changeable_rows (void)
{
  const char *const     *tasks = dif_task_names ();
  g_autoptr (GHashTable) seen  = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray             *found = g_ptr_array_new ();
  guint                  n     = 0;

  for (guint i = 0; tasks[i] != NULL; i++)
    {
      const DifParam *rows = dif_task_params (tasks[i], &n);

      collect (rows, n, seen, found);
      rows = dif_region_params (tasks[i], &n);
      collect (rows, n, seen, found);
    }
  return found;
}

static const char *const switch_words[] = { N_ ("on"), N_ ("off"), NULL };

void
dif_arguments_add_changes (GimpProcedure *procedure)
{
  g_autoptr (GPtrArray) rows = changeable_rows ();

  for (guint i = 0; i < rows->len; i++)
    {
      const DifParam *row   = rows->pdata[i];
      const char     *label = g_dgettext (GETTEXT_PACKAGE, row->label);
      const char     *blurb = g_dgettext (GETTEXT_PACKAGE, row->blurb);

      switch (row->type)
        {
        case DIF_PARAM_INT:
        case DIF_PARAM_DOUBLE:
          add_number (procedure, row, unchanged (row), unchanged (row));
          break;
        case DIF_PARAM_BOOL:
          add_choice (procedure, row, switch_words, UNCHANGED, UNCHANGED);
          break;
        case DIF_PARAM_CHOICE:
          add_choice (procedure, row, row->choices, UNCHANGED, UNCHANGED);
          break;
        case DIF_PARAM_STRING:
        case DIF_PARAM_STRINGS:
          gimp_procedure_add_string_argument (procedure, row->name, label, blurb, NULL,
                                              G_PARAM_READWRITE);
          break;
        case DIF_PARAM_IMAGE:
          gimp_procedure_add_drawable_argument (procedure, row->name, label, blurb, TRUE,
                                                G_PARAM_READWRITE);
          break;
        }
    }
}

static gboolean
change_number (const DifParam *row, double number, GObject *config, GError **error)
{
  if (! dif_param_allows (row, number))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: expected a %snumber from %g to %g, found %g", row->name,
                   row->type == DIF_PARAM_INT ? "whole " : "", row->min, row->max, number);
      return FALSE;
    }
  dif_arguments_set_number (config, row->name, number);
  return TRUE;
}

static void
change_text (const DifParam *row, const char *text, GObject *config)
{
  if (row->type == DIF_PARAM_BOOL)
    g_object_set (config, row->name, g_str_equal (text, "on"), NULL);
  else
    g_object_set (config, row->name, text, NULL);
}

static gboolean
is_text (const DifParam *row)
{
  return row->type == DIF_PARAM_STRING || row->type == DIF_PARAM_STRINGS;
}

/* Tasks may have other words under one name. */
static gboolean
knows (const DifParam *own, const char *text)
{
  return own->type == DIF_PARAM_BOOL || own->choices == NULL ||
         g_strv_contains (own->choices, text);
}

static gboolean
has_no_row (const char *task, const char *name, GError **error)
{
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM, "%s has no parameter \"%s\"",
               task, name);
  return FALSE;
}

static gboolean
has_no_word (const DifParam *row, const char *text, GError **error)
{
  g_autofree char *words = g_strjoinv (", ", (char **) row->choices);

  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "%s: expected one of %s, found \"%s\"", row->name, words, text);
  return FALSE;
}

static gboolean
is_given (const DifParam *row, GObject *changes)
{
  g_autofree char         *text     = NULL;
  g_autoptr (GimpDrawable) drawable = NULL;

  if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE)
    return dif_arguments_number (changes, row->name) != unchanged (row);
  if (row->type == DIF_PARAM_IMAGE)
    g_object_get (changes, row->name, &drawable, NULL);
  else
    g_object_get (changes, row->name, &text, NULL);
  return drawable != NULL || (text != NULL && (is_text (row) || ! g_str_equal (text, UNCHANGED)));
}

char **
dif_arguments_given (GimpProcedureConfig *changes)
{
  g_autoptr (GPtrArray) rows  = changeable_rows ();
  GPtrArray            *names = g_ptr_array_new ();

  for (guint i = 0; i < rows->len; i++)
    {
      const DifParam *row = rows->pdata[i];

      if (is_given (row, G_OBJECT (changes)))
        g_ptr_array_add (names, g_strdup (row->name));
    }
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/* Changes one argument, if the user wants another value of it. */
static gboolean
change_row (const DifParam *row, GObject *changes, const char *task, GObject *config,
            GError **error)
{
  const DifParam          *own      = find_row (task, row->name);
  double                   number   = unchanged (row);
  g_autofree char         *text     = NULL;
  g_autoptr (GimpDrawable) drawable = NULL;

  if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE)
    number = dif_arguments_number (changes, row->name);
  else if (row->type == DIF_PARAM_IMAGE)
    g_object_get (changes, row->name, &drawable, NULL);
  else
    g_object_get (changes, row->name, &text, NULL);

  if (text != NULL && ! is_text (row) && g_str_equal (text, UNCHANGED))
    g_clear_pointer (&text, g_free);
  if (number == unchanged (row) && text == NULL && drawable == NULL)
    return TRUE;
  if (own == NULL)
    return has_no_row (task, row->name, error);
  if (text != NULL && ! knows (own, text))
    return has_no_word (own, text, error);
  if (text != NULL)
    change_text (own, text, config);
  else if (drawable != NULL)
    g_object_set (config, row->name, drawable, NULL);
  else
    return change_number (own, number, config, error);
  return TRUE;
}

gboolean
dif_arguments_change (GimpProcedureConfig *changes, const char *task, GimpProcedureConfig *config,
                      GError **error)
{
  g_autoptr (GPtrArray) rows = changeable_rows ();

  for (guint i = 0; i < rows->len; i++)
    {
      if (! change_row (rows->pdata[i], G_OBJECT (changes), task, G_OBJECT (config), error))
        return FALSE;
    }
  return TRUE;
}

/* ---- a request ---- */

static gboolean
set_lines (DifRequest *rq, const DifParam *row, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);

      if (*line != '\0' && ! dif_request_set (rq, row->name, line, error))
        return FALSE;
    }
  return TRUE;
}

/* What equals the default stays unset, so that the checkpoint's own value counts. */
static gboolean
set_text (DifRequest *rq, const DifParam *row, const char *text, GError **error)
{
  if (row->type == DIF_PARAM_STRINGS)
    return set_lines (rq, row, text, error);
  if (g_strcmp0 (text, row->text != NULL ? row->text : "") == 0)
    return TRUE;
  return dif_request_set (rq, row->name, text, error);
}

static gboolean
set_row (DifRequest *rq, const DifParam *row, GObject *config, GError **error)
{
  if (row->type == DIF_PARAM_BOOL)
    {
      gboolean is_on = FALSE;

      g_object_get (config, row->name, &is_on, NULL);
      return dif_request_set_number (rq, row->name, is_on, error);
    }
  else if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE)
    {
      double number = dif_arguments_number (config, row->name);

      return number == row->fallback || dif_request_set_number (rq, row->name, number, error);
    }
  else
    {
      g_autofree char *text = NULL;

      g_object_get (config, row->name, &text, NULL);
      return set_text (rq, row, text != NULL ? text : "", error);
    }
}

DifRequest *
dif_arguments_to_request (GimpProcedureConfig *config, const char *task, GError **error)
{
  guint                  n    = 0;
  const DifParam        *rows = dif_task_params (task, &n);
  g_autoptr (DifRequest) rq   = dif_request_new (task, error);

  for (guint i = 0; rq != NULL && i < n; i++)
    {
      if (rows[i].type != DIF_PARAM_IMAGE && ! dif_region_replaces (&rows[i]) &&
          ! set_row (rq, &rows[i], G_OBJECT (config), error))
        return NULL;
    }
  return g_steal_pointer (&rq);
}
