/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-about.h - what the chosen model says of itself. */
#ifndef DIF_UI_MODEL_ABOUT_H
#define DIF_UI_MODEL_ABOUT_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * dif_ui_model_about_new:
 * @settings: has a property "model"
 * @task: whose own model an empty one stands for
 *
 * Returns: (transfer floating): a line below a form, hidden for models that say
 * nothing
 */
GtkWidget *dif_ui_model_about_new (GObject *settings, const char *task);

G_END_DECLS

#endif /* DIF_UI_MODEL_ABOUT_H */
