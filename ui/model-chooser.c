/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-chooser.c - see model-chooser.h. */
#include "config.h"

#include "ui/model-chooser.h"
#include "ui/model-files.h"
#include "ui/models.h"
#include "ui/settings.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING    6
#define WIDTH      340
#define HEIGHT     260
#define CHARACTERS 44
#define CHOOSER    "dif-ui-chooser-state"
#define MODEL      "dif-ui-model"

typedef struct
{
  GObject   *settings;
  GtkWidget *button, *label, *popover, *list;
} Chooser;

static void
chooser_free (gpointer data)
{
  Chooser *chooser = data;

  g_object_unref (chooser->settings);
  g_free (chooser);
}

static void
on_model (GObject *settings, GParamSpec *spec, gpointer button)
{
  Chooser         *chooser = g_object_get_data (button, CHOOSER);
  g_autofree char *name    = dif_ui_settings_text (settings, "model");
  g_autofree char *shown   = NULL;

  shown = *name == '\0' ? g_strdup_printf (_ ("%s (bundled)"), DIF_DEFAULT_MODEL)
                        : dif_catalog_name_of (name);
  gtk_label_set_text (GTK_LABEL (chooser->label), shown);
  gtk_widget_set_tooltip_text (button, *name != '\0' ? name : NULL);
}

static void
take (Chooser *chooser, const char *name)
{
  dif_ui_settings_set_text (chooser->settings, "model", name);
  gtk_popover_popdown (GTK_POPOVER (chooser->popover));
}

/* ---- the list ---- */

static char *
abilities_of (const DifUiModel *model)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; model->tasks != NULL && model->tasks[i] != NULL; i++)
    {
      const char *label = dif_task_label (model->tasks[i]);

      if (label != NULL)
        g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "",
                                g_dgettext (GETTEXT_PACKAGE, label));
    }
  if (model->tasks == NULL)
    g_string_append (all, _ ("a small demonstration of every task"));
  return g_string_free (g_steal_pointer (&all), FALSE);
}

static char *
description_of (const DifUiModel *model)
{
  g_autofree char *size = model->bytes > 0 ? g_format_size (model->bytes) : NULL;

  if (model->problem != NULL)
    return g_strdup (model->problem);
  if (model->family == NULL)
    return abilities_of (model);
  {
    g_autofree char *can = abilities_of (model);

    return g_strdup_printf (_ ("%s, %s: %s"), model->family, size != NULL ? size : "?", can);
  }
}

static GtkWidget *
new_row (const DifUiModel *model)
{
  GtkWidget       *row   = gtk_list_box_row_new ();
  GtkWidget       *box   = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget       *name  = gtk_label_new (model->label);
  g_autofree char *about = description_of (model);
  GtkWidget       *label = dif_ui_dim_label (about);

  gtk_label_set_xalign (GTK_LABEL (name), 0.0f);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_max_width_chars (GTK_LABEL (label), CHARACTERS);
  g_object_set (box, "margin", SPACING, NULL);
  gtk_box_pack_start (GTK_BOX (box), name, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), label, FALSE, FALSE, 0);
  gtk_container_add (GTK_CONTAINER (row), box);
  gtk_widget_set_sensitive (row, model->problem == NULL);
  atk_object_set_name (gtk_widget_get_accessible (row), model->label);
  g_object_set_data_full (G_OBJECT (row), MODEL, g_strdup (model->name), g_free);
  return row;
}

static void
fill_list (Chooser *chooser)
{
  g_autoptr (GPtrArray) models = dif_ui_models_list ();
  g_autofree char      *now    = dif_ui_settings_text (chooser->settings, "model");

  dif_ui_empty (chooser->list);
  for (guint i = 0; i < models->len; i++)
    {
      DifUiModel *model = g_ptr_array_index (models, i);
      GtkWidget  *row   = new_row (model);

      gtk_list_box_insert (GTK_LIST_BOX (chooser->list), row, -1);
      if (g_str_equal (model->name, now))
        gtk_list_box_select_row (GTK_LIST_BOX (chooser->list), GTK_LIST_BOX_ROW (row));
    }
  gtk_widget_show_all (chooser->list);
}

static void
on_toggled (GtkToggleButton *button, gpointer user_data)
{
  if (gtk_toggle_button_get_active (button))
    fill_list (user_data);
}

static void
on_row (GtkListBox *list, GtkListBoxRow *row, gpointer user_data)
{
  take (user_data, g_object_get_data (G_OBJECT (row), MODEL));
}

/* ---- ways to others ---- */

static void
on_path (const char *path, gpointer user_data)
{
  take (user_data, path);
}

static void
on_file (GtkButton *button, gpointer user_data)
{
  Chooser *chooser = user_data;

  gtk_popover_popdown (GTK_POPOVER (chooser->popover));
  dif_ui_model_files_choose (chooser->button, FALSE, on_path, chooser);
}

static void
on_folder (GtkButton *button, gpointer user_data)
{
  Chooser *chooser = user_data;

  gtk_popover_popdown (GTK_POPOVER (chooser->popover));
  dif_ui_model_files_choose (chooser->button, TRUE, on_path, chooser);
}

static void
add_button (GtkWidget *box, const char *text, GCallback func, Chooser *chooser)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (text);

  g_signal_connect (button, "clicked", func, chooser);
  gtk_box_pack_start (GTK_BOX (box), button, TRUE, TRUE, 0);
}

static GtkWidget *
new_content (Chooser *chooser)
{
  GtkWidget *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *buttons  = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);
  GtkWidget *scroller = gtk_scrolled_window_new (NULL, NULL);

  chooser->list = gtk_list_box_new ();
  atk_object_set_name (gtk_widget_get_accessible (chooser->list), _ ("Models"));
  g_signal_connect (chooser->list, "row-activated", G_CALLBACK (on_row), chooser);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_widget_set_size_request (scroller, WIDTH, HEIGHT);
  gtk_container_add (GTK_CONTAINER (scroller), chooser->list);
  add_button (buttons, _ ("Other file\342\200\246"), G_CALLBACK (on_file), chooser);
  add_button (buttons, _ ("Other folder\342\200\246"), G_CALLBACK (on_folder), chooser);
  g_object_set (box, "margin", SPACING, NULL);
  gtk_box_pack_start (GTK_BOX (box), scroller, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), buttons, FALSE, FALSE, 0);
  gtk_widget_show_all (box);
  return box;
}

GtkWidget *
dif_ui_model_chooser_new (GObject *settings)
{
  Chooser   *chooser = g_new0 (Chooser, 1);
  GtkWidget *box     = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);

  chooser->settings = g_object_ref (settings);
  chooser->button   = gtk_menu_button_new ();
  chooser->label    = gtk_label_new (NULL);
  chooser->popover  = gtk_popover_new (chooser->button);
  gtk_label_set_xalign (GTK_LABEL (chooser->label), 0.0f);
  gtk_label_set_ellipsize (GTK_LABEL (chooser->label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_box_pack_start (GTK_BOX (box), chooser->label, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box),
                      gtk_image_new_from_icon_name ("pan-down-symbolic", GTK_ICON_SIZE_BUTTON),
                      FALSE, FALSE, 0);
  gtk_container_add (GTK_CONTAINER (chooser->button), box);
  gtk_container_add (GTK_CONTAINER (chooser->popover), new_content (chooser));
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (chooser->button), chooser->popover);
  gtk_widget_set_name (chooser->button, "model");
  atk_object_set_name (gtk_widget_get_accessible (chooser->button), _ ("Model"));
  g_object_set_data_full (G_OBJECT (chooser->button), CHOOSER, chooser, chooser_free);
  g_signal_connect (chooser->button, "toggled", G_CALLBACK (on_toggled), chooser);
  g_signal_connect_object (settings, "notify::model", G_CALLBACK (on_model), chooser->button, 0);
  on_model (settings, NULL, chooser->button);
  return chooser->button;
}
