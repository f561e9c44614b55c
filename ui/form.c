/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.c - see form.h. */
#include "config.h"

#include "ui/fields.h"
#include "ui/form.h"

#include <glib/gi18n-lib.h>

#define SPACING        6
#define COLUMN_SPACING 12
#define AROUND_FORM    270 /* what a dialog has above and below it, in pixels */
#define MIN_HEIGHT     200

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
add_row (GtkGrid *grid, int line, GObject *settings, const char *task, const DifParam *row)
{
  GtkWidget *field = NULL;
  GtkWidget *label;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (settings), row->name) != NULL)
    field = dif_ui_field_new (settings, task, row);
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

/* The rows that are advanced, or those that are not.  Returns: the next free line */
static int
add_rows (GtkGrid *grid, int line, GObject *settings, const char *task, GPtrArray *rows,
          gboolean is_advanced)
{
  for (guint i = 0; i < rows->len; i++)
    {
      const DifParam *row = g_ptr_array_index (rows, i);

      if (row->advanced == is_advanced)
        line = add_row (grid, line, settings, task, row);
    }
  return line;
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

/* A window grows by itself only by what it must show. */
static void
on_unfold (GtkExpander *expander, GParamSpec *pspec, gpointer user_data)
{
  GtkWidget     *window = gtk_widget_get_toplevel (GTK_WIDGET (expander));
  GtkRequisition natural;

  if (! GTK_IS_WINDOW (window))
    return;
  gtk_widget_get_preferred_size (window, NULL, &natural);
  gtk_window_resize (GTK_WINDOW (window), natural.width, natural.height);
}

/* What is seldom needed, folded away. */
static GtkWidget *
fold (GtkWidget *advanced)
{
  GtkWidget *expander = gtk_expander_new_with_mnemonic (_ ("_Advanced"));

  gtk_widget_set_margin_start (advanced, COLUMN_SPACING);
  gtk_widget_set_margin_top (advanced, SPACING);
  gtk_container_add (GTK_CONTAINER (expander), advanced);
  g_signal_connect_after (expander, "notify::expanded", G_CALLBACK (on_unfold), NULL);
  return expander;
}

/* As high as it wants to be, as far as the screen allows. */
static GtkWidget *
scrolled (GtkWidget *content)
{
  GdkMonitor        *monitor  = gdk_display_get_monitor (gdk_display_get_default (), 0);
  GtkWidget         *scroller = gtk_scrolled_window_new (NULL, NULL);
  GtkScrolledWindow *window   = GTK_SCROLLED_WINDOW (scroller);
  GdkRectangle       area     = { 0 };

  if (monitor != NULL)
    gdk_monitor_get_workarea (monitor, &area);
  gtk_scrolled_window_set_policy (window, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (window, TRUE);
  gtk_scrolled_window_set_max_content_height (window, MAX (area.height - AROUND_FORM, MIN_HEIGHT));
  gtk_widget_set_margin_end (content, COLUMN_SPACING);
  gtk_container_add (GTK_CONTAINER (scroller), content);
  return scroller;
}

GtkWidget *
dif_ui_form_new (GObject *settings, const char *task, const DifParam *more, guint n_more)
{
  g_autoptr (GPtrArray) rows     = ordered_rows (task);
  g_autoptr (GPtrArray) further  = g_ptr_array_new ();
  GtkWidget            *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * SPACING);
  GtkWidget            *plain    = new_grid ();
  GtkWidget            *advanced = new_grid ();
  GtkWidget            *form     = scrolled (box);
  int                   line     = 0;

  for (guint i = 0; i < n_more; i++)
    g_ptr_array_add (further, (gpointer) &more[i]);
  /* What @more is about matters most of what is folded away. */
  line = add_rows (GTK_GRID (plain), 0, settings, task, rows, FALSE);
  add_rows (GTK_GRID (plain), line, settings, task, further, FALSE);
  line = add_rows (GTK_GRID (advanced), 0, settings, task, further, TRUE);
  line = add_rows (GTK_GRID (advanced), line, settings, task, rows, TRUE);
  g_object_set_data (G_OBJECT (form), PLAIN, plain);
  g_object_set_data (G_OBJECT (form), ADVANCED, advanced);
  gtk_box_pack_start (GTK_BOX (box), plain, TRUE, TRUE, 0);
  if (line > 0)
    gtk_box_pack_start (GTK_BOX (box), fold (advanced), FALSE, FALSE, 0);
  gtk_widget_show_all (form);
  return form;
}
