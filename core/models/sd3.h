/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sd3.h - SD3Transformer2DModel: Stable Diffusion 3's and 3.5's denoiser. */
#ifndef DIF_MODELS_SD3_H
#define DIF_MODELS_SD3_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_sd3_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Esser et al. 2024; diffusers SD3Transformer2DModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifSd3 *dif_sd3_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_sd3_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_sd3_free (DifSd3 *m);

/**
 * dif_sd3_channels: dif_sd3_patch: dif_sd3_text_width: dif_sd3_pooled_width:
 * dif_sd3_sample_size:
 * @m: a model
 *
 * Returns: channels of a latent; side of a token in latent pixels; channels of a
 * text's token; of the whole prompt; the side it was trained for, in latent pixels
 */
DIF_API guint dif_sd3_channels (DifSd3 *m);
DIF_API guint dif_sd3_patch (DifSd3 *m);
DIF_API guint dif_sd3_text_width (DifSd3 *m);
DIF_API guint dif_sd3_pooled_width (DifSd3 *m);
DIF_API guint dif_sd3_sample_size (DifSd3 *m);

/**
 * dif_sd3_time:
 * @m: a model
 * @cx: a context
 * @n: items
 * @timestep: 0 to 1000, may be fractional
 * @pooled: `[n or 1, pooled width]`: the whole prompts
 *
 * Returns: `[n, D]`
 */
DIF_API DifTensor *dif_sd3_time (DifSd3 *m, DifContext *cx, gsize n, double timestep,
                                 DifTensor *pooled);

/**
 * dif_sd3_positions:
 * @m: a model
 * @cx: a context
 * @h: rows of a latent
 * @w: columns, both multiples of the patch
 *
 * The middle of the model's table; a picture larger than that fails with SHAPE.
 *
 * Returns: `[1, tokens, D]` in the context's dtype
 */
DIF_API DifTensor *dif_sd3_positions (DifSd3 *m, DifContext *cx, gsize h, gsize w);

/**
 * dif_sd3_forward:
 * @m: a model
 * @cx: a context
 * @latents: `[B, h, w, channels]` f32 or the context's dtype
 * @text: `[B or 1, L, text_width]`, likewise
 * @time: `[B or 1, D]`, from dif_sd3_time()
 * @positions: from dif_sd3_positions(), for h and w
 *
 * The same ops each time, nothing from the host.
 *
 * Returns: `[B, h, w, out_channels]` f32
 */
DIF_API DifTensor *dif_sd3_forward (DifSd3 *m, DifContext *cx, DifTensor *latents, DifTensor *text,
                                    DifTensor *time, DifTensor *positions);

G_END_DECLS

#endif /* DIF_MODELS_SD3_H */
