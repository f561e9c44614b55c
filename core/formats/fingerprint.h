/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fingerprint.h - telling a model from another quickly, however large it is. */
#ifndef DIF_FORMATS_FINGERPRINT_H
#define DIF_FORMATS_FINGERPRINT_H

#include "base/json.h"
#include "formats/checkpoint.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/** DIF_FINGERPRINT_SAMPLE: bytes of each tensor that count. */
#define DIF_FINGERPRINT_SAMPLE 1024

/**
 * dif_fingerprint_add:
 * @sum: a SHA-256 checksum
 * @part: such as "unet"
 * @config: (nullable): its settings
 * @weights: (nullable): its tensors as they lie in the file
 *
 * Feeds the name, the settings, and of every tensor its name, dtype, shape and
 * up to %DIF_FINGERPRINT_SAMPLE bytes from its middle: a page of each, so that
 * gigabytes take no longer than their headers.  Training changes every tensor,
 * so another training is another fingerprint; a change of single numbers
 * elsewhere in a tensor is not noticed.
 *
 * Order counts: of the calls, not of the tensors.
 */
DIF_API void dif_fingerprint_add (GChecksum *sum, const char *part, DifJson *config,
                                  DifWeights *weights);

/** DIF_FINGERPRINT_HEAD: bytes at the beginning of a file that count. */
#define DIF_FINGERPRINT_HEAD (1024 * 1024)

/**
 * dif_fingerprint_add_file:
 * @sum: a SHA-256 checksum
 * @path: a file, such as a LoRA
 * @error: return location
 *
 * Feeds its length, its first %DIF_FINGERPRINT_HEAD bytes, and of a longer one
 * 256 samples of %DIF_FINGERPRINT_SAMPLE bytes from there to its end.
 *
 * Errors: file errors with the path.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_fingerprint_add_file (GChecksum *sum, const char *path, GError **error);

/**
 * dif_fingerprint_of_checkpoint:
 * @c: a checkpoint
 * @error: return location
 *
 * The fingerprint that a pipeline loaded from @c has, without loading it: of the
 * scheduler and of the networks that draw.
 *
 * Errors: those of dif_checkpoint_config() and dif_checkpoint_weights().
 *
 * Returns: (transfer full) (nullable): 64 hexadecimal digits
 */
DIF_API char *dif_fingerprint_of_checkpoint (DifCheckpoint *c, GError **error);

/**
 * dif_fingerprint_of_file:
 * @path: a file, such as a LoRA
 * @error: return location
 *
 * Errors: those of dif_fingerprint_add_file().
 *
 * Returns: (transfer full) (nullable): its fingerprint alone, 64 hexadecimal digits
 */
DIF_API char *dif_fingerprint_of_file (const char *path, GError **error);

G_END_DECLS

#endif /* DIF_FORMATS_FINGERPRINT_H */
