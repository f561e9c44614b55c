/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vae.h - AutoencoderKL: pictures to latents and back. */
#ifndef DIF_MODELS_VAE_H
#define DIF_MODELS_VAE_H

#include "models/autoencoder.h"
#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_vae_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Kingma & Welling 2013, Rombach et al. 2022; diffusers AutoencoderKL.
 *
 * Errors: DIF_FORMAT_ERROR; DIF_MODEL_ERROR UNKNOWN_CLASS for a block type not
 * known; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifVae *dif_vae_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_vae_load_packed:
 * @config: @l: @error: as dif_vae_load(), of an AutoencoderKLFlux2
 *
 * Its latents are normalised in patches, by the statistics that its file has.
 *
 * Source: diffusers AutoencoderKLFlux2.
 *
 * Errors: those of dif_vae_load().
 *
 * Returns: (transfer full) (nullable): a model with dif_vae_patch()
 */
DIF_API DifVae *dif_vae_load_packed (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_vae_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_vae_free (DifVae *m);

/**
 * dif_vae_factor: dif_vae_latent_channels:
 * @m: a model
 *
 * Returns: pixels per latent pixel and side; channels of a latent
 */
DIF_API guint dif_vae_factor (DifVae *m);
DIF_API guint dif_vae_latent_channels (DifVae *m);

/**
 * dif_vae_patch: dif_vae_packed_channels:
 * @m: a model
 *
 * Returns: side of the square of pixels whose channels, C times rows times
 * columns, are normalised as one latent's (dif_patchify() with channels first),
 * 1 but for AutoencoderKLFlux2; how many channels that are
 */
DIF_API guint dif_vae_patch (DifVae *m);
DIF_API guint dif_vae_packed_channels (DifVae *m);

/**
 * dif_vae_scaling:
 * @m: a model
 *
 * Returns: scaling_factor: latents are this times the mean, after what
 * shift_factor takes off
 */
DIF_API double dif_vae_scaling (DifVae *m);

/**
 * dif_vae_has_statistics:
 * @m: a model
 *
 * Returns: whether latents are shifted and scaled channel by channel
 * (latents_mean, latents_std)
 */
DIF_API gboolean dif_vae_has_statistics (DifVae *m);

/**
 * dif_vae_to_latents: dif_vae_from_latents:
 * @m: a model
 * @z: (array): `[N, dif_vae_packed_channels(), pixels]`, changed from what
 *   dif_vae_encode() samples, in patches, to what the denoiser sees
 * @n: N
 * @pixels: of each channel
 * @statistics: whether to apply mean and standard deviation, if there are any
 *
 * dif_vae_from_latents() is the way back, always with statistics.
 */
DIF_API void dif_vae_to_latents (DifVae *m, float *z, gsize n, gsize pixels, gboolean statistics);
DIF_API void dif_vae_from_latents (DifVae *m, float *z, gsize n, gsize pixels);

/**
 * dif_vae_encode:
 * @m: a model
 * @cx: a context
 * @image: `[N, H, W, 3]`, in [-1, 1]
 *
 * Returns: moments `[N, h, w, 2 * latent_channels]` f32: mean, then the
 * logarithm of the variance (not yet clamped), not scaled
 */
DIF_API DifTensor *dif_vae_encode (DifVae *m, DifContext *cx, DifTensor *image);

/**
 * dif_vae_decode:
 * @m: a model
 * @cx: a context
 * @latents: `[N, h, w, latent_channels]` f32, not scaled (divide by
 *   dif_vae_scaling() first)
 *
 * Returns: `[N, H, W, 3]` f32, about [-1, 1]
 */
DIF_API DifTensor *dif_vae_decode (DifVae *m, DifContext *cx, DifTensor *latents);

G_END_DECLS

#endif /* DIF_MODELS_VAE_H */
