/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings-panel.c - see settings-panel.h. */
#include "config.h"

#include "ui/fields.h"
#include "ui/settings-panel.h"
#include "ui/settings.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING 6
#define PANEL   "dif-ui-panel"

typedef struct
{
  GObject         *settings;
  const DifUiHost *host;
  GtkWidget       *box;
  char            *task, *model;
  gboolean         is_unfolded;
} Panel;

static const char *const elsewhere[] = { "prompt", "negative-prompt", "model", "strength", NULL };

gboolean
dif_ui_settings_panel_shows (const DifParam *row)
{
  return row->type != DIF_PARAM_IMAGE && ! g_strv_contains (elsewhere, row->name);
}

static void
panel_free (gpointer data)
{
  Panel *panel = data;

  g_object_unref (panel->settings);
  g_free (panel->task);
  g_free (panel->model);
  g_free (panel);
}

static void
on_reset (GtkButton *button, gpointer user_data)
{
  Panel *panel = user_data;

  dif_ui_settings_reset (panel->settings, gtk_widget_get_name (GTK_WIDGET (button)));
}

static void
show_whether_default (GObject *settings, GParamSpec *spec, gpointer user_data)
{
  GtkWidget *button = user_data;
  gboolean   is     = dif_ui_settings_is_default (settings, gtk_widget_get_name (button));

  gtk_widget_set_opacity (button, is ? 0.0 : 1.0);
  gtk_widget_set_sensitive (button, ! is);
}

/* Its name is that of the property. */
static GtkWidget *
reset_button (Panel *panel, const DifParam *row, const char *label)
{
  g_autofree char *signal = g_strconcat ("notify::", row->name, NULL);
  g_autofree char *plain  = dif_ui_plain (label);
  g_autofree char *text   = g_strdup_printf (_ ("Reset \"%s\""), plain);
  GtkWidget       *button = dif_ui_icon_button ("edit-undo-symbolic", text);

  gtk_widget_set_name (button, row->name);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect (button, "clicked", G_CALLBACK (on_reset), panel);
  g_signal_connect_object (panel->settings, signal, G_CALLBACK (show_whether_default), button, 0);
  show_whether_default (panel->settings, NULL, button);
  return button;
}

/* Fields that want to be wide make a panel that does not fit beside a canvas. */
static void
let_shrink (GtkWidget *field, gpointer unused)
{
  int width, height;

  gtk_widget_get_size_request (field, &width, &height);
  gtk_widget_set_size_request (field, -1, height);
  if (GTK_IS_ENTRY (field))
    gtk_entry_set_width_chars (GTK_ENTRY (field), 8);
  gtk_widget_set_halign (field, GTK_ALIGN_FILL);
  if (GTK_IS_BOX (field))
    gtk_container_foreach (GTK_CONTAINER (field), let_shrink, NULL);
}

/* Returns: the next free line */
static int
add_row (Panel *panel, GtkGrid *grid, int line, const DifParam *row)
{
  const char *text  = g_dgettext (GETTEXT_PACKAGE, row->label);
  GtkWidget  *field = dif_ui_field_new (panel->settings, panel->task, row);
  GtkWidget  *label;
  gboolean    is_wide = dif_ui_field_is_wide (row);

  if (field == NULL)
    return line;
  let_shrink (field, NULL);
  label = gtk_label_new_with_mnemonic (text);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), dif_ui_field_focus (field));
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_widget_set_tooltip_text (label, g_dgettext (GETTEXT_PACKAGE, row->blurb));
  gtk_grid_attach (grid, label, 0, line, is_wide ? 2 : 1, 1);
  gtk_grid_attach (grid, reset_button (panel, row, text), 2, line, 1, 1);
  if (is_wide)
    gtk_grid_attach (grid, field, 0, ++line, 3, 1);
  else
    gtk_grid_attach (grid, field, 1, line, 1, 1);
  return line + 1;
}

static GtkWidget *
new_grid (void)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_row_spacing (GTK_GRID (grid), SPACING);
  gtk_grid_set_column_spacing (GTK_GRID (grid), SPACING);
  return grid;
}

static void
add_rows (Panel *panel, GtkGrid *grid, const DifUiModel *model, gboolean is_advanced)
{
  int line = 0;

  for (guint more = 0; more < 2; more++)
    {
      guint           n    = 0;
      const DifParam *rows = more ? panel->host->params (panel->host->data, panel->task, &n)
                                  : dif_task_params (panel->task, &n);

      for (guint i = 0; i < n; i++)
        {
          if (rows[i].advanced == is_advanced && dif_ui_settings_panel_shows (&rows[i]) &&
              dif_ui_model_allows (model, &rows[i]) &&
              g_object_class_find_property (G_OBJECT_GET_CLASS (panel->settings), rows[i].name))
            line = add_row (panel, grid, line, &rows[i]);
        }
    }
}

static void
on_unfold (GObject *expander, GParamSpec *spec, gpointer user_data)
{
  Panel *panel = user_data;

  panel->is_unfolded = gtk_expander_get_expanded (GTK_EXPANDER (expander));
}

static void
on_reset_all (GtkButton *button, gpointer user_data)
{
  Panel *panel = user_data;
  guint  n     = 0;

  for (guint more = 0; more < 2; more++)
    {
      const DifParam *rows = more ? panel->host->params (panel->host->data, panel->task, &n)
                                  : dif_task_params (panel->task, &n);

      for (guint i = 0; i < n; i++)
        {
          if (dif_ui_settings_panel_shows (&rows[i]))
            dif_ui_settings_reset (panel->settings, rows[i].name);
        }
    }
}

static void
fill (Panel *panel, const DifUiModel *model)
{
  GtkWidget *basic    = new_grid ();
  GtkWidget *advanced = new_grid ();
  GtkWidget *expander = gtk_expander_new_with_mnemonic (_ ("_Advanced"));
  GtkWidget *reset    = gtk_button_new_with_mnemonic (_ ("Reset All Settings"));

  add_rows (panel, GTK_GRID (basic), model, FALSE);
  add_rows (panel, GTK_GRID (advanced), model, TRUE);
  gtk_widget_set_margin_top (advanced, SPACING);
  gtk_container_add (GTK_CONTAINER (expander), advanced);
  gtk_expander_set_expanded (GTK_EXPANDER (expander), panel->is_unfolded);
  g_signal_connect (expander, "notify::expanded", G_CALLBACK (on_unfold), panel);
  g_signal_connect (reset, "clicked", G_CALLBACK (on_reset_all), panel);
  gtk_widget_set_halign (reset, GTK_ALIGN_START);
  gtk_box_pack_start (GTK_BOX (panel->box), basic, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (panel->box), expander, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (panel->box), reset, FALSE, FALSE, 0);
  gtk_widget_show_all (panel->box);
}

GtkWidget *
dif_ui_settings_panel_new (GObject *settings, const DifUiHost *host)
{
  Panel *panel = g_new0 (Panel, 1);

  panel->settings = g_object_ref (settings);
  panel->host     = host;
  panel->box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * SPACING);
  g_object_set_data_full (G_OBJECT (panel->box), PANEL, panel, panel_free);
  return panel->box;
}

gboolean
dif_ui_settings_panel_show (GtkWidget *widget, const char *task, const DifUiModel *model)
{
  Panel *panel = g_object_get_data (G_OBJECT (widget), PANEL);

  if (g_strcmp0 (task, panel->task) == 0 && g_strcmp0 (model->name, panel->model) == 0)
    return FALSE;
  g_free (panel->task);
  g_free (panel->model);
  panel->task  = g_strdup (task);
  panel->model = g_strdup (model->name);
  dif_ui_empty (widget);
  fill (panel, model);
  return TRUE;
}
