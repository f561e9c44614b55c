/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* run.c - a plan carried out: several files at a time, then the links that make a snapshot.
 *
 * Worker threads fetch blobs; the calling thread tells of progress.  References and links come
 * last, so that a snapshot that can be seen is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "fetch/fetch-private.h"

#define SPARE_BYTES       (256u * 1024 * 1024)
#define TELL_MICROSECONDS 200000
#define SPEED_SECONDS     3.0

typedef struct
{
  const DifFetchSettings *settings;
  const DifFetchPlan     *plan;
  GCancellable           *cancellable; /* ours: cancelled by the first failure too */
  char                   *folder;
  GMutex                  mutex;
  GCond                   ended;
  guint                   n_running;
  guint64                 n_done;
  char                   *file, *note;
  GError                 *error; /* the first */
} Run;

/* ---- threads ---- */

static void
take_count (gint64 n, const char *note, gpointer user_data)
{
  Run *run = user_data;

  g_mutex_lock (&run->mutex);
  run->n_done += (guint64) n;
  g_free (run->note);
  run->note = g_strdup (note);
  g_mutex_unlock (&run->mutex);
}

static void
fetch_one (gpointer data, gpointer user_data)
{
  Run                *run     = user_data;
  const DifFetchFile *file    = data;
  g_autofree char    *address = _dif_hub_address (run->settings, run->plan, file);
  g_autofree char    *blob    = _dif_hub_blob (run->folder, file->hash, FALSE);
  g_autofree char    *partial = _dif_hub_blob (run->folder, file->hash, TRUE);
  g_autofree char    *base    = g_path_get_basename (run->folder);
  g_autofree char    *name    = g_strconcat (file->hash, ".lock", NULL);
  g_autofree char    *lock    = g_build_filename (run->settings->cache, ".locks", base, name, NULL);
  g_autoptr (GError)  error   = NULL;
  const DifPart       part    = { .address   = address,
                                  .partial   = partial,
                                  .place     = blob,
                                  .lock      = lock,
                                  .hash      = file->hash,
                                  .size      = file->size,
                                  .func      = take_count,
                                  .user_data = run };

  g_mutex_lock (&run->mutex);
  g_free (run->file);
  run->file = g_strdup (file->path);
  g_mutex_unlock (&run->mutex);
  if (! g_cancellable_is_cancelled (run->cancellable))
    _dif_part_fetch (run->settings, &part, run->cancellable, &error);
  g_mutex_lock (&run->mutex);
  if (error && ! run->error)
    {
      run->error = g_steal_pointer (&error);
      g_cancellable_cancel (run->cancellable);
    }
  run->n_running--;
  g_cond_signal (&run->ended);
  g_mutex_unlock (&run->mutex);
}

/* Tells of progress until all threads are through. */
static void
watch (Run *run, DifFetchFunc progress, gpointer user_data)
{
  gint64  then   = g_get_monotonic_time ();
  guint64 before = run->n_done;
  double  speed  = 0;

  g_mutex_lock (&run->mutex);
  while (run->n_running > 0)
    {
      gint64           now;
      DifFetchProgress state = { .n_bytes = run->plan->n_bytes };
      g_autofree char *file = NULL, *note = NULL;

      g_cond_wait_until (&run->ended, &run->mutex, g_get_monotonic_time () + TELL_MICROSECONDS);
      now = g_get_monotonic_time ();
      if (now > then)
        {
          double seconds = (double) (now - then) / G_USEC_PER_SEC;
          double share   = MIN (seconds / SPEED_SECONDS, 1);

          speed += share * (MAX ((double) (gint64) (run->n_done - before), 0) / seconds - speed);
        }
      then         = now;
      before       = run->n_done;
      file         = g_strdup (run->file);
      note         = g_strdup (run->note);
      state.file   = file;
      state.note   = note;
      state.n_done = MIN (run->n_done, state.n_bytes);
      state.speed  = speed;
      g_mutex_unlock (&run->mutex);
      if (progress)
        progress (&state, user_data);
      g_mutex_lock (&run->mutex);
    }
  g_mutex_unlock (&run->mutex);
}

static gboolean
fetch_all (Run *run, DifFetchFunc progress, gpointer user_data, GError **error)
{
  GThreadPool *pool =
      g_thread_pool_new (fetch_one, run, (int) run->settings->n_parallel, TRUE, error);

  if (! pool)
    return FALSE;
  for (guint i = 0; i < run->plan->files->len; i++)
    {
      DifFetchFile *file = run->plan->files->pdata[i];

      if (file->is_there)
        take_count ((gint64) file->size, NULL, run);
      else
        {
          g_mutex_lock (&run->mutex);
          run->n_running++;
          g_mutex_unlock (&run->mutex);
          g_thread_pool_push (pool, file, NULL);
        }
    }
  watch (run, progress, user_data);
  g_thread_pool_free (pool, FALSE, TRUE);
  if (run->error)
    g_propagate_error (error, g_steal_pointer (&run->error));
  else
    return ! g_cancellable_set_error_if_cancelled (run->cancellable, error);
  return FALSE;
}

/* ---- folders and links ---- */

static gboolean
make_folder (const char *path, GError **error)
{
  return g_mkdir_with_parents (path, 0755) == 0 || _dif_fetch_fail_file (path, error);
}

static gboolean
check_space (const char *folder, guint64 n_bytes, GError **error)
{
  const char           *key        = G_FILE_ATTRIBUTE_FILESYSTEM_FREE;
  g_autoptr (GFile)     file       = g_file_new_for_path (folder);
  g_autoptr (GFileInfo) info       = g_file_query_filesystem_info (file, key, NULL, NULL);
  guint64               free_bytes = G_MAXUINT64;
  g_autofree char      *wanted = NULL, *found = NULL;

  if (info)
    free_bytes = g_file_info_get_attribute_uint64 (info, key);
  if (n_bytes == 0 || (free_bytes >= SPARE_BYTES && free_bytes - SPARE_BYTES >= n_bytes))
    return TRUE;
  wanted = g_format_size (n_bytes + SPARE_BYTES);
  found  = g_format_size (free_bytes);
  g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SPACE,
               "%s: expected %s of free space, found %s", folder, wanted, found);
  return FALSE;
}

static gboolean
make_folders (const Run *run, GError **error)
{
  g_autofree char *blobs = g_build_filename (run->folder, "blobs", NULL);
  g_autofree char *refs  = g_build_filename (run->folder, "refs", NULL);
  g_autofree char *base  = g_path_get_basename (run->folder);
  g_autofree char *locks = g_build_filename (run->settings->cache, ".locks", base, NULL);

  return make_folder (blobs, error) && make_folder (refs, error) && make_folder (locks, error) &&
         check_space (blobs, run->plan->n_missing, error);
}

/* Puts a link to the blob into the snapshot; where there are no links, the blob's own bytes. */
static gboolean
add_link (const Run *run, const char *snapshot, const DifFetchFile *file, GError **error)
{
  g_autofree char    *path   = g_build_filename (snapshot, file->path, NULL);
  g_autofree char    *where  = g_path_get_dirname (path);
  g_autofree char    *blob   = _dif_hub_blob (run->folder, file->hash, FALSE);
  g_autofree char    *old    = NULL;
  g_autoptr (GString) target = g_string_new ("../../");

  for (const char *p = file->path; *p; p++)
    if (*p == '/')
      g_string_append (target, "../");
  g_string_append_printf (target, "blobs/%s", file->hash);
  if (! make_folder (where, error))
    return FALSE;
  old = g_file_read_link (path, NULL);
  if (old && strcmp (old, target->str) == 0)
    return TRUE;
  if (g_unlink (path) != 0 && errno != ENOENT)
    return _dif_fetch_fail_file (path, error);
  if (symlink (target->str, path) == 0 || link (blob, path) == 0)
    return TRUE;
  return _dif_fetch_fail_file (path, error);
}

static gboolean
add_links (const Run *run, const char *snapshot, GError **error)
{
  const DifFetchFile *index = NULL;

  /* what says that a pipeline is there comes last */
  for (guint i = 0; i < run->plan->files->len; i++)
    {
      const DifFetchFile *file = run->plan->files->pdata[i];

      if (strcmp (file->path, "model_index.json") == 0)
        index = file;
      else if (! add_link (run, snapshot, file, error))
        return FALSE;
    }
  return ! index || add_link (run, snapshot, index, error);
}

static gboolean
write_reference (const Run *run, GError **error)
{
  g_autofree char *path  = g_build_filename (run->folder, "refs", run->plan->revision, NULL);
  g_autofree char *where = g_path_get_dirname (path);

  if (strcmp (run->plan->revision, run->plan->commit) == 0)
    return TRUE;
  if (! make_folder (where, error))
    return FALSE;
  if (g_file_set_contents (path, run->plan->commit, -1, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

static void
pass_on_cancel (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

char *
dif_fetch_run (const DifFetchSettings *settings, DifFetchPlan *plan, DifFetchFunc progress,
               gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) own      = g_cancellable_new ();
  g_autofree char         *snapshot = NULL;
  Run                      run      = { .settings = settings, .plan = plan, .cancellable = own };
  gulong                   handler  = 0;
  gboolean                 done;

  run.folder = _dif_hub_folder (settings, plan->repository);
  snapshot   = g_build_filename (run.folder, "snapshots", plan->commit, NULL);
  g_mutex_init (&run.mutex);
  g_cond_init (&run.ended);
  if (cancellable)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (pass_on_cancel), own, NULL);
  done = make_folders (&run, error) && fetch_all (&run, progress, user_data, error) &&
         add_links (&run, snapshot, error) && write_reference (&run, error);
  g_cancellable_disconnect (cancellable, handler);
  g_mutex_clear (&run.mutex);
  g_cond_clear (&run.ended);
  g_free (run.folder);
  g_free (run.file);
  g_free (run.note);
  return done ? g_steal_pointer (&snapshot) : NULL;
}

/* ---- one address ---- */

typedef struct
{
  DifFetchFunc     progress;
  gpointer         user_data;
  DifFetchProgress state;
  gint64           begun;
  gint64           last;
} Single;

static void
tell_single (gint64 n, const char *note, gpointer user_data)
{
  Single *single = user_data;
  gint64  now    = g_get_monotonic_time ();

  single->state.n_done += (guint64) n;
  single->state.note = note;
  if (! single->progress || (! note && now - single->last < TELL_MICROSECONDS))
    return;
  single->last        = now;
  single->state.speed = (double) single->state.n_done /
                        MAX ((double) (now - single->begun) / G_USEC_PER_SEC, 1e-3);
  single->progress (&single->state, single->user_data);
}

gboolean
dif_fetch_address (const DifFetchSettings *settings, const char *address, const char *hash,
                   const char *path, DifFetchFunc progress, gpointer user_data,
                   GCancellable *cancellable, GError **error)
{
  g_autofree char *partial = g_strconcat (path, ".incomplete", NULL);
  g_autofree char *where   = g_path_get_dirname (path);
  Single           single  = { .progress  = progress,
                               .user_data = user_data,
                               .state     = { .file = path },
                               .begun     = g_get_monotonic_time () };
  const DifPart    part    = { .address   = address,
                               .partial   = partial,
                               .place     = path,
                               .hash      = hash,
                               .size      = G_MAXUINT64,
                               .func      = tell_single,
                               .user_data = &single };

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: is there already", path);
      return FALSE;
    }
  return make_folder (where, error) && _dif_part_fetch (settings, &part, cancellable, error);
}
