/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* target.c - where output goes.
 *
 * A file appears whole or not at all (DifNewFile); what is no file is written as it stands.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "dif.h"
#include "target.h"

/* As many as Linux follows. */
#define MAX_LINKS 40

/* Of a rescued file's name; the rest of it tells it from others. */
#define RESCUED_STEM 100

static gboolean
fail_file (const char *path, int number, GError **error)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (number), "%s: %s", path,
               g_strerror (number));
  return FALSE;
}

/* ---- links ---- */

/* One link further; NULL at the end of the way. */
static char *
next_link (const char *path)
{
  g_autofree char *link   = g_file_read_link (path, NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  if (! link)
    return NULL;
  return g_path_is_absolute (link) ? g_steal_pointer (&link)
                                   : g_build_filename (folder, link, NULL);
}

char *
cli_target_follow (const char *path, GError **error)
{
  g_autofree char *now = g_strdup (path);

  for (guint i = 0; i <= MAX_LINKS; i++)
    {
      char *next = next_link (now);

      if (! next)
        return g_steal_pointer (&now);
      g_free (now);
      now = next;
    }
  fail_file (path, ELOOP, error);
  return NULL;
}

/* What /proc says of a descriptor may be no path, and a file put in the place of
 * the one that the shell opened would not be seen by whoever waits for it. */
static gboolean
is_descriptor (const char *path)
{
  g_autofree char *now = g_strdup (path);

  for (guint i = 0; i <= MAX_LINKS; i++)
    {
      g_autofree char *folder = g_path_get_dirname (now);
      char            *next   = next_link (now);
      char            *real   = next ? realpath (folder, NULL) : NULL;
      gboolean         is     = real && g_str_has_prefix (real, "/proc/");

      free (real);
      if (is || ! next)
        {
          g_free (next);
          return is;
        }
      g_free (now);
      now = next;
    }
  return FALSE;
}

gboolean
cli_target_is_stream (const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 && ! S_ISDIR (st.st_mode) &&
         (! S_ISREG (st.st_mode) || is_descriptor (path));
}

/* ---- asked before ---- */

/* Nothing but trying tells of read-only file systems, quotas and the like. */
static gboolean
try_folder (const char *target, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (target);
  DifNewFile      *file   = dif_new_file_open (target);

  if (! file)
    return fail_file (folder, errno, error);
  dif_new_file_drop (file);
  return TRUE;
}

gboolean
cli_target_check (const char *path, GError **error)
{
  g_autofree char *target = NULL;
  g_autofree char *folder = NULL;
  struct stat      st;

  if (cli_target_is_stream (path))
    return access (path, W_OK) == 0 || fail_file (path, errno, error);
  target = cli_target_follow (path, error);
  if (! target)
    return FALSE;
  folder = g_path_get_dirname (target);
  if (stat (folder, &st) != 0)
    return fail_file (folder, errno, error);
  if (! S_ISDIR (st.st_mode))
    return fail_file (folder, ENOTDIR, error);
  if (stat (target, &st) != 0)
    return errno == ENOENT ? try_folder (target, error) : fail_file (path, errno, error);
  if (S_ISDIR (st.st_mode))
    return fail_file (path, EISDIR, error);
  if (access (target, W_OK) != 0)
    return fail_file (path, errno, error);
  return try_folder (target, error);
}

gboolean
cli_target_check_space (const char *path, guint64 bytes, GError **error)
{
  g_autofree char *target = cli_target_follow (path, error);
  g_autofree char *folder = target ? g_path_get_dirname (target) : NULL;
  g_autofree char *wanted = g_format_size (bytes);
  g_autofree char *found  = NULL;
  struct statvfs   fs;
  guint64          room;

  if (! target)
    return FALSE;
  /* a file system that does not know its size says nothing of its room either */
  if (cli_target_is_stream (path) || statvfs (folder, &fs) != 0 || fs.f_blocks == 0)
    return TRUE;
  room = (guint64) (geteuid () == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
  if (room >= bytes)
    return TRUE;
  found = g_format_size (room);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "%s: %s: expected about %s, found %s", path,
               g_strerror (ENOSPC), wanted, found);
  return FALSE;
}

/* ---- writing ---- */

/* Returns: 0, or an errno */
static int
write_all (int fd, const char *data, gsize length)
{
  for (gsize done = 0; done < length;)
    {
      ssize_t n = write (fd, data + done, length - done);

      if (n < 0 && errno != EINTR)
        return errno;
      done += n > 0 ? (gsize) n : 0;
    }
  return 0;
}

static gboolean
write_stream (const char *path, const char *data, gsize length, GError **error)
{
  struct stat stream, out;
  gboolean    is_out = stat (path, &stream) == 0 && fstat (STDOUT_FILENO, &out) == 0 &&
                    stream.st_dev == out.st_dev && stream.st_ino == out.st_ino;
  /* where the shell has got to in the file, if it is one */
  int fd     = is_out ? dup (STDOUT_FILENO) : open (path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  int failed = fd < 0 ? errno : write_all (fd, data, length);

  if (fd >= 0 && close (fd) != 0 && ! failed)
    failed = errno;
  return ! failed || fail_file (path, failed, error);
}

static gboolean
write_file (const char *path, const char *data, gsize length, GError **error)
{
  g_autofree char *target = cli_target_follow (path, error);
  DifNewFile      *file;
  struct stat      before;
  int              failed;

  if (! target)
    return FALSE;
  file = dif_new_file_open (target);
  if (! file)
    return fail_file (path, errno, error);
  failed = write_all (dif_new_file_fd (file), data, length);
  /* what its owner kept from others stays so */
  if (! failed && stat (target, &before) == 0 &&
      fchmod (dif_new_file_fd (file), before.st_mode & 0777) != 0)
    failed = errno;
  if (failed)
    dif_new_file_drop (file);
  else
    failed = dif_new_file_finish (file);
  return ! failed || fail_file (path, failed, error);
}

gboolean
cli_target_write (const char *path, const char *data, gsize length, GError **error)
{
  return cli_target_is_stream (path) ? write_stream (path, data, length, error)
                                     : write_file (path, data, length, error);
}

static char *
rescue_in (const char *folder, const char *stem, const char *suffix, const char *data, gsize length)
{
  g_autofree char *name = g_strdup_printf ("%.*s-XXXXXX%s", RESCUED_STEM, stem, suffix);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int              fd, failed;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    return NULL;
  fd = g_mkstemp_full (path, O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    return NULL;
  failed = write_all (fd, data, length);
  if (close (fd) == 0 && ! failed)
    return g_steal_pointer (&path);
  g_unlink (path);
  return NULL;
}

char *
cli_target_rescue (const char *path, const char *data, gsize length)
{
  g_autofree char *stem   = g_path_get_basename (path);
  char            *dot    = strrchr (stem, '.');
  g_autofree char *suffix = g_strdup (dot ? dot : "");
  g_autofree char *cache  = g_build_filename (g_get_user_cache_dir (), "gimp-diffusion", "rescued",
                                              NULL);
  char            *kept;

  if (dot)
    *dot = '\0';
  kept = rescue_in (cache, stem, suffix, data, length);
  return kept ? kept : rescue_in (g_get_tmp_dir (), stem, suffix, data, length);
}
