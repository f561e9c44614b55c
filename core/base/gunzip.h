/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* gunzip.h - gzip's bytes unpacked. */
#ifndef DIF_BASE_GUNZIP_H
#define DIF_BASE_GUNZIP_H

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

G_END_DECLS

#endif /* DIF_BASE_GUNZIP_H */
