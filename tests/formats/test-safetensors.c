/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-safetensors.c - safetensors: what is read, and every way to be wrong. */
#include "base/error.h"
#include "formats/safetensors.h"

#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"

/* A file with this header and so many bytes of data: 0, 1, 2 ... */
static GBytes *
make_file (const char *header, gsize n_data)
{
  guint64     length = GUINT64_TO_LE ((guint64) strlen (header));
  GByteArray *file   = g_byte_array_new ();

  g_byte_array_append (file, (const guint8 *) &length, 8);
  g_byte_array_append (file, (const guint8 *) header, (guint) strlen (header));
  for (gsize i = 0; i < n_data; i++)
    {
      guint8 byte = (guint8) i;

      g_byte_array_append (file, &byte, 1);
    }
  return g_byte_array_free_to_bytes (file);
}

static gboolean
read_bytes (GBytes *file, DifWeights **weights, DifWantFunc want, GError **error)
{
  *weights = dif_weights_new ("test");
  return dif_safetensors_read_bytes (file, "x.safetensors", *weights, want, NULL, error);
}

static void
assert_refused (const char *header, gsize n_data, int code, const char *what)
{
  g_autoptr (GBytes)     file    = make_file (header, n_data);
  g_autoptr (DifWeights) weights = NULL;
  g_autoptr (GPtrArray)  names   = NULL;
  g_autoptr (GError)     error   = NULL;

  g_assert_false (read_bytes (file, &weights, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, code);
  assert_one_line (error, "x.safetensors: ");
  assert_one_line (error, what);
  names = dif_weights_names (weights);
  g_assert_cmpuint (names->len, ==, 0);
}

static DifWeights *
read_good (const char *header, gsize n_data, DifWantFunc want)
{
  g_autoptr (GBytes) file  = make_file (header, n_data);
  g_autoptr (GError) error = NULL;
  DifWeights        *weights;

  g_assert_true (read_bytes (file, &weights, want, &error));
  g_assert_no_error (error);
  return weights;
}

static void
assert_tensor (DifWeights *weights, const char *name, DifEncoding encoding, DifShape shape,
               guint8 first)
{
  const DifHostArray *array = dif_weights_lookup (weights, name);
  gsize               count;

  g_assert_nonnull (array);
  g_assert_cmpint (array->encoding, ==, encoding);
  g_assert_true (dif_shape_equal (&array->shape, &shape));
  g_assert_true (dif_shape_count (&shape, &count));
  if (count > 0)
    g_assert_cmpuint (*(const guint8 *) array->data, ==, first);
}

static void
test_dtypes (void)
{
  g_autoptr (DifWeights) weights =
      read_good ("{\"__metadata__\":{\"format\":\"pt\"},"
                 "\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                 "\"c\":{\"dtype\":\"BF16\",\"shape\":[1,1,1,2],\"data_offsets\":[20,24]},"
                 "\"d\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]},"
                 "\"e\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[32,36]},"
                 "\"f\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[36,44]},"
                 "\"g\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[44,47]},"
                 "\"h\":{\"dtype\":\"F8_E5M2\",\"shape\":[1],\"data_offsets\":[47,48]},"
                 "\"i\":{\"dtype\":\"I8\",\"shape\":[1,2],\"data_offsets\":[48,50]},"
                 "\"none\":{\"dtype\":\"F32\",\"shape\":[5,0],\"data_offsets\":[50,50]},"
                 "\"nil\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}   ",
                 50, NULL);

  assert_tensor (weights, "a", DIF_ENC_F32, DIF_SHAPE (2), 0);
  assert_tensor (weights, "b", DIF_ENC_F16, DIF_SHAPE (2, 3), 8);
  assert_tensor (weights, "c", DIF_ENC_BF16, DIF_SHAPE (1, 1, 1, 2), 20);
  assert_tensor (weights, "d", DIF_ENC_I64, (DifShape) { .n = 0 }, 24);
  assert_tensor (weights, "e", DIF_ENC_I32, DIF_SHAPE (1), 32);
  assert_tensor (weights, "f", DIF_ENC_F64, DIF_SHAPE (1), 36);
  assert_tensor (weights, "g", DIF_ENC_F8_E4M3, DIF_SHAPE (3), 44);
  assert_tensor (weights, "h", DIF_ENC_F8_E5M2, DIF_SHAPE (1), 47);
  assert_tensor (weights, "i", DIF_ENC_I8, DIF_SHAPE (1, 2), 48);
  assert_tensor (weights, "none", DIF_ENC_F32, DIF_SHAPE (5, 0), 0);
  assert_tensor (weights, "nil", DIF_ENC_F32, DIF_SHAPE (0), 0);
}

static void
test_no_tensors (void)
{
  g_autoptr (DifWeights) weights = read_good ("{}", 0, NULL);
  g_autoptr (GPtrArray)  names   = dif_weights_names (weights);

  g_assert_cmpuint (names->len, ==, 0);
}

static char *
want_renamed (const char *name, gpointer user_data)
{
  return *name == 'x' ? NULL : g_strconcat ("new.", name, NULL);
}

static char *
want_same (const char *name, gpointer user_data)
{
  return g_strdup ("same");
}

#define TWO_TENSORS                                                   \
  "{\"xa\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}," \
  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}"

static void
test_choosing (void)
{
  g_autoptr (DifWeights) weights = read_good (TWO_TENSORS, 12, want_renamed);
  g_autoptr (GPtrArray)  names   = dif_weights_names (weights);

  g_assert_cmpuint (names->len, ==, 1);
  assert_tensor (weights, "new.b", DIF_ENC_F32, DIF_SHAPE (1), 8);
}

static void
test_collisions (void)
{
  const char *header =
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
  g_autoptr (GBytes)     file    = make_file (header, 8);
  g_autoptr (DifWeights) weights = NULL;
  g_autoptr (DifWeights) again   = read_good (header, 8, NULL);
  g_autoptr (GError)     error   = NULL;

  g_assert_false (read_bytes (file, &weights, want_same, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  assert_one_line (error, "found a second one for same");
  g_assert_null (dif_weights_lookup (weights, "same"));
  g_clear_error (&error);
  g_assert_false (dif_safetensors_read_bytes (file, "x", again, NULL, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
}

/* Sizes of all dtypes are known, so that tensors not wanted can be skipped. */
static void
test_skipping_dtypes (void)
{
  static const struct
  {
    const char *name;
    guint       shape;
    guint       bytes;
  } rows[] = {
    { "BOOL", 3, 3 },
    { "F8_E8M0", 3, 3 },
    { "F8_E4M3FNUZ", 3, 3 },
    { "F8_E5M2FNUZ", 3, 3 },
    { "F4", 4, 2 },
    { "F6_E2M3", 4, 3 },
    { "F6_E3M2", 4, 3 },
    { "I16", 3, 6 },
    { "U16", 3, 6 },
    { "U32", 3, 12 },
    { "U64", 3, 24 },
    { "C64", 3, 24 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *header =
          g_strdup_printf ("{\"x\":{\"dtype\":\"%s\",\"shape\":[%u],\"data_offsets\":[0,%u]}}",
                           rows[i].name, rows[i].shape, rows[i].bytes);
      g_autofree char *found =
          g_strdup_printf ("I64, I32, I8 or U8, found %s", rows[i].name);
      g_autoptr (DifWeights) weights = read_good (header, rows[i].bytes, want_renamed);

      assert_refused (header, rows[i].bytes, DIF_FORMAT_ERROR_UNSUPPORTED, found);
    }
}

static void
test_headers (void)
{
  static const struct
  {
    const char *header;
    int         code;
    const char *what;
  } rows[] = {
    { "", DIF_FORMAT_ERROR_CORRUPT, "line 1" },
    { "{", DIF_FORMAT_ERROR_CORRUPT, "syntax error" },
    { "[]", DIF_FORMAT_ERROR_CORRUPT, "expected an object" },
    { "7", DIF_FORMAT_ERROR_CORRUPT, "expected an object" },
    { "{\"a\":7}", DIF_FORMAT_ERROR_BAD_VALUE, "a: expected an object, found 7" },
    { "{\"a\":null}", DIF_FORMAT_ERROR_BAD_VALUE, "a: expected an object, found null" },
    { "{\"a\":{}}", DIF_FORMAT_ERROR_CORRUPT, "a: expected a dtype" },
    { "{\"a\":{\"dtype\":\"F32\"}}", DIF_FORMAT_ERROR_CORRUPT, "a: expected an array as shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":1}}", DIF_FORMAT_ERROR_CORRUPT,
      "a: expected an array as shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", DIF_FORMAT_ERROR_CORRUPT,
      "a: expected two data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", DIF_FORMAT_ERROR_CORRUPT,
      "a: expected two data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}",
      DIF_FORMAT_ERROR_CORRUPT, "a: expected two data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"a\":0,\"b\":4}}}",
      DIF_FORMAT_ERROR_CORRUPT, "a: expected two data_offsets" },
    { "{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_UNSUPPORTED, "a.dtype: expected a known dtype, found \"F99\"" },
    { "{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", DIF_FORMAT_ERROR_BAD_VALUE,
      "a.dtype: expected a string, found 5" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.shape[0]: expected a whole number of at least 0, found -1" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.shape[0]: expected a whole number of at least 0, found 1.5" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.shape[0]" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.data_offsets[0]" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", DIF_FORMAT_ERROR_CORRUPT,
      "found 4 to 0" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", DIF_FORMAT_ERROR_CORRUPT,
      "expected 8 bytes as dtype and shape say, found 0 to 4" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,18446744073709551619]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.data_offsets[1]" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_CORRUPT, "a.shape: expected a size that can be counted" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808,2],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "a.shape[0]" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_CORRUPT, "a.shape: expected a size that can be counted" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9007199254740992,512,4],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_CORRUPT, "a.shape: expected a size that can be counted" },
    { "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", DIF_FORMAT_ERROR_CORRUPT,
      "expected whole bytes, found 12 bits" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}",
      DIF_FORMAT_ERROR_UNSUPPORTED, "expected at most 4 dimensions, found 5" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}",
      DIF_FORMAT_ERROR_CORRUPT, "found \"a\" twice" },
    { "{\"__metadata__\":7}", DIF_FORMAT_ERROR_CORRUPT,
      "__metadata__: expected an object of strings" },
    { "{\"__metadata__\":{\"a\":7}}", DIF_FORMAT_ERROR_BAD_VALUE,
      "__metadata__.a: expected a string, found 7" },
    { "{\"a\xff\":7}", DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_refused (rows[i].header, 4, rows[i].code, rows[i].what);
}

static void
test_cover (void)
{
  static const struct
  {
    guint       begin_a, end_a, begin_b, end_b, size;
    const char *what;
  } rows[] = {
    { 0, 4, 4, 8, 7, "expected 8 bytes of data, found 7 (the file is cut off)" },
    { 0, 4, 4, 8, 9, "expected 8 bytes of data, found 9 (more than its tensors)" },
    { 0, 4, 0, 4, 4, "expected data from byte 4, found it overlapping another tensor at 0" },
    { 0, 4, 2, 6, 6, "expected data from byte 4, found it overlapping another tensor at 2" },
    { 0, 4, 5, 9, 9, "expected data from byte 4, found it behind a hole at 5" },
    { 1, 5, 5, 9, 9, "expected data from byte 0, found it behind a hole at 1" },
    { 4, 8, 8, 12, 12, "expected data from byte 0, found it behind a hole at 4" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *header =
          g_strdup_printf ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%u,%u]},"
                           "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%u,%u]}}",
                           rows[i].begin_a, rows[i].end_a, rows[i].begin_b, rows[i].end_b);

      assert_refused (header, rows[i].size, DIF_FORMAT_ERROR_CORRUPT, rows[i].what);
    }
}

/* The eight bytes at the beginning. */
static void
test_lengths (void)
{
  static const struct
  {
    guint64     length;
    int         code;
    const char *what;
  } rows[] = {
    { 3, DIF_FORMAT_ERROR_CORRUPT, "expected a header of 3 bytes, found 2 (the file is cut off)" },
    { DIF_SAFETENSORS_MAX_HEADER + 1, DIF_FORMAT_ERROR_TOO_LARGE, "header of at most" },
    { G_MAXUINT64, DIF_FORMAT_ERROR_TOO_LARGE, "found 18446744073709551615" },
    { G_MAXUINT64 - 7, DIF_FORMAT_ERROR_TOO_LARGE, "header of at most" },
    { 1, DIF_FORMAT_ERROR_CORRUPT, "line 1" },
    { 0, DIF_FORMAT_ERROR_CORRUPT, "line 1" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint8                 data[10] = { 0, 0, 0, 0, 0, 0, 0, 0, '{', '}' };
      guint64                length   = GUINT64_TO_LE (rows[i].length);
      g_autoptr (GBytes)     file     = NULL;
      g_autoptr (DifWeights) weights  = NULL;
      g_autoptr (GError)     error    = NULL;

      memcpy (data, &length, 8);
      file = g_bytes_new (data, sizeof data);
      g_assert_false (read_bytes (file, &weights, NULL, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, rows[i].code);
      assert_one_line (error, rows[i].what);
    }
}

#define SWEPT                                                                        \
  "{\"__metadata__\":{\"format\":\"pt\"},"                                           \
  "\"conv.weight\":{\"dtype\":\"F32\",\"shape\":[2,1,1,2],\"data_offsets\":[0,16]}," \
  "\"conv.bias\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[16,20]}}"

/* A file cut off anywhere is refused. */
static void
test_cut_off (void)
{
  g_autoptr (GBytes) file = make_file (SWEPT, 20);

  for (gsize n = 0; n < g_bytes_get_size (file); n++)
    {
      g_autoptr (GBytes)     part    = g_bytes_new_from_bytes (file, 0, n);
      g_autoptr (DifWeights) weights = NULL;
      g_autoptr (GError)     error   = NULL;

      g_assert_false (read_bytes (part, &weights, NULL, &error));
      g_assert_true (error->domain == DIF_FORMAT_ERROR);
      assert_one_line (error, "x.safetensors: ");
    }
}

static void
touch_all (DifWeights *weights)
{
  g_autoptr (GPtrArray) names = dif_weights_names (weights);

  for (guint i = 0; i < names->len; i++)
    {
      const DifHostArray *array = dif_weights_lookup (weights, g_ptr_array_index (names, i));
      gsize               bytes;
      g_autofree guint8  *copy = NULL;

      g_assert_true (dif_host_bytes (array, &bytes));
      copy = g_malloc (bytes);
      memcpy (copy, array->data, bytes);
    }
}

/* A flipped bit is found, or leaves tensors that lie inside the file. */
static void
test_bit_flips (void)
{
  g_autoptr (GBytes) file = make_file (SWEPT, 20);
  gsize              size = g_bytes_get_size (file);

  for (gsize bit = 0; bit < 8 * size; bit++)
    {
      g_autoptr (GBytes)     flipped = NULL;
      g_autoptr (DifWeights) weights = NULL;
      g_autoptr (GError)     error   = NULL;
      guint8                *data    = g_memdup2 (g_bytes_get_data (file, NULL), size);

      data[bit / 8] ^= (guint8) (1u << bit % 8);
      flipped = g_bytes_new_take (data, size);
      if (read_bytes (flipped, &weights, NULL, &error))
        touch_all (weights);
      else
        assert_one_line (error, "x.safetensors: ");
    }
}

static void
test_files (void)
{
  char                  *folder  = scratch_new ();
  g_autofree char       *path    = scratch_path (folder, "a.safetensors");
  g_autofree char       *missing = scratch_path (folder, "missing.safetensors");
  g_autoptr (GBytes)     file    = make_file (TWO_TENSORS, 12);
  g_autoptr (DifWeights) weights = dif_weights_new ("test");
  g_autoptr (GError)     error   = NULL;

  scratch_write (folder, "a.safetensors", g_bytes_get_data (file, NULL), g_bytes_get_size (file));
  g_assert_true (dif_safetensors_read (path, weights, want_renamed, NULL, &error));
  g_assert_no_error (error);
  /* The mapping outlives the name. */
  g_assert_cmpint (unlink (path), ==, 0);
  assert_tensor (weights, "new.b", DIF_ENC_F32, DIF_SHAPE (1), 8);
  g_assert_false (dif_safetensors_read (missing, weights, NULL, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  assert_one_line (error, missing);
  g_clear_error (&error);
  g_assert_false (dif_safetensors_read (folder, weights, NULL, NULL, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
  g_clear_error (&error);
  scratch_write (folder, "a.safetensors", "", 0);
  g_assert_false (dif_safetensors_read (path, weights, NULL, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  assert_one_line (error, "expected at least 8 bytes of safetensors, found 0");
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/safetensors/reads-every-dtype", test_dtypes);
  g_test_add_func ("/formats/safetensors/reads-a-file-without-tensors", test_no_tensors);
  g_test_add_func ("/formats/safetensors/chooses-and-renames", test_choosing);
  g_test_add_func ("/formats/safetensors/refuses-a-name-given-twice", test_collisions);
  g_test_add_func ("/formats/safetensors/skips-dtypes-it-cannot-read", test_skipping_dtypes);
  g_test_add_func ("/formats/safetensors/refuses-hostile-headers", test_headers);
  g_test_add_func ("/formats/safetensors/refuses-overlaps-and-holes", test_cover);
  g_test_add_func ("/formats/safetensors/refuses-impossible-lengths", test_lengths);
  g_test_add_func ("/formats/safetensors/refuses-a-file-cut-off-anywhere", test_cut_off);
  g_test_add_func ("/formats/safetensors/survives-any-flipped-bit", test_bit_flips);
  g_test_add_func ("/formats/safetensors/maps-files", test_files);
  return g_test_run ();
}
