/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt.h - DPTForDepthEstimation: a picture to its depth. */
#ifndef DIF_MODELS_DPT_H
#define DIF_MODELS_DPT_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_dpt_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Of the hybrid kind (a BiT backbone before the transformer) and of the plain
 * one.
 *
 * Source: Ranftl et al. 2021, "Vision Transformers for Dense Prediction";
 * transformers DPTForDepthEstimation.
 *
 * Errors: DIF_FORMAT_ERROR, also UNSUPPORTED for another backbone or batch
 * norms; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifDpt *dif_dpt_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_dpt_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_dpt_free (DifDpt *m);

/**
 * dif_dpt_channels: dif_dpt_image_size:
 * @m: a model
 *
 * Returns: channels of a picture; the side it was trained with, in pixels
 */
DIF_API guint dif_dpt_channels (DifDpt *m);
DIF_API guint dif_dpt_image_size (DifDpt *m);

/**
 * dif_dpt_estimate:
 * @m: a model
 * @cx: a context
 * @pixels: `[C, height, width]`, as the processor makes them
 * @height: in pixels
 * @width: in pixels; pictures are square, and those for a hybrid model have
 *   its image_size
 *
 * Errors: DIF_MODEL_ERROR SHAPE for a picture of another size.
 *
 * Returns: `[1, h, w, 1]`: inverse depth, 0 or more, greater is nearer, in the
 * dtype the model was loaded for
 */
DIF_API DifTensor *dif_dpt_estimate (DifDpt *m, DifContext *cx, const float *pixels, guint height,
                                     guint width);

G_END_DECLS

#endif /* DIF_MODELS_DPT_H */
