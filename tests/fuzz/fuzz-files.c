/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-files.c - inputs that stand for several files. */
#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "==" and a letter at the beginning of a line, and the line's end. */
#define MARK_LENGTH 4

static char *folder;

static void
remove_files (const char *path, gboolean itself)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char      *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_files (child, TRUE);
      else
        g_unlink (child);
    }
  if (itself)
    g_rmdir (path);
}

static void
remove_folder (void)
{
  remove_files (folder, TRUE);
  g_free (folder);
}

static gboolean
is_mark (const guint8 *data, gsize size, gsize at)
{
  return size - at >= MARK_LENGTH && data[at] == '=' && data[at + 1] == '=' &&
         data[at + 3] == '\n' && (at == 0 || data[at - 1] == '\n');
}

const guint8 *
fuzz_find_part (const guint8 *data, gsize size, char letter, gsize *length)
{
  for (gsize at = 0; at < size; at++)
    if (is_mark (data, size, at) && data[at + 2] == (guint8) letter)
      {
        gsize begin = at + MARK_LENGTH;
        gsize end   = begin;

        while (end < size && ! is_mark (data, size, end))
          end++;
        *length = end - begin;
        return data + begin;
      }
  *length = 0;
  return NULL;
}

static void
write_file (const char *name, const guint8 *data, gsize size)
{
  g_autofree char *path   = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  int              fd;

  g_mkdir_with_parents (parent, 0700);
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, size), ==, (gssize) size);
  close (fd);
}

const char *
fuzz_write_files (const guint8 *data, gsize size, const FuzzFile *files, guint n_files)
{
  if (! folder)
    {
      folder = g_dir_make_tmp ("dif-fuzz-XXXXXX", NULL);
      g_assert_nonnull (folder);
      atexit (remove_folder);
    }
  remove_files (folder, FALSE);
  for (guint i = 0; i < n_files; i++)
    {
      gsize         length;
      const guint8 *part = fuzz_find_part (data, size, files[i].letter, &length);

      if (part)
        write_file (files[i].name, part, length);
    }
  return folder;
}
