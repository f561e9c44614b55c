/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-chooser.h - installed models, what each is and can do, and ways to others. */
#ifndef DIF_UI_MODEL_CHOOSER_H
#define DIF_UI_MODEL_CHOOSER_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * dif_ui_model_chooser_new:
 * @settings: has a property "model"
 *
 * A button that shows the model that is set.  It opens a list that is read anew every
 * time; models that cannot be used are gray and say why.
 *
 * Returns: (transfer floating): the button
 */
GtkWidget *dif_ui_model_chooser_new (GObject *settings);

G_END_DECLS

#endif /* DIF_UI_MODEL_CHOOSER_H */
