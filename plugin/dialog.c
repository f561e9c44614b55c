/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dialog.c - see dialog.h. */
#include "config.h"

#include <libgimp/gimpui.h>

#include "dif.h"
#include "plugin/dialog.h"
#include "plugin/region.h"
#include "ui/fields.h"
#include "ui/form.h"
#include "ui/mnemonics.h"
#include "ui/model-about.h"

#include <glib/gi18n-lib.h>

#define BORDER 12

/* GIMP's own widget, labels included, for all but words, lists, models and seeds. */
static GtkWidget *
make_widget (const DifParam *row, GtkWidget **label, gpointer user_data)
{
  GimpProcedureDialog *dialog = user_data;
  GtkWidget           *widget;

  if (row->type == DIF_PARAM_STRING || row->type == DIF_PARAM_STRINGS ||
      g_str_equal (row->name, "seed"))
    return NULL;
  widget = gimp_procedure_dialog_get_widget (dialog, row->name, G_TYPE_NONE);
  if (GIMP_IS_LABELED (widget))
    *label = gimp_labeled_get_label (GIMP_LABELED (widget));
  if (GIMP_IS_LABEL_SPIN (widget))
    dif_ui_field_tune (gimp_label_spin_get_spin_button (GIMP_LABEL_SPIN (widget)), row);
  return widget;
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
  g_autoptr (GArray) more  = more_rows (task, is_placed);
  DifUiForm          about = { .settings = G_OBJECT (config),
                               .task     = task,
                               .more     = (const DifParam *) (gpointer) more->data,
                               .n_more   = more->len,
                               .make     = make_widget };
  GtkWidget         *dialog;
  GtkWidget         *form;
  GtkWidget         *knows;
  gboolean           is_accepted;

  gimp_ui_init ("gimp-diffusion");
  dialog          = gimp_procedure_dialog_new (procedure, config, title);
  about.user_data = dialog;
  form            = dif_ui_form_new (&about);
  /* Margins, because a scrolled window forgets a border when it asks for its height. */
  g_object_set (form, "margin", BORDER, NULL);
  gtk_box_pack_start (GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (dialog))), form, TRUE,
                      TRUE, 0);
  knows = dif_ui_model_about_new (G_OBJECT (config), task);
  g_object_set (knows, "margin", BORDER, NULL);
  gtk_box_pack_start (GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (dialog))), knows, FALSE,
                      FALSE, 0);
  gimp_procedure_dialog_set_ok_label (GIMP_PROCEDURE_DIALOG (dialog), _ ("_Generate"));
  dif_ui_mnemonics_settle (dialog);
  dif_ui_form_focus (form);
  is_accepted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (dialog));
  gtk_widget_destroy (dialog);
  if (is_accepted)
    dif_ui_form_forget_hidden (G_OBJECT (config), task);
  return is_accepted;
}
