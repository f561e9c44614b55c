/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt.h - prompts to what the U-Net is told of them. */
#ifndef DIF_RUN_PROMPT_H
#define DIF_RUN_PROMPT_H

#include "models/unet.h"
#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_encode_prompts:
 * @run: a run
 *
 * Encodes the prompt and, for a guided run, the negative prompt; with two text
 * encoders, both prompts of each, side by side, and their projections for
 * `pooled`.  Dumps `prompt_embeds` and `negative_prompt_embeds`, and the same
 * of `pooled_`.
 *
 * Returns: `[B, T, D]`: negatives first, each repeated for the run's images
 */
DifTensor *dif_run_encode_prompts (DifRun *run);

/**
 * dif_run_unet_text:
 * @run: a run
 * @embeds: as dif_run_encode_prompts() makes
 *
 * Returns: (transfer full): all that the U-Net is told of the prompt: keys and
 * values, sizes, guidance
 */
DifUnetText *dif_run_unet_text (DifRun *run, DifTensor *embeds);

G_END_DECLS

#endif /* DIF_RUN_PROMPT_H */
