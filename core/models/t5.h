/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* t5.h - T5EncoderModel: token ids to hidden states. */
#ifndef DIF_MODELS_T5_H
#define DIF_MODELS_T5_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_t5_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Raffel et al. 2020; Shazeer 2020; transformers T5EncoderModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifT5 *dif_t5_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_t5_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_t5_free (DifT5 *m);

/**
 * dif_t5_width:
 * @m: a model
 *
 * Returns: channels of a hidden state
 */
DIF_API guint dif_t5_width (DifT5 *m);

/**
 * dif_t5_encode:
 * @m: a model
 * @cx: a context
 * @ids: (array): `[n_batch, T]` token ids; padding is seen like any other, as
 *   FLUX.1 and Stable Diffusion 3 have it
 * @n_batch: prompts
 * @n_ids: n_batch times T
 *
 * Returns: `[n_batch, T, width]` in the context's dtype: the last layer's output
 * with the final norm
 */
DIF_API DifTensor *dif_t5_encode (DifT5 *m, DifContext *cx, const gint32 *ids, gsize n_batch,
                                  gsize n_ids);

G_END_DECLS

#endif /* DIF_MODELS_T5_H */
