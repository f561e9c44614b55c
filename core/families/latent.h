/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* latent.h - what the families share that draw in an autoencoder's latents with
 * a U-Net and CLIP's text encoders.
 */
#ifndef DIF_FAMILIES_LATENT_H
#define DIF_FAMILIES_LATENT_H

#include "run/pipeline-private.h"

G_BEGIN_DECLS

/**
 * dif_latent_rgb_sd:
 *
 * Colors of the latents of Stable Diffusion 1.x and 2.x, scaled by 0.18215.
 *
 * Source: ComfyUI latent_formats.SD15, fitted to that autoencoder.
 */
extern const DifLatentRgb dif_latent_rgb_sd;

/**
 * dif_latent_misfit:
 * @pipe: a model whose parts do not fit each other
 * @error: return location
 * @format: printf() format of what was expected and found
 * @...: its arguments
 *
 * Returns: FALSE
 */
gboolean dif_latent_misfit (DifPipeline *pipe, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/**
 * dif_latent_can:
 * @pipe: a loaded model
 *
 * Returns: what it can do, by the channels that the U-Net sees beside the
 * latents; 0 if they fit nothing known
 */
guint dif_latent_can (DifPipeline *pipe);

/**
 * dif_latent_check:
 * @pipe: a loaded model
 * @error: return location
 *
 * Widths, channels and lengths of text encoders, tokenizers, U-Net and
 * autoencoder.
 *
 * Errors: DIF_MODEL_ERROR SHAPE.
 *
 * Returns: FALSE on error
 */
gboolean dif_latent_check (DifPipeline *pipe, GError **error);

/**
 * dif_latent_check_plain:
 * @pipe: a loaded model
 * @error: return location
 *
 * That it has nothing which only SDXL has.
 *
 * Errors: DIF_MODEL_ERROR SHAPE.
 *
 * Returns: FALSE on error
 */
gboolean dif_latent_check_plain (DifPipeline *pipe, GError **error);

G_END_DECLS

#endif /* DIF_FAMILIES_LATENT_H */
