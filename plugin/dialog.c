/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dialog.c - see dialog.h. */
#include "config.h"

#include <libgimp/gimpui.h>

#include "dif.h"
#include "plugin/dialog.h"
#include "ui/form.h"

#include <glib/gi18n-lib.h>

#define BORDER 12

gboolean
dif_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, const char *task)
{
  GtkWidget *dialog;
  GtkWidget *content;
  GtkWidget *form;
  gboolean   is_accepted;

  gimp_ui_init ("gimp-diffusion");
  dialog  = gimp_procedure_dialog_new (procedure, config,
                                       g_dgettext (GETTEXT_PACKAGE, dif_task_label (task)));
  content = gtk_dialog_get_content_area (GTK_DIALOG (dialog));
  form    = dif_ui_form_new (G_OBJECT (config), task);
  gtk_container_set_border_width (GTK_CONTAINER (form), BORDER);
  gtk_box_pack_start (GTK_BOX (content), form, TRUE, TRUE, 0);
  gimp_procedure_dialog_set_ok_label (GIMP_PROCEDURE_DIALOG (dialog), _ ("_Draw"));
  is_accepted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (dialog));
  gtk_widget_destroy (dialog);
  return is_accepted;
}
