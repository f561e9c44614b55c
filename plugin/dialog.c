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

/* Parameters besides the task's own that are to be shown. */
static GArray *
more_rows (const char *task, gboolean is_placed)
{
  guint           n    = 0;
  const DifParam *rows = dif_region_params (task, &n);
  GArray         *more = g_array_new (FALSE, FALSE, sizeof (DifParam));

  for (guint i = 0; i < n; i++)
    {
      if (! is_placed || ! dif_region_is_place_row (&rows[i]))
        g_array_append_val (more, rows[i]);
    }
  return more;
}

gboolean
dif_dialog_run (GimpProcedure *procedure, GimpProcedureConfig *config, const char *task,
                const char *title, gboolean is_placed)
{
  GtkWidget *dialog;
  GtkWidget *content;
  GtkWidget *form;
  gboolean   is_accepted;
  guint      n_own = 0;

  g_autoptr (GArray) more = more_rows (task, is_placed);
  const DifParam    *rows = (const DifParam *) (gpointer) more->data;
  const DifParam    *own  = dif_task_params (task, &n_own);

  gimp_ui_init ("gimp-diffusion");
  dialog  = gimp_procedure_dialog_new (procedure, config, title);
  content = gtk_dialog_get_content_area (GTK_DIALOG (dialog));
  form    = dif_ui_form_new (G_OBJECT (config), task, rows, more->len);
  gtk_container_set_border_width (GTK_CONTAINER (form), BORDER);
  gtk_box_pack_start (GTK_BOX (content), form, TRUE, TRUE, 0);
  add_layer_fields (GIMP_PROCEDURE_DIALOG (dialog), form, own, n_own);
  add_layer_fields (GIMP_PROCEDURE_DIALOG (dialog), form, rows, more->len);
  gimp_procedure_dialog_set_ok_label (GIMP_PROCEDURE_DIALOG (dialog), _ ("_Draw"));
  is_accepted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (dialog));
  gtk_widget_destroy (dialog);
  return is_accepted;
}
