/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora.h - changes to a model's weights, low-rank and others, laid over it.
 *
 * A file's modules are found in a part's tensors by every spelling in use; what
 * fits nowhere is an error, since a picture drawn without it is another one.
 * Models do not know: their prepared weights are changed, or what is beside them
 * (tensor/overlay.h).
 */
#ifndef DIF_FORMATS_LORA_H
#define DIF_FORMATS_LORA_H

#include "tensor/overlay.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/** DifLora: one file. */
typedef struct _DifLora DifLora;

/**
 * dif_lora_open:
 * @path: a .safetensors file
 * @error: return location
 *
 * Knows LoRA (with convolutions and `lora_mid`), DoRA, LoHa, LoKr (both also in
 * Tucker's form), whole differences of weights, norms and biases, in the
 * spellings of diffusers, peft, kohya's scripts, LyCORIS, ComfyUI and
 * OneTrainer.  peft's own files take their settings from adapter_config.json
 * beside them.
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR UNSUPPORTED for
 * files that are none of these, by name; CORRUPT for modules that lack a half
 * or whose shapes do not fit each other; BAD_VALUE for numbers that are not
 * finite and for settings; MISSING_KEY where settings are needed and absent.
 *
 * Returns: (transfer full) (nullable): the LoRA
 */
DIF_API DifLora *dif_lora_open (const char *path, GError **error);

/**
 * dif_lora_free:
 * @lora: (nullable) (transfer full): a LoRA
 */
DIF_API void dif_lora_free (DifLora *lora);

/**
 * dif_lora_is_one:
 * @path: a .safetensors file
 *
 * Returns: whether it holds a LoRA by its names, even one that
 * dif_lora_open() refuses
 */
DIF_API gboolean dif_lora_is_one (const char *path);

/**
 * dif_lora_family:
 * @lora: a LoRA
 *
 * Returns: (transfer none): what it is for as far as names and widths tell,
 * such as "Stable Diffusion 1.x", else "another model"
 */
DIF_API const char *dif_lora_family (DifLora *lora);

/**
 * dif_lora_count:
 * @lora: a LoRA
 * @part: "unet", "text_encoder" or "text_encoder_2"
 *
 * Returns: how many of its modules change the part
 */
DIF_API guint dif_lora_count (DifLora *lora, const char *part);

/**
 * dif_lora_ranks:
 * @lora: a LoRA
 * @least: (out): the smallest rank of a module
 * @greatest: (out): the greatest; both are 0 if no module has one
 */
DIF_API void dif_lora_ranks (DifLora *lora, gsize *least, gsize *greatest);

/**
 * dif_lora_scales:
 * @lora: a LoRA
 * @least: (out): the least that a module is multiplied by, alpha / rank
 * @greatest: (out): the greatest
 */
DIF_API void dif_lora_scales (DifLora *lora, double *least, double *greatest);

/**
 * dif_lora_kinds:
 * @lora: a LoRA
 *
 * Returns: (transfer full): how its modules are written, such as "LoHa, full
 * difference"
 */
DIF_API char *dif_lora_kinds (DifLora *lora);

/**
 * dif_lora_unknown:
 * @lora: a LoRA
 * @example: (out) (transfer none) (nullable): one of them
 *
 * Returns: how many modules are of no part that a model here has
 */
DIF_API guint dif_lora_unknown (DifLora *lora, const char **example);

/**
 * dif_lora_idle:
 * @lora: a LoRA
 *
 * Returns: how many modules change nothing, because their alpha is 0 or all
 * that there is of them
 */
DIF_API guint dif_lora_idle (DifLora *lora);

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
DIF_API DifLoraSet *dif_lora_set_new (const char *const *specs, GError **error);

/**
 * dif_lora_set_free:
 * @set: (nullable) (transfer full): a set
 */
DIF_API void dif_lora_set_free (DifLoraSet *set);

/**
 * dif_lora_set_bind:
 * @set: a set
 * @part: the part that is loaded next, such as "unet"
 * @weights: its tensors
 * @error: return location
 *
 * Finds the part's modules in @weights; one whose weight is 0 changes nothing.
 *
 * Errors: DIF_MODEL_ERROR MISSING_WEIGHT or SHAPE, saying what the LoRA is for.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_lora_set_bind (DifLoraSet *set, const char *part, DifWeights *weights,
                                    GError **error);

/**
 * dif_lora_set_patch:
 * @name: a tensor's canonical name
 * @array: it, changed if a module changes it: then F32
 * @owner: (out): owns the new numbers
 * @set: the set, bound to the part being loaded
 * @error: return location
 *
 * W += weight * alpha / rank * up * down, or what the kind of change is, for one
 * LoRA after the other: a DifPatchFunc.  A change of
 * the first convolution of a U-Net that sees more than the latents (a mask, a
 * depth map) leaves what it sees besides as it is.
 *
 * Source: Hu et al. 2021; peft, `get_delta_weight` and `merge`; LyCORIS,
 * functional/general.py (weight_decompose); kohya, merge_lora.py.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_lora_set_patch (const char *name, DifHostArray *array, GBytes **owner,
                                     gpointer set,
                                     GError **error);

/**
 * dif_lora_set_overlay:
 * @set: a set, bound to a part; the overlay is for that part, as long as it is
 *
 * What lays the set's modules over the part's weights: those of plain LoRAs as
 * low-rank changes, all others, and those of tensors that others change as well,
 * by dif_lora_set_patch().
 *
 * Returns: for dif_store_lay_over()
 */
DIF_API DifOverlay dif_lora_set_overlay (DifLoraSet *set);

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
DIF_API gboolean dif_lora_set_finish (DifLoraSet *set, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifLora, dif_lora_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifLoraSet, dif_lora_set_free)

G_END_DECLS

#endif /* DIF_FORMATS_LORA_H */
