/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt-processor.h - DPTImageProcessor: a picture as the depth estimator sees it. */
#ifndef DIF_MODELS_DPT_PROCESSOR_H
#define DIF_MODELS_DPT_PROCESSOR_H

#include "base/image.h"
#include "base/json.h"

G_BEGIN_DECLS

/**
 * DifDptProcessor:
 * @resize: whether pictures are resized
 * @height: to be fitted, in pixels
 * @width: to be fitted, in pixels
 * @multiple: sides become multiples of it
 * @keep_aspect: whether one of the two sizes gives way
 * @filter: how
 * @scale: factor on values from 0 to 255
 * @mean: subtracted afterwards
 * @std: divisor at last
 *
 * Filled by dif_dpt_processor_read().
 */
typedef struct
{
  gboolean  resize, keep_aspect;
  guint     height, width, multiple;
  DifFilter filter;
  double    scale;
  float     mean[3], std[3];
} DifDptProcessor;

/**
 * dif_dpt_processor_read:
 * @p: filled
 * @config: preprocessor_config.json, of a DPTImageProcessor or a
 *   DPTFeatureExtractor
 * @error: return location
 *
 * Source: transformers DPTImageProcessor with its Pillow backend.
 *
 * Errors: DIF_FORMAT_ERROR, also UNSUPPORTED for padding and for filters other
 * than nearest, Lanczos, bilinear and bicubic.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_dpt_processor_read (DifDptProcessor *p, DifJson *config, GError **error);

/**
 * dif_dpt_processor_run:
 * @p: a processor
 * @image: a picture
 * @height: (out): of the result
 * @width: (out): of the result
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY; DIF_REQUEST_ERROR BAD_SIZE for a
 * picture so narrow that nothing is left of it.
 *
 * Returns: (transfer full) (nullable): `[3, height, width]`
 */
DIF_API float *dif_dpt_processor_run (const DifDptProcessor *p, DifImage *image, guint *height,
                                      guint *width, GError **error);

G_END_DECLS

#endif /* DIF_MODELS_DPT_PROCESSOR_H */
