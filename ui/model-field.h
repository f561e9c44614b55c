/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model-field.h - the choice of a model. */
#ifndef DIF_UI_MODEL_FIELD_H
#define DIF_UI_MODEL_FIELD_H

#include <gtk/gtk.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_model_field_new:
 * @settings: where the value is kept
 * @task: the task that it is for
 * @row: the parameter
 *
 * Installed models, the bundled one first, and at the end of the list two entries
 * that open the platform's own chooser: for a file, and for a folder.
 *
 * Returns: (transfer floating): a combo box
 */
GtkWidget *dif_ui_model_field_new (GObject *settings, const char *task, const DifParam *row);

/**
 * dif_ui_model_open:
 * @model: (nullable): as of dif_catalog_resolve()
 *
 * Returns: (transfer full) (nullable): the model on disk; NULL for one that cannot be
 * read
 */
DifCheckpoint *dif_ui_model_open (const char *model);

G_END_DECLS

#endif /* DIF_UI_MODEL_FIELD_H */
