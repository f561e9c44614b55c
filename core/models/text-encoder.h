/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* text-encoder.h - what prompts ask of a network that reads token ids. */
#ifndef DIF_MODELS_TEXT_ENCODER_H
#define DIF_MODELS_TEXT_ENCODER_H

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifTextEncoderInfo:
 * @width: channels of a hidden state
 * @max_length: greatest number of ids of a prompt
 * @pooled_width: channels of the projection of the whole prompt; 0 without one
 */
typedef struct
{
  guint width, max_length, pooled_width;
} DifTextEncoderInfo;

/**
 * DifHiddenSpec:
 * @layer: whose output, from 1; 0 is the embeddings; negative counts from the end, -1
 *   being the last layer.  One beyond either end is the nearest that there is
 * @is_normed: whether the model's final norm is applied to it
 *
 * Which hidden state is wanted: transformers' `hidden_states[layer]`.
 */
typedef struct
{
  int      layer;
  gboolean is_normed;
} DifHiddenSpec;

/**
 * DifTextEncoderClass:
 * @info: fills @info
 * @encode: @ids are `[n_batch, n_ids / n_batch]` token ids; `[n_batch, T, width]` in
 *   the context's dtype: the hidden state of @hidden.  @pooled, (out) (optional), only for a
 *   model with a projection: `[n_batch, pooled_width]`, of the last layer
 *
 * A network that turns token ids into embeddings.
 */
struct _DifTextEncoderClass
{
  void (*info) (gpointer model, DifTextEncoderInfo *info);
  DifTensor *(*encode) (gpointer model, DifContext *cx, const gint32 *ids, gsize n_batch,
                        gsize n_ids, const DifHiddenSpec *hidden, DifTensor **pooled);
};

G_END_DECLS

#endif /* DIF_MODELS_TEXT_ENCODER_H */
