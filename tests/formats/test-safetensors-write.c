/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-safetensors-write.c - files that appear whole or not at all. */
#include "base/error.h"
#include "formats/safetensors.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/scratch.h"

static const float values[6] = { 0, 1, -2, 3.5f, 1e-30f, 1e30f };

static DifSafetensorsWriter *
new_writer (void)
{
  DifSafetensorsWriter *w = dif_safetensors_writer_new ();

  dif_safetensors_writer_declare (w, "a \"quoted\"\n", DIF_F32, &DIF_SHAPE (2, 3));
  dif_safetensors_writer_declare (w, "scalar", DIF_I64, &(DifShape) { .n = 0 });
  dif_safetensors_writer_declare (w, "empty", DIF_F16, &DIF_SHAPE (0, 4));
  return w;
}

static gboolean
put_all (DifSafetensorsWriter *w, GError **error)
{
  const gint64 scalar = -7;

  /* In pieces that do not fall on the borders of tensors. */
  return dif_safetensors_writer_put (w, values, 10, error) &&
         dif_safetensors_writer_put (w, (const char *) values + 10, sizeof values - 10, error) &&
         dif_safetensors_writer_put (w, &scalar, sizeof scalar, error);
}

static void
write_good (const char *path)
{
  g_autoptr (DifSafetensorsWriter) w     = new_writer ();
  g_autoptr (GError)               error = NULL;

  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  g_assert_true (put_all (w, &error));
  g_assert_true (dif_safetensors_writer_close (w, &error));
  g_assert_no_error (error);
}

static void
assert_good (const char *path)
{
  g_autoptr (DifWeights) weights = dif_weights_new ("test");
  g_autoptr (GError)     error   = NULL;
  const DifHostArray    *array;

  g_assert_true (dif_safetensors_read (path, weights, NULL, NULL, &error));
  g_assert_no_error (error);
  array = dif_weights_lookup (weights, "a \"quoted\"\n");
  g_assert_nonnull (array);
  g_assert_cmpmem (array->data, sizeof values, values, sizeof values);
  /* What the format's own writer does: data aligned to eight bytes. */
  g_assert_cmpuint ((gsize) array->data % 8, ==, 0);
  array = dif_weights_lookup (weights, "scalar");
  g_assert_nonnull (array);
  g_assert_cmpint (*(const gint64 *) array->data, ==, -7);
  array = dif_weights_lookup (weights, "empty");
  g_assert_nonnull (array);
  g_assert_true (dif_shape_equal (&array->shape, &DIF_SHAPE (0, 4)));
}

static void
test_round_trip (void)
{
  char            *folder = scratch_new ();
  g_autofree char *path   = scratch_path (folder, "out.safetensors");
  struct stat      st;
  mode_t           mask = umask (0);

  umask (mask);
  write_good (path);
  assert_good (path);
  g_assert_cmpuint (scratch_count (folder), ==, 1);
  /* An ordinary file, not one that only its owner may read. */
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0666 & ~mask);
  scratch_free (folder);
}

static void
test_nothing_yet (void)
{
  char                            *folder = scratch_new ();
  g_autofree char                 *path   = scratch_path (folder, "out.safetensors");
  g_autoptr (DifSafetensorsWriter) w      = new_writer ();
  g_autoptr (GError)               error  = NULL;

  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  g_assert_true (dif_safetensors_writer_put (w, values, 4, &error));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_clear_pointer (&w, dif_safetensors_writer_free);
  g_assert_cmpuint (scratch_count (folder), ==, 0);
  scratch_free (folder);
}

static void
test_replacing (void)
{
  char                            *folder = scratch_new ();
  g_autofree char                 *path   = scratch_path (folder, "out.safetensors");
  g_autofree char                 *link   = scratch_path (folder, "link.safetensors");
  g_autoptr (DifSafetensorsWriter) w      = new_writer ();
  g_autoptr (GError)               error  = NULL;
  g_autofree char                 *text   = NULL;

  scratch_write_text (folder, "out.safetensors", "old");
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  g_clear_pointer (&w, dif_safetensors_writer_free);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "old");
  g_assert_cmpint (symlink ("out.safetensors", link), ==, 0);
  write_good (link);
  assert_good (path);
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpuint (scratch_count (folder), ==, 2);
  scratch_free (folder);
}

static void
test_bad_places (void)
{
  char            *folder  = scratch_new ();
  g_autofree char *nowhere = scratch_path (folder, "no/such/out.safetensors");
  const struct
  {
    const char *path;
    int         code;
  } rows[] = { { nowhere, G_FILE_ERROR_NOENT }, { folder, G_FILE_ERROR_ISDIR } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (DifSafetensorsWriter) w     = new_writer ();
      g_autoptr (GError)               error = NULL;

      g_assert_false (dif_safetensors_writer_open (w, rows[i].path, &error));
      g_assert_error (error, G_FILE_ERROR, rows[i].code);
      assert_one_line (error, rows[i].path);
    }
  g_assert_cmpuint (scratch_count (folder), ==, 0);
  scratch_free (folder);
}

static void
test_overflow (void)
{
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  g_autoptr (GError)               error = NULL;

  dif_safetensors_writer_declare (w, "a", DIF_F32, &DIF_SHAPE (G_MAXSIZE / 2, 4));
  g_assert_false (dif_safetensors_writer_open (w, "/nonexistent", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE);
}

/* The device that is always full. */
static void
test_full_device (void)
{
  g_autoptr (DifSafetensorsWriter) w     = new_writer ();
  g_autoptr (GError)               error = NULL;
  struct stat                      st;

  if (! g_file_test ("/dev/full", G_FILE_TEST_EXISTS))
    {
      g_test_skip ("no /dev/full");
      return;
    }
  g_assert_false (dif_safetensors_writer_open (w, "/dev/full", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
  assert_one_line (error, "/dev/full: cannot write");
  g_assert_cmpint (stat ("/dev/full", &st), ==, 0);
  g_assert_true (S_ISCHR (st.st_mode));
}

/* A file system that fills up on the way: a limit on the size of files fails
 * in the same call, and a partial file would stay. */
static void
test_full_on_the_way (void)
{
  char                            *folder = scratch_new ();
  g_autofree char                 *path   = scratch_path (folder, "out.safetensors");
  g_autoptr (DifSafetensorsWriter) w      = dif_safetensors_writer_new ();
  g_autoptr (GError)               error  = NULL;
  g_autofree char                 *zeros  = g_malloc0 (65536);
  gboolean                         done   = TRUE;
  struct rlimit                    limit, small;

  dif_safetensors_writer_declare (w, "a", DIF_F32, &DIF_SHAPE (16, 16384));
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  small          = limit;
  small.rlim_cur = 200000;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (guint i = 0; i < 16 && done; i++)
    done = dif_safetensors_writer_put (w, zeros, 65536, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_false (done);
  g_assert_true (error->domain == G_FILE_ERROR);
  assert_one_line (error, path);
  g_assert_cmpuint (scratch_count (folder), ==, 0);
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/safetensors-write/reads-back-what-it-wrote", test_round_trip);
  g_test_add_func ("/formats/safetensors-write/leaves-nothing-when-given-up", test_nothing_yet);
  g_test_add_func ("/formats/safetensors-write/replaces-a-file-at-the-end", test_replacing);
  g_test_add_func ("/formats/safetensors-write/says-where-it-cannot-write", test_bad_places);
  g_test_add_func ("/formats/safetensors-write/refuses-sizes-that-overflow", test_overflow);
  g_test_add_func ("/formats/safetensors-write/says-when-the-device-is-full", test_full_device);
  g_test_add_func ("/formats/safetensors-write/removes-what-did-not-fit", test_full_on_the_way);
  return g_test_run ();
}
