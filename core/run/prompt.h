/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt.h - prompts to conditioning. */
#ifndef DIF_RUN_PROMPT_H
#define DIF_RUN_PROMPT_H

#include "models/clip-text.h"
#include "run/run.h"

G_BEGIN_DECLS

/**
 * DifPromptHidden:
 * @encoder: a text encoder
 * @cx: a context
 * @ids: (array length=n_ids): the tokens of all chunks
 * @n_chunks: how many chunks
 * @n_ids: how many tokens
 * @skip: last layers to leave out
 * @pooled: (out) (optional): `[n_chunks, P]`, for an encoder with a projection
 *
 * Returns: `[n_chunks, T, D]`: the hidden state that a family's denoiser wants
 */
typedef DifTensor *(*DifPromptHidden) (DifClipText *encoder, DifContext *cx, const gint32 *ids,
                                       gsize n_chunks, gsize n_ids, guint skip,
                                       DifTensor **pooled);

/**
 * dif_prompt_last: a DifPromptHidden: the last hidden state, normalized.
 * @encoder: a text encoder
 * @cx: a context
 * @ids: (array length=n_ids): the tokens of all chunks
 * @n_chunks: how many chunks
 * @n_ids: how many tokens
 * @skip: last layers to leave out
 * @pooled: not looked at
 *
 * Returns: `[n_chunks, T, D]`
 */
DifTensor *dif_prompt_last (DifClipText *encoder, DifContext *cx, const gint32 *ids, gsize n_chunks,
                            gsize n_ids, guint skip, DifTensor **pooled);

/**
 * dif_run_encode_prompts:
 * @run: a run
 * @hidden: which hidden state of the text encoders is wanted
 * @zeros_for_empty: whether zeros stand for a negative prompt that is not given
 * @c: gets tokens `[B, T, D]`, negatives first, each repeated for the run's images,
 *   and with a projection pooled prompts likewise
 *
 * Encodes the prompt and, for a guided run, the negative prompt; with two text
 * encoders, both prompts of each, side by side.  Dumps `prompt_embeds` and
 * `negative_prompt_embeds`, and the same of `pooled_`.
 */
void dif_run_encode_prompts (DifRun *run, DifPromptHidden hidden, gboolean zeros_for_empty,
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
