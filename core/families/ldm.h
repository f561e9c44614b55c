/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm.h - what the families share whose single files have Stability's names: how a
 * file is recognized, and the settings that it lacks.
 */
#ifndef DIF_FAMILIES_LDM_H
#define DIF_FAMILIES_LDM_H

#include "formats/single-family.h"

G_BEGIN_DECLS

/* ---- members of configs, as JSON ---- */

/** DIF_LDM_BETAS: the noise schedule that all of them were trained with. */
#define DIF_LDM_BETAS                                              \
  "\"beta_start\": 0.00085, \"beta_end\": 0.012, "                 \
  "\"beta_schedule\": \"scaled_linear\", \"clip_sample\": false, " \
  "\"num_train_timesteps\": 1000, \"steps_offset\": 1, \"trained_betas\": null"

/** DIF_LDM_SCHEDULE: the same, as most schedulers are published. */
#define DIF_LDM_SCHEDULE DIF_LDM_BETAS ", \"set_alpha_to_one\": false, \"skip_prk_steps\": true"

/** DIF_LDM_PNDM: PNDMScheduler. */
#define DIF_LDM_PNDM "{\"_class_name\": \"PNDMScheduler\", " DIF_LDM_SCHEDULE "}"
/** DIF_LDM_DDIM: DDIMScheduler. */
#define DIF_LDM_DDIM "{\"_class_name\": \"DDIMScheduler\", " DIF_LDM_SCHEDULE "}"
/** DIF_LDM_DDIM_V: the same, which predicts velocity. */
#define DIF_LDM_DDIM_V                                          \
  "{\"_class_name\": \"DDIMScheduler\", " DIF_LDM_SCHEDULE ", " \
  "\"prediction_type\": \"v_prediction\"}"

/** DIF_LDM_EULER: EulerDiscreteScheduler with a spacing of timesteps. */
#define DIF_LDM_EULER(spacing)                                               \
  "{\"_class_name\": \"EulerDiscreteScheduler\", " DIF_LDM_SCHEDULE          \
  ", \"interpolation_type\": \"linear\", \"prediction_type\": \"epsilon\", " \
  "\"sample_max_value\": 1.0, \"timestep_spacing\": \"" spacing "\", "       \
  "\"use_karras_sigmas\": false}"

/** DIF_LDM_ENCODER: the first text encoder and its tokenizer, for an index. */
#define DIF_LDM_ENCODER                                       \
  "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"], " \
  "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], "
/** DIF_LDM_NO_ENCODER: that there is none. */
#define DIF_LDM_NO_ENCODER "\"text_encoder\": [null, null], \"tokenizer\": [null, null], "
/** DIF_LDM_ENCODER_2: the second text encoder and its tokenizer. */
#define DIF_LDM_ENCODER_2                                                     \
  "\"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], " \
  "\"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"], "
/** DIF_LDM_NETWORKS: the rest. */
#define DIF_LDM_NETWORKS                                  \
  "\"unet\": [\"diffusers\", \"UNet2DConditionModel\"], " \
  "\"vae\": [\"diffusers\", \"AutoencoderKL\"]"

/** DIF_LDM_VAE_SD: of the autoencoder of Stable Diffusion 1.x and 2.x. */
#define DIF_LDM_VAE_SD "\"scaling_factor\": 0.18215"

/* ---- names ---- */

/** DIF_LDM_PARTS: rows of DifLdmPart for U-Net and autoencoder. */
#define DIF_LDM_PARTS                                 \
  { "model.diffusion_model.", "unet", DIF_LDM_UNET }, \
  {                                                   \
    "first_stage_model.", "vae", DIF_LDM_VAE          \
  }

/** DIF_LDM_UNET_NAME: the name of the U-Net's tensor @name. */
#define DIF_LDM_UNET_NAME(name) "model.diffusion_model." name

/** dif_ldm_keys_one: of a file with one text encoder. */
extern const DifLdmKeys dif_ldm_keys_one;

/** dif_ldm_keys_two: of a file with two text encoders, or the second alone. */
extern const DifLdmKeys dif_ldm_keys_two;

/* ---- detection ---- */

/**
 * DifLdmTraits:
 * @channels: of the U-Net's input; 0 without a U-Net
 * @is_2: whether it listens to the text encoder of Stable Diffusion 2.x
 * @has_second: whether there are two text encoders
 * @has_second_alone: whether there is the second of them only
 * @takes_guidance: whether the U-Net is told a guidance scale
 *
 * What diffusers looks at to tell files apart.
 *
 * Source: diffusers, single_file_utils.py, `infer_diffusers_model_type`.
 */
typedef struct
{
  gsize    channels;
  gboolean is_2, has_second, has_second_alone, takes_guidance;
} DifLdmTraits;

/**
 * dif_ldm_traits:
 * @header: of a file
 *
 * Returns: what it looks like
 */
DifLdmTraits dif_ldm_traits (const DifSingleHeader *header);

/**
 * dif_ldm_has:
 * @header: of a file
 * @name: as a file would spell it
 *
 * Returns: whether it has such a tensor
 */
gboolean dif_ldm_has (const DifSingleHeader *header, const char *name);

/**
 * dif_ldm_stranger:
 * @header: of a file with a U-Net
 * @traits: its own
 *
 * Returns: (transfer none) (nullable): what a file is that has other tensors beside, or
 * another number of channels than plain and inpainting models; NULL for these
 */
const char *dif_ldm_stranger (const DifSingleHeader *header, const DifLdmTraits *traits);

/**
 * dif_ldm_config:
 * @keys: of the family
 * @kind: of the file
 * @header: of the file
 * @part: one of the index's parts
 * @name: shown in messages
 * @error: return location
 *
 * DifSingleFamily.config of all of them.
 *
 * Errors: G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): what the part's config would say
 */
DifJson *dif_ldm_config (const DifLdmKeys *keys, const DifSingleKind *kind,
                         const DifSingleHeader *header, const char *part, const char *name,
                         GError **error);

G_END_DECLS

#endif /* DIF_FAMILIES_LDM_H */
