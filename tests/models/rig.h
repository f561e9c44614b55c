/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* rig.h - a place to run single layers and networks: a device, a context and
 * a loader over given weights.
 */
#ifndef DIF_TESTS_MODELS_RIG_H
#define DIF_TESTS_MODELS_RIG_H

#include "support.h"

G_BEGIN_DECLS

/**
 * RigDevice:
 * @name: for test paths, such as "cpu-f32"
 * @device: backend
 * @dtype: of weights and activations
 * @layer_bound: greatest relative difference of one layer
 * @model_bound: greatest relative difference of a whole network
 *
 * Relative means max |found - expected| over max |expected|.
 */
typedef struct
{
  const char *name, *device;
  DifDtype    dtype;
  double      layer_bound, model_bound;
} RigDevice;

/** rig_devices: ref and cpu in f32, cpu in bf16. */
extern const RigDevice rig_devices[3];

/**
 * Rig:
 * @be: the device
 * @cx: a context on it
 * @weights: (nullable): borrowed, where weights and inputs come from
 * @loader: over @weights
 */
typedef struct
{
  DifBackend *be;
  DifContext *cx;
  DifWeights *weights;
  DifLoader  *loader;
} Rig;

/** rig_open: FALSE, and the test skipped by name, if the device lacks the dtype. */
gboolean rig_open (Rig *rig, const RigDevice *place, DifWeights *weights);

/** rig_close: frees all; fails the test if anything failed or was left over. */
void rig_close (Rig *rig);

/** rig_upload: tensor @name of @w, `[N, C, H, W]` as `[N, H, W, C]`, in the context's dtype. */
DifTensor *rig_upload (Rig *rig, DifWeights *w, const char *name);

/** rig_download: @t as float32, `[N, H, W, C]` as `[N, C, H, W]`; free it. */
float *rig_download (Rig *rig, DifTensor *t);

/** rig_compare: relative difference of @t to tensor @name of @w; shapes must agree. */
double rig_compare (Rig *rig, DifTensor *t, DifWeights *w, const char *name);

/** rig_torch_off: how far @entry says torch itself is from float64, for messages; free it. */
char *rig_torch_off (DifJson *entry);

G_END_DECLS

#endif /* DIF_TESTS_MODELS_RIG_H */
