/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single-file.h - a whole checkpoint in one .safetensors file, as Stability and
 * the people who fine-tune publish them.
 */
#ifndef DIF_FORMATS_SINGLE_FILE_H
#define DIF_FORMATS_SINGLE_FILE_H

#include "base/json.h"
#include "formats/single-family.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/** DifSingleFile: one such file. */
typedef struct _DifSingleFile DifSingleFile;

/**
 * dif_single_file_has_ending:
 * @path: a path
 *
 * Returns: whether it is named like one: `.safetensors`, or `.gguf`, of which
 * those with all parts under original names are read (stable-diffusion.cpp
 * writes such)
 */
gboolean dif_single_file_has_ending (const char *path);

/**
 * dif_single_file_open:
 * @path: a .safetensors or .gguf file
 * @families: (array zero-terminated=1): those it may be of
 * @error: return location
 *
 * Reads the header and finds out the family.  The tensors `v_pred` and `ztsnr`,
 * else the metadata's `modelspec.prediction_type`, else `parameterization` in
 * `NAME.yaml` beside `NAME.safetensors` set the scheduler's `prediction_type`
 * and `rescale_betas_zero_snr`.  Where `NAME.dif.json` lies beside it, that has
 * the last word: an object of a part's name, such as "scheduler" or "unet",
 * holds keys that replace those of the part's config.
 *
 * Errors: those of dif_safetensors_read(), dif_gguf_read(), dif_file_read() and
 * dif_json_load(); UNSUPPORTED for a file of no family, saying what it is instead, and
 * for another prediction than noise and velocity.
 *
 * Returns: (transfer full) (nullable): the file
 */
DifSingleFile *dif_single_file_open (const char *path, const DifSingleFamily *const *families,
                                     GError **error);

/**
 * dif_single_file_free:
 * @file: (nullable) (transfer full): a file
 */
void dif_single_file_free (DifSingleFile *file);

/**
 * dif_single_file_label:
 * @file: a file
 *
 * Returns: (transfer none): such as "Stable Diffusion 1.x"
 */
const char *dif_single_file_label (DifSingleFile *file);

/**
 * dif_single_file_settings_path:
 * @path: of a .safetensors file
 *
 * Returns: (transfer full): where its settings would be
 */
char *dif_single_file_settings_path (const char *path);

/**
 * dif_single_file_index:
 * @file: a file
 * @error: return location
 *
 * Errors: G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): what a model_index.json would say
 */
DifJson *dif_single_file_index (DifSingleFile *file, GError **error);

/**
 * dif_single_file_config:
 * @file: a file
 * @part: such as "unet"
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR MISSING_KEY if the file has no tensors of the part.
 *
 * Returns: (transfer full) (nullable): what the part's config would say
 */
DifJson *dif_single_file_config (DifSingleFile *file, const char *part, GError **error);

/**
 * dif_single_file_weights:
 * @file: a file
 * @part: such as "unet"
 * @error: return location
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR MISSING_KEY if the
 * file has no tensors of the part; G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): its tensors under canonical names
 */
DifWeights *dif_single_file_weights (DifSingleFile *file, const char *part, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifSingleFile, dif_single_file_free)

G_END_DECLS

#endif /* DIF_FORMATS_SINGLE_FILE_H */
