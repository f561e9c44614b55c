/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* file.h - small files read whole, with the path in every message. */
#ifndef DIF_BASE_FILE_H
#define DIF_BASE_FILE_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_file_open:
 * @path: a regular file; folders, devices and pipes are refused
 * @size: (out): its size in bytes
 * @error: return location
 *
 * Errors: G_FILE_ERROR, prefixed with the path.
 *
 * Returns: a descriptor open for reading, or -1
 */
int dif_file_open (const char *path, guint64 *size, GError **error);

/**
 * dif_file_read:
 * @path: a regular file
 * @max_bytes: larger files are refused
 * @error: return location
 *
 * Errors: G_FILE_ERROR, prefixed with the path; DIF_FORMAT_ERROR TOO_LARGE.
 *
 * Returns: (transfer full) (nullable): its contents
 */
GBytes *dif_file_read (const char *path, gsize max_bytes, GError **error);

/**
 * dif_file_map:
 * @path: a regular file
 * @error: return location
 *
 * Nobody may cut the file short while it is mapped.
 *
 * Errors: G_FILE_ERROR, prefixed with the path.
 *
 * Returns: (transfer full) (nullable): its contents, mapped
 */
GBytes *dif_file_map (const char *path, GError **error);

/**
 * dif_file_is_pickled:
 * @name: a file's name or path
 *
 * Returns: whether it is named like one of PyTorch's own, which may hold code
 * and which nobody here reads
 */
gboolean dif_file_is_pickled (const char *name);

G_END_DECLS

#endif /* DIF_BASE_FILE_H */
