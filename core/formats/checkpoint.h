/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* checkpoint.h - a model on disk: parts, their configs and their weights.
 *
 * Knows diffusers folders as published and as saved today, and single
 * .safetensors or .gguf files under Stability's original names.  Translates every
 * spelling into the canonical names and knows nothing of models.
 */
#ifndef DIF_FORMATS_CHECKPOINT_H
#define DIF_FORMATS_CHECKPOINT_H

#include "base/json.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/**
 * dif_checkpoint_open_of:
 * @path: a folder with model_index.json, or a .safetensors or .gguf file
 * @families: (array zero-terminated=1): those that a file may be of;
 *   dif_checkpoint_open() takes all there are
 * @error: return location
 *
 * Reads model_index.json only, or the file's header.
 *
 * Errors: file errors with the path; DIF_FORMAT_ERROR MISSING_KEY (not a
 * model folder: the message says what was looked for), UNSUPPORTED (a pickled
 * file, or a file that holds something else: the message says what).
 *
 * Returns: (transfer full) (nullable): a checkpoint
 */
DIF_API DifCheckpoint *dif_checkpoint_open_of (const char                   *path,
                                               const DifSingleFamily *const *families,
                                               GError                      **error);

/**
 * dif_checkpoint_free:
 * @c: (nullable) (transfer full): a checkpoint
 */
DIF_API void dif_checkpoint_free (DifCheckpoint *c);

/**
 * dif_checkpoint_path:
 * @c: a checkpoint
 *
 * Returns: (transfer none): where it is
 */
DIF_API const char *dif_checkpoint_path (DifCheckpoint *c);

/**
 * dif_checkpoint_is_file:
 * @c: a checkpoint
 *
 * Returns: whether it is a single file; its configs are then those of its
 * family, and it has no vocabulary
 */
DIF_API gboolean dif_checkpoint_is_file (DifCheckpoint *c);

/**
 * dif_checkpoint_family:
 * @c: a checkpoint
 *
 * Returns: (transfer none) (nullable): what a single file was recognized as,
 * such as "Stable Diffusion 2.x inpainting"; NULL for a folder
 */
DIF_API const char *dif_checkpoint_family (DifCheckpoint *c);

/**
 * dif_checkpoint_settings_path:
 * @c: a checkpoint
 *
 * Returns: (transfer full): where its own defaults are, if it has any:
 * `dif.json` in a folder, `NAME.dif.json` beside `NAME.safetensors`
 */
DIF_API char *dif_checkpoint_settings_path (DifCheckpoint *c);

/**
 * dif_checkpoint_pipeline_class:
 * @c: a checkpoint
 *
 * Returns: (transfer none): such as "StableDiffusionPipeline"
 */
DIF_API const char *dif_checkpoint_pipeline_class (DifCheckpoint *c);

/**
 * dif_checkpoint_index:
 * @c: a checkpoint
 *
 * Returns: (transfer none): model_index.json
 */
DIF_API DifJson *dif_checkpoint_index (DifCheckpoint *c);

/**
 * dif_checkpoint_parts:
 * @c: a checkpoint
 *
 * Returns: (transfer none) (array zero-terminated=1): names of the parts that
 * are not null, such as "unet", in the index's order
 */
DIF_API const char *const *dif_checkpoint_parts (DifCheckpoint *c);

/**
 * dif_checkpoint_part_class:
 * @c: a checkpoint
 * @part: such as "unet"
 *
 * Returns: (transfer none) (nullable): such as "UNet2DConditionModel"; NULL if
 * there is no such part
 */
DIF_API const char *dif_checkpoint_part_class (DifCheckpoint *c, const char *part);

/**
 * dif_checkpoint_part_folder:
 * @c: a checkpoint
 * @part: such as "tokenizer"
 *
 * Returns: (transfer full): its path; of a single file, where nothing is
 */
DIF_API char *dif_checkpoint_part_folder (DifCheckpoint *c, const char *part);

/**
 * dif_checkpoint_config:
 * @c: a checkpoint
 * @part: such as "unet"
 * @error: return location
 *
 * Reads config.json, or scheduler_config.json for a scheduler.
 *
 * Errors: those of dif_json_load(); MISSING_KEY when there is no such part.
 *
 * Returns: (transfer full) (nullable): the part's config
 */
DIF_API DifJson *dif_checkpoint_config (DifCheckpoint *c, const char *part, GError **error);

/**
 * dif_checkpoint_weights:
 * @c: a checkpoint
 * @part: such as "unet"
 * @error: return location
 *
 * Finds `diffusion_pytorch_model` or `model`, plain, `.fp16.` or sharded with
 * an index (the plain file wins when both are there), and files the tensors
 * under canonical names: legacy attention names (query, key, value,
 * proj_attn) become to_q, to_k, to_v, to_out.0; a text encoder's tensors have
 * the `text_model.` prefix; `position_ids` are skipped.
 *
 * Errors: those of dif_safetensors_read(); MISSING_KEY when no weights are
 * there, or when only pickled `.bin` files are (the message says so).
 *
 * Returns: (transfer full) (nullable): the dictionary
 */
DIF_API DifWeights *dif_checkpoint_weights (DifCheckpoint *c, const char *part, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifCheckpoint, dif_checkpoint_free)

G_END_DECLS

#endif /* DIF_FORMATS_CHECKPOINT_H */
