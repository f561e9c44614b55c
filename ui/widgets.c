/* SPDX-License-Identifier: GPL-3.0-or-later */
/* widgets.c - see widgets.h. */
#include "config.h"

#include "ui/widgets.h"

static void
destroy (GtkWidget *widget, gpointer user_data)
{
  gtk_widget_destroy (widget);
}

void
dif_ui_empty (GtkWidget *container)
{
  gtk_container_foreach (GTK_CONTAINER (container), destroy, NULL);
}

GtkWidget *
dif_ui_icon_button (const char *icon, const char *text)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon, GTK_ICON_SIZE_BUTTON);

  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (button, text);
  atk_object_set_name (gtk_widget_get_accessible (button), text);
  return button;
}

GtkWidget *
dif_ui_dim_label (const char *text)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_style_context_add_class (gtk_widget_get_style_context (label), "dim-label");
  return label;
}

char *
dif_ui_plain (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "_", -1);

  return g_strjoinv ("", parts);
}
