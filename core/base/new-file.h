/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* new-file.h - a file that appears whole or not at all, however the process ends.
 *
 * Where the file system can, the file has no name until it is whole, so that nothing is left of
 * it if the process is killed; elsewhere it has a short hidden one in the folder of its target,
 * since a name as long as the file system allows leaves no room for more.
 */
#ifndef DIF_BASE_NEW_FILE_H
#define DIF_BASE_NEW_FILE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DifNewFile: a file on its way. */
typedef struct _DifNewFile DifNewFile;

/**
 * dif_new_file_open:
 * @target: where it will be; a symbolic link is replaced, not followed
 *
 * Returns: (transfer full) (nullable): the file, empty; NULL with errno set
 */
DIF_API DifNewFile *dif_new_file_open (const char *target);

/**
 * dif_new_file_fd:
 * @file: a file
 *
 * Returns: its descriptor, open for writing, which stays the file's
 */
DIF_API int dif_new_file_fd (DifNewFile *file);

/**
 * dif_new_file_finish:
 * @file: (transfer full): a file that is whole
 *
 * Puts it in its place; one that is there is replaced.
 *
 * Returns: 0, or an errno, the target being as it was
 */
DIF_API int dif_new_file_finish (DifNewFile *file);

/**
 * dif_new_file_drop:
 * @file: (nullable) (transfer full): a file that is not to be; leaves errno alone
 */
DIF_API void dif_new_file_drop (DifNewFile *file);

G_END_DECLS

#endif /* DIF_BASE_NEW_FILE_H */
