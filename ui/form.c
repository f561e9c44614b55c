/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.c - see form.h. */
#include "config.h"

#include "ui/fields.h"
#include "ui/form.h"
#include "ui/model-field.h"

#include <glib/gi18n-lib.h>

#define SPACING        6
#define COLUMN_SPACING 6 /* as in GIMP's widgets with labels */
#define INDENT         12
#define AROUND_FORM    270 /* what a dialog has above and below it, in pixels */
#define MIN_HEIGHT     200
#define FAMILY_ROWS    "dif-ui-family-rows"
#define FIRST_FIELD    "dif-ui-first-field"

/* A form while it is made. */
typedef struct
{
  const DifUiForm *about;
  GtkSizeGroup    *labels; /* as wide as the widest */
  GPtrArray       *bound;  /* widgets of rows that not every family of models has */
  GtkWidget       *first;  /* of our own fields */
} Making;

static GtkWidget *
new_grid (void)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_row_spacing (GTK_GRID (grid), SPACING);
  gtk_grid_set_column_spacing (GTK_GRID (grid), COLUMN_SPACING);
  return grid;
}

#define ROW "dif-ui-row"

/* Puts a widget there; it knows whether it is shown at all. */
static void
attach (Making *making, GtkGrid *grid, const DifParam *row, GtkWidget *widget, int column, int line,
        int width)
{
  gtk_grid_attach (grid, widget, column, line, width, 1);
  if (row->families == NULL)
    return;
  g_object_set_data (G_OBJECT (widget), ROW, (gpointer) row);
  g_ptr_array_add (making->bound, widget);
}

/* A field of our own with its label.  Returns: the next free line */
static int
add_own (Making *making, GtkGrid *grid, int line, const DifParam *row)
{
  GtkWidget *field = dif_ui_field_new (making->about->settings, making->about->task, row);
  GtkWidget *label;

  if (field == NULL)
    return line;
  if (making->first == NULL)
    making->first = dif_ui_field_focus (field);
  label = gtk_label_new_with_mnemonic (g_dgettext (GETTEXT_PACKAGE, row->label));
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), dif_ui_field_focus (field));
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  if (dif_ui_field_is_wide (row))
    {
      attach (making, grid, row, label, 0, line, 2);
      attach (making, grid, row, field, 0, line + 1, 2);
      return line + 2;
    }
  gtk_size_group_add_widget (making->labels, label);
  attach (making, grid, row, label, 0, line, 1);
  attach (making, grid, row, field, 1, line, 1);
  return line + 1;
}

/* Returns: the next free line */
static int
add_row (Making *making, GtkGrid *grid, int line, const DifParam *row)
{
  const DifUiForm *about  = making->about;
  GtkWidget       *label  = NULL;
  GtkWidget       *widget = NULL;

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (about->settings), row->name) == NULL)
    return line;
  if (about->make != NULL)
    widget = about->make (row, &label, about->user_data);
  if (widget == NULL)
    return add_own (making, grid, line, row);
  if (label != NULL)
    gtk_size_group_add_widget (making->labels, label);
  attach (making, grid, row, widget, 0, line, 2);
  return line + 1;
}

/* The rows that are advanced, or those that are not.  Returns: the next free line */
static int
add_rows (Making *making, GtkGrid *grid, int line, GPtrArray *rows, gboolean is_advanced)
{
  for (guint i = 0; i < rows->len; i++)
    {
      const DifParam *row = g_ptr_array_index (rows, i);

      if (row->advanced == is_advanced)
        line = add_row (making, grid, line, row);
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

/* A model that cannot be read has a use for what all have. */
static gboolean
is_for (const DifParam *row, DifCheckpoint *checkpoint)
{
  return checkpoint != NULL ? dif_param_is_for (row, checkpoint) : row->families == NULL;
}

static void
on_model_changed (GObject *settings, GParamSpec *pspec, gpointer form)
{
  GPtrArray                *bound      = g_object_get_data (form, FAMILY_ROWS);
  g_autofree char          *model      = NULL;
  g_autoptr (DifCheckpoint) checkpoint = NULL;

  g_object_get (settings, "model", &model, NULL);
  checkpoint = dif_ui_model_open (model);
  for (guint i = 0; i < bound->len; i++)
    gtk_widget_set_visible (bound->pdata[i],
                            is_for (g_object_get_data (bound->pdata[i], ROW), checkpoint));
}

/* Shows of the rows those that the model has a use for, now and whenever it changes. */
static void
follow_model (Making *making, GtkWidget *form)
{
  GObject *settings = making->about->settings;

  if (making->bound->len == 0 ||
      g_object_class_find_property (G_OBJECT_GET_CLASS (settings), "model") == NULL)
    return;
  g_object_set_data_full (G_OBJECT (form), FAMILY_ROWS, g_ptr_array_ref (making->bound),
                          (GDestroyNotify) g_ptr_array_unref);
  on_model_changed (settings, NULL, form);
  g_signal_connect_object (settings, "notify::model", G_CALLBACK (on_model_changed), form, 0);
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

  gtk_widget_set_margin_start (advanced, INDENT);
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
  gtk_widget_set_margin_end (content, INDENT);
  /* What the theme puts around a viewport is not asked for either. */
  gtk_widget_set_margin_bottom (content, INDENT);
  gtk_container_add (GTK_CONTAINER (scroller), content);
  return scroller;
}

GtkWidget *
dif_ui_form_new (const DifUiForm *about)
{
  g_autoptr (GPtrArray)    rows     = ordered_rows (about->task);
  g_autoptr (GPtrArray)    further  = g_ptr_array_new ();
  g_autoptr (GPtrArray)    bound    = g_ptr_array_new ();
  g_autoptr (GtkSizeGroup) labels   = gtk_size_group_new (GTK_SIZE_GROUP_HORIZONTAL);
  GtkWidget               *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * SPACING);
  GtkWidget               *plain    = new_grid ();
  GtkWidget               *advanced = new_grid ();
  GtkWidget               *form     = scrolled (box);
  Making                   making   = { about, labels, bound, NULL };
  int                      line     = 0;

  for (guint i = 0; i < about->n_more; i++)
    g_ptr_array_add (further, (gpointer) &about->more[i]);
  /* What is about the canvas matters most of what is folded away. */
  line = add_rows (&making, GTK_GRID (plain), 0, rows, FALSE);
  add_rows (&making, GTK_GRID (plain), line, further, FALSE);
  line = add_rows (&making, GTK_GRID (advanced), 0, further, TRUE);
  line = add_rows (&making, GTK_GRID (advanced), line, rows, TRUE);
  gtk_box_pack_start (GTK_BOX (box), plain, TRUE, TRUE, 0);
  if (line > 0)
    gtk_box_pack_start (GTK_BOX (box), fold (advanced), FALSE, FALSE, 0);
  gtk_widget_show_all (form);
  g_object_set_data (G_OBJECT (form), FIRST_FIELD, making.first);
  follow_model (&making, form);
  return form;
}

void
dif_ui_form_focus (GtkWidget *form)
{
  GtkWidget *first = g_object_get_data (G_OBJECT (form), FIRST_FIELD);

  if (first != NULL)
    gtk_widget_grab_focus (first);
}

void
dif_ui_form_forget_hidden (GObject *settings, const char *task)
{
  g_autofree char          *model      = NULL;
  g_autoptr (DifCheckpoint) checkpoint = NULL;
  guint                     n          = 0;
  const DifParam           *rows       = dif_task_params (task, &n);

  g_object_get (settings, "model", &model, NULL);
  checkpoint = dif_ui_model_open (model);
  for (guint i = 0; i < n; i++)
    {
      GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (settings), rows[i].name);

      if (spec != NULL && ! is_for (&rows[i], checkpoint))
        g_object_set_property (settings, rows[i].name, g_param_spec_get_default_value (spec));
    }
}
