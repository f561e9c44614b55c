/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* zimage.h - ZImageTransformer2DModel: Z-Image's denoiser. */
#ifndef DIF_MODELS_ZIMAGE_H
#define DIF_MODELS_ZIMAGE_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifZimageLayout:
 * @image: rotary table of a picture's tokens, with what pads them
 * @caption: of a caption's
 * @all: of both, in this order
 * @padding: (nullable): `[1, n, D]`: what a picture's tokens are padded with
 *
 * Where tokens are; the tensors are the context's.
 */
typedef struct
{
  DifTensor *image, *caption, *all, *padding;
} DifZimageLayout;

/**
 * dif_zimage_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Z-Image Team 2025; diffusers ZImageTransformer2DModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifZimage *dif_zimage_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_zimage_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_zimage_free (DifZimage *m);

/**
 * dif_zimage_channels: dif_zimage_patch: dif_zimage_text_width:
 * @m: a model
 *
 * Returns: channels of a latent; side of a token in latent pixels; channels of a
 * caption's hidden state
 */
DIF_API guint dif_zimage_channels (DifZimage *m);
DIF_API guint dif_zimage_patch (DifZimage *m);
DIF_API guint dif_zimage_text_width (DifZimage *m);

/**
 * dif_zimage_time:
 * @m: a model
 * @cx: a context
 * @n: items
 * @timestep: 0 to 1000, the scheduler's: the model is told (1000 - t) / 1000
 *
 * Returns: `[n, D]`
 */
DIF_API DifTensor *dif_zimage_time (DifZimage *m, DifContext *cx, gsize n, double timestep);

/**
 * dif_zimage_layout:
 * @m: a model
 * @cx: a context
 * @h: rows of a latent
 * @w: columns, both multiples of the patch
 * @n_caption: tokens of the caption
 * @layout: (out): for all steps with these sizes
 *
 * Pictures and captions are padded to multiples of 32 tokens, which are seen like
 * any others.
 */
DIF_API void dif_zimage_layout (DifZimage *m, DifContext *cx, gsize h, gsize w, gsize n_caption,
                                DifZimageLayout *layout);

/**
 * dif_zimage_caption:
 * @m: a model
 * @cx: a context
 * @states: `[B, n_caption, text_width]`: hidden states without padding
 * @layout: for @n_caption
 *
 * What the captions are for all steps.
 *
 * Returns: `[B, n_caption padded, D]`
 */
DIF_API DifTensor *dif_zimage_caption (DifZimage *m, DifContext *cx, DifTensor *states,
                                       const DifZimageLayout *layout);

/**
 * dif_zimage_forward:
 * @m: a model
 * @cx: a context
 * @latents: `[B, h, w, channels]` f32 or the context's dtype
 * @caption: `[B or 1, T, D]`, from dif_zimage_caption()
 * @time: `[B or 1, D]`, from dif_zimage_time()
 * @layout: of all this
 *
 * The same ops each time, nothing from the host.  The velocity that a scheduler
 * steps with is the negative of the result.
 *
 * Returns: `[B, h, w, channels]` f32
 */
DIF_API DifTensor *dif_zimage_forward (DifZimage *m, DifContext *cx, DifTensor *latents,
                                       DifTensor *caption,
                                       DifTensor *time, const DifZimageLayout *layout);

G_END_DECLS

#endif /* DIF_MODELS_ZIMAGE_H */
