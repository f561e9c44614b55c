/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-keys.h - the original names of Stable Diffusion's tensors, and diffusers'.
 *
 * Names only.  Where a number counts blocks and layers in another order than
 * diffusers', the layout of the network tells how many layers its levels have.
 */
#ifndef DIF_FORMATS_LDM_KEYS_H
#define DIF_FORMATS_LDM_KEYS_H

#include "tensor/weights.h"

G_BEGIN_DECLS

/** DIF_LDM_MAX_LEVELS: deeper networks are no Stable Diffusion. */
#define DIF_LDM_MAX_LEVELS 8

/**
 * DifLdmLayout:
 * @n_down: levels on the way down
 * @n_up: levels on the way up
 * @down: resnets of each
 * @up: resnets of each
 * @up_attention: whether a level on the way up has transformers
 * @n_vae: levels of the VAE
 *
 * What block numbers mean.
 */
typedef struct
{
  guint    n_down, n_up, n_vae;
  guint    down[DIF_LDM_MAX_LEVELS];
  guint    up[DIF_LDM_MAX_LEVELS];
  gboolean up_attention[DIF_LDM_MAX_LEVELS];
} DifLdmLayout;

/**
 * DifLdmNaming:
 * @DIF_LDM_UNET: a U-Net's blocks, counted through
 * @DIF_LDM_VAE: an autoencoder's levels
 * @DIF_LDM_CLIP: a text encoder as Hugging Face writes it
 * @DIF_LDM_OPEN_CLIP: a text encoder as open_clip writes it
 *
 * How the tensors of a part are called.
 */
typedef enum
{
  DIF_LDM_UNET,
  DIF_LDM_VAE,
  DIF_LDM_CLIP,
  DIF_LDM_OPEN_CLIP
} DifLdmNaming;

/**
 * DifLdmPart:
 * @prefix: how its names begin: "first_stage_model."
 * @part: "vae"
 * @naming: how they go on
 * @is_open: of a text encoder: whether the network is one of open_clip
 * @n_layers: of a text encoder: its first layers, which are all that is used; 0
 *   for all there are
 *
 * A part in a file.
 */
typedef struct
{
  const char  *prefix, *part;
  DifLdmNaming naming;
  gboolean     is_open;
  guint        n_layers;
} DifLdmPart;

/**
 * DifLdmKeys:
 * @parts: (array length=n_parts): where the parts are
 * @n_parts: how many
 * @left_out: (nullable) (array zero-terminated=1): beginnings of names below a
 *   part's prefix that no part is made from
 *
 * The key map of a family of models.
 */
typedef struct
{
  const DifLdmPart  *parts;
  guint              n_parts;
  const char *const *left_out;
} DifLdmKeys;

/**
 * dif_ldm_layout_from_file:
 * @layout: (out): filled
 * @file: tensors under their original names
 */
void dif_ldm_layout_from_file (DifLdmLayout *layout, DifWeights *file);

/**
 * dif_ldm_layout_from_unet:
 * @layout: (out): filled, but for the VAE
 * @unet: a U-Net's tensors under canonical names
 */
void dif_ldm_layout_from_unet (DifLdmLayout *layout, DifWeights *unet);

/**
 * dif_ldm_part:
 * @keys: of the family
 * @name: an original name
 *
 * Returns: (transfer none) (nullable): the part the tensor belongs to, such as
 * "unet" or "text_encoder_2"; NULL if no part is made from it (`model_ema.`,
 * `alphas_cumprod`, or, below a part's prefix, what is known to be needless:
 * `position_ids`, `logit_scale` ...)
 */
const char *dif_ldm_part (const DifLdmKeys *keys, const char *name);

/**
 * dif_ldm_canonical:
 * @keys: of the family
 * @layout: the file's layout
 * @name: an original name
 *
 * Three of open_clip's names stand for tensors that are not as diffusers has
 * them: `....self_attn.in_proj_weight` and `....in_proj_bias` hold q, k and v
 * one behind the other, and `text_projection` is transposed.
 *
 * Source: diffusers, single_file_utils.py, `convert_ldm_unet_checkpoint`,
 * `convert_ldm_vae_checkpoint`, `convert_open_clip_checkpoint`.
 *
 * Returns: (transfer full) (nullable): the canonical name; NULL if there is
 * none, which of a tensor that belongs to a part says that nobody knows what
 * it is for
 */
char *dif_ldm_canonical (const DifLdmKeys *keys, const DifLdmLayout *layout,
                         const char *name);

/**
 * dif_ldm_from_canonical:
 * @layout: the U-Net's layout
 * @name: a name in diffusers' U-Net, with or without its ".weight"
 *
 * Returns: (transfer full) (nullable): its original name, without
 * "model.diffusion_model."; NULL if there is none
 */
char *dif_ldm_from_canonical (const DifLdmLayout *layout, const char *name);

G_END_DECLS

#endif /* DIF_FORMATS_LDM_KEYS_H */
