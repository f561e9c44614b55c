/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-json.c - JSON: what is read, what is refused and how it is said. */
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"

static DifJson *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  DifJson           *json  = dif_json_parse (text, strlen (text), "x.json", &error);

  g_assert_no_error (error);
  g_assert_nonnull (json);
  return json;
}

static void
assert_refused (const char *text, gsize length, int code, const char *what)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_json_parse (text, length, "x.json", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, code);
  assert_one_line (error, "x.json: ");
  assert_one_line (error, what);
}

static void
assert_text_refused (const char *text, int code, const char *what)
{
  assert_refused (text, strlen (text), code, what);
}

static void
test_required (void)
{
  g_autoptr (DifJson) json   = parse ("{\"i\": 3, \"n\": null, \"s\": \"x\"}");
  static const char  *keys[] = { "n", "absent", "s", "i" };

  g_assert_cmpint (dif_json_require_int (json, "i", 1, 9), ==, 3);
  g_assert_true (dif_json_finish (json, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (dif_json_require_int (json, keys[i], 4, 9), ==, 4);
      g_assert_false (dif_json_finish (json, &error));
      assert_one_line (error, "x.json: ");
      assert_one_line (error, i < 2 ? "found none" : "found");
      assert_one_line (error, keys[i]);
    }
}

static void
test_values (void)
{
  g_autoptr (DifJson) json = parse (
      "{\"i\": 3, \"d\": -2.5e-3, \"t\": true, \"f\": false, \"n\": null, "
      "\"s\": \"a\\u00e9\\n\\ud83d\\ude00\", \"a\": [1, [2], {\"k\": 8.0}]}");
  DifJson *list;

  g_assert_cmpint (dif_json_int (json, "i", 9, 0, 10), ==, 3);
  g_assert_cmpfloat (dif_json_double (json, "d", 9), ==, -2.5e-3);
  g_assert_cmpfloat (dif_json_double (json, "i", 9), ==, 3);
  g_assert_true (dif_json_bool (json, "t", FALSE));
  g_assert_false (dif_json_bool (json, "f", TRUE));
  g_assert_cmpstr (dif_json_string (json, "s", NULL), ==, "a\xc3\xa9\n\xf0\x9f\x98\x80");
  g_assert_cmpint (dif_json_int (json, "n", 7, 0, 1), ==, 7);
  g_assert_cmpint (dif_json_int (json, "absent", 7, 0, 1), ==, 7);
  g_assert_cmpstr (dif_json_string (json, "absent", "x"), ==, "x");
  g_assert_true (dif_json_has (json, "f"));
  g_assert_false (dif_json_has (json, "n"));
  g_assert_null (dif_json_member (json, "n"));
  list = dif_json_member (json, "a");
  g_assert_cmpuint (dif_json_length (list), ==, 3);
  g_assert_cmpint (dif_json_value_int (dif_json_at (list, 0), 0, 5), ==, 1);
  g_assert_cmpint (dif_json_int (dif_json_at (list, 2), "k", 0, 0, 8), ==, 8);
  g_assert_null (dif_json_at (list, 3));
  g_assert_null (dif_json_key (json));
  g_assert_null (dif_json_key (dif_json_at (list, 0)));
  g_assert_cmpstr (dif_json_key (dif_json_at (json, 1)), ==, "d");
  g_assert_true (dif_json_finish (json, NULL));
}

static void
test_types (void)
{
  g_autoptr (DifJson) json       = parse ("[null, true, 1, \"\", [], {}]");
  const DifJsonType   expected[] = { DIF_JSON_NULL, DIF_JSON_BOOL, DIF_JSON_NUMBER,
                                     DIF_JSON_STRING, DIF_JSON_ARRAY, DIF_JSON_OBJECT };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpint (dif_json_type (dif_json_at (json, i)), ==, expected[i]);
}

static void
test_roots (void)
{
  static const char *const texts[] = {
    "1", "\"x\"", "null", " [ ] \r\n", "\t{}", "\xef\xbb\xbf{}"
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError)  error = NULL;
      g_autoptr (DifJson) json  = dif_json_parse (texts[i], strlen (texts[i]), "x", &error);

      g_assert_no_error (error);
      g_assert_nonnull (json);
    }
}

/* The getters' messages: path, expected, found. */
static void
test_messages (void)
{
  static const char text[] =
      "{\"blocks\": [320, 640, \"x\"], \"deep\": {\"key\": [{\"n\": -1}]}, \"h\": 1.5, "
      "\"b\": 1, \"long\": \"0123456789012345678901234567890123456789012345678901234567890"
      "123456789\", \"line\": \"a\\nb\", \"o\": {}}";
  const struct
  {
    const char *key;
    const char *message;
  } integers[] = {
    { "h", "x.json: h: expected a positive whole number, found 1.5" },
    { "line", "x.json: line: expected a positive whole number, found \"a b\"" },
    { "o", "x.json: o: expected a positive whole number, found an object" },
    { "blocks", "x.json: blocks: expected a positive whole number, found an array of 3" },
    { "long", "found \"012345678901234567890123456789012345678901234567890123456789...\"" },
  };
  g_autoptr (DifJson) json  = parse (text);
  g_autoptr (GError)  error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (integers); i++)
    {
      g_assert_cmpint (dif_json_int (json, integers[i].key, 4, 1, G_MAXINT64), ==, 4);
      g_assert_false (dif_json_finish (json, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE);
      assert_one_line (error, integers[i].message);
      g_clear_error (&error);
      g_assert_true (dif_json_finish (json, &error));
    }
  dif_json_value_int (dif_json_at (dif_json_member (json, "blocks"), 2), 1, G_MAXINT64);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==,
                   "x.json: blocks[2]: expected a positive whole number, found \"x\"");
  g_clear_error (&error);
  dif_json_int (dif_json_at (dif_json_member (dif_json_member (json, "deep"), "key"), 0), "n", 0, 0,
                9);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==,
                   "x.json: deep.key[0].n: expected a whole number from 0 to 9, found -1");
  g_clear_error (&error);
  dif_json_bool (json, "b", FALSE);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==, "x.json: b: expected true or false, found 1");
  g_clear_error (&error);
  dif_json_string (json, "b", NULL);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==, "x.json: b: expected a string, found 1");
  g_clear_error (&error);
  dif_json_double (json, "o", 0);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==, "x.json: o: expected a number, found an object");
  g_clear_error (&error);
  dif_json_int (dif_json_member (json, "blocks"), "key", 0, 0, 9);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==, "x.json: blocks: expected an object, found an array of 3");
}

static void
test_first_error (void)
{
  g_autoptr (DifJson) json  = parse ("{\"a\": 1, \"b\": \"x\"}");
  g_autoptr (GError)  error = NULL;

  dif_json_fail (json, DIF_FORMAT_ERROR_MISSING_KEY, "expected %d things", 3);
  g_assert_cmpint (dif_json_int (json, "a", 7, 0, 9), ==, 7);
  g_assert_cmpint (dif_json_int (json, "b", 7, 0, 9), ==, 7);
  g_assert_cmpstr (dif_json_string (json, "b", "y"), ==, "y");
  g_assert_cmpfloat (dif_json_double (json, "a", 5), ==, 5);
  g_assert_true (dif_json_bool (json, "a", TRUE));
  g_assert_null (dif_json_member (json, "a"));
  g_assert_false (dif_json_finish (json, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  g_assert_cmpstr (error->message, ==, "x.json: expected 3 things");
  g_assert_cmpint (dif_json_int (json, "a", 7, 0, 9), ==, 1);
}

static void
test_syntax (void)
{
  static const char *const texts[] = {
    "", " ", "{", "[", "]", "}", "[1",
    "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{1:2}",
    "[1 2]", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "nul", "nullx",
    "TRUE", "True", "01", "1.", ".5", "+1", "-",
    "1e", "1e+", "0x10", "[1}", "{\"a\":1]", "[1]]", "// c\n1",
    "{'a':1}", "[--1]", "infinity", "nan", "-NaN", "+Infinity", "\"a\nb\"",
    "\"a\tb\"", "\"\\u0000\"", "\x01", "[\x0b]", "{\"a\":1}x", "1 2", "{\"a\" 1}",
    "[\"a\":1]", "\\", "\"\\"
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_text_refused (texts[i], DIF_FORMAT_ERROR_CORRUPT, "line ");
  assert_text_refused ("{\n  \"a\": tru\n}", DIF_FORMAT_ERROR_CORRUPT, "line 2, column 8");
  assert_text_refused ("{}\n\n x", DIF_FORMAT_ERROR_CORRUPT, "line 3, column 2");
}

static void
test_encoding (void)
{
  assert_refused ("\"\xff\"", 3, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8, found byte 0xff");
  assert_refused ("\"\xc0\xaf\"", 4, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8");
  assert_refused ("\"\xed\xa0\x80\"", 5, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8");
  assert_refused ("\"a\0b\"", 5, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8, found byte 0x00");
  assert_refused ("{}\0", 3, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8");
  assert_refused ("\"\xe6\x9d", 3, DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8");
}

static void
test_duplicates (void)
{
  GString *many = g_string_new ("{");

  assert_text_refused ("{\"a\":1,\"b\":2,\"a\":3}", DIF_FORMAT_ERROR_CORRUPT, "found \"a\" twice");
  assert_text_refused ("[{\"A\":1,\"a\":{\"\":1,\"\":2}}]", DIF_FORMAT_ERROR_CORRUPT,
                       "found \"\" twice");
  assert_text_refused ("{\"a\":1,\"\\u0061\":2}", DIF_FORMAT_ERROR_CORRUPT, "found \"a\" twice");
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (many, "\"k%u\": %u, ", i, i);
  g_string_append (many, "\"k37\": 0}");
  assert_refused (many->str, many->len, DIF_FORMAT_ERROR_CORRUPT, "found \"k37\" twice");
  g_string_free (many, TRUE);
}

static void
test_large_objects (void)
{
  g_autoptr (DifJson) json = NULL;
  GString            *text = g_string_new ("{");

  for (guint i = 0; i < 20000; i++)
    g_string_append_printf (text, "%s\"k%u\": %u", i ? ", " : "", i * 7919 % 20011, i);
  g_string_append_c (text, '}');
  json = parse (text->str);
  g_string_free (text, TRUE);
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *key = g_strdup_printf ("k%u", i * 7919 % 20011);

      g_assert_cmpint (dif_json_int (json, key, -1, 0, 20000), ==, i);
    }
  g_assert_cmpint (dif_json_int (json, "k20010x", -1, 0, 20000), ==, -1);
  dif_json_set_double (json, "new", 5);
  g_assert_cmpint (dif_json_int (json, "new", -1, 0, 20000), ==, 5);
  g_assert_cmpint (dif_json_int (json, "k0", -1, 0, 20000), ==, 0);
}

static void
test_limits (void)
{
  g_autofree char    *deep  = g_strnfill (DIF_JSON_MAX_DEPTH + 1, '[');
  g_autofree char    *close = g_strnfill (DIF_JSON_MAX_DEPTH, ']');
  g_autofree char    *whole = g_strconcat (deep + 1, "1", close, NULL);
  g_autofree char    *wide  = g_strnfill (2 * DIF_JSON_MAX_VALUES + 2, ',');
  g_autoptr (DifJson) json  = parse (whole);

  assert_text_refused (deep, DIF_FORMAT_ERROR_TOO_LARGE, "levels of nesting");
  for (gsize i = 0; i < 2 * DIF_JSON_MAX_VALUES + 2; i += 2)
    wide[i] = '1';
  assert_refused (wide, 2 * DIF_JSON_MAX_VALUES + 2, DIF_FORMAT_ERROR_TOO_LARGE, "values");
  /* The size is looked at before the text, so the text need not be there. */
  assert_refused ("{}", (gsize) DIF_JSON_MAX_BYTES + 1, DIF_FORMAT_ERROR_TOO_LARGE,
                  "bytes of JSON");
}

static void
test_numbers (void)
{
  static const char text[] =
      "[9007199254740992, 9007199254740993, 1000000000000000019884624838656, 1e300, -0.0, "
      "1E2, 0.1, 9007199254740991.0, -9007199254740993, 1e18, 9223372036854775807, "
      "-9223372036854775808, 9223372036854775808, -9223372036854775809]";
  g_autoptr (DifJson) json      = parse (text);
  g_autoptr (DifJson) copy      = dif_json_new_object ("copy");
  g_autoptr (GError)  error     = NULL;
  g_autofree char    *written   = NULL;
  static const guint  inexact[] = { 2, 3, 9, 12, 13 };
  static const struct
  {
    guint  index;
    gint64 value;
  } exact[] = { { 0, 9007199254740992 },
                { 1, 9007199254740993 },
                { 7, 9007199254740991 },
                { 8, -9007199254740993 },
                { 10, G_MAXINT64 },
                { 11, G_MININT64 } };

  for (guint i = 0; i < G_N_ELEMENTS (exact); i++)
    g_assert_cmpint (
        dif_json_value_int (dif_json_at (json, exact[i].index), G_MININT64, G_MAXINT64), ==,
        exact[i].value);
  g_assert_cmpint (dif_json_value_int (dif_json_at (json, 5), 0, G_MAXINT64), ==, 100);
  g_assert_cmpfloat (dif_json_value_double (dif_json_at (json, 2)), ==, 1e30);
  g_assert_cmpfloat (dif_json_value_double (dif_json_at (json, 6)), ==, 0.1);
  g_assert_true (dif_json_finish (json, &error));
  for (guint i = 0; i < G_N_ELEMENTS (inexact); i++)
    {
      dif_json_value_int (dif_json_at (json, inexact[i]), G_MININT64, G_MAXINT64);
      g_assert_false (dif_json_finish (json, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE);
      g_clear_error (&error);
    }
  dif_json_set_copy (copy, "n", dif_json_at (json, 1));
  written = dif_json_to_string (copy, FALSE);
  g_assert_cmpstr (written, ==, "{\"n\": 9007199254740993}");
  assert_text_refused ("1e999", DIF_FORMAT_ERROR_BAD_VALUE,
                       "expected a number within a double's range, found 1e999");
  assert_text_refused ("[-1e309]", DIF_FORMAT_ERROR_BAD_VALUE, "found -1e309");
  assert_text_refused ("0.0000000000000000000000000000000000000000000000000000000000000000001",
                       DIF_FORMAT_ERROR_TOO_LARGE, "at most 63 characters");
}

/* Python's json writes these for floats. */
static void
test_not_finite (void)
{
  g_autoptr (DifJson) json =
      parse ("{\"lambda_min_clipped\": -Infinity, \"p\": Infinity, \"one\": 1, \"n\": NaN}");
  g_autoptr (GError) error = NULL;
  g_autofree char   *text  = dif_json_to_string (json, FALSE);

  g_assert_true (isinf (dif_json_double (json, "lambda_min_clipped", 0)));
  g_assert_cmpfloat (dif_json_double (json, "lambda_min_clipped", 0), <, 0);
  g_assert_cmpfloat (dif_json_double (json, "p", 0), >, 1e308);
  g_assert_cmpfloat (dif_json_double (json, "one", 0), ==, 1);
  g_assert_true (dif_json_finish (json, NULL));
  g_assert_cmpfloat (dif_json_double (json, "n", 2), ==, 2);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==, "x.json: n: expected a number, found NaN");
  g_clear_error (&error);
  dif_json_int (json, "p", 0, 0, G_MAXINT64);
  g_assert_false (dif_json_finish (json, &error));
  g_assert_cmpstr (error->message, ==,
                   "x.json: p: expected a whole number of at least 0, found Infinity");
  g_assert_cmpstr (text, ==,
                   "{\"lambda_min_clipped\": -Infinity, \"p\": Infinity, \"one\": 1, \"n\": NaN}");
}

static void
test_writing (void)
{
  g_autoptr (DifJson) json = dif_json_new_object ("new");
  g_autoptr (DifJson) other =
      parse ("{\"list\": [1, 2.5, {\"a\": null}], \"s\": \"\\u0001\\\"\\\\\\n\\t/\xc3\xa9\"}");
  g_autoptr (DifJson) again  = NULL;
  g_autofree char    *plain  = NULL;
  g_autofree char    *pretty = NULL;
  g_autofree char    *quoted = dif_json_quote ("a\"\n");

  dif_json_set_double (json, "d", 0.1);
  dif_json_set_double (json, "i", 1000);
  dif_json_set_double (json, "third", 1.0 / 3);
  dif_json_set_double (json, "zero", -0.0);
  dif_json_set_double (json, "big", 1e300);
  dif_json_set_bool (json, "b", TRUE);
  dif_json_set_string (json, "d2", "x");
  dif_json_set_null (json, "d2");
  dif_json_set_copy (json, "l", dif_json_member (other, "list"));
  dif_json_set_copy (json, "s", dif_json_member (other, "s"));
  plain = dif_json_to_string (json, FALSE);
  g_assert_cmpstr (
      plain, ==,
      "{\"d\": 0.1, \"i\": 1000, \"third\": 0.3333333333333333, \"zero\": -0, \"big\": 1e+300, "
      "\"b\": true, \"d2\": null, \"l\": [1, 2.5, {\"a\": null}], "
      "\"s\": \"\\u0001\\\"\\\\\\n\\t/\xc3\xa9\"}");
  again = parse (plain);
  g_assert_cmpfloat (dif_json_double (again, "third", 0), ==, 1.0 / 3);
  pretty = dif_json_to_string (dif_json_member (again, "l"), TRUE);
  g_assert_cmpstr (pretty, ==, "[\n  1,\n  2.5,\n  {\n    \"a\": null\n  }\n]\n");
  g_assert_cmpstr (quoted, ==, "\"a\\\"\\n\"");
}

/* GIMP runs in the user's language; numbers must not. */
static void
test_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
  const char              *found   = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names) && ! found; i++)
    found = setlocale (LC_NUMERIC, names[i]);
  if (! found)
    {
      g_test_skip ("no locale with a decimal comma");
      return;
    }
  {
    g_autoptr (DifJson) json = parse ("[0.5]");
    g_autofree char    *text = dif_json_to_string (json, FALSE);

    g_assert_cmpfloat (dif_json_value_double (dif_json_at (json, 0)), ==, 0.5);
    g_assert_cmpstr (text, ==, "[0.5]");
  }
  setlocale (LC_NUMERIC, "C");
}

static void
test_references (void)
{
  DifJson *json = parse ("{\"a\": {\"b\": [1]}}");
  DifJson *part = dif_json_ref (dif_json_member (dif_json_member (json, "a"), "b"));

  dif_json_unref (json);
  g_assert_cmpuint (dif_json_length (part), ==, 1);
  dif_json_unref (part);
  dif_json_unref (NULL);
}

static void
test_files (void)
{
  char               *folder  = scratch_new ();
  g_autofree char    *good    = scratch_path (folder, "good.json");
  g_autofree char    *missing = scratch_path (folder, "missing.json");
  g_autofree char    *empty   = scratch_path (folder, "empty.json");
  g_autofree char    *huge    = scratch_path (folder, "huge.json");
  g_autoptr (DifJson) json    = NULL;
  g_autoptr (GError)  error   = NULL;

  scratch_write_text (folder, "good.json", "{\"a\": 1}");
  json = dif_json_load (good, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dif_json_int (json, "a", 0, 0, 2), ==, 1);
  g_assert_null (dif_json_load (missing, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  assert_one_line (error, missing);
  g_clear_error (&error);
  g_assert_null (dif_json_load (folder, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
  assert_one_line (error, "expected a file, found a folder");
  g_clear_error (&error);
  g_assert_null (dif_json_load ("/dev/zero", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
  assert_one_line (error, "found a device or pipe");
  g_clear_error (&error);
  scratch_write_text (folder, "empty.json", "");
  g_assert_null (dif_json_load (empty, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  assert_one_line (error, empty);
  g_clear_error (&error);
  scratch_write_text (folder, "huge.json", "");
  g_assert_cmpint (truncate (huge, (off_t) DIF_JSON_MAX_BYTES + 1), ==, 0);
  g_assert_null (dif_json_load (huge, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_one_line (error, huge);
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json/required-integers", test_required);
  g_test_add_func ("/base/json/reads-values", test_values);
  g_test_add_func ("/base/json/tells-types", test_types);
  g_test_add_func ("/base/json/takes-any-root", test_roots);
  g_test_add_func ("/base/json/says-path-expected-and-found", test_messages);
  g_test_add_func ("/base/json/keeps-the-first-error", test_first_error);
  g_test_add_func ("/base/json/refuses-bad-syntax", test_syntax);
  g_test_add_func ("/base/json/refuses-bad-encoding", test_encoding);
  g_test_add_func ("/base/json/refuses-duplicate-keys", test_duplicates);
  g_test_add_func ("/base/json/finds-members-of-large-objects", test_large_objects);
  g_test_add_func ("/base/json/keeps-its-limits", test_limits);
  g_test_add_func ("/base/json/reads-numbers-exactly-or-not-at-all", test_numbers);
  g_test_add_func ("/base/json/reads-what-python-writes", test_not_finite);
  g_test_add_func ("/base/json/writes-what-it-reads", test_writing);
  g_test_add_func ("/base/json/does-not-depend-on-the-language", test_locale);
  g_test_add_func ("/base/json/keeps-a-document-while-a-node-is-held", test_references);
  g_test_add_func ("/base/json/says-what-is-wrong-with-a-file", test_files);
  return g_test_run ();
}
