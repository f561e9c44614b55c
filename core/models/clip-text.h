/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-text.h - CLIPTextModel and CLIPTextModelWithProjection: token ids to
 * prompt embeddings. */
#ifndef DIF_MODELS_CLIP_TEXT_H
#define DIF_MODELS_CLIP_TEXT_H

#include "models/model.h"
#include "models/text-encoder.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_clip_text_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Radford et al. 2021; transformers CLIPTextModel.
 *
 * Errors: DIF_FORMAT_ERROR, DIF_MODEL_ERROR UNKNOWN_CLASS (an activation not
 * known); weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifClipText *dif_clip_text_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_clip_text_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_clip_text_free (DifClipText *m);

/**
 * dif_clip_text_load_projected:
 * @config: @l: @error: as dif_clip_text_load(), of a CLIPTextModelWithProjection
 *
 * Errors: those of dif_clip_text_load().
 *
 * Returns: (transfer full) (nullable): a model with
 * dif_clip_text_pooled_width()
 */
DIF_API DifClipText *dif_clip_text_load_projected (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_clip_text_pooled_width:
 * @m: a model
 *
 * Returns: channels of the projection of the whole prompt, 0 for a model without it
 */
DIF_API guint dif_clip_text_pooled_width (DifClipText *m);

/**
 * dif_clip_text_encode:
 * @m: a model
 * @cx: a context
 * @ids: (array length=n_ids): `[n_batch, n_ids / n_batch]` token ids
 * @n_batch: prompts
 * @n_ids: ids in all
 * @which: the hidden state.  diffusers' Stable Diffusion takes `-1 - clip_skip`, normed,
 *   SDXL `-2 - clip_skip`, not normed
 * @pooled: (out) (optional): `[n_batch, pooled_width]`: the last layer's output
 *   where the prompt ends, with the final norm, projected; only for a model
 *   with dif_clip_text_pooled_width()
 *
 * Source: transformers CLIPTextModel, `hidden_states`; CLIPTextModelWithProjection,
 * `text_embeds`.
 *
 * Returns: `[n_batch, T, width]` in the context's dtype
 */
DIF_API DifTensor *dif_clip_text_encode (DifClipText *m, DifContext *cx, const gint32 *ids,
                                         gsize n_batch,
                                         gsize n_ids, const DifHiddenSpec *which,
                                         DifTensor **pooled);

G_END_DECLS

#endif /* DIF_MODELS_CLIP_TEXT_H */
