/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* open-checkpoint.h - a model on disk, of any family. */
#ifndef DIF_PIPELINES_OPEN_CHECKPOINT_H
#define DIF_PIPELINES_OPEN_CHECKPOINT_H

#include "formats/checkpoint.h"

G_BEGIN_DECLS

/**
 * dif_checkpoint_open:
 * @path: a folder with model_index.json, or a .safetensors or .gguf file
 * @error: return location
 *
 * dif_checkpoint_open_of() for all families.
 *
 * Errors: those of dif_checkpoint_open_of().
 *
 * Returns: (transfer full) (nullable): a checkpoint
 */
DIF_API DifCheckpoint *dif_checkpoint_open (const char *path, GError **error);

G_END_DECLS

#endif /* DIF_PIPELINES_OPEN_CHECKPOINT_H */
