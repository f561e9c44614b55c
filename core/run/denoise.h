/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* denoise.h - the one denoising loop. */
#ifndef DIF_RUN_DENOISE_H
#define DIF_RUN_DENOISE_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * DifHooks:
 * @extra: (nullable): `[n_images, h, w, E]` f32, channels that the U-Net sees
 *   behind the latents, not scaled: a mask and a masked picture, or depth
 * @after: (nullable): replaces the latents after call @i of the scheduler
 * @data: for @after
 *
 * What a task does inside the loop.
 */
typedef struct
{
  DifTensor *extra;
  DifTensor *(*after) (DifRun *run, guint i, DifTensor *latents, gpointer data);
  gpointer data;
} DifHooks;

/**
 * dif_run_denoise:
 * @run: a run whose scheduler has timesteps
 * @latents: `[n_images, h, w, C]` f32, noised for call @first
 * @first: the first call to make
 * @hooks: (nullable): what the task does inside the loop
 *
 * The one denoising loop, with the run's conditioning, which is used up.  Dumps
 * `noise_pred.N` and `latents.N`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_denoise (DifRun *run, DifTensor *latents, guint first, const DifHooks *hooks);

G_END_DECLS

#endif /* DIF_RUN_DENOISE_H */
