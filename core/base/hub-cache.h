/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* hub-cache.h - repositories in the Hugging Face cache, whoever put them there.
 *
 * Source: huggingface_hub's page on the local cache: models--OWNER--NAME/refs/REVISION holds a
 * commit, snapshots/COMMIT/ the files as links to blobs/.
 */
#ifndef DIF_BASE_HUB_CACHE_H
#define DIF_BASE_HUB_CACHE_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_hub_cache_folder:
 *
 * Returns: (transfer full): the cache: $HF_HUB_CACHE, $HF_HOME/hub or the user's
 * cache folder huggingface/hub; existing or not
 */
DIF_API char *dif_hub_cache_folder (void);

/**
 * dif_hub_cache_find:
 * @repository: OWNER/NAME
 *
 * Returns: (transfer full) (nullable): the folder with the files of its branch
 * main, or of its only snapshot; NULL if it is not there or is no such name
 */
DIF_API char *dif_hub_cache_find (const char *repository);

/**
 * dif_hub_cache_list:
 *
 * Returns: (transfer full) (array zero-terminated=1): names of all that
 * dif_hub_cache_find() finds, OWNER/NAME, sorted
 */
DIF_API char **dif_hub_cache_list (void);

/**
 * dif_hub_cache_name_of:
 * @path: absolute
 *
 * Returns: (transfer full) (nullable): OWNER/NAME of the repository whose snapshot
 * that folder is; NULL for any other
 */
DIF_API char *dif_hub_cache_name_of (const char *path);

G_END_DECLS

#endif /* DIF_BASE_HUB_CACHE_H */
