/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* family.h - which Stable Diffusion a single file holds, and the settings it lacks.
 *
 * What shapes tell is read from them; what they do not tell (heads, activations,
 * the scheduler) is as in the family's published folder.
 */
#ifndef DIF_FORMATS_FAMILY_H
#define DIF_FORMATS_FAMILY_H

#include "base/json.h"
#include "formats/ldm-keys.h"

G_BEGIN_DECLS

/** DifFamily: one published kind of checkpoint. */
typedef struct _DifFamily DifFamily;

/**
 * dif_family_describe:
 * @names: (element-type utf8): names of a file's tensors
 *
 * Returns: (transfer none): what a file that is no checkpoint holds, such as
 * "a LoRA, which --lora takes"
 */
const char *dif_family_describe (GPtrArray *names);

/**
 * dif_family_detect:
 * @file: tensors under their original names, as far as dif_ldm_part() knows
 *   them, and `global_step`
 * @names: (element-type utf8): names of all tensors
 * @path: shown in messages
 * @error: return location
 *
 * Looks at what diffusers looks at: channels of the U-Net's first convolution,
 * the width of its context and the text encoders; and also knows the depth
 * model of SD 2 by its five input channels.
 *
 * Source: diffusers, single_file_utils.py, `infer_diffusers_model_type`.
 *
 * Errors: DIF_FORMAT_ERROR UNSUPPORTED, saying what the file is instead.
 *
 * Returns: (transfer none) (nullable): the family
 */
const DifFamily *dif_family_detect (DifWeights *file, GPtrArray *names, const char *path,
                                    GError **error);

/**
 * dif_family_label:
 * @family: a family
 *
 * Returns: (transfer none): such as "Stable Diffusion 1.x"
 */
const char *dif_family_label (const DifFamily *family);

/**
 * dif_family_index:
 * @family: a family
 * @name: shown in messages
 * @error: return location
 *
 * Errors: G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): what its model_index.json would say
 */
DifJson *dif_family_index (const DifFamily *family, const char *name, GError **error);

/**
 * dif_family_config:
 * @family: a family
 * @file: tensors under their original names
 * @layout: their layout
 * @part: one of the index's parts
 * @name: shown in messages
 * @error: return location
 *
 * SD 2 predicts noise if the file's `global_step` is 875000 (2.x base), else
 * velocity, as diffusers has it.
 *
 * Errors: G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): what the part's config would say
 */
DifJson *dif_family_config (const DifFamily *family, DifWeights *file, const DifLdmLayout *layout,
                            const char *part, const char *name, GError **error);

/**
 * dif_family_of_context:
 * @context: columns of a cross attention's keys: 768, 1024, 1280 or 2048
 *
 * Returns: (transfer none) (nullable): the models that listen to embeddings of
 * that width, such as "Stable Diffusion 1.x"
 */
const char *dif_family_of_context (gsize context);

G_END_DECLS

#endif /* DIF_FORMATS_FAMILY_H */
