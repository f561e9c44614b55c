/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arguments.c - see arguments.h. */
#include "config.h"

#include <string.h>

#include "plugin/arguments.h"
#include "plugin/region.h"

#include <glib/gi18n-lib.h>

/* Lax, because a strict one lets Script-Fu replace NaN by the default; GIMP refuses NaN then. */
#define NUMBER_FLAGS (G_PARAM_READWRITE | G_PARAM_LAX_VALIDATION)

static void
add_argument (GimpProcedure *procedure, const DifParam *row)
{
  const char *label = g_dgettext (GETTEXT_PACKAGE, row->label);
  const char *blurb = g_dgettext (GETTEXT_PACKAGE, row->blurb);

  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      gimp_procedure_add_double_argument (procedure, row->name, label, blurb,
                                          MIN (row->min, row->fallback), row->max, row->fallback,
                                          NUMBER_FLAGS);
      break;
    case DIF_PARAM_BOOL:
      gimp_procedure_add_boolean_argument (procedure, row->name, label, blurb,
                                           row->fallback != 0.0, G_PARAM_READWRITE);
      break;
    case DIF_PARAM_STRING:
    case DIF_PARAM_CHOICE:
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
      double number = 0.0;

      g_object_get (config, row->name, &number, NULL);
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
