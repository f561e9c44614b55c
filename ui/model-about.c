/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-about.c - see model-about.h. */
#include "config.h"

#include "dif.h"
#include "ui/model-about.h"

#include <glib/gi18n-lib.h>

#define WIDTH_CHARACTERS 60

/* What the bundled models say, word for word, so that it is translated. */
G_GNUC_UNUSED static const char *const sentences[] = {
  N_ ("A small demonstration that knows eight colors, four solids (sphere, cube, cylinder, cone), "
      "floors and skies. A real model: dif pull sd15, or a checkpoint of your own in "
      "gimp-diffusion/models (see README)."),
  N_ ("A small demonstration that draws scenes of colored solids at random and follows no prompt. "
      "A real model: dif pull sd15, or a checkpoint of your own in gimp-diffusion/models (see "
      "README)."),
};

static void
on_model (GObject *settings, GParamSpec *pspec, gpointer user_data)
{
  GtkWidget       *label = user_data;
  const char      *task  = g_object_get_data (G_OBJECT (label), "dif-ui-task");
  g_autofree char *model = NULL;
  g_autofree char *about = NULL;

  g_object_get (settings, "model", &model, NULL);
  about = dif_model_about (model != NULL && *model != '\0' ? model : dif_catalog_default (task));
  if (about != NULL)
    gtk_label_set_text (GTK_LABEL (label), g_dgettext (GETTEXT_PACKAGE, about));
  gtk_widget_set_visible (label, about != NULL && *about != '\0');
}

GtkWidget *
dif_ui_model_about_new (GObject *settings, const char *task)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), WIDTH_CHARACTERS);
  gtk_widget_set_no_show_all (label, TRUE);
  gtk_widget_set_name (label, "model-about");
  gtk_style_context_add_class (gtk_widget_get_style_context (label), "dim-label");
  g_object_set_data_full (G_OBJECT (label), "dif-ui-task", g_strdup (task), g_free);
  g_signal_connect_object (settings, "notify::model", G_CALLBACK (on_model), label, 0);
  on_model (settings, NULL, label);
  return label;
}
