/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-files.c - see model-files.h. */
#include "config.h"

#include "ui/model-files.h"

#include <glib/gi18n-lib.h>

#define CHOOSER "dif-ui-chooser"

typedef struct
{
  GtkWidget    *owner;
  DifUiPathFunc chosen;
  gpointer      user_data;
} Choice;

static void
on_response (GtkNativeDialog *chooser, int response, gpointer user_data)
{
  Choice          *choice = user_data;
  g_autofree char *path   = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
  if (path != NULL)
    choice->chosen (path, choice->user_data);
  g_object_set_data (G_OBJECT (choice->owner), CHOOSER, NULL);
}

static void
choice_free (gpointer choice, GClosure *closure)
{
  g_free (choice);
}

void
dif_ui_model_files_choose (GtkWidget *owner, gboolean is_folder, DifUiPathFunc chosen,
                           gpointer user_data)
{
  GtkWidget            *top    = gtk_widget_get_toplevel (owner);
  GtkFileFilter        *filter = gtk_file_filter_new ();
  Choice               *choice = g_new (Choice, 1);
  GtkFileChooserNative *chooser;

  *choice = (Choice) { owner, chosen, user_data };
  chooser = gtk_file_chooser_native_new (
      is_folder ? _ ("Choose the Folder of a Model") : _ ("Choose the File of a Model"),
      GTK_IS_WINDOW (top) ? GTK_WINDOW (top) : NULL,
      is_folder ? GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER : GTK_FILE_CHOOSER_ACTION_OPEN,
      _ ("_Open"), _ ("_Cancel"));
  gtk_file_filter_set_name (filter, _ ("Models (*.safetensors)"));
  gtk_file_filter_add_pattern (filter, "*.safetensors");
  g_object_ref_sink (filter);
  if (! is_folder)
    gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
  g_object_unref (filter);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_data (chooser, "response", G_CALLBACK (on_response), choice, choice_free, 0);
  g_object_set_data_full (G_OBJECT (owner), CHOOSER, chooser, g_object_unref);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}
