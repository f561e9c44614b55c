/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* model.h - the registry of networks, by the config's class name. */
#ifndef DIF_MODELS_MODEL_H
#define DIF_MODELS_MODEL_H

#include "base/json.h"
#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifModelClass:
 * @class_name: "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel"
 * @load: reads @config into the model's own struct and takes its weights from
 *   @loader; returns (transfer full) the model, or NULL with @error set when
 *   the config is no good; weight errors stay in the loader
 * @free: frees a model; its weights belong to the loader's store
 * @denoiser: (nullable): what the loop asks of it, if it is a denoiser
 * @text_encoder: (nullable): what prompts ask of it, if it reads them
 * @autoencoder: (nullable): what latents ask of it, if it makes them
 *
 * A network as generic code (info, make-checkpoint) sees it.
 */
typedef struct
{
  const char *class_name;
  gpointer (*load) (DifJson *config, DifLoader *loader, GError **error);
  void (*free) (gpointer model);
  const DifDenoiserClass    *denoiser;
  const DifTextEncoderClass *text_encoder;
  const DifAutoencoderClass *autoencoder;
} DifModelClass;

/**
 * dif_model_class_find:
 * @class_name: diffusers' or transformers' class name
 *
 * Returns: (transfer none) (nullable): its class
 */
DIF_API const DifModelClass *dif_model_class_find (const char *class_name);

G_END_DECLS

#endif /* DIF_MODELS_MODEL_H */
