/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* archive.h - packed bytes: gzip, and one member of a zip archive. */
#ifndef DIF_BASE_ARCHIVE_H
#define DIF_BASE_ARCHIVE_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_gunzip:
 * @packed: a gzip file's bytes
 * @name: shown in messages
 * @max_bytes: larger contents are refused
 * @error: return location
 *
 * Source: RFC 1952, by GLib's GZlibDecompressor; its check sum is verified.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT, TOO_LARGE; G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): the contents
 */
GBytes *dif_gunzip (GBytes *packed, const char *name, gsize max_bytes, GError **error);

/**
 * dif_unzip:
 * @archive: a zip archive's bytes
 * @name: shown in messages
 * @suffix: how the wanted member's name ends
 * @max_bytes: larger members are refused
 * @error: return location
 *
 * The first member of that name, stored or deflated.  Offsets, sizes and the
 * check sum must agree; archives of several volumes, encrypted ones and zip64
 * are refused.
 *
 * Source: PKWARE APPNOTE.TXT 6.3, 4.3.7, 4.3.12, 4.3.16.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT, UNSUPPORTED, TOO_LARGE, MISSING_KEY (no
 * such member); G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): the member's contents
 */
GBytes *dif_unzip (GBytes *archive, const char *name, const char *suffix, gsize max_bytes,
                   GError **error);

G_END_DECLS

#endif /* DIF_BASE_ARCHIVE_H */
