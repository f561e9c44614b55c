/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scratch.c - folders of files made by a test and removed after it. */
#include "formats/scratch.h"

#include <glib/gstdio.h>
#include <string.h>

char *
scratch_new (void)
{
  g_autoptr (GError) error  = NULL;
  char              *folder = g_dir_make_tmp ("dif-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = NULL;
  const char      *name;

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && ! g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      dir = g_dir_open (path, 0, NULL);
      while (dir && (name = g_dir_read_name (dir)))
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          remove_tree (child);
        }
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

void
scratch_free (char *folder)
{
  remove_tree (folder);
  g_free (folder);
}

char *
scratch_path (const char *folder, const char *relative)
{
  return g_build_filename (folder, relative, NULL);
}

void
scratch_write (const char *folder, const char *relative, const void *data, gsize length)
{
  g_autofree char   *path   = scratch_path (folder, relative);
  g_autofree char   *parent = g_path_get_dirname (path);
  g_autoptr (GError) error  = NULL;

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_file_set_contents_full (path, data, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
}

void
scratch_write_text (const char *folder, const char *relative, const char *text)
{
  scratch_write (folder, relative, text, strlen (text));
}

void
scratch_copy (const char *folder, const char *relative, const char *from)
{
  g_autoptr (GError) error = NULL;
  const char        *name;

  if (g_file_test (from, G_FILE_TEST_IS_DIR))
    {
      g_autoptr (GDir) dir = g_dir_open (from, 0, &error);

      g_assert_no_error (error);
      while ((name = g_dir_read_name (dir)))
        {
          g_autofree char *source = g_build_filename (from, name, NULL);
          g_autofree char *target = g_build_filename (relative, name, NULL);

          scratch_copy (folder, target, source);
        }
    }
  else
    {
      g_autofree char *data = NULL;
      gsize            length;

      g_file_get_contents (from, &data, &length, &error);
      g_assert_no_error (error);
      scratch_write (folder, relative, data, length);
    }
}

void
scratch_remove (const char *folder, const char *relative)
{
  g_autofree char *path = scratch_path (folder, relative);

  remove_tree (path);
}

guint
scratch_count (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir)   dir   = g_dir_open (folder, 0, &error);
  guint              n     = 0;

  g_assert_no_error (error);
  while (g_dir_read_name (dir))
    n++;
  return n;
}

void
assert_one_line (const GError *error, const char *what)
{
  g_assert_nonnull (error);
  if (! strstr (error->message, what))
    g_error ("expected \"%s\" in the message, found: %s", what, error->message);
  g_assert_null (strchr (error->message, '\n'));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}
