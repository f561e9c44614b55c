/* SPDX-License-Identifier: GPL-3.0-or-later */
/* combo.c - see combo.h.
 *
 * Invariant: the property is the truth; a value that the list does not know is added, never
 * dropped, and shown in full, so that a path does not pass for an installed name.
 */
#include "config.h"

#include "ui/combo.h"

#define BINDING (G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE)

/* Where the entry is; if there is none, where a new one goes, and FALSE. */
static gboolean
find (GtkComboBoxText *combo, const char *id, int *position)
{
  GtkTreeModel *model    = gtk_combo_box_get_model (GTK_COMBO_BOX (combo));
  int           column   = gtk_combo_box_get_id_column (GTK_COMBO_BOX (combo));
  int           commands = -1, i = 0;
  GtkTreeIter   iter;
  gboolean      is_more;

  for (is_more = gtk_tree_model_get_iter_first (model, &iter); is_more;
       is_more = gtk_tree_model_iter_next (model, &iter), i++)
    {
      g_autofree char *other = NULL;

      gtk_tree_model_get (model, &iter, column, &other, -1);
      if (g_strcmp0 (other, id) == 0)
        return TRUE;
      if (commands < 0 && other != NULL && *other == DIF_UI_COMBO_COMMAND)
        commands = i;
    }
  *position = commands;
  return FALSE;
}

void
dif_ui_combo_add (GtkComboBoxText *combo, const char *id)
{
  int position = -1;

  if (! find (combo, id, &position))
    gtk_combo_box_text_insert (combo, position, id, id);
}

static gboolean
text_to_id (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  const char *text = g_value_get_string (from);

  dif_ui_combo_add (user_data, text != NULL ? text : "");
  g_value_set_string (to, text != NULL ? text : "");
  return TRUE;
}

static gboolean
id_to_text (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  const char *id = g_value_get_string (from);

  if (id != NULL && *id == DIF_UI_COMBO_COMMAND)
    return FALSE;
  g_value_set_string (to, id != NULL ? id : "");
  return TRUE;
}

void
dif_ui_combo_bind (GObject *settings, const char *name, GtkComboBoxText *combo)
{
  GList *cells = gtk_cell_layout_get_cells (GTK_CELL_LAYOUT (combo));

  for (GList *cell = cells; cell != NULL; cell = cell->next)
    g_object_set (cell->data, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, NULL);
  g_list_free (cells);
  g_object_bind_property_full (settings, name, combo, "active-id", BINDING, text_to_id,
                               id_to_text, combo, NULL);
}
