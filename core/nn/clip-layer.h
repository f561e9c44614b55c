/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-layer.h - the layer that CLIP's text and vision encoders are stacked from. */
#ifndef DIF_NN_CLIP_LAYER_H
#define DIF_NN_CLIP_LAYER_H

#include "base/json.h"
#include "tensor/ops.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/**
 * DifClipShape:
 * @width: channels, a multiple of @n_heads
 * @mlp: channels inside the feed-forward part
 * @n_layers: layers of the encoder
 * @n_heads: heads of every attention
 * @eps: of every layer norm
 * @act: inside the feed-forward part
 *
 * What a CLIP encoder's config says about its layers.
 */
typedef struct
{
  guint  width, mlp, n_layers, n_heads;
  float  eps;
  DifAct act;
} DifClipShape;

/**
 * DifClipLayer:
 *
 * Self attention and a feed-forward part, each on a layer norm and added to
 * its input.  Filled by dif_clip_layer_load(); the weights belong to the
 * loader's store.
 */
typedef struct
{
  DifNorm   *norm1, *norm2;
  DifLinear *qkv;  /* [3 C, C] */
  DifLinear *out;  /* [C, C] */
  DifLinear *up;   /* [mlp, C] */
  DifLinear *down; /* [C, mlp] */
} DifClipLayer;

/**
 * dif_clip_shape_read:
 * @shape: filled; what it holds are the defaults of absent keys
 * @config: a text_config or vision_config
 *
 * Failures stay in @config's document.
 */
void dif_clip_shape_read (DifClipShape *shape, DifJson *config);

/**
 * dif_clip_layer_load:
 * @y: filled
 * @l: a loader, inside the layer's scope
 * @shape: of the encoder
 *
 * Source: transformers CLIPEncoderLayer.
 */
void dif_clip_layer_load (DifClipLayer *y, DifLoader *l, const DifClipShape *shape);

/**
 * dif_clip_layer_forward:
 * @y: a layer
 * @cx: a context
 * @x: `[N, T, C]`
 * @shape: of the encoder
 * @causal: token i sees tokens 0..i only
 *
 * Returns: `[N, T, C]`
 */
DifTensor *dif_clip_layer_forward (const DifClipLayer *y, DifContext *cx, DifTensor *x,
                                   const DifClipShape *shape, gboolean causal);

G_END_DECLS

#endif /* DIF_NN_CLIP_LAYER_H */
