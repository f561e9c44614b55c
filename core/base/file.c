/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* file.c - small files read whole, with the path in every message.
 *
 * Opened without blocking and checked before the first byte is read: a pipe
 * or a device under a model's name must neither hang nor fill the memory.
 */
#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
set_errno_error (GError **error, const char *path, int code)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", path,
               g_strerror (code));
}

int
dif_file_open (const char *path, guint64 *size, GError **error)
{
  struct stat st;
  int         fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0 || fstat (fd, &st) != 0)
    {
      set_errno_error (error, path, errno);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  if (! S_ISREG (st.st_mode))
    {
      g_set_error (error, G_FILE_ERROR,
                   S_ISDIR (st.st_mode) ? G_FILE_ERROR_ISDIR : G_FILE_ERROR_INVAL,
                   "%s: expected a file, found a %s", path,
                   S_ISDIR (st.st_mode) ? "folder" : "device or pipe");
      close (fd);
      return -1;
    }
  *size = (guint64) st.st_size;
  return fd;
}

/* Reads until the end or until @capacity is full; returns -1 on error. */
static gssize
read_all (int fd, char *buffer, gsize capacity)
{
  gsize done = 0;

  while (done < capacity)
    {
      gssize n = read (fd, buffer + done, capacity - done);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      done += (gsize) n;
    }
  return (gssize) done;
}

GBytes *
dif_file_read (const char *path, gsize max_bytes, GError **error)
{
  guint64 size;
  char   *buffer;
  gssize  got;
  int     fd = dif_file_open (path, &size, error);

  if (fd < 0)
    return NULL;
  if (size > max_bytes)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected at most %" G_GSIZE_FORMAT " bytes, found %" G_GUINT64_FORMAT, path,
                   max_bytes, size);
      close (fd);
      return NULL;
    }
  buffer = g_try_malloc ((gsize) size + 1);
  if (! buffer)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM,
                   "%s: no memory for its %" G_GUINT64_FORMAT " bytes", path, size);
      close (fd);
      return NULL;
    }
  got = read_all (fd, buffer, (gsize) size);
  if (got < 0)
    {
      set_errno_error (error, path, errno);
      g_free (buffer);
      close (fd);
      return NULL;
    }
  close (fd);
  return g_bytes_new_take (buffer, (gsize) got);
}

gboolean
dif_file_is_pickled (const char *name)
{
  static const char *const endings[] = { ".bin", ".ckpt", ".pt", ".pth" };

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]))
      return TRUE;
  return FALSE;
}

/* ---- maps ---- */

struct _DifFileMap
{
  gatomicrefcount refs;
  char           *path;
  int             fd; /* to ask for the file's size now */
  GMappedFile    *file;
  GBytes         *bytes;
};

DifFileMap *
dif_file_map (const char *path, GError **error)
{
  guint64      size;
  int          fd   = dif_file_open (path, &size, error);
  GMappedFile *file = fd >= 0 ? g_mapped_file_new_from_fd (fd, FALSE, error) : NULL;
  DifFileMap  *map;

  if (! file)
    {
      if (fd >= 0)
        {
          g_prefix_error (error, "%s: ", path);
          close (fd);
        }
      return NULL;
    }
  map = g_new0 (DifFileMap, 1);
  g_atomic_ref_count_init (&map->refs);
  map->path  = g_strdup (path);
  map->fd    = fd;
  map->file  = file;
  map->bytes = g_mapped_file_get_bytes (file);
  return map;
}

DifFileMap *
dif_file_map_ref (DifFileMap *map)
{
  g_atomic_ref_count_inc (&map->refs);
  return map;
}

void
dif_file_map_unref (DifFileMap *map)
{
  if (! map || ! g_atomic_ref_count_dec (&map->refs))
    return;
  g_bytes_unref (map->bytes);
  g_mapped_file_unref (map->file);
  close (map->fd);
  g_free (map->path);
  g_free (map);
}

GBytes *
dif_file_map_bytes (DifFileMap *map)
{
  return map->bytes;
}

gboolean
dif_file_map_check (DifFileMap *map, GError **error)
{
  gsize       expected = g_bytes_get_size (map->bytes);
  struct stat st;

  if (fstat (map->fd, &st) == 0 && (guint64) st.st_size >= expected)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
               "%s: expected %" G_GSIZE_FORMAT " bytes, found %" G_GUINT64_FORMAT
               ": it was cut short while it was read",
               map->path, expected, (guint64) st.st_size);
  return FALSE;
}
