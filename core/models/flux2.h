/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flux2.h - Flux2Transformer2DModel: FLUX.2's denoiser. */
#ifndef DIF_MODELS_FLUX2_H
#define DIF_MODELS_FLUX2_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_flux2_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Black Forest Labs 2025, FLUX.2; diffusers Flux2Transformer2DModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifFlux2 *dif_flux2_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_flux2_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_flux2_free (DifFlux2 *m);

/**
 * dif_flux2_in_channels: dif_flux2_out_channels: dif_flux2_text_width:
 * dif_flux2_takes_guidance:
 * @m: a model
 *
 * Returns: channels of a picture's token; of what is predicted for it; of a
 * text's token; whether the guidance scale is an input
 */
DIF_API guint    dif_flux2_in_channels (DifFlux2 *m);
DIF_API guint    dif_flux2_out_channels (DifFlux2 *m);
DIF_API guint    dif_flux2_text_width (DifFlux2 *m);
DIF_API gboolean dif_flux2_takes_guidance (DifFlux2 *m);

/**
 * dif_flux2_time:
 * @m: a model
 * @cx: a context
 * @n: items
 * @timestep: 0 to 1000, may be fractional: what diffusers' pipeline divides by
 *   1000 and the model multiplies again
 * @guidance: the scale, for a model that takes it
 *
 * Returns: `[n, D]`
 */
DIF_API DifTensor *dif_flux2_time (DifFlux2 *m, DifContext *cx, gsize n, double timestep,
                                   double guidance);

/**
 * dif_flux2_positions:
 * @m: a model
 * @cx: a context
 * @n: tokens
 * @ids: (array): `[n, 4]`: time, row, column and place in the text of each; a
 *   picture's are (0, row, column, 0), the text's (0, 0, 0, place), those of
 *   reference i, from 0, (10 + 10 i, row, column, 0)
 *
 * Returns: a rotary table `[n, 2 * head_dim]`
 */
DIF_API DifTensor *dif_flux2_positions (DifFlux2 *m, DifContext *cx, gsize n, const float *ids);

/**
 * dif_flux2_forward:
 * @m: a model
 * @cx: a context
 * @tokens: `[B, T, in_channels]`: the picture's, then those of references, f32 or
 *   the context's dtype
 * @text: `[B or 1, L, text_width]`, likewise
 * @time: `[B or 1, D]`, from dif_flux2_time()
 * @positions: of @tokens, from dif_flux2_positions(): T rows
 * @text_positions: of @text: L rows
 * @n_out: tokens from the first on that are predicted: the picture's
 *
 * The same ops each time, nothing from the host.
 *
 * Returns: `[B, n_out, out_channels]` f32
 */
DIF_API DifTensor *dif_flux2_forward (DifFlux2 *m, DifContext *cx, DifTensor *tokens,
                                      DifTensor *text,
                                      DifTensor *time, DifTensor *positions,
                                      DifTensor *text_positions,
                                      gsize      n_out);

G_END_DECLS

#endif /* DIF_MODELS_FLUX2_H */
