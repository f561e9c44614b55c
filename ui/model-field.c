/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-field.c - see model-field.h.
 *
 * GTK chooses a file or a folder, not either: one entry for each.
 */
#include "config.h"

#include <string.h>

#include "ui/combo.h"
#include "ui/model-field.h"
#include "ui/model-files.h"

#include <glib/gi18n-lib.h>

#define FILE_COMMAND      "\001file"
#define FOLDER_COMMAND    "\001folder"
#define SEPARATOR_COMMAND "\001"

/* Takes the list back to what is set. */
static void
show_value (GtkComboBox *combo)
{
  GObject         *settings = g_object_get_data (G_OBJECT (combo), "dif-ui-settings");
  g_autofree char *value    = NULL;

  g_object_get (settings, g_object_get_data (G_OBJECT (combo), "dif-ui-name"), &value, NULL);
  gtk_combo_box_set_active_id (combo, value != NULL ? value : "");
}

static void
on_chosen (const char *path, gpointer combo)
{
  dif_ui_combo_add (GTK_COMBO_BOX_TEXT (combo), path);
  gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), path);
}

static void
on_changed (GtkComboBox *combo, gpointer user_data)
{
  g_autofree char *id = g_strdup (gtk_combo_box_get_active_id (combo));

  if (id == NULL || *id != DIF_UI_COMBO_COMMAND)
    return;
  show_value (combo);
  dif_ui_model_files_choose (GTK_WIDGET (combo), strcmp (id, FOLDER_COMMAND) == 0, on_chosen,
                             combo);
}

static gboolean
is_separator (GtkTreeModel *model, GtkTreeIter *iter, gpointer combo)
{
  g_autofree char *id = NULL;

  gtk_tree_model_get (model, iter, gtk_combo_box_get_id_column (combo), &id, -1);
  return g_strcmp0 (id, SEPARATOR_COMMAND) == 0;
}

GtkWidget *
dif_ui_model_field_new (GObject *settings, const char *task, const DifParam *row)
{
  const char      *own     = dif_catalog_default (task);
  GtkWidget       *combo   = gtk_combo_box_text_new ();
  GtkComboBoxText *text    = GTK_COMBO_BOX_TEXT (combo);
  g_auto (GStrv)   names   = dif_catalog_names ();
  g_autofree char *bundled = g_strdup_printf (_ ("%s (bundled)"), own);

  gtk_combo_box_text_append (text, "", bundled);
  for (guint i = 0; names[i] != NULL; i++)
    {
      if (strcmp (names[i], own) != 0)
        gtk_combo_box_text_append (text, names[i], names[i]);
    }
  gtk_combo_box_text_append (text, SEPARATOR_COMMAND, "");
  gtk_combo_box_text_append (text, FILE_COMMAND, _ ("Other file\342\200\246"));
  gtk_combo_box_text_append (text, FOLDER_COMMAND, _ ("Other folder\342\200\246"));
  gtk_combo_box_set_row_separator_func (GTK_COMBO_BOX (combo), is_separator, combo, NULL);
  g_object_set_data_full (G_OBJECT (combo), "dif-ui-settings", g_object_ref (settings),
                          g_object_unref);
  g_object_set_data (G_OBJECT (combo), "dif-ui-name", (gpointer) row->name);
  dif_ui_combo_bind (settings, row->name, text);
  g_signal_connect (combo, "changed", G_CALLBACK (on_changed), NULL);
  return combo;
}

DifCheckpoint *
dif_ui_model_open (const char *model)
{
  g_autofree char *path = dif_catalog_resolve (model, NULL);

  return path != NULL ? dif_checkpoint_open (path, NULL) : NULL;
}
