/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* digest.c - the hashes that name files: sha256, or git's sha1 of "blob SIZE\0" and the bytes. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/fetch-private.h"

#define CHUNK (1u << 20)

struct _DifDigest
{
  GChecksum *sum;
  char      *hash;
};

gboolean
_dif_fetch_fail_file (const char *path, GError **error)
{
  int code = errno;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", path,
               g_strerror (code));
  return FALSE;
}

gboolean
_dif_digest_is_hash (const char *hash)
{
  gsize n = strlen (hash);

  return (n == 40 || n == 64) && strspn (hash, "0123456789abcdef") == n;
}

DifDigest *
_dif_digest_new (const char *hash, guint64 size)
{
  DifDigest *digest = g_new0 (DifDigest, 1);

  digest->hash = g_strdup (hash);
  digest->sum  = g_checksum_new (strlen (hash) == 40 ? G_CHECKSUM_SHA1 : G_CHECKSUM_SHA256);
  if (strlen (hash) == 40)
    {
      g_autofree char *head = g_strdup_printf ("blob %" G_GUINT64_FORMAT, size);

      g_checksum_update (digest->sum, (const guint8 *) head, (gssize) strlen (head) + 1);
    }
  return digest;
}

void
_dif_digest_update (DifDigest *digest, const guint8 *data, gsize n)
{
  g_checksum_update (digest->sum, data, (gssize) n);
}

gboolean
_dif_digest_file (DifDigest *digest, int fd, guint64 n, GCancellable *cancellable, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (CHUNK);
  guint64            at     = 0;

  while (at < n)
    {
      gssize got = pread (fd, buffer, MIN (CHUNK, n - at), (off_t) at);

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        {
          g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_IO,
                       "expected %" G_GUINT64_FORMAT " bytes, found %" G_GUINT64_FORMAT ": %s", n,
                       at, got < 0 ? g_strerror (errno) : "the file's end");
          return FALSE;
        }
      _dif_digest_update (digest, buffer, (gsize) got);
      at += (guint64) got;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
_dif_digest_matches (DifDigest *digest, char **found)
{
  /* a checksum that was asked takes no more bytes */
  GChecksum *copy = g_checksum_copy (digest->sum);

  *found = g_strdup (g_checksum_get_string (copy));
  g_checksum_free (copy);
  return strcmp (*found, digest->hash) == 0;
}

void
_dif_digest_free (DifDigest *digest)
{
  g_checksum_free (digest->sum);
  g_free (digest->hash);
  g_free (digest);
}

gboolean
dif_fetch_check (const char *path, const char *hash, GCancellable *cancellable, GError **error)
{
  int              fd     = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  DifDigest       *digest = NULL;
  g_autofree char *found  = NULL;
  struct stat      info;
  gboolean         done;

  if (fd < 0 || fstat (fd, &info) != 0)
    {
      _dif_fetch_fail_file (path, error);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  digest = _dif_digest_new (hash, (guint64) info.st_size);
  done   = _dif_digest_file (digest, fd, (guint64) info.st_size, cancellable, error);
  if (! done)
    g_prefix_error (error, "%s: ", path);
  else if (! _dif_digest_matches (digest, &found))
    {
      done = FALSE;
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_DAMAGED,
                   "%s: expected contents with the hash %s, found %s", path, hash, found);
    }
  _dif_digest_free (digest);
  close (fd);
  return done;
}
