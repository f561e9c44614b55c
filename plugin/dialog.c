/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dialog.c - see dialog.h. */
#include "config.h"

#include <libgimp/gimpui.h>

#include "plugin/dialog.h"

#include <glib/gi18n-lib.h>

gboolean
dif_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, const char *task)
{
  GtkWidget *dialog;
  gboolean   is_accepted;

  gimp_ui_init ("gimp-diffusion");
  dialog = gimp_procedure_dialog_new (procedure, config, NULL);
  gimp_procedure_dialog_fill (GIMP_PROCEDURE_DIALOG (dialog), NULL);
  is_accepted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (dialog));
  gtk_widget_destroy (dialog);
  return is_accepted;
}
