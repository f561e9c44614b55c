/* SPDX-License-Identifier: GPL-3.0-or-later */
/* style-row.c - see style-row.h. */
#include "config.h"

#include "ui/settings.h"
#include "ui/style-row.h"
#include "ui/styles.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING 6
#define ROW     "dif-ui-style-row"

typedef struct
{
  GObject   *settings;
  GPtrArray *styles;
  char      *pipeline; /* NULL for models that are not known */
  GtkWidget *combo, *popover, *name, *problem;
  gboolean   is_filling;
} Row;

static void
row_free (gpointer data)
{
  Row *row = data;

  g_object_unref (row->settings);
  g_ptr_array_unref (row->styles);
  g_free (row->pipeline);
  g_free (row);
}

static DifUiStyle *
current (Row *row)
{
  g_autofree char *id = dif_ui_settings_text (row->settings, "style");

  return dif_ui_styles_find (row->styles, id);
}

static void
show_current (Row *row)
{
  DifUiStyle *style = current (row);

  row->is_filling = TRUE;
  gtk_combo_box_set_active_id (GTK_COMBO_BOX (row->combo), style != NULL ? style->id : "");
  row->is_filling = FALSE;
  gtk_widget_set_tooltip_text (row->combo,
                               style != NULL && style->prompt != NULL
                                   ? style->prompt
                                   : _ ("A prompt's frame and the settings that go with it"));
}

static void
fill (Row *row)
{
  GtkComboBoxText *combo = GTK_COMBO_BOX_TEXT (row->combo);

  row->is_filling = TRUE;
  gtk_combo_box_text_remove_all (combo);
  gtk_combo_box_text_append (combo, "", _ ("None"));
  for (guint i = 0; i < row->styles->len; i++)
    {
      DifUiStyle *style = g_ptr_array_index (row->styles, i);

      if (dif_ui_style_is_for (style, row->pipeline))
        gtk_combo_box_text_append (combo, style->id, style->name);
    }
  row->is_filling = FALSE;
  show_current (row);
}

static void
on_chosen (GtkComboBox *combo, gpointer user_data)
{
  Row        *row = user_data;
  const char *id  = gtk_combo_box_get_active_id (combo);

  if (row->is_filling || id == NULL)
    return;
  dif_ui_settings_set_text (row->settings, "style", id);
  dif_ui_style_choose (current (row), row->settings);
}

static void
on_style (GObject *settings, GParamSpec *spec, gpointer box)
{
  show_current (g_object_get_data (box, ROW));
}

/* ---- one's own ---- */

static void
on_save (GtkWidget *widget, gpointer user_data)
{
  Row               *row   = user_data;
  DifUiStyle        *style = current (row);
  const char        *name  = gtk_entry_get_text (GTK_ENTRY (row->name));
  g_autoptr (GError) error = NULL;
  g_autofree char   *path  = NULL;

  if (*name == '\0')
    return;
  path = dif_ui_style_save (name, row->settings, row->pipeline,
                            style != NULL ? style->prompt : NULL, &error);
  gtk_label_set_text (GTK_LABEL (row->problem), error != NULL ? error->message : "");
  gtk_widget_set_visible (row->problem, error != NULL);
  if (path == NULL)
    return;
  g_ptr_array_unref (row->styles);
  row->styles = dif_ui_styles_list ();
  fill (row);
  for (guint i = 0; i < row->styles->len; i++)
    {
      DifUiStyle *saved = g_ptr_array_index (row->styles, i);

      if (g_str_equal (saved->path, path))
        dif_ui_settings_set_text (row->settings, "style", saved->id);
    }
  gtk_popover_popdown (GTK_POPOVER (row->popover));
}

static GtkWidget *
new_save_button (Row *row)
{
  GtkWidget *button = gtk_menu_button_new ();
  GtkWidget *box    = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *label  = gtk_label_new_with_mnemonic (_ ("Name of the _style"));
  GtkWidget *save   = gtk_button_new_with_mnemonic (_ ("_Save"));

  row->popover = gtk_popover_new (button);
  row->name    = gtk_entry_new ();
  row->problem = dif_ui_dim_label (NULL);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), row->name);
  g_signal_connect (row->name, "activate", G_CALLBACK (on_save), row);
  g_signal_connect (save, "clicked", G_CALLBACK (on_save), row);
  g_object_set (box, "margin", SPACING, NULL);
  gtk_box_pack_start (GTK_BOX (box), label, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), row->name, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), row->problem, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), save, FALSE, FALSE, 0);
  gtk_widget_show_all (box);
  gtk_widget_hide (row->problem);
  gtk_container_add (GTK_CONTAINER (row->popover), box);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), row->popover);
  gtk_button_set_image (
      GTK_BUTTON (button),
      gtk_image_new_from_icon_name ("document-save-symbolic", GTK_ICON_SIZE_BUTTON));
  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (button, _ ("Save the settings as a style"));
  atk_object_set_name (gtk_widget_get_accessible (button), _ ("Save the settings as a style"));
  return button;
}

/* ---- the row ---- */

GtkWidget *
dif_ui_style_row_new (GObject *settings, GtkWidget **focus)
{
  Row       *row = g_new0 (Row, 1);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);
  GList     *cells;

  row->settings = g_object_ref (settings);
  row->styles   = dif_ui_styles_list ();
  row->combo    = gtk_combo_box_text_new ();
  *focus        = row->combo;
  cells         = gtk_cell_layout_get_cells (GTK_CELL_LAYOUT (row->combo));
  g_object_set (cells->data, "ellipsize", PANGO_ELLIPSIZE_END, NULL);
  g_list_free (cells);
  gtk_widget_set_name (row->combo, "style");
  gtk_box_pack_start (GTK_BOX (box), row->combo, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), new_save_button (row), FALSE, FALSE, 0);
  g_object_set_data_full (G_OBJECT (box), ROW, row, row_free);
  g_signal_connect (row->combo, "changed", G_CALLBACK (on_chosen), row);
  g_signal_connect_object (settings, "notify::style", G_CALLBACK (on_style), box, 0);
  fill (row);
  return box;
}

void
dif_ui_style_row_set_model (GtkWidget *box, const DifUiModel *model)
{
  Row *row = g_object_get_data (G_OBJECT (box), ROW);

  g_free (row->pipeline);
  row->pipeline = model->checkpoint != NULL
                      ? g_strdup (dif_checkpoint_pipeline_class (model->checkpoint))
                      : NULL;
  fill (row);
}

void
dif_ui_style_row_frame (GtkWidget *box, GObject *settings)
{
  Row        *row   = g_object_get_data (G_OBJECT (box), ROW);
  DifUiStyle *style = current (row);

  if (style != NULL)
    dif_ui_style_frame (style, settings);
}
