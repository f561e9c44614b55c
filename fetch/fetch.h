/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fetch.h - models taken from a Hugging Face-compatible server or from an address.
 *
 * The only part of the project that knows a network; nothing is contacted but by these functions.
 * What is fetched goes into the hub's cache folder, in its layout, so that other programs share
 * it: a blob is named by its hash, which is verified before the blob has that name, and a
 * snapshot's links appear when all its blobs are there.  What was cut off is resumed.
 *
 * Source of protocol and layout: huggingface_hub 2.4.0, file_download.py and the hub's page on
 * the local cache.
 */
#ifndef DIF_FETCH_FETCH_H
#define DIF_FETCH_FETCH_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_FETCH_ERROR: domain of DifFetchError. */
#define DIF_FETCH_ERROR (dif_fetch_error_quark ())

/**
 * DifFetchError:
 * @DIF_FETCH_ERROR_OFFLINE: HF_HUB_OFFLINE forbids contacting anybody
 * @DIF_FETCH_ERROR_NETWORK: no answer, or one cut off, after all tries
 * @DIF_FETCH_ERROR_NOT_FOUND: the server knows no such repository, revision or file
 * @DIF_FETCH_ERROR_FORBIDDEN: conditions must be accepted first, or the token does not do
 * @DIF_FETCH_ERROR_SERVER: an answer that makes no sense or is refused
 * @DIF_FETCH_ERROR_DAMAGED: what came is not what was announced
 * @DIF_FETCH_ERROR_SPACE: the disk has no room for it
 * @DIF_FETCH_ERROR_CHOICE: the name or address does not say which file is meant
 *
 * What may go wrong; errors of files are G_FILE_ERROR and G_IO_ERROR.
 */
typedef enum
{
  DIF_FETCH_ERROR_OFFLINE,
  DIF_FETCH_ERROR_NETWORK,
  DIF_FETCH_ERROR_NOT_FOUND,
  DIF_FETCH_ERROR_FORBIDDEN,
  DIF_FETCH_ERROR_SERVER,
  DIF_FETCH_ERROR_DAMAGED,
  DIF_FETCH_ERROR_SPACE,
  DIF_FETCH_ERROR_CHOICE
} DifFetchError;

/**
 * dif_fetch_error_quark:
 *
 * Returns: the domain
 */
GQuark dif_fetch_error_quark (void);

/**
 * DifFetchSettings:
 * @endpoint: the server, without a slash at its end; HF_ENDPOINT or the hub's public address
 * @token: (nullable): HF_TOKEN, or the first line of the token file; sent to @endpoint only
 * @cache: the cache folder; HF_HUB_CACHE, HF_HOME/hub or that of huggingface_hub
 * @is_offline: HF_HUB_OFFLINE: whatever is not there already is refused
 * @timeout: seconds without a byte after which a try ends
 * @n_tries: tries without any progress before giving up
 * @n_parallel: files fetched at the same time
 */
typedef struct
{
  char    *endpoint;
  char    *token;
  char    *cache;
  gboolean is_offline;
  guint    timeout;
  guint    n_tries;
  guint    n_parallel;
} DifFetchSettings;

/**
 * dif_fetch_settings_new:
 *
 * Returns: (transfer full): what the environment says; free with dif_fetch_settings_free()
 */
DifFetchSettings *dif_fetch_settings_new (void);

/**
 * dif_fetch_settings_free:
 * @settings: (transfer full): settings
 */
void dif_fetch_settings_free (DifFetchSettings *settings);

/**
 * DifFetchFile:
 * @path: within the repository, checked: relative, no "..", printing characters
 * @hash: lower-case hexadecimal: sha256 of the contents (64 digits), or git's sha1 (40)
 * @size: bytes
 * @is_there: whether the cache has it already
 */
typedef struct
{
  char    *path;
  char    *hash;
  guint64  size;
  gboolean is_there;
} DifFetchFile;

/**
 * DifFetchPlan:
 * @repository: "owner/name"
 * @revision: as asked for
 * @commit: the commit that it is, 40 hexadecimal digits
 * @license: (nullable): as the server states it
 * @files: (element-type DifFetchFile): what will be there
 * @n_bytes: of all files
 * @n_missing: of those that are not there yet, partial downloads taken off
 *
 * What a pull would do, before it does it.
 */
typedef struct
{
  char      *repository;
  char      *revision;
  char      *commit;
  char      *license;
  GPtrArray *files;
  guint64    n_bytes;
  guint64    n_missing;
} DifFetchPlan;

/**
 * dif_fetch_plan_new:
 * @settings: settings
 * @repository: "owner/name"
 * @revision: (nullable): a branch, tag or commit; NULL means "main"
 * @variant: (nullable): the variant of weights to prefer, such as "fp16"
 * @pattern: (nullable): a glob; NULL means what a pipeline needs: model_index.json, the folders
 *   it names, each with configs, vocabularies and one set of safetensors
 * @cancellable: (nullable): ends it
 * @error: return location
 *
 * Asks the server what the repository holds.  Errors: DIF_FETCH_ERROR; G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): the plan; free with dif_fetch_plan_free()
 */
DifFetchPlan *dif_fetch_plan_new (const DifFetchSettings *settings, const char *repository,
                                  const char *revision, const char *variant, const char *pattern,
                                  GCancellable *cancellable, GError **error);

/**
 * dif_fetch_plan_free:
 * @plan: (nullable) (transfer full): a plan
 */
void dif_fetch_plan_free (DifFetchPlan *plan);

/**
 * DifFetchProgress:
 * @file: what is being fetched; of several, any
 * @n_done: bytes fetched or found
 * @n_bytes: bytes in all
 * @speed: bytes a second, over the last few seconds
 * @note: (nullable): why it waits, in one line
 */
typedef struct
{
  const char *file;
  guint64     n_done;
  guint64     n_bytes;
  double      speed;
  const char *note;
} DifFetchProgress;

/**
 * DifFetchFunc:
 * @progress: how far it is
 * @user_data: the caller's
 *
 * Called a few times a second, from the thread of the call.
 */
typedef void (*DifFetchFunc) (const DifFetchProgress *progress, gpointer user_data);

/**
 * dif_fetch_run:
 * @settings: settings
 * @plan: a plan
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): ends it; what has come stays and is gone on from
 * @error: return location
 *
 * Errors: DIF_FETCH_ERROR, those of files, G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): the snapshot's folder, which is whole
 */
char *dif_fetch_run (const DifFetchSettings *settings, DifFetchPlan *plan, DifFetchFunc progress,
                     gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * dif_fetch_address:
 * @settings: settings; their token is not sent unless the address is @endpoint's
 * @address: http or https
 * @hash: (nullable): sha256 in hexadecimal that the contents must have
 * @path: where it will be, whole or not at all; nothing is replaced
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): ends it; what has come stays beside @path and is gone on from
 * @error: return location
 *
 * Errors: as dif_fetch_run(); G_IO_ERROR_EXISTS.
 *
 * Returns: whether @path is there
 */
gboolean dif_fetch_address (const DifFetchSettings *settings, const char *address,
                            const char *hash, const char *path, DifFetchFunc progress,
                            gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * dif_fetch_check:
 * @path: a file
 * @hash: sha256 or git's sha1, in hexadecimal
 * @cancellable: (nullable): ends it
 * @error: return location
 *
 * Errors: DIF_FETCH_ERROR_DAMAGED, those of files, G_IO_ERROR_CANCELLED.
 *
 * Returns: whether the file's contents have that hash
 */
gboolean dif_fetch_check (const char *path, const char *hash, GCancellable *cancellable,
                          GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifFetchSettings, dif_fetch_settings_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifFetchPlan, dif_fetch_plan_free)

G_END_DECLS

#endif /* DIF_FETCH_FETCH_H */
