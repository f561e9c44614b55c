/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single-checks.h - single files as they are published, and what must be read from them.
 *
 * Files of published size are written sparse: a header, and a hole for the data.
 */
#ifndef DIF_TESTS_SINGLE_CHECKS_H
#define DIF_TESTS_SINGLE_CHECKS_H

#include "dif-parts.h"

G_BEGIN_DECLS

/** single_read_published: singles/published.json.gz of the fixtures. */
DifJson *single_read_published (void);

/** single_write_sparse: @rows of a family at @path, the first @from of each name replaced by @to;
 * an empty @from puts @to before the name. */
void single_write_sparse (const char *path, DifJson *rows, const char *from, const char *to);

/** single_check_part: the tensors of @part are those of @rows, and no others. */
void single_check_part (DifCheckpoint *c, DifJson *rows, const char *part);

/** single_check_config: every key that a model reads and the published config has. */
void single_check_config (DifCheckpoint *c, DifJson *published, const char *part);

/** single_write_names: file.safetensors of one-element tensors, of zeros; NAME:D1xD2... has that
 * shape.  Returns: its path; free it. */
char *single_write_names (const char *folder, const char *const *names);

G_END_DECLS

#endif /* DIF_TESTS_SINGLE_CHECKS_H */
