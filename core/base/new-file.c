/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* new-file.c - see new-file.h.
 *
 * Invariant: `temporary` is the name that the file has, if it has one.
 */
#include "base/new-file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* How many names are tried. */
#define ATTEMPTS 100

struct _DifNewFile
{
  char *target, *folder, *temporary;
  int   fd;
};

static void
new_file_free (DifNewFile *file)
{
  g_free (file->target);
  g_free (file->folder);
  g_free (file->temporary);
  g_free (file);
}

/* Whether the file system said that it has no files without a name. */
static gboolean
is_unknown (int code)
{
  return code == EOPNOTSUPP || code == EISDIR || code == ENOENT;
}

DifNewFile *
dif_new_file_open (const char *target)
{
  DifNewFile *file   = g_new0 (DifNewFile, 1);
  gboolean    has_fd = access ("/proc/self/fd", X_OK) == 0; /* to name it by */
  int         code;

  file->target = g_strdup (target);
  file->folder = g_path_get_dirname (target);
  file->fd     = has_fd ? open (file->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;
  if (file->fd < 0 && (! has_fd || is_unknown (errno)))
    {
      file->temporary = g_build_filename (file->folder, ".dif-XXXXXX", NULL);
      file->fd        = g_mkstemp_full (file->temporary, O_WRONLY | O_CLOEXEC, 0666);
    }
  if (file->fd >= 0)
    return file;
  code = errno;
  new_file_free (file);
  errno = code;
  return NULL;
}

int
dif_new_file_fd (DifNewFile *file)
{
  return file->fd;
}

/* Gives a file without a name the target's, or one for as long as it takes to rename it. */
static int
give_name (DifNewFile *file)
{
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", file->fd);

  if (linkat (AT_FDCWD, self, AT_FDCWD, file->target, AT_SYMLINK_FOLLOW) == 0)
    return 0;
  for (guint i = 0; errno == EEXIST && i < ATTEMPTS; i++)
    {
      g_autofree char *name = g_strdup_printf (".dif-%08x", g_random_int ());

      file->temporary = g_build_filename (file->folder, name, NULL);
      if (linkat (AT_FDCWD, self, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) == 0)
        return 0;
      g_clear_pointer (&file->temporary, g_free);
    }
  return errno;
}

int
dif_new_file_finish (DifNewFile *file)
{
  int failed = file->temporary ? 0 : give_name (file);

  if (close (file->fd) != 0 && ! failed)
    failed = errno;
  if (! failed && file->temporary && g_rename (file->temporary, file->target) != 0)
    failed = errno;
  if (failed && file->temporary)
    g_unlink (file->temporary);
  new_file_free (file);
  return failed;
}

void
dif_new_file_drop (DifNewFile *file)
{
  int code = errno;

  if (! file)
    return;
  close (file->fd);
  if (file->temporary)
    g_unlink (file->temporary);
  new_file_free (file);
  errno = code;
}
