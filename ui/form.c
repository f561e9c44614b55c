/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.c - see form.h. */
#include "config.h"

#include "ui/fields.h"
#include "ui/form.h"

#include <glib/gi18n-lib.h>

#define SPACING        6
#define COLUMN_SPACING 12

/* Keys of the form's two grids. */
#define PLAIN    "dif-ui-plain"
#define ADVANCED "dif-ui-advanced"

static GtkWidget *
new_grid (void)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_row_spacing (GTK_GRID (grid), SPACING);
  gtk_grid_set_column_spacing (GTK_GRID (grid), COLUMN_SPACING);
  return grid;
}

/* Returns: the next free line */
static int
add_row (GtkGrid *grid, int line, GObject *settings, const DifParam *row)
{
  GtkWidget *field = NULL;
  GtkWidget *label;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), row->name) != NULL)
    field = dif_ui_field_new (settings, row);
  if (field == NULL)
    return line;
  label = gtk_label_new_with_mnemonic (g_dgettext (GETTEXT_PACKAGE, row->label));
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), dif_ui_field_focus (field));
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  if (dif_ui_field_is_wide (row))
    {
      gtk_grid_attach (grid, label, 0, line, 2, 1);
      gtk_grid_attach (grid, field, 0, line + 1, 2, 1);
      return line + 2;
    }
  gtk_grid_attach (grid, label, 0, line, 1, 1);
  gtk_grid_attach (grid, field, 1, line, 1, 1);
  return line + 1;
}

/* What people fill in first, whatever the order of the table is. */
static const char *const first_names[] = { "prompt", "negative-prompt", "model", NULL };

/* All rows, the first ones first. */
static GPtrArray *
ordered_rows (const char *task)
{
  guint           n       = 0;
  const DifParam *rows    = dif_task_params (task, &n);
  GPtrArray      *ordered = g_ptr_array_new ();

  for (guint k = 0; first_names[k] != NULL; k++)
    {
      for (guint i = 0; i < n; i++)
        {
          if (g_str_equal (rows[i].name, first_names[k]))
            g_ptr_array_add (ordered, (gpointer) &rows[i]);
        }
    }
  for (guint i = 0; i < n; i++)
    {
      if (! g_strv_contains (first_names, rows[i].name))
        g_ptr_array_add (ordered, (gpointer) &rows[i]);
    }
  return ordered;
}

void
dif_ui_form_attach (GtkWidget *form, const DifParam *row, GtkWidget *field)
{
  GtkGrid *grid  = g_object_get_data (G_OBJECT (form), row->advanced ? ADVANCED : PLAIN);
  GList   *lines = gtk_container_get_children (GTK_CONTAINER (grid));

  /* Every child takes one line at most. */
  gtk_grid_attach (grid, field, 0, (int) g_list_length (lines), 2, 1);
  gtk_widget_show (field);
  g_list_free (lines);
}

GtkWidget *
dif_ui_form_new (GObject *settings, const char *task, const DifParam *more, guint n_more)
{
  g_autoptr (GPtrArray) rows          = ordered_rows (task);
  GtkWidget            *box           = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * SPACING);
  GtkWidget            *plain         = new_grid ();
  GtkWidget            *advanced      = new_grid ();
  GtkWidget            *expander      = gtk_expander_new_with_mnemonic (_ ("_Advanced"));
  int                   plain_line    = 0;
  int                   advanced_line = 0;

  for (guint i = 0; i < n_more; i++)
    g_ptr_array_add (rows, (gpointer) &more[i]);
  for (guint i = 0; i < rows->len; i++)
    {
      const DifParam *row = g_ptr_array_index (rows, i);

      if (row->advanced)
        advanced_line = add_row (GTK_GRID (advanced), advanced_line, settings, row);
      else
        plain_line = add_row (GTK_GRID (plain), plain_line, settings, row);
    }
  g_object_set_data (G_OBJECT (box), PLAIN, plain);
  g_object_set_data (G_OBJECT (box), ADVANCED, advanced);
  gtk_box_pack_start (GTK_BOX (box), plain, TRUE, TRUE, 0);
  gtk_widget_set_margin_start (advanced, COLUMN_SPACING);
  gtk_widget_set_margin_top (advanced, SPACING);
  gtk_container_add (GTK_CONTAINER (expander), advanced);
  gtk_expander_set_resize_toplevel (GTK_EXPANDER (expander), TRUE);
  if (advanced_line > 0)
    gtk_box_pack_start (GTK_BOX (box), expander, FALSE, FALSE, 0);
  gtk_widget_show_all (box);
  return box;
}
