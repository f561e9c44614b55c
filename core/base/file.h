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
DIF_API int dif_file_open (const char *path, guint64 *size, GError **error);

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
DIF_API GBytes *dif_file_read (const char *path, gsize max_bytes, GError **error);

/** DifFileMap: a file's contents, mapped. */
typedef struct _DifFileMap DifFileMap;

/**
 * dif_file_map:
 * @path: a regular file
 * @error: return location
 *
 * Replacing the file by another does nothing to the map.  Reading what somebody has cut
 * off meanwhile ends the process (SIGBUS), which nothing can rule out: a lease is for the
 * file's owner only and its end is a signal, a handler of SIGBUS is the program's and not
 * a library's, and a copy of all weights is what mapping saves.  Who reads much asks
 * dif_file_map_check() before every tensor, so that only a cut within the milliseconds
 * of one is deadly.
 *
 * Errors: G_FILE_ERROR, prefixed with the path.
 *
 * Returns: (transfer full) (nullable): the map
 */
DIF_API DifFileMap *dif_file_map (const char *path, GError **error);

/**
 * dif_file_map_ref:
 * @map: a map
 *
 * Returns: (transfer full): @map
 */
DIF_API DifFileMap *dif_file_map_ref (DifFileMap *map);

/**
 * dif_file_map_unref:
 * @map: (nullable) (transfer full): a map
 */
DIF_API void dif_file_map_unref (DifFileMap *map);

/**
 * dif_file_map_bytes:
 * @map: a map
 *
 * Returns: (transfer none): the contents, as long as the map is there
 */
DIF_API GBytes *dif_file_map_bytes (DifFileMap *map);

/**
 * dif_file_map_check:
 * @map: a map
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT, with the path, when the file has become shorter.
 *
 * Returns: whether it is as long as it was when it was mapped
 */
DIF_API gboolean dif_file_map_check (DifFileMap *map, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifFileMap, dif_file_map_unref)

/**
 * dif_file_is_pickled:
 * @name: a file's name or path
 *
 * Returns: whether it is named like one of PyTorch's own, which may hold code
 * and which nobody here reads
 */
DIF_API gboolean dif_file_is_pickled (const char *name);

G_END_DECLS

#endif /* DIF_BASE_FILE_H */
