/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size.h - how large a picture should be when nobody said so. */
#ifndef DIF_PLUGIN_SIZE_H
#define DIF_PLUGIN_SIZE_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_size_native:
 * @model: (nullable): as of dif_catalog_resolve()
 * @error: return location
 *
 * Reads configs only.
 *
 * Errors: those of dif_catalog_resolve(), dif_checkpoint_open() and
 * dif_checkpoint_config(); DIF_FORMAT_ERROR.
 *
 * Source: diffusers StableDiffusionPipeline: unet sample_size (64 where it is
 * missing) times the VAE's factor, two for every level but the first; without a
 * VAE the U-Net draws pixels.
 *
 * Returns: the side the model was trained at, in pixels; 0 on error
 */
int dif_size_native (const char *model, GError **error);

/**
 * dif_size_fit:
 * @rq: a request, whose "width" and "height" are set if they were not; one of a
 *   task without them stays as it is
 * @width: of the area to fill, in pixels
 * @height: of the area to fill, in pixels
 * @error: return location
 *
 * Errors: those of dif_size_native().
 *
 * Returns: FALSE on error
 */
gboolean dif_size_fit (DifRequest *rq, int width, int height, GError **error);

G_END_DECLS

#endif /* DIF_PLUGIN_SIZE_H */
