/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flux.h - FluxTransformer2DModel: FLUX.1's denoiser. */
#ifndef DIF_MODELS_FLUX_H
#define DIF_MODELS_FLUX_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_flux_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Black Forest Labs 2024, FLUX.1; diffusers FluxTransformer2DModel.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifFlux *dif_flux_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_flux_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_flux_free (DifFlux *m);

/**
 * dif_flux_in_channels: dif_flux_out_channels: dif_flux_text_width:
 * dif_flux_pooled_width: dif_flux_takes_guidance:
 * @m: a model
 *
 * Returns: channels of a picture's token; of what is predicted for it; of a
 * text's token; of a whole prompt; whether the guidance scale is an input
 */
DIF_API guint    dif_flux_in_channels (DifFlux *m);
DIF_API guint    dif_flux_out_channels (DifFlux *m);
DIF_API guint    dif_flux_text_width (DifFlux *m);
DIF_API guint    dif_flux_pooled_width (DifFlux *m);
DIF_API gboolean dif_flux_takes_guidance (DifFlux *m);

/**
 * dif_flux_time:
 * @m: a model
 * @cx: a context
 * @n: items
 * @timestep: 0 to 1000, may be fractional: what diffusers' pipeline divides by
 *   1000 and the model multiplies again
 * @guidance: the scale, for a model that takes it
 * @pooled: `[n or 1, pooled width]`: the whole prompts
 *
 * Returns: `[n, D]`
 */
DIF_API DifTensor *dif_flux_time (DifFlux *m, DifContext *cx, gsize n, double timestep,
                                  double     guidance,
                                  DifTensor *pooled);

/**
 * dif_flux_positions:
 * @m: a model
 * @cx: a context
 * @n: tokens
 * @ids: (array): `[n, 3]`: kind, row and column of each; a picture's are
 *   (0, row, column), the text's (0, 0, 0), those of a reference (1, row, column)
 *
 * Returns: a rotary table `[n, 2 * head_dim]`
 */
DIF_API DifTensor *dif_flux_positions (DifFlux *m, DifContext *cx, gsize n, const float *ids);

/**
 * dif_flux_forward:
 * @m: a model
 * @cx: a context
 * @tokens: `[B, T, in_channels]`: the picture's, then those of references, f32 or
 *   the context's dtype
 * @text: `[B or 1, L, text_width]`, likewise
 * @time: `[B or 1, D]`, from dif_flux_time()
 * @positions: of @tokens, from dif_flux_positions(): T rows
 * @text_positions: of @text: L rows
 * @n_out: tokens from the first on that are predicted: the picture's
 *
 * The same ops each time, nothing from the host.
 *
 * Returns: `[B, n_out, out_channels]` f32
 */
DIF_API DifTensor *dif_flux_forward (DifFlux *m, DifContext *cx, DifTensor *tokens, DifTensor *text,
                                     DifTensor *time, DifTensor *positions,
                                     DifTensor *text_positions,
                                     gsize      n_out);

G_END_DECLS

#endif /* DIF_MODELS_FLUX_H */
