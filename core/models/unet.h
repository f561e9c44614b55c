/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet.h - UNet2DConditionModel: the noise in a latent picture. */
#ifndef DIF_MODELS_UNET_H
#define DIF_MODELS_UNET_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_unet_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Any published SD 1.x or 2.x config: head lists, linear or convolutional
 * projections, any channels, layers and cross-attention width.
 *
 * Source: Rombach et al. 2022; diffusers UNet2DConditionModel.
 *
 * Errors: DIF_FORMAT_ERROR; DIF_MODEL_ERROR UNKNOWN_CLASS for a block type or
 * option not known; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DifUnet *dif_unet_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_unet_free:
 * @m: (nullable) (transfer full): a model
 */
void dif_unet_free (DifUnet *m);

/**
 * dif_unet_in_channels: dif_unet_out_channels: dif_unet_sample_size:
 * dif_unet_cross_dim:
 * @m: a model
 *
 * Returns: channels in, channels out, the side it was trained for (in latent
 * cells), and the width of the embeddings it listens to
 */
guint dif_unet_in_channels (DifUnet *m);
guint dif_unet_out_channels (DifUnet *m);
guint dif_unet_sample_size (DifUnet *m);
guint dif_unet_cross_dim (DifUnet *m);

/** DifUnetText: keys and values of every cross attention for one prompt. */
typedef struct _DifUnetText DifUnetText;

/**
 * dif_unet_text_new:
 * @m: a model
 * @cx: a context
 * @embeds: `[N, T, cross_dim]`
 *
 * Computes them once per prompt instead of at every step.
 *
 * Returns: (transfer full): to be given to dif_unet_forward(); inert if the
 * context has failed
 */
DifUnetText *dif_unet_text_new (DifUnet *m, DifContext *cx, DifTensor *embeds);

/**
 * dif_unet_text_free:
 * @text: (nullable) (transfer full): keys and values
 */
void dif_unet_text_free (DifUnetText *text);

/**
 * dif_unet_forward:
 * @m: a model
 * @cx: a context
 * @sample: `[N, h, w, in_channels]`, f32 or the context's dtype
 * @timestep: may be fractional; the same for all items
 * @text: keys and values of N prompts
 *
 * Returns: `[N, h, w, out_channels]`, f32
 */
DifTensor *dif_unet_forward (DifUnet *m, DifContext *cx, DifTensor *sample, double timestep,
                             DifUnetText *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifUnetText, dif_unet_text_free)

G_END_DECLS

#endif /* DIF_MODELS_UNET_H */
