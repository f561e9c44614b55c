/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-token-ids.c - the same ids as the reference's byte-level and unigram tokenizers.
 *
 * The strings and their ids are tests/fixtures/token-ids.json, the vocabularies
 * tests/fixtures/tokenizers/ (see PROVENANCE.md there).
 */
#include "base/error.h"
#include "base/json.h"
#include "text/chat.h"
#include "text/tokenizer.h"

#include <string.h>

#include "formats/scratch.h"

static DifJson *
load_json (const char *name)
{
  g_autofree char   *path  = g_build_filename (g_getenv ("DIF_FIXTURES"), name, NULL);
  g_autoptr (GError) error = NULL;
  DifJson           *json  = dif_json_load (path, &error);

  g_assert_no_error (error);
  return json;
}

static DifTokenizer *
load_tokenizer (const char *name)
{
  g_autofree char   *folder = g_build_filename (g_getenv ("DIF_FIXTURES"), "tokenizers", name,
                                                NULL);
  g_autoptr (GError) error  = NULL;
  DifTokenizer      *t      = dif_tokenizer_load (folder, &error);

  g_assert_no_error (error);
  return t;
}

/* The text of a case: "text", or "hex" where it contains U+0000. */
static GString *
case_text (DifJson *node)
{
  GString    *text = g_string_new (dif_json_string (node, "text", NULL));
  const char *hex  = dif_json_string (node, "hex", "");

  for (; *hex; hex += 2)
    g_string_append_c (text,
                       (char) (g_ascii_xdigit_value (hex[0]) * 16 + g_ascii_xdigit_value (hex[1])));
  return text;
}

/* FNV-1a, 32 bits, of the ids as four bytes each. */
static guint32
checksum (const GArray *ids)
{
  guint32 sum = 0x811c9dc5;

  for (guint i = 0; i < ids->len; i++)
    for (guint k = 0; k < 4; k++)
      {
        sum ^= ((guint32) g_array_index (ids, gint32, i) >> (8 * k)) & 0xff;
        sum *= 0x01000193;
      }
  return sum;
}

static char *
describe (const GArray *ids)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < MIN (ids->len, 60); i++)
    g_string_append_printf (out, " %d", g_array_index (ids, gint32, i));
  return g_string_free (out, FALSE);
}

/* Whether @ids are those of @expected: all, or number, beginning and sum. */
static gboolean
is_expected (const GArray *ids, DifJson *expected)
{
  gboolean whole = dif_json_type (expected) == DIF_JSON_ARRAY;
  DifJson *first = whole ? expected : dif_json_member (expected, "first");

  if (ids->len != (whole ? dif_json_length (expected)
                         : (guint) dif_json_require_int (expected, "n", 0, G_MAXINT32)))
    return FALSE;
  for (guint i = 0; i < dif_json_length (first); i++)
    if (g_array_index (ids, gint32, i) !=
        (gint32) dif_json_value_int (dif_json_at (first, i), 0, G_MAXINT32))
      return FALSE;
  return whole ||
         checksum (ids) == (guint32) dif_json_require_int (expected, "sum", 0, G_MAXUINT32);
}

static gboolean
check_case (DifTokenizer *t, DifJson *node, DifJson *expected)
{
  g_autoptr (GString) text  = case_text (node);
  g_autoptr (GError)  error = NULL;
  g_autoptr (GArray)  found = NULL;

  if (dif_json_type (expected) == DIF_JSON_NULL)
    return FALSE;
  found = dif_tokenizer_split (t, text->str, (gssize) text->len, &error);
  g_assert_no_error (error);
  if (! is_expected (found, expected))
    {
      g_autofree char *shown = dif_json_to_string (node, FALSE);
      g_autofree char *want  = dif_json_to_string (expected, FALSE);
      g_autofree char *have  = describe (found);

      g_test_message ("%.300s: expected %.300s, found%s", shown, want, have);
      g_test_fail ();
    }
  return TRUE;
}

/* Every string with the tokenizer @data. */
static void
test_ids (gconstpointer data)
{
  const char              *name    = data;
  g_autoptr (DifTokenizer) t       = load_tokenizer (name);
  g_autoptr (DifJson)      clip    = load_json ("clip-tokens.json");
  g_autoptr (DifJson)      fixture = load_json ("token-ids.json");
  DifJson                 *old     = dif_json_member (clip, "cases");
  DifJson                 *more    = dif_json_member (fixture, "more");
  DifJson                 *ids     = dif_json_member (dif_json_member (fixture, "cases"), name);
  guint                    n_old   = dif_json_length (old);
  guint                    n       = n_old + dif_json_length (more);
  guint                    checked = 0;

  g_assert_cmpuint (dif_json_length (ids), ==, n);
  for (guint i = 0; i < n; i++)
    checked += check_case (t, i < n_old ? dif_json_at (old, i) : dif_json_at (more, i - n_old),
                           dif_json_at (ids, i));
  g_assert_cmpuint (checked, >=, 400);
  g_assert_true (dif_json_finish (fixture, NULL));
}

/* As pipelines ask for them: cut at the end, filled on the right. */
static void
test_padded (void)
{
  g_autoptr (DifJson) fixture = load_json ("token-ids.json");
  DifJson            *rows    = dif_json_member (fixture, "padded");

  g_assert_cmpuint (dif_json_length (rows), ==, 18);
  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson                 *row    = dif_json_at (rows, i);
      DifJson                 *ids    = dif_json_member (row, "ids");
      g_autoptr (DifTokenizer) t      = load_tokenizer (dif_json_string (row, "folder", NULL));
      const char              *text   = dif_json_string (row, "text", NULL);
      guint                    length = (guint) dif_json_require_int (row, "length", 1, 64);
      g_autoptr (GArray)       all    = dif_tokenizer_split (t, text, -1, NULL);
      gint32                   found[64];
      guint                    used, dropped;

      g_assert_true (dif_tokenizer_encode (t, text, found, length, &used, &dropped, NULL));
      g_assert_cmpuint (used, ==, (guint) dif_json_require_int (row, "used", 0, 64));
      g_assert_cmpuint (dropped, ==, all->len + dif_tokenizer_overhead (t, NULL) - used);
      g_assert_cmpuint (dif_json_length (ids), ==, length);
      for (guint k = 0; k < length; k++)
        g_assert_cmpint (found[k], ==, dif_json_value_int (dif_json_at (ids, k), 0, G_MAXINT32));
    }
}

static void
test_chat (void)
{
  g_autoptr (DifTokenizer) t     = load_tokenizer ("qwen");
  const DifChatTemplate   *plain = dif_chat_find ("qwen3");
  const DifChatTemplate   *quiet = dif_chat_find ("qwen3-no-think");
  g_autofree char         *a     = dif_chat_apply (plain, " a cat ");
  g_autofree char         *b     = dif_chat_apply (quiet, "");
  g_autoptr (GArray)       ids   = NULL;

  g_assert_null (dif_chat_find ("qwen"));
  g_assert_cmpstr (a, ==, "<|im_start|>user\n a cat <|im_end|>\n<|im_start|>assistant\n");
  g_assert_cmpstr (b, ==,
                   "<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  ids = dif_tokenizer_split (t, b, -1, NULL);
  g_assert_cmpint (g_array_index (ids, gint32, 0), ==, dif_tokenizer_find (t, "<|im_start|>"));
  g_assert_cmpint (g_array_index (ids, gint32, ids->len - 3), ==,
                   dif_tokenizer_find (t, "</think>"));
  g_assert_false (dif_tokenizer_is_special (t, dif_tokenizer_find (t, "</think>")));
  g_assert_true (dif_tokenizer_is_special (t, dif_tokenizer_find (t, "<|im_end|>")));
  g_assert_cmpint (dif_tokenizer_find (t, "<nothing>"), ==, -1);
}

/* What tokens look like, put one behind the other, is the text again. */
static void
assert_shown (const char *name, const char *text, const char *expected)
{
  g_autoptr (DifTokenizer) t     = load_tokenizer (name);
  g_autoptr (GArray)       ids   = dif_tokenizer_split (t, text, -1, NULL);
  g_autoptr (GString)      shown = g_string_new (NULL);

  for (guint i = 0; i < ids->len; i++)
    {
      g_autofree char *one = dif_tokenizer_show (t, g_array_index (ids, gint32, i));

      g_assert_true (g_utf8_validate (one, -1, NULL));
      g_string_append (shown, one);
    }
  g_assert_cmpstr (shown->str, ==, expected);
}

static void
test_show (void)
{
  g_autoptr (DifTokenizer) t    = load_tokenizer ("t5");
  g_autofree char         *none = dif_tokenizer_show (t, -1);
  g_autofree char         *far  = dif_tokenizer_show (t, G_MAXINT32);

  assert_shown ("qwen", "a red cube\n<|im_end|> in oil", "a red cube\n<|im_end|> in oil");
  assert_shown ("t5", "a small  red cube\n", " a small red cube");
  assert_shown ("spiece-plain", "a small red  cube", "a small red  cube");
  g_assert_cmpstr (none, ==, "");
  g_assert_cmpstr (far, ==, "");
}

static void
test_kinds (void)
{
  static const struct
  {
    const char *name, *kind;
    guint       max_length, overhead;
  } rows[] = {
    { "qwen", "byte-bpe", 131072, 0 },
    { "qwen-files", "byte-bpe", 32768, 0 },
    { "gpt2", "byte-bpe", 32768, 0 },
    { "t5", "unigram", 512, 1 },
    { "t5-spiece", "unigram", 512, 1 },
    { "unigram", "unigram", 512, 1 },
    { "spiece", "unigram", 512, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (DifTokenizer) t = load_tokenizer (rows[i].name);
      guint                    before;

      g_assert_cmpstr (dif_tokenizer_kind (t), ==, rows[i].kind);
      g_assert_cmpuint (dif_tokenizer_max_length (t), ==, rows[i].max_length);
      g_assert_cmpuint (dif_tokenizer_overhead (t, &before), ==, rows[i].overhead);
      g_assert_cmpuint (before, ==, 0);
      g_assert_cmpint (dif_tokenizer_pad (t), >=, 0);
    }
}

static void
test_bad_utf8 (void)
{
  static const char *const texts[] = { "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\xc0\x80", "ab\x80" };
  static const char *const names[] = { "qwen", "t5", "spiece" };

  for (guint k = 0; k < G_N_ELEMENTS (names); k++)
    {
      g_autoptr (DifTokenizer) t = load_tokenizer (names[k]);

      for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
        {
          g_autoptr (GError) error = NULL;

          g_assert_null (dif_tokenizer_split (t, texts[i], -1, &error));
          g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
          assert_one_line (error, "prompt: expected UTF-8 text");
        }
    }
}

/* Ten megabytes of anything take seconds; a method of n squared steps would
 * not end before the test's time is over. */
static void
test_long_texts (gconstpointer data)
{
  static const char *const units[] = { "a", "\xcc\xa3\xcc\x81", " ", "\n ", "<|im_end|>",
                                       "<extra_id_", "'", "\xe2\x96\x81", "\xf0\x9f\x98\x80" };
  g_autoptr (DifTokenizer) t       = load_tokenizer (data);

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    {
      GString           *text  = g_string_new (NULL);
      gsize              bytes = i == 0 ? 10000000 : 1000000;
      g_autoptr (GError) error = NULL;
      g_autoptr (GArray) ids   = NULL;

      while (text->len < bytes)
        g_string_append (text, units[i]);
      ids = dif_tokenizer_split (t, text->str, (gssize) text->len, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (ids->len, <=, text->len + 1);
      g_string_free (text, TRUE);
    }
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "qwen", "qwen-files", "gpt2", "t5",
                                       "t5-spiece", "unigram", "spiece", "spiece-plain" };
  static const char *const longs[] = { "qwen", "gpt2", "t5", "spiece" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_strconcat ("/text/token-ids/", names[i], NULL);

      g_test_add_data_func (path, names[i], test_ids);
    }
  g_test_add_func ("/text/token-ids/cuts-and-fills", test_padded);
  g_test_add_func ("/text/token-ids/has-chat-templates", test_chat);
  g_test_add_func ("/text/token-ids/shows-tokens", test_show);
  g_test_add_func ("/text/token-ids/says-its-kind", test_kinds);
  g_test_add_func ("/text/token-ids/refuses-invalid-utf-8", test_bad_utf8);
  for (guint i = 0; i < G_N_ELEMENTS (longs); i++)
    {
      g_autofree char *path = g_strconcat ("/text/token-ids/takes-megabytes/", longs[i], NULL);

      g_test_add_data_func (path, longs[i], test_long_texts);
    }
  return g_test_run ();
}
