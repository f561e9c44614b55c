/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dialog.c - see dialog.h. */
#include "config.h"

#include <libgimp/gimpui.h>

#include "dif.h"
#include "plugin/dialog.h"
#include "plugin/region.h"
#include "ui/form.h"

#include <glib/gi18n-lib.h>

#define BORDER 12

/* Choosers of layers are GIMP's own, labels included. */
static void
add_layer_fields (GimpProcedureDialog *dialog, GtkWidget *form, const DifParam *rows, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      if (dif_region_is_layer_row (&rows[i]))
        dif_ui_form_attach (form, &rows[i],
                            gimp_procedure_dialog_get_widget (dialog, rows[i].name, G_TYPE_NONE));
    }
}

gboolean
dif_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, const char *task)
{
  GtkWidget *dialog;
  GtkWidget *content;
  GtkWidget *form;
  gboolean   is_accepted;
  guint      n_more = 0, n_own = 0;

  const DifParam *more = dif_region_params (task, &n_more);
  const DifParam *own  = dif_task_params (task, &n_own);

  gimp_ui_init ("gimp-diffusion");
  dialog  = gimp_procedure_dialog_new (procedure, config,
                                       g_dgettext (GETTEXT_PACKAGE, dif_task_label (task)));
  content = gtk_dialog_get_content_area (GTK_DIALOG (dialog));
  form    = dif_ui_form_new (G_OBJECT (config), task, more, n_more);
  gtk_container_set_border_width (GTK_CONTAINER (form), BORDER);
  gtk_box_pack_start (GTK_BOX (content), form, TRUE, TRUE, 0);
  add_layer_fields (GIMP_PROCEDURE_DIALOG (dialog), form, own, n_own);
  add_layer_fields (GIMP_PROCEDURE_DIALOG (dialog), form, more, n_more);
  gimp_procedure_dialog_set_ok_label (GIMP_PROCEDURE_DIALOG (dialog), _ ("_Draw"));
  is_accepted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (dialog));
  gtk_widget_destroy (dialog);
  return is_accepted;
}
