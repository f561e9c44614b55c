/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.c - see ask.h. */
#include "config.h"

#include <libgimp/gimpui.h>

#include "plugin/ask.h"

#include <glib/gi18n-lib.h>

#define WIDTH_CHARACTERS 60
#define BORDER           12
#define SPACING          12

static GtkWidget *
new_label (const char *text, gboolean is_details)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0.0);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label),
                                is_details ? PANGO_WRAP_WORD_CHAR : PANGO_WRAP_WORD);
  gtk_label_set_max_width_chars (GTK_LABEL (label), WIDTH_CHARACTERS);
  gtk_label_set_selectable (GTK_LABEL (label), is_details);
  gtk_widget_set_can_focus (label, FALSE);
  return label;
}

gboolean
dif_ask (const char *title, const char *question, const char *details, const char *yes)
{
  GtkWidget *dialog;
  GtkWidget *content;
  gboolean   is_yes;

  gimp_ui_init ("gimp-diffusion");
  dialog  = gimp_dialog_new (title, "gimp-diffusion-ask", NULL, 0, NULL, NULL, _ ("_Cancel"),
                             GTK_RESPONSE_CANCEL, yes, GTK_RESPONSE_OK, NULL);
  content = gtk_dialog_get_content_area (GTK_DIALOG (dialog));
  gtk_box_set_spacing (GTK_BOX (content), SPACING);
  gtk_container_set_border_width (GTK_CONTAINER (content), BORDER);
  gtk_box_pack_start (GTK_BOX (content), new_label (question, FALSE), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (content), new_label (details, TRUE), FALSE, FALSE, 0);
  gtk_dialog_set_default_response (GTK_DIALOG (dialog), GTK_RESPONSE_CANCEL);
  gtk_window_set_resizable (GTK_WINDOW (dialog), FALSE);
  gtk_widget_show_all (dialog);
  is_yes = gimp_dialog_run (GIMP_DIALOG (dialog)) == GTK_RESPONSE_OK;
  gtk_widget_destroy (dialog);
  return is_yes;
}
