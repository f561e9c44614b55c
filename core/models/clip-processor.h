/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-processor.h - CLIPImageProcessor: a picture as CLIP's vision model wants it. */
#ifndef DIF_MODELS_CLIP_PROCESSOR_H
#define DIF_MODELS_CLIP_PROCESSOR_H

#include "base/image.h"
#include "base/json.h"

G_BEGIN_DECLS

/**
 * dif_clip_processor_new:
 * @config: preprocessor_config.json, in the spelling of 2022 ("size": 224) or
 *   of today ("size": {"shortest_edge": 224}, "rescale_factor")
 * @error: return location
 *
 * Source: transformers CLIPImageProcessor.
 *
 * Errors: DIF_FORMAT_ERROR BAD_VALUE, UNSUPPORTED (a resampling not known).
 *
 * Returns: (transfer full) (nullable): a processor
 */
DIF_API DifClipProcessor *dif_clip_processor_new (DifJson *config, GError **error);

/**
 * dif_clip_processor_free:
 * @p: (nullable) (transfer full): a processor
 */
DIF_API void dif_clip_processor_free (DifClipProcessor *p);

/**
 * dif_clip_processor_size:
 * @p: a processor
 * @width: (out): of every result, in pixels; 0 if there is none
 * @height: (out): of every result, in pixels; 0 if there is none
 *
 * Returns: FALSE if results have the sizes of their pictures
 */
DIF_API gboolean dif_clip_processor_size (DifClipProcessor *p, guint *width, guint *height);

/**
 * dif_clip_processor_apply:
 * @p: a processor
 * @image: a picture of whole 255ths
 * @width: (out): of the result, in pixels
 * @height: (out): of the result, in pixels
 *
 * Resizes the shorter side, cuts out the middle (what lies outside the
 * picture is black), scales and normalises: each if the config says so.
 *
 * Returns: (transfer full) (nullable): `[height, width, 3]`; NULL if memory
 * runs out
 */
DIF_API float *dif_clip_processor_apply (DifClipProcessor *p, DifImage *image, guint *width,
                                         guint *height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifClipProcessor, dif_clip_processor_free)

G_END_DECLS

#endif /* DIF_MODELS_CLIP_PROCESSOR_H */
