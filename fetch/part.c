/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* part.c - one file, resumed and verified.
 *
 * Invariant: the bytes of the partial file are those that the digest has seen; the file gets its
 * name when size and hash are right, and is removed when they are wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/fetch-private.h"

typedef struct
{
  const DifFetchSettings *settings;
  const DifPart          *part;
  GCancellable           *cancellable;
  DifDigest              *digest;
  int                     fd, lock;
  guint64                 at;
} Work;

static gboolean
fail_file (const char *path, GError **error)
{
  if (errno != ENOSPC && errno != EDQUOT)
    return _dif_fetch_fail_file (path, error);
  g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SPACE,
               "%s: the disk is full; what has come is kept and gone on from", path);
  return FALSE;
}

static void
count (Work *w, gint64 n, const char *note)
{
  w->part->func (n, note, w->part->user_data);
}

static gboolean
begin_again (Work *w, GError **error)
{
  if (w->digest)
    _dif_digest_free (w->digest);
  w->digest = w->part->hash ? _dif_digest_new (w->part->hash, w->part->size) : NULL;
  count (w, -(gint64) w->at, NULL);
  w->at = 0;
  return ftruncate (w->fd, 0) == 0 || fail_file (w->part->partial, error);
}

/* ---- locks ---- */

/* Waits for another process that fetches the same. */
static gboolean
lock_fd (Work *w, int fd, const char *path, GError **error)
{
  while (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK && errno != EINTR)
        return fail_file (path, error);
      count (w, 0, "another program fetches the same file");
      if (g_cancellable_set_error_if_cancelled (w->cancellable, error))
        return FALSE;
      g_usleep (100000);
    }
  return TRUE;
}

static gboolean
open_files (Work *w, GError **error)
{
  const DifPart *part = w->part;

  if (part->lock)
    {
      w->lock = g_open (part->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
      if (w->lock < 0)
        return fail_file (part->lock, error);
      if (! lock_fd (w, w->lock, part->lock, error))
        return FALSE;
    }
  w->fd = g_open (part->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (w->fd < 0)
    return fail_file (part->partial, error);
  return lock_fd (w, w->fd, part->partial, error);
}

/* Goes on from what an earlier try has left; without a hash nobody could tell what that is. */
static gboolean
take_up (Work *w, GError **error)
{
  const DifPart *part = w->part;
  struct stat    info;

  if (fstat (w->fd, &info) != 0)
    return fail_file (part->partial, error);
  if (! S_ISREG (info.st_mode))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: expected a file, found none",
                   part->partial);
      return FALSE;
    }
  if (! part->hash || (guint64) info.st_size > part->size)
    return begin_again (w, error);
  w->digest = _dif_digest_new (part->hash, part->size);
  if (! _dif_digest_file (w->digest, w->fd, (guint64) info.st_size, w->cancellable, error))
    {
      g_prefix_error (error, "%s: ", part->partial);
      return FALSE;
    }
  w->at = (guint64) info.st_size;
  count (w, (gint64) w->at, NULL);
  return TRUE;
}

/* ---- bytes ---- */

static gboolean
take_bytes (guint64 offset, const guint8 *data, gsize n, gpointer user_data, GError **error)
{
  Work *w = user_data;

  /* a server that does not know ranges sends all of it */
  if (offset != w->at && ! begin_again (w, error))
    return FALSE;
  if (n > w->part->size - w->at)
    {
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_DAMAGED,
                   "expected %" G_GUINT64_FORMAT " bytes, found more", w->part->size);
      return FALSE;
    }
  for (gsize done = 0; done < n;)
    {
      gssize put = pwrite (w->fd, data + done, n - done, (off_t) (w->at + done));

      if (put < 0 && errno != EINTR)
        return fail_file (w->part->partial, error);
      done += put > 0 ? (gsize) put : 0;
    }
  if (w->digest)
    _dif_digest_update (w->digest, data, n);
  w->at += n;
  count (w, (gint64) n, NULL);
  return TRUE;
}

/* One request for what is missing; @may_retry says whether another one makes sense. */
static gboolean
try_once (Work *w, guint n_failed, gboolean *may_retry, GError **error)
{
  DifHttp  http = { .settings    = w->settings,
                    .cancellable = w->cancellable,
                    .offset      = w->at,
                    .sink        = take_bytes,
                    .sink_data   = w };
  guint64  size = w->part->size;
  gboolean done = _dif_http_get (&http, w->part->address, error);

  *may_retry = ! done && http.may_retry;
  if (! done && http.status == 416 && w->at > 0)
    {
      g_autofree char *found = NULL;

      g_clear_error (error);
      done = w->digest && _dif_digest_matches (w->digest, &found);
      if (! done)
        *may_retry = begin_again (w, error);
    }
  else if (! done && http.may_retry && n_failed < w->settings->n_tries)
    {
      g_autoptr (GError) cancelled = NULL;

      count (w, 0, *error ? (*error)->message : NULL);
      if (! _dif_http_wait (&http, n_failed, &cancelled))
        {
          *may_retry = FALSE;
          g_clear_error (error);
          g_propagate_error (error, g_steal_pointer (&cancelled));
        }
    }
  if (size == G_MAXUINT64 && http.status != 416)
    size = http.total;
  if (done && size != G_MAXUINT64 && w->at < size)
    {
      done       = FALSE;
      *may_retry = TRUE;
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_NETWORK,
                   "%s: expected %" G_GUINT64_FORMAT " bytes, found %" G_GUINT64_FORMAT,
                   w->part->address, size, w->at);
    }
  _dif_http_clear (&http);
  return done;
}

static gboolean
fetch_missing (Work *w, GError **error)
{
  guint n_failed = 0;

  while (w->at < w->part->size)
    {
      g_autoptr (GError) failure   = NULL;
      guint64            before    = w->at;
      gboolean           may_retry = FALSE;

      if (try_once (w, n_failed + 1, &may_retry, &failure))
        return TRUE;
      n_failed = w->at > before ? 0 : n_failed + 1;
      if (! may_retry || n_failed >= w->settings->n_tries)
        {
          if (! failure)
            g_set_error (&failure, DIF_FETCH_ERROR, DIF_FETCH_ERROR_NETWORK,
                         "%s: nothing comes after %u tries", w->part->address, n_failed);
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  return TRUE;
}

/* ---- the whole ---- */

static gboolean
verify (Work *w, GError **error)
{
  g_autofree char *found = NULL;

  if (! w->digest || _dif_digest_matches (w->digest, &found))
    return TRUE;
  g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_DAMAGED,
               "%s: expected contents with the hash %s, found %s; they are thrown away",
               w->part->address, w->part->hash, found);
  g_unlink (w->part->partial);
  return FALSE;
}

/* Gives the file its name, which nothing may have yet. */
static gboolean
put_in_place (Work *w, GError **error)
{
  const DifPart *part = w->part;

  if (fsync (w->fd) != 0)
    return fail_file (part->partial, error);
  if (link (part->partial, part->place) == 0)
    {
      g_unlink (part->partial);
      return TRUE;
    }
  if (errno == EEXIST)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: is there already", part->place);
      return FALSE;
    }
  /* a file system without hard links */
  return g_rename (part->partial, part->place) == 0 || fail_file (part->place, error);
}

gboolean
_dif_part_fetch (const DifFetchSettings *settings, const DifPart *part, GCancellable *cancellable,
                 GError **error)
{
  Work     w    = { .settings    = settings,
                    .part        = part,
                    .cancellable = cancellable,
                    .fd          = -1,
                    .lock        = -1 };
  gboolean done = open_files (&w, error);

  /* whoever held the lock may have finished it */
  if (done && part->lock && g_file_test (part->place, G_FILE_TEST_EXISTS))
    {
      g_unlink (part->partial);
      count (&w, (gint64) part->size, NULL);
    }
  else if (done)
    done = take_up (&w, error) && fetch_missing (&w, error) && verify (&w, error) &&
           put_in_place (&w, error);
  if (w.digest)
    _dif_digest_free (w.digest);
  if (w.fd >= 0)
    close (w.fd);
  if (w.lock >= 0)
    close (w.lock);
  return done;
}
