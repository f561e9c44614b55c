/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt.h - prompts to conditioning. */
#ifndef DIF_RUN_PROMPT_H
#define DIF_RUN_PROMPT_H

#include "models/text-encoder.h"
#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_encode_prompts:
 * @run: a run
 * @hidden: which hidden state of the text encoders the denoiser takes, without clip-skip
 * @zeros_for_empty: whether zeros stand for a negative prompt that is not given
 * @c: gets tokens `[B, T, D]`, negatives first, each repeated for the run's images,
 *   and with a projection pooled prompts likewise
 *
 * Encodes the prompt and, for a guided run, the negative prompt; with two text
 * encoders, both prompts of each, side by side.  Dumps `prompt_embeds` and
 * `negative_prompt_embeds`, and the same of `pooled_`.
 */
void dif_run_encode_prompts (DifRun *run, const DifHiddenSpec *hidden, gboolean zeros_for_empty,
                             DifConditioning *c);

/**
 * dif_run_condition:
 * @run: a run
 *
 * Fills the run's conditioning as its family does; errors stay in the context.
 */
void dif_run_condition (DifRun *run);

G_END_DECLS

#endif /* DIF_RUN_PROMPT_H */
