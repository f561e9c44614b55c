/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* hub.c - what a repository holds, in a Hugging Face-compatible server's words.
 *
 * Nothing that the server says becomes a path, an address or a size before it is checked.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "fetch/fetch-private.h"

#define MAX_FILES 20000
#define MAX_PAGES 100

/* ---- values ---- */

DifFetchFile *
_dif_fetch_file_new (const char *path, const char *hash, guint64 size)
{
  DifFetchFile *file = g_new0 (DifFetchFile, 1);

  file->path = g_strdup (path);
  file->hash = g_strdup (hash);
  file->size = size;
  return file;
}

void
_dif_fetch_file_free (gpointer data)
{
  DifFetchFile *file = data;

  g_free (file->path);
  g_free (file->hash);
  g_free (file);
}

void
dif_fetch_plan_free (DifFetchPlan *plan)
{
  if (! plan)
    return;
  g_free (plan->repository);
  g_free (plan->revision);
  g_free (plan->commit);
  g_free (plan->license);
  g_clear_pointer (&plan->files, g_ptr_array_unref);
  g_free (plan);
}

/* ---- places ---- */

char *
_dif_hub_folder (const DifFetchSettings *settings, const char *repository)
{
  g_auto (GStrv)   parts = g_strsplit (repository, "/", -1);
  g_autofree char *flat  = g_strjoinv ("--", parts);
  g_autofree char *name  = g_strconcat ("models--", flat, NULL);

  return g_build_filename (settings->cache, name, NULL);
}

char *
_dif_hub_blob (const char *folder, const char *hash, gboolean is_partial)
{
  g_autofree char *name = g_strconcat (hash, is_partial ? ".incomplete" : "", NULL);

  return g_build_filename (folder, "blobs", name, NULL);
}

char *
_dif_hub_address (const DifFetchSettings *settings, const DifFetchPlan *plan,
                  const DifFetchFile *file)
{
  g_autofree char *path = g_uri_escape_string (file->path, "/", FALSE);

  return g_strdup_printf ("%s/%s/resolve/%s/%s", settings->endpoint, plan->repository, plan->commit,
                          path);
}

/* ---- the server's words ---- */

/* Gets JSON; the address of a further page, if any, goes to @next. */
static DifJson *
get_json (const DifFetchSettings *settings, const char *address, char **next,
          GCancellable *cancellable, GError **error)
{
  DifHttp     http = { .settings = settings, .cancellable = cancellable };
  DifJson    *json = NULL;
  const char *link, *end;

  if (_dif_http_get_patiently (&http, address, error))
    json = dif_json_parse ((const char *) http.body->data, http.body->len, address, error);
  link = json && next ? g_hash_table_lookup (http.headers, "link") : NULL;
  end  = link ? strchr (link, '>') : NULL;
  if (end && *link == '<' && strstr (end, "rel=\"next\""))
    *next = g_strndup (link + 1, (gsize) (end - link - 1));
  _dif_http_clear (&http);
  return json;
}

/* One entry of the tree; folders and files that we could not name here are left out. */
static gboolean
read_entry (DifJson *entry, GPtrArray *files)
{
  DifJson    *lfs  = dif_json_member (entry, "lfs");
  const char *type = dif_json_string (entry, "type", "");
  const char *path = dif_json_string (entry, "path", "");
  const char *hash = dif_json_string (lfs ? lfs : entry, "oid", "");
  gint64      size = dif_json_int (lfs ? lfs : entry, "size", -1, -1, G_MAXINT64);

  if (strcmp (type, "file") != 0 || ! _dif_select_is_safe (path))
    return TRUE;
  if (g_str_has_prefix (hash, "sha256:"))
    hash += strlen ("sha256:");
  if (! _dif_digest_is_hash (hash) || (lfs && strlen (hash) != 64))
    dif_json_fail (entry, DIF_FORMAT_ERROR_BAD_VALUE, "expected a hash as \"oid\", found \"%.80s\"",
                   hash);
  if (size < 0)
    dif_json_fail (entry, DIF_FORMAT_ERROR_BAD_VALUE, "expected a size, found none");
  g_ptr_array_add (files, _dif_fetch_file_new (path, hash, (guint64) MAX (size, 0)));
  return files->len <= MAX_FILES;
}

/* The files of one page. */
static gboolean
read_page (DifJson *page, GPtrArray *files, const char *repository, GError **error)
{
  gboolean fits = TRUE;

  if (dif_json_type (page) != DIF_JSON_ARRAY)
    dif_json_fail_value (page, DIF_FORMAT_ERROR_BAD_VALUE, "a list of files");
  for (guint i = 0; fits && i < dif_json_length (page); i++)
    fits = read_entry (dif_json_at (page, i), files);
  if (! dif_json_finish (page, error))
    return FALSE;
  if (! fits)
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
                 "%s: expected at most %d files, found more", repository, MAX_FILES);
  return fits;
}

static GPtrArray *
list_files (const DifFetchSettings *settings, const DifFetchPlan *plan, GCancellable *cancellable,
            GError **error)
{
  g_autoptr (GPtrArray) files   = g_ptr_array_new_with_free_func (_dif_fetch_file_free);
  g_autofree char      *address = g_strdup_printf ("%s/api/models/%s/tree/%s?recursive=true",
                                                   settings->endpoint, plan->repository,
                                                   plan->commit);

  for (guint i = 0; address && i < MAX_PAGES; i++)
    {
      g_autofree char    *next = NULL;
      g_autoptr (DifJson) page = get_json (settings, address, &next, cancellable, error);

      if (! page || ! read_page (page, files, plan->repository, error))
        return NULL;
      /* the next page lies on the same server, whatever it says */
      g_free (address);
      address = next && g_str_has_prefix (next, settings->endpoint) ? g_steal_pointer (&next)
                                                                    : NULL;
    }
  return g_steal_pointer (&files);
}

/* Which commit the revision is, and its licence. */
static gboolean
find_commit (const DifFetchSettings *settings, DifFetchPlan *plan, GCancellable *cancellable,
             GError **error)
{
  g_autofree char    *revision = g_uri_escape_string (plan->revision, NULL, FALSE);
  g_autofree char    *address  = g_strconcat (settings->endpoint, "/api/models/", plan->repository,
                                              "/revision/", revision, NULL);
  g_autoptr (DifJson) info     = get_json (settings, address, NULL, cancellable, error);
  DifJson            *card, *license;
  const char         *commit;

  if (! info)
    return FALSE;
  commit = dif_json_string (info, "sha", "");
  if (strlen (commit) != 40 || ! _dif_digest_is_hash (commit))
    dif_json_fail (info, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a commit of 40 digits as \"sha\", found \"%.80s\"", commit);
  card    = dif_json_member (info, "cardData");
  license = card && dif_json_type (card) == DIF_JSON_OBJECT ? dif_json_member (card, "license")
                                                            : NULL;
  if (license && dif_json_type (license) == DIF_JSON_STRING)
    plan->license = g_strdup (dif_json_value_string (license));
  if (! dif_json_finish (info, error))
    return FALSE;
  plan->commit = g_strdup (commit);
  return TRUE;
}

/* model_index.json, if the repository has one: @index stays NULL else. */
static gboolean
get_index (const DifFetchSettings *settings, const DifFetchPlan *plan, GPtrArray *all,
           DifJson **index, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < all->len; i++)
    {
      const DifFetchFile *file = all->pdata[i];

      if (strcmp (file->path, "model_index.json") == 0)
        {
          g_autofree char *address = _dif_hub_address (settings, plan, file);

          *index = get_json (settings, address, NULL, cancellable, error);
          return *index != NULL;
        }
    }
  return TRUE;
}

/* ---- plans ---- */

static gboolean
check_names (const char *repository, const char *revision, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (repository, "/", -1);
  gboolean       good  = g_strv_length (parts) == 2;

  for (guint i = 0; good && i < 2; i++)
    for (const char *p = parts[i]; good && *p; p++)
      good = g_ascii_isalnum (*p) || strchr ("-_.", *p);
  for (guint i = 0; good && i < 2; i++)
    good = *parts[i] && *parts[i] != '.' && *parts[i] != '-' && ! strstr (parts[i], "..") &&
           ! strstr (parts[i], "--") && strlen (parts[i]) <= 96;
  if (! good)
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%.100s: expected a repository's name, OWNER/NAME", repository);
  else if (! _dif_select_is_safe (revision))
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%.100s: expected a branch, tag or commit as revision", revision);
  else
    return TRUE;
  return FALSE;
}

/* What is there already, whole or in part. */
static void
count_bytes (const DifFetchSettings *settings, DifFetchPlan *plan)
{
  g_autofree char *folder = _dif_hub_folder (settings, plan->repository);

  for (guint i = 0; i < plan->files->len; i++)
    {
      DifFetchFile    *file    = plan->files->pdata[i];
      g_autofree char *blob    = _dif_hub_blob (folder, file->hash, FALSE);
      g_autofree char *partial = _dif_hub_blob (folder, file->hash, TRUE);
      GStatBuf         info;

      file->is_there = g_stat (blob, &info) == 0 && (guint64) info.st_size == file->size;
      plan->n_bytes += file->size;
      if (file->is_there)
        continue;
      plan->n_missing += file->size;
      if (g_stat (partial, &info) == 0)
        plan->n_missing -= MIN ((guint64) info.st_size, file->size);
    }
}

DifFetchPlan *
dif_fetch_plan_new (const DifFetchSettings *settings, const char *repository, const char *revision,
                    const char *variant, const char *pattern, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (DifFetchPlan) plan  = g_new0 (DifFetchPlan, 1);
  g_autoptr (GPtrArray)    all   = NULL;
  g_autoptr (DifJson)      index = NULL;

  plan->repository = g_strdup (repository);
  plan->revision   = g_strdup (revision ? revision : "main");
  if (! check_names (repository, plan->revision, error) ||
      ! find_commit (settings, plan, cancellable, error))
    return NULL;
  all = list_files (settings, plan, cancellable, error);
  if (! all || (! pattern && ! get_index (settings, plan, all, &index, cancellable, error)))
    return NULL;
  plan->files = _dif_select_files (all, index, variant, pattern, repository, error);
  if (! plan->files)
    return NULL;
  count_bytes (settings, plan);
  return g_steal_pointer (&plan);
}
