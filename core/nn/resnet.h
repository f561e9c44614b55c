/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* resnet.h - ResnetBlock2D, the bead that U-Nets and VAEs are strung from. */
#ifndef DIF_NN_RESNET_H
#define DIF_NN_RESNET_H

#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifResnet:
 * @norm1: before the first convolution
 * @conv1: `[n_out, n_in, 3, 3]`
 * @time: (nullable): time embedding to `[n_out]`
 * @norm2: before the second convolution
 * @conv2: `[n_out, n_out, 3, 3]`
 * @shortcut: (nullable): 1x1, where channels change
 * @n_groups: of both norms
 * @eps: of both norms
 *
 * Filled by dif_resnet_load(); the weights belong to the loader's store.
 */
typedef struct
{
  DifNorm   *norm1;
  DifConv   *conv1;
  DifLinear *time;
  DifNorm   *norm2;
  DifConv   *conv2;
  DifLinear *shortcut;
  guint      n_groups;
  float      eps;
} DifResnet;

/**
 * dif_resnet_load:
 * @r: filled
 * @l: a loader, inside the block's scope
 * @n_in: channels in
 * @n_out: channels out
 * @n_time: width of the time embedding; 0 for none (VAE)
 * @n_groups: of the norms
 * @eps: of the norms
 *
 * Source: diffusers ResnetBlock2D.
 */
void dif_resnet_load (DifResnet *r, DifLoader *l, gsize n_in, gsize n_out, gsize n_time,
                      guint n_groups, float eps);

/**
 * dif_resnet_forward:
 * @r: a block
 * @cx: a context
 * @x: `[N, H, W, n_in]`
 * @time: (nullable): `[N, n_time]`, SiLU already applied
 *
 * Returns: `[N, H, W, n_out]`
 */
DifTensor *dif_resnet_forward (const DifResnet *r, DifContext *cx, DifTensor *x, DifTensor *time);

G_END_DECLS

#endif /* DIF_NN_RESNET_H */
