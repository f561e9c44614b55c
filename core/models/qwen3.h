/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* qwen3.h - Qwen3Model as a text encoder: token ids to hidden states. */
#ifndef DIF_MODELS_QWEN3_H
#define DIF_MODELS_QWEN3_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_qwen3_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * The tensors' names begin with `model.` or with what follows it; the head for
 * words and, where a caller says how many layers it needs, those after them are
 * not taken.
 *
 * Source: Yang et al. 2025, "Qwen3 Technical Report"; transformers Qwen3Model.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifQwen3 *dif_qwen3_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_qwen3_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_qwen3_free (DifQwen3 *m);

/**
 * dif_qwen3_width: dif_qwen3_n_layers:
 * @m: a model
 *
 * Returns: channels of a hidden state; layers
 */
DIF_API guint dif_qwen3_width (DifQwen3 *m);
DIF_API guint dif_qwen3_n_layers (DifQwen3 *m);

/**
 * dif_qwen3_encode:
 * @m: a model
 * @cx: a context
 * @ids: (array): `[n_batch, T]` token ids
 * @lengths: (nullable) (array length=n_batch): ids of each that are no padding, at
 *   least 1; the rest, at the end, is seen by nobody, but sees the others itself
 * @n_batch: prompts
 * @n_ids: n_batch times T
 * @layers: (array length=n_layers): rising numbers: 0 for the embedding, k for the
 *   k-th layer's output, negative counted from the end, -1 being the last layer
 *   with the final norm
 * @n_layers: how many
 *
 * Positions are 0 to T - 1 for all.  Layers after the last asked for are not
 * computed.
 *
 * Source: transformers' `hidden_states`.
 *
 * Returns: `[n_batch, T, n_layers * width]` in the context's dtype: the chosen
 * states side by side
 */
DIF_API DifTensor *dif_qwen3_encode (DifQwen3 *m, DifContext *cx, const gint32 *ids,
                                     const guint *lengths,
                                     gsize n_batch, gsize n_ids, const int *layers, guint n_layers);

G_END_DECLS

#endif /* DIF_MODELS_QWEN3_H */
