/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ui-demo.c - the form in a plain window: ui-demo [TASK].  Prints what was filled in. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "ui/form.h"
#include "ui/mnemonics.h"
#include "ui/settings.h"

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

int
main (int argc, char **argv)
{
  const char         *task;
  g_autoptr (GObject) settings = NULL;
  GtkWidget          *dialog;
  guint               n = 0;

  gtk_init (&argc, &argv);
  task = argc > 1 ? argv[1] : dif_task_names ()[0];
  if (dif_task_params (task, &n) == NULL)
    {
      fprintf (stderr, "ui-demo: expected a task, found \"%s\"\n", task);
      return EXIT_FAILURE;
    }
  settings = dif_ui_settings_new (task);
  dialog   = gtk_dialog_new_with_buttons (dif_task_label (task), NULL, 0, "_Cancel",
                                          GTK_RESPONSE_CANCEL, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_container_set_border_width (GTK_CONTAINER (dialog), 12);
  gtk_container_add (GTK_CONTAINER (gtk_dialog_get_content_area (GTK_DIALOG (dialog))),
                     dif_ui_form_new (&(DifUiForm) { .settings = settings, .task = task }));
  dif_ui_mnemonics_settle (dialog);
  if (gtk_dialog_run (GTK_DIALOG (dialog)) == GTK_RESPONSE_OK)
    print_settings (settings);
  gtk_widget_destroy (dialog);
  return EXIT_SUCCESS;
}
