/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* autoencoder.h - what runs ask of a network between images and latents. */
#ifndef DIF_MODELS_AUTOENCODER_H
#define DIF_MODELS_AUTOENCODER_H

#include "base/json.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifAutoencoderInfo:
 * @factor: pixels per latent pixel and side
 * @latent_channels: channels of a latent
 * @has_statistics: whether latents are shifted and scaled channel by channel
 *   (latents_mean, latents_std)
 */
typedef struct
{
  guint    factor, latent_channels;
  gboolean has_statistics;
} DifAutoencoderInfo;

/**
 * DifAutoencoderClass:
 * @encoder_names: (array zero-terminated=1): prefixes of the weights that encode
 * @decoder_names: (array zero-terminated=1): of those that decode
 * @overflows: whether a model of that config overflows in f16 (force_upcast)
 * @info: fills @info
 * @encode: `[N, H, W, 3]` in [-1, 1] to moments `[N, h, w, 2 latent_channels]` f32: mean, then
 *   the logarithm of the variance, not yet clamped
 * @decode: `[N, h, w, latent_channels]` f32, not scaled, to `[N, H, W, 3]` f32, about [-1, 1]
 * @to_latents: changes @z, `[N, latent_channels, n_pixels]`, from what is sampled of the moments to
 *   what the denoiser sees; with @statistics by mean and standard deviation of a channel, if there
 *   are any
 * @from_latents: the way back, always with statistics
 *
 * A network between images and latents.
 */
struct _DifAutoencoderClass
{
  const char *const *encoder_names, *const *decoder_names;
  gboolean (*overflows) (DifJson *config);
  void (*info) (gpointer model, DifAutoencoderInfo *info);
  DifTensor *(*encode) (gpointer model, DifContext *cx, DifTensor *image);
  DifTensor *(*decode) (gpointer model, DifContext *cx, DifTensor *latents);
  void (*to_latents) (gpointer model, float *z, gsize n, gsize n_pixels, gboolean statistics);
  void (*from_latents) (gpointer model, float *z, gsize n, gsize n_pixels);
};

G_END_DECLS

#endif /* DIF_MODELS_AUTOENCODER_H */
