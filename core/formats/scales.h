/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scales.h - factors that a file keeps beside its weights, as tensors of their own.
 */
#ifndef DIF_FORMATS_SCALES_H
#define DIF_FORMATS_SCALES_H

#include "tensor/weights.h"

G_BEGIN_DECLS

/**
 * dif_scales_apply:
 * @w: a dictionary; `X.scale_weight` or `X.weight_scale`, one number or one a
 *   row, become the scales of `X.weight`, and go
 * @path: shown in messages
 * @error: return location
 *
 * Sources: ComfyUI, ops.py (`scaled_fp8_ops`) and QUANTIZATION.md.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT where the weight is absent or has another
 * number of rows; UNSUPPORTED where `X.comfy_quant` names another way of storing
 * than scaled fp8.
 *
 * Returns: FALSE on error
 */
gboolean dif_scales_apply (DifWeights *w, const char *path, GError **error);

G_END_DECLS

#endif /* DIF_FORMATS_SCALES_H */
