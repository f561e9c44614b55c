/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-import.c - a vocabulary from everything it comes in, and what is none. */
#include "text/import.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/scratch.h"
#include "text/tokenizer.h"

static char *
fixture (const char *relative)
{
  return g_build_filename (g_getenv ("DIF_FIXTURES"), relative, NULL);
}

/* gzip, as Python and everybody writes it. */
static GBytes *
pack (const char *data, gsize size, GZlibCompressorFormat format)
{
  g_autoptr (GConverter)   packer = G_CONVERTER (g_zlib_compressor_new (format, 9));
  g_autoptr (GInputStream) plain =
      g_memory_input_stream_new_from_data (data, (gssize) size, NULL);
  g_autoptr (GInputStream)  packed = g_converter_input_stream_new (plain, packer);
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  GError                   *error  = NULL;

  g_output_stream_splice (memory, packed, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
  g_assert_no_error (error);
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

/* OpenAI's kind of list, made of the small vocabulary's merges. */
static GBytes *
packed_list (void)
{
  g_autofree char    *path  = fixture ("models/sd15/tokenizer/merges.txt");
  g_autoptr (GBytes)  bytes = dif_file_read (path, 1 << 20, NULL);
  g_autoptr (GString) list  = g_string_new ("\"bpe_simple_vocab_16e6.txt#version: 0.2\n");
  const char         *text  = g_bytes_get_data (bytes, NULL);
  const char         *first = strchr (text, '\n') + 1;

  g_string_append_len (list, first, (gssize) g_bytes_get_size (bytes) - (first - text));
  return pack (list->str, list->len, G_ZLIB_COMPRESSOR_FORMAT_GZIP);
}

/* Imports @from; the small models' vocabulary must be there then. */
static void
assert_imports (const char *scratch, const char *from)
{
  g_autofree char         *folder = scratch_path (scratch, "data/tokenizers/clip");
  g_autofree char         *words  = fixture ("models/sd15/tokenizer");
  g_autofree char         *parent = scratch_path (scratch, "data/tokenizers");
  GError                  *error  = NULL;
  guint                    n;
  g_autoptr (DifTokenizer) a = NULL, b = NULL;
  gint32                   x[77], y[77];

  g_assert_true (dif_tokenizer_import (from, folder, &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 844);
  g_assert_cmpuint (scratch_count (folder), ==, 2);
  g_assert_cmpuint (scratch_count (parent), ==, 1);
  a = dif_tokenizer_load (words, &error);
  b = dif_tokenizer_load (folder, &error);
  g_assert_no_error (error);
  dif_tokenizer_encode (a, "a red cube beside a blue sphere, \xc3\xbc 7", x, 77, NULL, NULL,
                        &error);
  dif_tokenizer_encode (b, "a red cube beside a blue sphere, \xc3\xbc 7", y, 77, NULL, NULL,
                        &error);
  g_assert_no_error (error);
  g_assert_cmpmem (x, sizeof x, y, sizeof y);
}

static void
test_kinds (void)
{
  char              *scratch = scratch_new ();
  g_autofree char   *model   = fixture ("models/sd15");
  g_autofree char   *folder  = fixture ("models/sd15/tokenizer");
  g_autofree char   *whole   = fixture ("models/sd21/tokenizer/tokenizer.json");
  g_autofree char   *below   = fixture ("models/sd21/tokenizer");
  g_autofree char   *gz      = scratch_path (scratch, "list.txt.gz");
  g_autoptr (GBytes) list    = packed_list ();

  assert_imports (scratch, model);
  assert_imports (scratch, folder);
  assert_imports (scratch, whole);
  assert_imports (scratch, below);
  scratch_write (scratch, "list.txt.gz", g_bytes_get_data (list, NULL), g_bytes_get_size (list));
  assert_imports (scratch, gz);
  scratch_free (scratch);
}

/* What is no vocabulary leaves the one that is there as it is. */
static void
assert_refused (const char *scratch, const char *name, gconstpointer data, gsize size, int code,
                const char *what)
{
  g_autofree char   *from   = scratch_path (scratch, name);
  g_autofree char   *folder = scratch_path (scratch, "clip");
  g_autofree char   *kept   = scratch_path (scratch, "clip/vocab.json");
  g_autoptr (GError) error  = NULL;
  g_autofree char   *text   = NULL;

  if (data)
    scratch_write (scratch, name, data, size);
  scratch_write_text (scratch, "clip/vocab.json", "mine");
  g_assert_false (dif_tokenizer_import (from, folder, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, code);
  assert_one_line (error, from);
  assert_one_line (error, what);
  g_assert_true (g_file_get_contents (kept, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "mine");
  g_assert_cmpuint (scratch_count (folder), ==, 1);
  scratch_remove (scratch, "clip");
}

static void
refuse_text (const char *scratch, const char *name, const char *text, int code, const char *what)
{
  assert_refused (scratch, name, text, strlen (text), code, what);
}

static void
test_refused (void)
{
  char              *scratch = scratch_new ();
  g_autoptr (GBytes) list    = packed_list ();
  g_autoptr (GBytes) cut     = g_bytes_new_from_bytes (list, 0, g_bytes_get_size (list) / 2);
  g_autofree char   *empty   = scratch_path (scratch, "empty");

  refuse_text (scratch, "a.json", "{\"a\": 1}", DIF_FORMAT_ERROR_UNSUPPORTED, "\"model.vocab\"");
  refuse_text (scratch, "b.json", "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}}",
               DIF_FORMAT_ERROR_MISSING_KEY, "or the unknown token, found neither");
  refuse_text (scratch, "c.json", "{", DIF_FORMAT_ERROR_CORRUPT, "line 1");
  refuse_text (scratch, "a.txt", "hello", DIF_FORMAT_ERROR_UNSUPPORTED, "begins with #version");
  refuse_text (scratch, "b.txt", "#version\na b c\n", DIF_FORMAT_ERROR_BAD_VALUE,
               "line 2: expected two symbols, found 3");
  refuse_text (scratch, "c.txt", "#version\na zz\n", DIF_FORMAT_ERROR_BAD_VALUE,
               "line 2: expected two words of the vocabulary");
  refuse_text (scratch, "a.whl", "PK\3\4 and so on", DIF_FORMAT_ERROR_UNSUPPORTED,
               "found a zip archive; unpack it");
  refuse_text (scratch, "d.gz", "\x1f\x8bno", DIF_FORMAT_ERROR_CORRUPT, "expected packed data");
  assert_refused (scratch, "e.gz", g_bytes_get_data (cut, NULL), g_bytes_get_size (cut),
                  DIF_FORMAT_ERROR_CORRUPT, "expected packed data");
  g_assert_cmpint (g_mkdir (empty, 0755), ==, 0);
  assert_refused (scratch, "empty", NULL, 0, DIF_FORMAT_ERROR_MISSING_KEY,
                  "expected vocab.json and merges.txt, or tokenizer.json, found none");
  scratch_free (scratch);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/import/every-kind", test_kinds);
  g_test_add_func ("/text/import/what-is-none-changes-nothing", test_refused);
  return g_test_run ();
}
