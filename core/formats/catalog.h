/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* catalog.h - which models are installed, and what a model's name means. */
#ifndef DIF_FORMATS_CATALOG_H
#define DIF_FORMATS_CATALOG_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_DEFAULT_MODEL: name of the bundled model. */
#define DIF_DEFAULT_MODEL "tiny-scenes"

/**
 * dif_catalog_folders:
 *
 * Where models are looked for, first hit wins: `$DIF_DATA_DIR/models`, the
 * user's data folder `gimp-diffusion/models`, the system data folders, and
 * the folder libdif was installed with.
 *
 * Returns: (transfer full) (array zero-terminated=1): paths, existing or not
 */
DIF_API char **dif_catalog_folders (void);

/**
 * dif_catalog_resolve:
 * @model: (nullable): a path, the name of an installed model, or that of a
 *   pipeline in the Hugging Face cache, OWNER/NAME; NULL or "" means
 *   %DIF_DEFAULT_MODEL.  A bare word is a name and nothing else, wherever the
 *   program was started: a model in the current folder is "./NAME".
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR MISSING_KEY naming the folders searched and the
 * models found there.
 *
 * Returns: (transfer full) (nullable): a path that exists
 */
DIF_API char *dif_catalog_resolve (const char *model, GError **error);

/**
 * dif_catalog_default:
 * @task: a task, such as "inpaint"
 *
 * Returns: (transfer none): name of the model to use where none is named: the
 * bundled one that is made for @task if it is installed, else
 * %DIF_DEFAULT_MODEL
 */
DIF_API const char *dif_catalog_default (const char *task);

/**
 * dif_catalog_names:
 *
 * Returns: (transfer full) (array zero-terminated=1): names of installed
 * models and of pipelines in the Hugging Face cache, sorted, each once
 */
DIF_API char **dif_catalog_names (void);

/**
 * dif_catalog_resolve_file:
 * @kind: "loras" or "embeddings"
 * @name: a path, or the name, with or without ".safetensors", of a file in the
 *   folder @kind beside the models', "style/foo" below it, or "foo" alone where
 *   there is one of that name in all folders inside; a bare word is never a file
 *   of the current folder
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR MISSING_KEY naming the folders searched; BAD_VALUE
 * naming two files that a name means.
 *
 * Returns: (transfer full) (nullable): a path that exists
 */
DIF_API char *dif_catalog_resolve_file (const char *kind, const char *name, GError **error);

/**
 * dif_catalog_name_of:
 * @path: a model or file
 *
 * What to call it where paths mean nothing or should not be told: the name by
 * which it is installed, if it is: the end of its path without ".safetensors".
 *
 * Returns: (transfer full): a name without a folder
 */
DIF_API char *dif_catalog_name_of (const char *path);

/**
 * dif_catalog_find:
 * @kind: "models", "loras" or "embeddings"
 * @name: a name, for a model also OWNER/NAME of the Hugging Face cache; never a path
 *
 * Returns: (transfer full) (nullable): where it is installed; NULL if it is not
 */
DIF_API char *dif_catalog_find (const char *kind, const char *name);

/**
 * dif_catalog_split_spec:
 * @spec: FILE or FILE:TEXT
 * @rest: (out) (transfer full) (nullable): TEXT, if there is some
 *
 * Returns: (transfer full): FILE; all of @spec if there is a file of that name
 */
DIF_API char *dif_catalog_split_spec (const char *spec, char **rest);

/**
 * dif_catalog_find_data:
 * @name: of a file that comes with libdif, such as "models.json"
 *
 * Returns: (transfer full) (nullable): the first of that name in the folders
 * above the models'
 */
DIF_API char *dif_catalog_find_data (const char *name);

/**
 * dif_catalog_tokenizer_folder:
 *
 * Returns: (transfer full): where the user's own copy of CLIP's vocabulary is
 * kept
 */
DIF_API char *dif_catalog_tokenizer_folder (void);

/**
 * dif_catalog_tokenizers:
 *
 * Returns: (transfer full) (array zero-terminated=1): folders in which there
 * may be a vocabulary: the user's own, then those of installed models
 */
DIF_API char **dif_catalog_tokenizers (void);

G_END_DECLS

#endif /* DIF_FORMATS_CATALOG_H */
