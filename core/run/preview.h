/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* preview.h - what the pictures of a run are becoming, from its first step.
 *
 * Shown is the picture without noise that the denoiser predicts, its latents brought
 * to colors by a matrix: about right, and nothing against the time of a step.
 */
#ifndef DIF_RUN_PREVIEW_H
#define DIF_RUN_PREVIEW_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * DifLatentRgb:
 * @n_channels: of the latents
 * @rows: (array length=n_channels + 1): what a channel adds to red, green and blue, from
 *   -1 to 1; the last row is what is there without any
 *
 * Latents, as the denoiser sees them, to colors.
 */
typedef struct
{
  guint n_channels;
  const float (*rows)[3];
} DifLatentRgb;

/**
 * dif_previewer_new:
 * @colors: (nullable): of the model's latents; NULL where pictures are denoised
 *   themselves.  Copied
 * @func: (nullable): whom to show them; NULL for a plan
 * @user_data: for @func
 * @interval_ms: least time between two, in milliseconds
 *
 * Returns: (transfer full): for one run
 */
DifPreviewer *dif_previewer_new (const DifLatentRgb *colors, DifPreviewFunc func,
                                 gpointer user_data, guint interval_ms);

/**
 * dif_previewer_free:
 * @p: (nullable) (transfer full): a previewer
 */
void dif_previewer_free (DifPreviewer *p);

/**
 * dif_run_preview:
 * @run: a run
 * @sample: `[n_images, h, w, C]` f32, before call @i of the scheduler
 * @output: what the denoiser answered, after guidance
 * @i: which call
 * @step: calls made, this one included
 * @n_steps: of all
 *
 * Shows what @output predicts, if the run is to and the last time is long enough ago:
 * at once, or, on a device that works behind the caller's back, by the
 * dif_run_preview_paced() of the next turn of the loop, so that nobody waits.
 */
void dif_run_preview (DifRun *run, DifTensor *sample, DifTensor *output, guint i, guint step,
                      guint n_steps);

/**
 * dif_run_preview_paced:
 * @run: a run, after dif_context_pace()
 *
 * Shows what has arrived meanwhile.
 */
void dif_run_preview_paced (DifRun *run);

G_END_DECLS

#endif /* DIF_RUN_PREVIEW_H */
