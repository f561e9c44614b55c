/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sdxl.h - what Stable Diffusion XL shares with families made from it. */
#ifndef DIF_FAMILIES_SDXL_H
#define DIF_FAMILIES_SDXL_H

#include "families/latent.h"
#include "families/ldm-templates.h"
#include "families/ldm.h"

G_BEGIN_DECLS

/** dif_sdxl_pipelines: diffusers'. */
extern const DifFamilyPipeline dif_sdxl_pipelines[3];

/** dif_sdxl_parts: two text encoders, or the second alone, U-Net and autoencoder. */
extern const DifPartSpec dif_sdxl_parts[4];

/** dif_sdxl_rows: its parameters: second prompts, sizes, a refiner's. */
extern const DifFamilyRows dif_sdxl_rows[2];

/** dif_sdxl_colors: of its latents. */
extern const DifLatentRgb dif_sdxl_colors;

/** DIF_SDXL_MEMBERS: of a DifFamilyClass, what a family made from SDXL has in common with it. */
#define DIF_SDXL_MEMBERS                                                                      \
  .pipelines = dif_sdxl_pipelines, .n_pipelines = G_N_ELEMENTS (dif_sdxl_pipelines),          \
  .parts = dif_sdxl_parts, .n_parts = G_N_ELEMENTS (dif_sdxl_parts), .rows = dif_sdxl_rows,   \
  .n_rows = G_N_ELEMENTS (dif_sdxl_rows), .defaults = { 5, 0.3 }, .inpaint = { 7.5, 0.9999 }, \
  .upcasts = TRUE, .read_index = dif_sdxl_read_index, .can = dif_sdxl_can,                    \
  .check = dif_sdxl_check, .check_run = dif_sdxl_check_run, .encode = dif_sdxl_encode,        \
  .begins_at_first = TRUE, .colors = &dif_sdxl_colors

/** DIF_SDXL_VAE: of the autoencoder, what shapes do not tell. */
#define DIF_SDXL_VAE "\"scaling_factor\": 0.13025, \"force_upcast\": true"

/** DIF_SDXL_INDEX: of a single file with both text encoders. */
#define DIF_SDXL_INDEX \
  "\"force_zeros_for_empty_prompt\": true, " DIF_LDM_ENCODER DIF_LDM_ENCODER_2 DIF_LDM_NETWORKS

/** DIF_SDXL_SETTINGS: of a template. */
#define DIF_SDXL_SETTINGS "\"force_zeros_for_empty_prompt\":true,\"add_watermarker\":null,"

/** DIF_SDXL_UNET: what its U-Nets have in common. */
#define DIF_SDXL_UNET \
  "\"addition_embed_type\":\"text_time\",\"use_linear_projection\":true,"

/** DIF_SDXL_TEXT_2: its second text encoder. */
#define DIF_SDXL_TEXT_2                                                        \
  "{" DIF_TEMPLATE_TEXT_COMMON "\"hidden_act\":\"gelu\",\"hidden_size\":1280," \
  "\"intermediate_size\":5120,\"num_attention_heads\":20,"                     \
  "\"num_hidden_layers\":32,\"projection_dim\":1280,\"vocab_size\":49408}"

/**
 * dif_sdxl_check_run: DifFamilyClass.check_run
 * @run: a run
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM.
 *
 * Returns: FALSE on error
 */
gboolean dif_sdxl_check_run (DifRun *run, GError **error);

/**
 * dif_sdxl_read_index: DifFamilyClass.read_index
 * @json: model_index.json
 *
 * Returns: (transfer full): what the others look at
 */
gpointer dif_sdxl_read_index (DifJson *json);

/**
 * dif_sdxl_can: DifFamilyClass.can
 * @pipe: a loaded model
 *
 * Returns: DifAbility
 */
guint dif_sdxl_can (DifPipeline *pipe);

/**
 * dif_sdxl_check: DifFamilyClass.check
 * @pipe: a loaded model
 * @error: return location
 *
 * Errors: DIF_MODEL_ERROR SHAPE.
 *
 * Returns: FALSE on error
 */
gboolean dif_sdxl_check (DifPipeline *pipe, GError **error);

/**
 * dif_sdxl_encode: DifFamilyClass.encode
 * @run: a run
 * @c: gets tokens, pooled prompts and sizes
 */
void dif_sdxl_encode (DifRun *run, DifConditioning *c);

G_END_DECLS

#endif /* DIF_FAMILIES_SDXL_H */
