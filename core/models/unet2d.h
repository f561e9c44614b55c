/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet2d.h - UNet2DModel: the noise in a picture, asked without a prompt. */
#ifndef DIF_MODELS_UNET2D_H
#define DIF_MODELS_UNET2D_H

#include "models/model.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_unet2d_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: Ho et al. 2020; diffusers UNet2DModel.
 *
 * Errors: DIF_FORMAT_ERROR, UNSUPPORTED for a block type or option not done;
 * weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifUnet2d *dif_unet2d_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_unet2d_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_unet2d_free (DifUnet2d *m);

/**
 * dif_unet2d_channels: dif_unet2d_sample_size:
 * @m: a model
 *
 * Returns: channels in and out; the side of its pictures, in pixels
 */
DIF_API guint dif_unet2d_channels (DifUnet2d *m);
DIF_API guint dif_unet2d_sample_size (DifUnet2d *m);

/**
 * dif_unet2d_forward:
 * @m: a model
 * @cx: a context
 * @sample: `[N, H, W, C]`, f32 or the context's dtype
 * @timestep: the same for all items
 *
 * Returns: `[N, H, W, C]`, f32
 */
DIF_API DifTensor *dif_unet2d_forward (DifUnet2d *m, DifContext *cx, DifTensor *sample,
                                       double timestep);

/**
 * dif_unet2d_time:
 * @m: a model
 * @cx: a context
 * @n: items
 * @timestep: the same for all
 *
 * Returns: `[n, D]`: the embedding of the timestep, for dif_unet2d_forward_at()
 */
DIF_API DifTensor *dif_unet2d_time (DifUnet2d *m, DifContext *cx, gsize n, double timestep);

/**
 * dif_unet2d_forward_at:
 * @m: a model
 * @cx: a context
 * @sample: `[N, H, W, C]`, the context's dtype
 * @time: from dif_unet2d_time(), for N items
 *
 * dif_unet2d_forward() in two parts: this one computes on the device alone, so
 * that it can be a graph (tensor/graph.h).
 *
 * Returns: `[N, H, W, C]`, f32
 */
DIF_API DifTensor *dif_unet2d_forward_at (DifUnet2d *m, DifContext *cx, DifTensor *sample,
                                          DifTensor *time);

G_END_DECLS

#endif /* DIF_MODELS_UNET2D_H */
