/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single.h - single-file checkpoints put together from the small models' folders. */
#ifndef DIF_TESTS_SINGLE_H
#define DIF_TESTS_SINGLE_H

#include "dif-parts.h"

G_BEGIN_DECLS

/**
 * single_write: the folder models/@model of the fixtures as one file in original names.
 *
 * @folder: gets MODEL.safetensors and MODEL.dif.json, which says what the small model's shapes do
 *   not: groups and heads
 * @dtype: of the tensors: F32, F16 or BF16
 *
 * Returns: the file's path; free it
 */
char *single_write (const char *folder, const char *model, DifDtype dtype);

G_END_DECLS

#endif /* DIF_TESTS_SINGLE_H */
