/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.c - see settings.h.
 *
 * One class per task, made when it is first asked for; property number i + 1 is
 * row i.
 */
#include "config.h"

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

static void
class_init (gpointer klass, gpointer class_data)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (class_data, &n);

  G_OBJECT_CLASS (klass)->get_property = get_property;
  G_OBJECT_CLASS (klass)->set_property = set_property;
  G_OBJECT_CLASS (klass)->finalize     = finalize;
  for (guint i = 0; i < n; i++)
    g_object_class_install_property (klass, i + 1, spec_of (&rows[i]));
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

GObject *
dif_ui_settings_new (const char *task)
{
  const GTypeInfo  info = { .class_size    = sizeof (GObjectClass),
                            .class_init    = class_init,
                            .class_data    = task,
                            .instance_size = sizeof (Settings),
                            .instance_init = instance_init };
  g_autofree char *name = g_strconcat ("DifUiSettings-", task, NULL);
  GType            type = g_type_from_name (name);

  if (type == 0)
    type = g_type_register_static (G_TYPE_OBJECT, name, &info, 0);
  return g_object_new (type, NULL);
}
