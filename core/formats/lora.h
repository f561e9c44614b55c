/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora.h - low-rank changes to a model's weights, merged while it is loaded.
 *
 * A file's modules are found in a part's tensors by every spelling in use; what
 * fits nowhere is an error, since a picture drawn without it is another one.
 * Models do not know: the loader has the weights changed on the way.
 */
#ifndef DIF_FORMATS_LORA_H
#define DIF_FORMATS_LORA_H

#include "tensor/weights.h"

G_BEGIN_DECLS

/** DifLora: one file. */
typedef struct _DifLora DifLora;

/**
 * dif_lora_open:
 * @path: a .safetensors file
 * @error: return location
 *
 * Knows the spellings of diffusers (peft's `lora_A`, `lora.down`, and
 * `processor.to_q_lora`) and of kohya's scripts (`lora_unet_…`, `lora_te_…`,
 * `lora_te1_…`, `lora_te2_…`, with convolutions and `lora_mid`).
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR UNSUPPORTED for
 * files that are no LoRA, and for DoRA, LoHa and LoKr by name; CORRUPT for
 * modules that lack a half.
 *
 * Returns: (transfer full) (nullable): the LoRA
 */
DifLora *dif_lora_open (const char *path, GError **error);

/**
 * dif_lora_free:
 * @lora: (nullable) (transfer full): a LoRA
 */
void dif_lora_free (DifLora *lora);

/**
 * dif_lora_family:
 * @lora: a LoRA
 *
 * Returns: (transfer none): what it is for as far as names and widths tell,
 * such as "Stable Diffusion 1.x", else "another model"
 */
const char *dif_lora_family (DifLora *lora);

/**
 * dif_lora_count:
 * @lora: a LoRA
 * @part: "unet", "text_encoder" or "text_encoder_2"
 *
 * Returns: how many of its modules change the part
 */
guint dif_lora_count (DifLora *lora, const char *part);

/**
 * dif_lora_ranks:
 * @lora: a LoRA
 * @least: (out): the smallest rank of a module
 * @greatest: (out): the greatest
 */
void dif_lora_ranks (DifLora *lora, gsize *least, gsize *greatest);

/** DifLoraSet: several LoRAs with their weights, for one model. */
typedef struct _DifLoraSet DifLoraSet;

/**
 * dif_lora_set_new:
 * @specs: (array zero-terminated=1): FILE or FILE:WEIGHT each; FILE is a path
 *   or the name of an installed LoRA, WEIGHT a number, 1 when left out
 * @error: return location
 *
 * Errors: those of dif_lora_open() and dif_catalog_resolve_file();
 * DIF_REQUEST_ERROR BAD_PARAM.
 *
 * Returns: (transfer full) (nullable): the set, which may be empty
 */
DifLoraSet *dif_lora_set_new (const char *const *specs, GError **error);

/**
 * dif_lora_set_free:
 * @set: (nullable) (transfer full): a set
 */
void dif_lora_set_free (DifLoraSet *set);

/**
 * dif_lora_set_bind:
 * @set: a set
 * @part: the part that is loaded next, such as "unet"
 * @weights: its tensors
 * @error: return location
 *
 * Finds the part's modules in @weights, which must live until the part is
 * loaded.
 *
 * Errors: DIF_MODEL_ERROR MISSING_WEIGHT or SHAPE, saying what the LoRA is for.
 *
 * Returns: FALSE on error
 */
gboolean dif_lora_set_bind (DifLoraSet *set, const char *part, DifWeights *weights, GError **error);

/**
 * dif_lora_set_patch:
 * @name: a tensor's canonical name
 * @array: it, changed if a module changes it: then F32
 * @owner: (out): owns the new numbers
 * @set: the set, bound to the part being loaded
 * @error: return location
 *
 * W += weight * alpha / rank * up * down, for one LoRA after the other.  To be
 * given to dif_loader_set_patch().
 *
 * Source: Hu et al. 2021; peft, `get_delta_weight`; kohya, merge_lora.py.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: FALSE on error
 */
gboolean dif_lora_set_patch (const char *name, DifHostArray *array, GBytes **owner, gpointer set,
                             GError **error);

/**
 * dif_lora_set_finish:
 * @set: a set, after all parts are loaded
 * @error: return location
 *
 * Errors: DIF_MODEL_ERROR MISSING_WEIGHT if there are modules for a part that
 * the model does not have.
 *
 * Returns: FALSE on error
 */
gboolean dif_lora_set_finish (DifLoraSet *set, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifLora, dif_lora_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifLoraSet, dif_lora_set_free)

G_END_DECLS

#endif /* DIF_FORMATS_LORA_H */
