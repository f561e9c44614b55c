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
 * Any published SD 1.x, 2.x, SDXL or LCM config: head lists, linear or
 * convolutional projections, any channels, layers and cross-attention width, as
 * many blocks in each transformer as its level or it alone is said to have, a whole
 * middle block, a single resnet or none, "text_time" conditioning, a guidance
 * embedding.
 *
 * Source: Rombach et al. 2022, Podell et al. 2023; diffusers
 * UNet2DConditionModel.
 *
 * Errors: DIF_FORMAT_ERROR; DIF_MODEL_ERROR UNKNOWN_CLASS for a block type or
 * option not known; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifUnet *dif_unet_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_unet_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_unet_free (DifUnet *m);

/**
 * dif_unet_in_channels: dif_unet_out_channels: dif_unet_sample_size:
 * dif_unet_cross_dim:
 * @m: a model
 *
 * Returns: channels in, channels out, the side it was trained for (in latent
 * pixels), and the width of the embeddings it listens to
 */
DIF_API guint dif_unet_in_channels (DifUnet *m);
DIF_API guint dif_unet_out_channels (DifUnet *m);
DIF_API guint dif_unet_sample_size (DifUnet *m);
DIF_API guint dif_unet_cross_dim (DifUnet *m);

/**
 * dif_unet_guidance_dim: dif_unet_added_dim: dif_unet_size_dim:
 * @m: a model
 *
 * Returns: width of the guidance embedding (time_cond_proj_dim), of everything
 * "text_time" adds (projection_class_embeddings_input_dim), and of one size in
 * it (addition_time_embed_dim); 0 where the U-Net has none
 */
DIF_API guint dif_unet_guidance_dim (DifUnet *m);
DIF_API guint dif_unet_added_dim (DifUnet *m);
DIF_API guint dif_unet_size_dim (DifUnet *m);

/**
 * DifUnetText: what stays the same for one prompt: keys and values of every
 * cross attention, and what is added to the time embedding.
 */
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
DIF_API DifUnetText *dif_unet_text_new (DifUnet *m, DifContext *cx, DifTensor *embeds);

/**
 * dif_unet_text_add_sizes:
 * @text: keys and values of N prompts
 * @m: a model with dif_unet_added_dim()
 * @cx: a context
 * @pooled: `[N, P]`: a text encoder's projection of the whole prompt
 * @sizes: (array length=N*n_sizes): diffusers' time ids: sizes and crops in
 *   pixels, or an aesthetic score
 * @n_sizes: how many for each prompt; P + n_sizes * dif_unet_size_dim() is
 *   dif_unet_added_dim()
 *
 * Errors (of the context): DIF_MODEL_ERROR SHAPE.
 */
DIF_API void dif_unet_text_add_sizes (DifUnetText *text, DifUnet *m, DifContext *cx,
                                      DifTensor   *pooled,
                                      const float *sizes, guint n_sizes);

/**
 * dif_unet_text_add_guidance:
 * @text: keys and values of N prompts
 * @m: a model with dif_unet_guidance_dim()
 * @cx: a context
 * @n: N
 * @scale: guidance scale
 */
DIF_API void dif_unet_text_add_guidance (DifUnetText *text, DifUnet *m, DifContext *cx, gsize n,
                                         double scale);

/**
 * dif_unet_text_free:
 * @text: (nullable) (transfer full): keys and values
 */
DIF_API void dif_unet_text_free (DifUnetText *text);

/**
 * dif_unet_forward:
 * @m: a model
 * @cx: a context
 * @sample: `[N, h, w, in_channels]`, f32 or the context's dtype
 * @timestep: may be fractional; the same for all items
 * @text: keys and values of N prompts, with all that @m wants added
 *
 * Errors (of the context): DIF_MODEL_ERROR SHAPE, also when @text lacks sizes
 * or guidance.
 *
 * Returns: `[N, h, w, out_channels]`, f32
 */
DIF_API DifTensor *dif_unet_forward (DifUnet *m, DifContext *cx, DifTensor *sample, double timestep,
                                     DifUnetText *text);

/**
 * dif_unet_time:
 * @m: a model
 * @cx: a context
 * @n: N
 * @timestep: may be fractional; the same for all items
 * @text: as for dif_unet_forward()
 *
 * Errors (of the context): as dif_unet_forward().
 *
 * Returns: `[N, time width]`: the time embedding of the timestep and of what
 * belongs to it
 */
DIF_API DifTensor *dif_unet_time (DifUnet *m, DifContext *cx, gsize n, double timestep,
                                  DifUnetText *text);

/**
 * dif_unet_sample:
 * @m: a model
 * @cx: a context
 * @sample: `[N, h, w, in_channels]`, f32 or the context's dtype
 *
 * Returns: the same as the U-Net computes with it: in the context's dtype, and
 * centered where the config says so
 */
DIF_API DifTensor *dif_unet_sample (DifUnet *m, DifContext *cx, DifTensor *sample);

/**
 * dif_unet_forward_at:
 * @m: a model
 * @cx: a context
 * @sample: of dif_unet_sample()
 * @time: of dif_unet_time()
 * @text: as for dif_unet_forward()
 *
 * dif_unet_forward() without what comes from the host: the same ops each time.
 *
 * Returns: `[N, h, w, out_channels]`, f32
 */
DIF_API DifTensor *dif_unet_forward_at (DifUnet *m, DifContext *cx, DifTensor *sample,
                                        DifTensor   *time,
                                        DifUnetText *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifUnetText, dif_unet_text_free)

G_END_DECLS

#endif /* DIF_MODELS_UNET_H */
