/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ui-demo.c - widgets in a plain window.
 *
 *   ui-demo [TASK]            a task's form; prints what was filled in
 *   ui-demo window [rtl]      the painter's window with a canvas and a runner of its own
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "ui/demo-host.h"
#include "ui/form.h"
#include "ui/mnemonics.h"
#include "ui/painter.h"
#include "ui/settings.h"

#define WIDTH  900
#define HEIGHT 640
#define BORDER 12

static void
print_settings (GObject *settings)
{
  guint                   n     = 0;
  g_autofree GParamSpec **specs = NULL;

  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);
  for (guint i = 0; i < n; i++)
    {
      GValue           value = G_VALUE_INIT;
      g_autofree char *text  = NULL;

      g_object_get_property (settings, specs[i]->name, &value);
      text = g_strdup_value_contents (&value);
      printf ("%s = %s\n", specs[i]->name, text);
      g_value_unset (&value);
    }
}

static void
show_form (const char *task)
{
  g_autoptr (GObject) settings = dif_ui_settings_new (task);
  GtkWidget          *dialog =
      gtk_dialog_new_with_buttons (dif_task_label (task), NULL, 0, "_Cancel", GTK_RESPONSE_CANCEL,
                                   "_OK", GTK_RESPONSE_OK, NULL);

  gtk_container_set_border_width (GTK_CONTAINER (dialog), BORDER);
  gtk_container_add (GTK_CONTAINER (gtk_dialog_get_content_area (GTK_DIALOG (dialog))),
                     dif_ui_form_new (&(DifUiForm) { .settings = settings, .task = task }));
  dif_ui_mnemonics_settle (dialog);
  if (gtk_dialog_run (GTK_DIALOG (dialog)) == GTK_RESPONSE_OK)
    print_settings (settings);
  gtk_widget_destroy (dialog);
}

static gboolean
on_key (GtkWidget *window, GdkEventKey *event, gpointer painter)
{
  return dif_ui_painter_key (painter, event);
}

static void
show_window (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dif-ui-demo-XXXXXX", NULL);
  GtkWidget       *window = gtk_window_new (GTK_WINDOW_TOPLEVEL);
  DifUiDemo        demo;
  DifUiPainter    *painter;
  GtkWidget       *root;

  dif_ui_demo_init (&demo);
  demo.is_selected = TRUE;
  painter          = dif_ui_painter_new (&demo.host, folder, folder);
  root             = dif_ui_painter_widget (painter);
  gtk_window_set_title (GTK_WINDOW (window), "Diffusion");
  gtk_window_set_default_size (GTK_WINDOW (window), WIDTH, HEIGHT);
  g_object_set (root, "margin", BORDER, NULL);
  gtk_container_add (GTK_CONTAINER (window), root);
  g_signal_connect (window, "key-press-event", G_CALLBACK (on_key), painter);
  g_signal_connect (window, "destroy", G_CALLBACK (gtk_main_quit), NULL);
  dif_ui_mnemonics_settle (window);
  gtk_widget_show_all (window);
  gtk_main ();
  g_clear_pointer (&demo.kept, g_bytes_unref);
}

int
main (int argc, char **argv)
{
  const char *what;
  guint       n = 0;

  gtk_init (&argc, &argv);
  what = argc > 1 ? argv[1] : dif_task_names ()[0];
  if (argc > 2 && g_str_equal (argv[2], "rtl"))
    gtk_widget_set_default_direction (GTK_TEXT_DIR_RTL);
  if (g_str_equal (what, "window"))
    show_window ();
  else if (dif_task_params (what, &n) != NULL)
    show_form (what);
  else
    {
      fprintf (stderr, "ui-demo: expected \"window\" or a task, found \"%s\"\n", what);
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}
