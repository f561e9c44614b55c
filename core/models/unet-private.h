/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet-private.h - the U-Net's own struct, shared by its two files:
 * unet-load.c fills it from the config, unet.c runs it.
 */
#ifndef DIF_MODELS_UNET_PRIVATE_H
#define DIF_MODELS_UNET_PRIVATE_H

#include "models/unet.h"
#include "nn/resnet.h"
#include "nn/transformer.h"

G_BEGIN_DECLS

/** DIF_UNET_MAX_LEVELS: published ones have three or four. */
#define DIF_UNET_MAX_LEVELS 8

/** DIF_UNET_MAX_LAYERS: more, per block or per transformer, are a broken file. */
#define DIF_UNET_MAX_LAYERS 64

/**
 * DifUnetLevel:
 *
 * One entry of down_block_types or up_block_types.
 */
typedef struct
{
  guint           n_layers;
  guint           n_blocks[DIF_UNET_MAX_LAYERS + 1]; /* of each layer's transformer */
  DifResnet      *resnets;
  DifTransformer *transformers; /* NULL without attention */
  DifConv        *sampler;      /* NULL at the last level */
} DifUnetLevel;

struct _DifUnet
{
  guint    n_levels, channels[DIF_UNET_MAX_LEVELS], n_heads[DIF_UNET_MAX_LEVELS];
  guint    n_cross[DIF_UNET_MAX_LEVELS], n_layers[DIF_UNET_MAX_LEVELS];
  gboolean down_attention[DIF_UNET_MAX_LEVELS], up_attention[DIF_UNET_MAX_LEVELS];
  guint    in, out, sample_size, n_groups, n_time, downsample_padding;
  guint    n_guidance, n_added, n_size; /* 0 where the U-Net has none */
  float    eps, freq_shift;
  guint    n_mid_resnets; /* two with a transformer between them, one alone, or none */
  guint    n_mid_blocks;
  gboolean flip_sin_to_cos, center_input;

  DifConv       *conv_in, *conv_out;
  DifLinear     *time1, *time2, *guidance, *added1, *added2;
  DifUnetLevel   down[DIF_UNET_MAX_LEVELS], up[DIF_UNET_MAX_LEVELS];
  DifResnet      mid_resnets[2];
  DifTransformer mid_transformer;
  DifNorm       *norm_out;
};

G_END_DECLS

#endif /* DIF_MODELS_UNET_PRIVATE_H */
