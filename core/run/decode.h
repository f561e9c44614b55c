/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* decode.h - latents to pictures. */
#ifndef DIF_RUN_DECODE_H
#define DIF_RUN_DECODE_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_decode:
 * @run: a run
 * @latents: `[n_images, h, w, C]` f32, scaled
 *
 * Returns: `[n_images, H, W, 3]` f32, about [-1, 1]
 */
DifTensor *dif_run_decode (DifRun *run, DifTensor *latents);

/**
 * dif_run_pixels:
 * @run: a run
 * @image: `[n_images, H, W, 3]` f32, about [-1, 1]
 *
 * Downloads pictures; the context fails at a NaN, which no clamp catches and
 * which would be drawn as black.
 *
 * Source: diffusers VaeImageProcessor.postprocess.
 *
 * Returns: (transfer full) (nullable): `[n_images, H, W, 3]` in [0, 1]; NULL
 * after a failure
 */
float *dif_run_pixels (DifRun *run, DifTensor *image);

G_END_DECLS

#endif /* DIF_RUN_DECODE_H */
