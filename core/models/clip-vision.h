/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-vision.h - CLIPVisionModel: a picture to one embedding. */
#ifndef DIF_MODELS_CLIP_VISION_H
#define DIF_MODELS_CLIP_VISION_H

#include "base/json.h"
#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * dif_clip_vision_load:
 * @config: a vision_config
 * @l: where the weights are taken from, outside the scope "vision_model"
 * @error: return location
 *
 * Source: Radford et al. 2021; transformers CLIPVisionModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifClipVision *dif_clip_vision_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_clip_vision_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_clip_vision_free (DifClipVision *m);

/**
 * dif_clip_vision_width: dif_clip_vision_image_size:
 * @m: a model
 *
 * Returns: channels of an embedding; side of the pictures it sees, in pixels
 */
DIF_API guint dif_clip_vision_width (DifClipVision *m);
DIF_API guint dif_clip_vision_image_size (DifClipVision *m);

/**
 * dif_clip_vision_embed:
 * @m: a model
 * @cx: a context
 * @pixels: `[image_size, image_size, 3]`, normalised as the model's image
 *   processor does
 *
 * Returns: `[1, width]` in the context's dtype: transformers' `pooler_output`,
 * the class token's output on its norm
 */
DIF_API DifTensor *dif_clip_vision_embed (DifClipVision *m, DifContext *cx, const float *pixels);

G_END_DECLS

#endif /* DIF_MODELS_CLIP_VISION_H */
