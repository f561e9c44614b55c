/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* replay.c - runs a fuzz target over a corpus, without libFuzzer.
 *
 * Every file of the folder given is handed over whole; one that a fuzzer has
 * not been over (its name does not begin with "found-") also cut off at several
 * places, and damaged in ways that depend on its name only, so that a failure
 * repeats.  Prints TAP, one line per file; "# FILE, variant N" precedes
 * a crash when DIF_FUZZ_VERBOSE is set.
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Variants of each file besides the file itself. */
#define N_CUTS    24
#define N_DAMAGES 72

static const char *current;
static gboolean    verbose;

static void
run_one (const guint8 *data, gsize size, guint variant)
{
  /* An own block, so that a sanitizer sees every byte read beyond it. */
  guint8 *copy = malloc (size ? size : 1);

  if (verbose)
    {
      printf ("# %s, variant %u\n", current, variant);
      fflush (stdout);
    }
  if (size)
    memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
}

/* A small generator (Numerical Recipes' constants): the same everywhere. */
static guint32
next_random (guint32 *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Flips bits, overwrites bytes, repeats and removes pieces. */
static void
damage (GByteArray *bytes, guint32 *state)
{
  guint n = 1 + next_random (state) % 4;

  for (guint i = 0; i < n && bytes->len > 0; i++)
    {
      guint at     = next_random (state) % bytes->len;
      guint length = 1 + next_random (state) % 16;

      length = MIN (length, bytes->len - at);

      switch (next_random (state) % 5)
        {
        case 0:
          bytes->data[at] ^= (guint8) (1u << next_random (state) % 8);
          break;
        case 1:
          bytes->data[at] = (guint8) next_random (state);
          break;
        case 2:
          bytes->data[at] = (guint8) "0919\"\\[]{},:-.e\xff"[next_random (state) % 17];
          break;
        case 3:
          g_byte_array_remove_range (bytes, at, length);
          break;
        default:
          {
            g_autofree guint8 *piece = g_memdup2 (bytes->data + at, length);

            g_byte_array_append (bytes, piece, length);
            break;
          }
        }
    }
}

static void
run_file (const char *path)
{
  g_autofree char   *data  = NULL;
  g_autoptr (GError) error = NULL;
  gsize              size;
  guint32            state;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  state = g_str_hash (current);
  run_one ((const guint8 *) data, size, 0);
  if (g_str_has_prefix (current, "found-"))
    return;
  for (guint i = 0; i < N_CUTS && size > 0; i++)
    run_one ((const guint8 *) data, next_random (&state) % size, 1 + i);
  for (guint i = 0; i < N_DAMAGES; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      g_byte_array_append (bytes, (const guint8 *) data, (guint) size);
      damage (bytes, &state);
      run_one (bytes->data, bytes->len, 1 + N_CUTS + i);
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError)    error = NULL;
  g_autoptr (GDir)      dir   = NULL;
  const char           *name;

  if (argc != 2)
    {
      printf ("Bail out! usage: %s FOLDER\n", argv[0]);
      return 2;
    }
  verbose = g_getenv ("DIF_FUZZ_VERBOSE") != NULL;
  dir     = g_dir_open (argv[1], 0, &error);
  if (! dir)
    {
      printf ("Bail out! %s\n", error->message);
      return 1;
    }
  while ((name = g_dir_read_name (dir)))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  printf ("1..%u\n", names->len);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (argv[1], names->pdata[i], NULL);

      current = names->pdata[i];
      run_file (path);
      printf ("ok %u - %s\n", i + 1, current);
      fflush (stdout);
    }
  return names->len > 0 ? 0 : 1;
}
