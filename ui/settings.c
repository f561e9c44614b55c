/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.c - see settings.h.
 *
 * One class per list of rows, made when it is first asked for; property number i + 1 is
 * row i.
 */
#include "config.h"

#include <math.h>

#include "ui/settings.h"

typedef struct
{
  GObject parent_instance;
  GValue *values;
  guint   n_values;
} Settings;

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_copy (&((Settings *) object)->values[id - 1], value);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  g_value_copy (value, &((Settings *) object)->values[id - 1]);
}

static void
finalize (GObject *object)
{
  Settings *settings = (Settings *) object;

  for (guint i = 0; i < settings->n_values; i++)
    g_value_unset (&settings->values[i]);
  g_free (settings->values);
  G_OBJECT_CLASS (g_type_class_peek (G_TYPE_OBJECT))->finalize (object);
}

static GParamSpec *
spec_of (const DifParam *row)
{
  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      return g_param_spec_double (row->name, row->label, row->blurb, MIN (row->min, row->fallback),
                                  row->max, row->fallback, G_PARAM_READWRITE);
    case DIF_PARAM_BOOL:
      return g_param_spec_boolean (row->name, row->label, row->blurb, row->fallback != 0.0,
                                   G_PARAM_READWRITE);
    default:
      return g_param_spec_string (row->name, row->label, row->blurb,
                                  row->text != NULL ? row->text : "", G_PARAM_READWRITE);
    }
}

/* @class_data: a GPtrArray of rows. */
static void
class_init (gpointer klass, gpointer class_data)
{
  GPtrArray *rows = class_data;

  G_OBJECT_CLASS (klass)->get_property = get_property;
  G_OBJECT_CLASS (klass)->set_property = set_property;
  G_OBJECT_CLASS (klass)->finalize     = finalize;
  for (guint i = 0; i < rows->len; i++)
    g_object_class_install_property (klass, i + 1, spec_of (rows->pdata[i]));
}

static void
instance_init (GTypeInstance *instance, gpointer klass)
{
  Settings               *settings = (Settings *) instance;
  g_autofree GParamSpec **specs    = g_object_class_list_properties (klass, &settings->n_values);

  settings->values = g_new0 (GValue, settings->n_values);
  for (guint i = 0; i < settings->n_values; i++)
    {
      GValue *value = &settings->values[specs[i]->param_id - 1];

      g_value_init (value, specs[i]->value_type);
      g_param_value_set_default (specs[i], value);
    }
}

/* Takes @rows, which a class keeps as long as the process lives. */
static GObject *
new_of (const char *name, GPtrArray *rows)
{
  const GTypeInfo info = { .class_size    = sizeof (GObjectClass),
                           .class_init    = class_init,
                           .class_data    = rows,
                           .instance_size = sizeof (Settings),
                           .instance_init = instance_init };
  GType           type = g_type_from_name (name);

  if (type == 0)
    type = g_type_register_static (G_TYPE_OBJECT, name, &info, 0);
  else
    g_ptr_array_unref (rows);
  return g_object_new (type, NULL);
}

static void
add_rows (GPtrArray *to, GHashTable *seen, const DifParam *rows, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      if (g_hash_table_add (seen, (gpointer) rows[i].name))
        g_ptr_array_add (to, (gpointer) &rows[i]);
    }
}

GObject *
dif_ui_settings_new (const char *task)
{
  g_autofree char       *name = g_strconcat ("DifUiSettings-", task, NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint                  n    = 0;
  const DifParam        *rows = dif_task_params (task, &n);
  GPtrArray             *all  = g_ptr_array_new ();

  add_rows (all, seen, rows, n);
  return new_of (name, all);
}

/* Not of libdif: dif_ui_styles_list() knows what it means. */
static const DifParam style_row = { .name  = "style",
                                    .type  = DIF_PARAM_STRING,
                                    .label = "Style",
                                    .blurb = "Name of a style",
                                    .text  = "" };

GObject *
dif_ui_settings_new_all (DifUiSettingsMore more, gpointer data)
{
  const char *const     *tasks = dif_task_names ();
  g_autoptr (GHashTable) seen  = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray             *all   = g_ptr_array_new ();
  guint                  n     = 0;

  add_rows (all, seen, &style_row, 1);
  for (guint i = 0; tasks[i] != NULL; i++)
    {
      const DifParam *rows = dif_task_params (tasks[i], &n);

      add_rows (all, seen, rows, n);
      if (more != NULL && (rows = more (data, tasks[i], &n)) != NULL)
        add_rows (all, seen, rows, n);
    }
  return new_of (more != NULL ? "DifUiSettingsAllMore" : "DifUiSettingsAll", all);
}

GObject *
dif_ui_settings_copy (GObject *settings)
{
  GObject                *copy = g_object_new (G_OBJECT_TYPE (settings), NULL);
  guint                   n    = 0;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);

  for (guint i = 0; i < n; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      g_object_get_property (settings, specs[i]->name, &value);
      g_object_set_property (copy, specs[i]->name, &value);
    }
  return copy;
}

gboolean
dif_ui_settings_is_default (GObject *settings, const char *name)
{
  GParamSpec     *spec  = g_object_class_find_property (G_OBJECT_GET_CLASS (settings), name);
  g_auto (GValue) value = G_VALUE_INIT;

  if (spec == NULL)
    return TRUE;
  g_object_get_property (settings, name, &value);
  return g_param_value_defaults (spec, &value);
}

void
dif_ui_settings_reset (GObject *settings, const char *name)
{
  guint                   n = 0;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);

  for (guint i = 0; i < n; i++)
    {
      if (name == NULL || g_str_equal (specs[i]->name, name))
        g_object_set_property (settings, specs[i]->name,
                               g_param_spec_get_default_value (specs[i]));
    }
}

static void
write_value (DifJson *json, const char *name, const GValue *value)
{
  if (G_VALUE_HOLDS_DOUBLE (value))
    dif_json_set_double (json, name, g_value_get_double (value));
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    dif_json_set_bool (json, name, g_value_get_boolean (value));
  else if (G_VALUE_HOLDS_STRING (value))
    dif_json_set_string (json, name,
                         g_value_get_string (value) != NULL ? g_value_get_string (value) : "");
}

char *
dif_ui_settings_to_json (GObject *settings)
{
  g_autoptr (DifJson)     json = dif_json_new_object ("settings");
  guint                   n    = 0;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);

  for (guint i = 0; i < n; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      g_object_get_property (settings, specs[i]->name, &value);
      if (! g_param_value_defaults (specs[i], &value))
        write_value (json, specs[i]->name, &value);
    }
  return dif_json_to_string (json, FALSE);
}

static gboolean
read_value (DifJson *member, GValue *value)
{
  DifJsonType type = dif_json_type (member);

  if (G_VALUE_HOLDS_DOUBLE (value) && type == DIF_JSON_NUMBER)
    g_value_set_double (value, dif_json_value_double (member));
  else if (G_VALUE_HOLDS_BOOLEAN (value) && type == DIF_JSON_BOOL)
    g_value_set_boolean (value, dif_json_value_bool (member));
  else if (G_VALUE_HOLDS_STRING (value) && type == DIF_JSON_STRING)
    g_value_set_string (value, dif_json_value_string (member));
  else
    return FALSE;
  return dif_json_finish (member, NULL) &&
         (! G_VALUE_HOLDS_DOUBLE (value) || isfinite (g_value_get_double (value)));
}

void
dif_ui_settings_from_json (GObject *settings, const char *text)
{
  g_autoptr (DifJson)     json = text != NULL ? dif_json_parse (text, strlen (text), "", NULL)
                                              : NULL;
  guint                   n    = 0;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);

  for (guint i = 0; i < n; i++)
    {
      DifJson        *member = json != NULL ? dif_json_member (json, specs[i]->name) : NULL;
      g_auto (GValue) value  = G_VALUE_INIT;

      g_value_init (&value, specs[i]->value_type);
      if (member == NULL || ! read_value (member, &value) ||
          g_param_value_validate (specs[i], &value))
        g_param_value_set_default (specs[i], &value);
      g_object_set_property (settings, specs[i]->name, &value);
    }
}

double
dif_ui_settings_number (GObject *settings, const char *name)
{
  g_auto (GValue) value = G_VALUE_INIT;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), name) == NULL)
    return 0.0;
  g_value_init (&value, G_TYPE_DOUBLE);
  g_object_get_property (settings, name, &value);
  return g_value_get_double (&value);
}

void
dif_ui_settings_set_number (GObject *settings, const char *name, double number)
{
  g_auto (GValue) value = G_VALUE_INIT;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), name) == NULL)
    return;
  g_value_init (&value, G_TYPE_DOUBLE);
  g_value_set_double (&value, number);
  g_object_set_property (settings, name, &value);
}

char *
dif_ui_settings_text (GObject *settings, const char *name)
{
  char *text = NULL;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), name) != NULL)
    g_object_get (settings, name, &text, NULL);
  return text != NULL ? text : g_strdup ("");
}

void
dif_ui_settings_set_text (GObject *settings, const char *name, const char *text)
{
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), name) != NULL)
    g_object_set (settings, name, text, NULL);
}
