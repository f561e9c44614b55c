/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-import.c - a vocabulary from everything it comes in, and what is none. */
#include "text/import.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/scratch.h"
#include "text/bpe.h"

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

static void
put16 (GByteArray *to, guint value)
{
  guint8 bytes[2] = { (guint8) value, (guint8) (value >> 8) };

  g_byte_array_append (to, bytes, 2);
}

static void
put32 (GByteArray *to, guint32 value)
{
  put16 (to, value & 0xffff);
  put16 (to, value >> 16);
}

static guint32
crc32_of (GBytes *bytes)
{
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  guint32       crc  = ~0u;

  for (gsize i = 0; i < g_bytes_get_size (bytes) * 8; i++)
    crc = crc >> 1 ^ ((crc ^ data[i / 8] >> i % 8) & 1 ? 0xedb88320 : 0);
  return ~crc;
}

/* A zip archive of one member. */
static GByteArray *
archive_of (GBytes *contents, const char *name, guint method)
{
  GByteArray        *zip      = g_byte_array_new ();
  g_autoptr (GBytes) packed   = method ? pack (g_bytes_get_data (contents, NULL),
                                               g_bytes_get_size (contents),
                                               G_ZLIB_COMPRESSOR_FORMAT_RAW)
                                       : g_bytes_ref (contents);
  guint32            sizes[3] = { crc32_of (contents), (guint32) g_bytes_get_size (packed),
                                  (guint32) g_bytes_get_size (contents) };
  guint              length   = (guint) strlen (name), at;

  for (guint central = 0; central < 2; central++)
    {
      at = zip->len;
      g_byte_array_append (zip, (const guint8 *) (central ? "PK\1\2" : "PK\3\4"), 4);
      for (guint i = 0; i < 2 + central; i++)
        put16 (zip, i + 1 == 2 + central ? 0 : 20);
      put16 (zip, method);
      put32 (zip, 0);
      for (guint i = 0; i < 3; i++)
        put32 (zip, sizes[i]);
      put16 (zip, length);
      put16 (zip, 0);
      for (guint i = 0; central && i < 7; i++)
        put16 (zip, 0);
      g_byte_array_append (zip, (const guint8 *) name, length);
      if (! central)
        g_byte_array_append (zip, g_bytes_get_data (packed, NULL), sizes[1]);
    }
  length = zip->len - at;
  g_byte_array_append (zip, (const guint8 *) "PK\5\6\0\0\0\0\1\0\1\0", 12);
  put32 (zip, length);
  put32 (zip, at);
  put16 (zip, 0);
  return zip;
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
  dif_tokenizer_encode (a, "a red cube beside a blue sphere, \xc3\xbc 7", x, NULL, NULL, &error);
  dif_tokenizer_encode (b, "a red cube beside a blue sphere, \xc3\xbc 7", y, NULL, NULL, &error);
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
  g_autofree char   *wheel   = scratch_path (scratch, "open_clip.whl");
  g_autoptr (GBytes) list    = packed_list ();
  static const char  name[]  = "open_clip/bpe_simple_vocab_16e6.txt.gz";

  assert_imports (scratch, model);
  assert_imports (scratch, folder);
  assert_imports (scratch, whole);
  assert_imports (scratch, below);
  scratch_write (scratch, "list.txt.gz", g_bytes_get_data (list, NULL), g_bytes_get_size (list));
  assert_imports (scratch, gz);
  for (guint method = 0; method <= 8; method += 8)
    {
      g_autoptr (GByteArray) zip = archive_of (list, name, method);

      scratch_write (scratch, "open_clip.whl", zip->data, zip->len);
      assert_imports (scratch, wheel);
    }
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
  refuse_text (scratch, "d.gz", "\x1f\x8bno", DIF_FORMAT_ERROR_CORRUPT, "expected packed data");
  assert_refused (scratch, "e.gz", g_bytes_get_data (cut, NULL), g_bytes_get_size (cut),
                  DIF_FORMAT_ERROR_CORRUPT, "expected packed data");
  g_assert_cmpint (g_mkdir (empty, 0755), ==, 0);
  assert_refused (scratch, "empty", NULL, 0, DIF_FORMAT_ERROR_MISSING_KEY,
                  "expected vocab.json and merges.txt, or tokenizer.json, found none");
  scratch_free (scratch);
}

static void
test_archives (void)
{
  static const char  name[]  = "bpe_simple_vocab_16e6.txt.gz";
  char              *scratch = scratch_new ();
  g_autoptr (GBytes) list    = packed_list ();
  /* what is changed, from the beginning or, if negative, from the end */
  static const struct
  {
    int         at;
    guint8      value;
    int         code;
    const char *what;
  } rows[] = {
    { -22, 'x', DIF_FORMAT_ERROR_CORRUPT, "no end record" },
    { -18, 1, DIF_FORMAT_ERROR_UNSUPPORTED, "several volumes" },
    { -6, 0, DIF_FORMAT_ERROR_CORRUPT, "an entry of a zip directory" },
    { -3, 255, DIF_FORMAT_ERROR_CORRUPT, "expected a zip directory, found its end" },
    { -10, 1, DIF_FORMAT_ERROR_CORRUPT, "an entry of a zip directory" },
    { -22 - 28 - 46 + 28, 200, DIF_FORMAT_ERROR_CORRUPT, "a whole entry of a zip directory" },
    { 26, 255, DIF_FORMAT_ERROR_CORRUPT, "expected a whole member" },
    { 100, 0, DIF_FORMAT_ERROR_CORRUPT, "check sum" },
    { -22 - 28 - 46 + 8, 1, DIF_FORMAT_ERROR_UNSUPPORTED, "found an encrypted one" },
    { -22 - 28 - 46 + 10, 9, DIF_FORMAT_ERROR_UNSUPPORTED, "found another method" },
    { -22 - 28 - 46 + 27, 255, DIF_FORMAT_ERROR_TOO_LARGE, "expected a member of at most" },
    { -22 - 28, 'x', DIF_FORMAT_ERROR_MISSING_KEY, "expected bpe_simple_vocab_16e6.txt.gz" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) zip = archive_of (list, name, 0);
      guint                  at  = (rows[i].at < 0 ? zip->len : 0) + (guint) rows[i].at;

      zip->data[at] = rows[i].value;
      assert_refused (scratch, "a.whl", zip->data, zip->len, rows[i].code, rows[i].what);
    }
  scratch_free (scratch);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/import/every-kind", test_kinds);
  g_test_add_func ("/text/import/what-is-none-changes-nothing", test_refused);
  g_test_add_func ("/text/import/damaged-archives", test_archives);
  return g_test_run ();
}
