/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* latents.h - what the loop begins with. */
#ifndef DIF_RUN_LATENTS_H
#define DIF_RUN_LATENTS_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_noise:
 * @run: a run
 *
 * Draws one randn (n_images, C, h, w).
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_noise (DifRun *run);

/**
 * dif_run_picture:
 * @run: a run
 * @name: an IMAGE parameter
 *
 * The image as the VAE wants it: RGB, resized (Lanczos) to the run's size.
 *
 * Returns: (transfer full) (nullable): `[H, W, 3]` floats in [-1, 1]; NULL
 * after a failure
 */
float *dif_run_picture (DifRun *run, const char *name);

/**
 * dif_run_picture_from:
 * @run: a run
 * @image: (nullable): of the run's size; NULL if memory ran out
 *
 * Returns: (transfer full) (nullable): as dif_run_picture()
 */
float *dif_run_picture_from (DifRun *run, DifImage *image);

/**
 * dif_run_encode_picture:
 * @run: a run
 * @picture: `[H, W, 3]` in [-1, 1]
 * @whole: with the VAE's statistics, where it has some; diffusers' inpainting
 *   leaves them out, although the way back has them
 *
 * A sample of the VAE's posterior, scaled: draws one randn (1, C, h, w).
 *
 * Returns: `[n_images, h, w, C]` f32, the same for all images
 */
DifTensor *dif_run_encode_picture (DifRun *run, const float *picture, gboolean whole);

/**
 * dif_run_latents_from_picture:
 * @run: a run
 * @first: (out): the first call to make
 *
 * How a task begins from its "image": sets the timesteps by "strength", encodes
 * the picture and noises it for call @first.  Draws the posterior, then the
 * noise.  Latents that are given take the picture's place, and no posterior is
 * drawn.  Dumps `initial_latents`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_latents_from_picture (DifRun *run, guint *first);

G_END_DECLS

#endif /* DIF_RUN_LATENTS_H */
