/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt-private.h - what loading and running of DPT share. */
#ifndef DIF_MODELS_DPT_PRIVATE_H
#define DIF_MODELS_DPT_PRIVATE_H

#include "models/bit.h"
#include "models/dpt.h"
#include "nn/encoder-layer.h"

G_BEGIN_DECLS

/** DIF_DPT_MAX_LEVELS: a model has no more maps of features. */
#define DIF_DPT_MAX_LEVELS 8

/**
 * DifDptReadout:
 * @DIF_DPT_IGNORE: not at all
 * @DIF_DPT_ADD: it is added to every token
 * @DIF_DPT_PROJECT: a product of both
 *
 * How the class token goes into the others.
 */
typedef enum
{
  DIF_DPT_IGNORE,
  DIF_DPT_ADD,
  DIF_DPT_PROJECT
} DifDptReadout;

/**
 * DifDptLevel:
 *
 * From one map of features to one of the fusion's channels.  What a level
 * lacks is NULL.
 */
typedef struct
{
  guint      tap, channels, enlarge; /* layer it is taken from; factor, or 1 */
  gboolean   from_backbone, shrink;
  DifLinear *readout, *larger;
  DifConv   *projection, *smaller, *conv;
} DifDptLevel;

/** DifDptFusion: two residual units and a projection. */
typedef struct
{
  DifConv *units[2][2], *projection;
} DifDptFusion;

struct _DifDpt
{
  DifDtype      dtype;
  gboolean      hybrid, qkv_bias, fusion_bias, add_projection;
  DifDptReadout readout;
  guint         in, image_size, patch, n_levels, fusion, head_level;

  DifEncoderShape shape;

  DifBit          *bit;
  DifConv         *feature_projection; /* hybrid */
  DifLinear       *patches;            /* plain */
  float           *cls, *positions;    /* [width]; [1 + grid^2, width], the class token's first */
  DifEncoderLayer *layers;
  DifDptLevel      levels[DIF_DPT_MAX_LEVELS];
  DifDptFusion     fusions[DIF_DPT_MAX_LEVELS]; /* from the deepest level up */
  DifConv         *head_projection, *head[3];
};

G_END_DECLS

#endif /* DIF_MODELS_DPT_PRIVATE_H */
