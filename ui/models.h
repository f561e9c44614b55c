/* SPDX-License-Identifier: GPL-3.0-or-later */
/* models.h - installed models, what each is and can do.
 *
 * Knows neither GTK nor GIMP; reads configs only.
 */
#ifndef DIF_UI_MODELS_H
#define DIF_UI_MODELS_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiModel:
 * @name: as of the parameter "model"; "" for the bundled ones
 * @label: what a list shows
 * @family: (nullable): what it is, such as "StableDiffusionXLPipeline"
 * @bytes: what its files take; 0 for what is not known
 * @tasks: (nullable) (array zero-terminated=1): what it can do; NULL for all
 * @checkpoint: (nullable): it on disk
 * @problem: (nullable): why it cannot be used
 *
 * A model.
 */
typedef struct
{
  char          *name, *label, *family;
  guint64        bytes;
  char         **tasks;
  DifCheckpoint *checkpoint;
  char          *problem;
} DifUiModel;

/**
 * dif_ui_model_new:
 * @name: as of the parameter "model"
 *
 * Returns: (transfer full): what it is
 */
DifUiModel *dif_ui_model_new (const char *name);

/**
 * dif_ui_model_free:
 * @model: (nullable) (transfer full): a model
 */
void dif_ui_model_free (DifUiModel *model);

/**
 * dif_ui_models_list:
 *
 * Returns: (transfer full) (element-type DifUiModel): the bundled ones as one, then
 * installed ones
 */
GPtrArray *dif_ui_models_list (void);

/**
 * dif_ui_model_allows:
 * @model: a model
 * @row: a parameter
 *
 * Returns: whether it means something to the model
 */
gboolean dif_ui_model_allows (const DifUiModel *model, const DifParam *row);

G_END_DECLS

#endif /* DIF_UI_MODELS_H */
