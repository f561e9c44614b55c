/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* encoder-layer.h - the layer that CLIP's encoders and DPT's transformer are stacked from. */
#ifndef DIF_NN_ENCODER_LAYER_H
#define DIF_NN_ENCODER_LAYER_H

#include "base/json.h"
#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifEncoderShape:
 * @width: channels, a multiple of @n_heads
 * @mlp: channels inside the feed-forward part
 * @n_layers: layers of the encoder
 * @n_heads: heads of every attention
 * @eps: of every layer norm
 * @act: inside the feed-forward part
 *
 * What an encoder's config says about its layers.
 */
typedef struct
{
  guint  width, mlp, n_layers, n_heads;
  float  eps;
  DifAct act;
} DifEncoderShape;

/**
 * DifEncoderLayer:
 *
 * Self attention and a feed-forward part, each on a layer norm and added to
 * its input.  Filled by dif_encoder_layer_load(), or by a model that has other
 * names for the weights; they belong to the loader's store.
 */
typedef struct
{
  DifNorm   *norm1, *norm2;
  DifLinear *qkv;  /* [3 C, C] */
  DifLinear *out;  /* [C, C] */
  DifLinear *up;   /* [mlp, C] */
  DifLinear *down; /* [C, mlp] */
} DifEncoderLayer;

/**
 * dif_encoder_shape_read:
 * @shape: filled; what it holds are the defaults of absent keys
 * @config: a text_config or vision_config
 *
 * By CLIP's keys.  Failures stay in @config's document.
 */
void dif_encoder_shape_read (DifEncoderShape *shape, DifJson *config);

/**
 * dif_encoder_layer_load:
 * @y: filled
 * @l: a loader, inside the layer's scope
 * @shape: of the encoder
 *
 * By CLIP's names.  Source: transformers CLIPEncoderLayer.
 */
void dif_encoder_layer_load (DifEncoderLayer *y, DifLoader *l, const DifEncoderShape *shape);

/**
 * dif_encoder_layer_forward:
 * @y: a layer
 * @cx: a context
 * @x: `[N, T, C]`
 * @shape: of the encoder
 * @causal: token i sees tokens 0..i only
 *
 * Returns: `[N, T, C]`
 */
DifTensor *dif_encoder_layer_forward (const DifEncoderLayer *y, DifContext *cx, DifTensor *x,
                                      const DifEncoderShape *shape, gboolean causal);

G_END_DECLS

#endif /* DIF_NN_ENCODER_LAYER_H */
