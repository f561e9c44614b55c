/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* catalog-nested.h - LoRAs and textual-inversion words in folders inside their folders. */
#ifndef DIF_FORMATS_CATALOG_NESTED_H
#define DIF_FORMATS_CATALOG_NESTED_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * _dif_catalog_find_nested:
 * @folders: (array zero-terminated=1): where to look, first hit wins
 * @name: a file's name below them, such as "style/foo"; or its last part alone,
 *   where it means one file
 * @path: (out) (transfer full) (nullable): its path; NULL if there is none
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR BAD_VALUE naming two files that a last part means.
 *
 * Returns: FALSE on error
 */
gboolean _dif_catalog_find_nested (char **folders, const char *name, char **path, GError **error);

G_END_DECLS

#endif /* DIF_FORMATS_CATALOG_NESTED_H */
