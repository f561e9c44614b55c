/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bit.h - BitBackbone: Big Transfer's ResNet, as the depth estimator's eyes. */
#ifndef DIF_MODELS_BIT_H
#define DIF_MODELS_BIT_H

#include "base/json.h"
#include "tensor/ops.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/** DifBit: a backbone. */
typedef struct _DifBit DifBit;

/** DIF_BIT_MAX_STAGES: a backbone has no more stages. */
#define DIF_BIT_MAX_STAGES 8

/**
 * dif_bit_load:
 * @config: (nullable): the backbone's config; NULL for that of DPT hybrid
 * @l: where the weights are taken from, inside the backbone's scope
 * @side: of the pictures it will see, in pixels
 * @error: return location
 *
 * Source: Kolesnikov et al. 2020; transformers BitBackbone, of bottleneck
 * layers with "same" padding, which depends on @side.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a backbone whose weights the loader's
 * store owns
 */
DifBit *dif_bit_load (DifJson *config, DifLoader *l, guint side, GError **error);

/**
 * dif_bit_free:
 * @m: (nullable) (transfer full): a backbone
 */
void dif_bit_free (DifBit *m);

/**
 * dif_bit_n_features:
 * @m: a backbone
 *
 * Returns: how many maps it gives
 */
guint dif_bit_n_features (DifBit *m);

/**
 * dif_bit_feature_channels: dif_bit_feature_side:
 * @m: a backbone
 * @i: which map
 *
 * Returns: the map's channels; its side, in pixels
 */
guint dif_bit_feature_channels (DifBit *m, guint i);
guint dif_bit_feature_side (DifBit *m, guint i);

/**
 * dif_bit_forward:
 * @m: a backbone
 * @cx: a context
 * @x: `[N, side, side, C]`
 * @features: (out caller-allocates) (array): one map for each feature, `[N, h, h, c]`
 */
void dif_bit_forward (DifBit *m, DifContext *cx, DifTensor *x, DifTensor **features);

G_END_DECLS

#endif /* DIF_MODELS_BIT_H */
