/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-clip-bpe.c - the same ids as transformers' CLIPTokenizer.
 *
 * The strings and their ids are tests/fixtures/clip-tokens.json (see
 * PROVENANCE.md there), with a small vocabulary of our own and with CLIP's,
 * and with either padding token, since "!" as padding is a special token that
 * texts may contain.
 */
#include "base/error.h"
#include "base/json.h"
#include "text/tokenizer.h"

#include <string.h>

#include "formats/scratch.h"

#define MAX_LENGTH 77

static DifJson *
load_fixture (void)
{
  g_autofree char   *path  = g_build_filename (g_getenv ("DIF_FIXTURES"), "clip-tokens.json", NULL);
  g_autoptr (GError) error = NULL;
  DifJson           *json  = dif_json_load (path, &error);

  g_assert_no_error (error);
  return json;
}

/* The tokenizer of @from with the padding token @pad. */
static DifTokenizer *
load_with_pad (const char *from, const char *pad)
{
  char              *folder = scratch_new ();
  g_autofree char   *vocab  = g_build_filename (from, "vocab.json", NULL);
  g_autofree char   *merges = g_build_filename (from, "merges.txt", NULL);
  g_autofree char   *map    = NULL;
  g_autoptr (GError) error  = NULL;
  DifTokenizer      *t;

  map =
      g_strdup_printf ("{\"bos_token\": {\"content\": \"<|startoftext|>\", \"normalized\": true}, "
                       "\"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
                       "\"unk_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
                       "\"pad_token\": \"%s\"}",
                       pad);
  scratch_copy (folder, "vocab.json", vocab);
  scratch_copy (folder, "merges.txt", merges);
  scratch_write_text (folder, "special_tokens_map.json", map);
  t = dif_tokenizer_load (folder, &error);
  g_assert_no_error (error);
  scratch_free (folder);
  return t;
}

static DifTokenizer *
load_tiny (const char *pad)
{
  g_autofree char *folder = g_build_filename (g_getenv ("DIF_FIXTURES"), "models", "sd15",
                                              "tokenizer", NULL);

  return load_with_pad (folder, pad);
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

static void
print_difference (DifJson *node, GArray *expected, const gint32 *ids)
{
  g_autofree char *text = dif_json_to_string (node, FALSE);

  for (guint i = 0; i < expected->len; i++)
    if (g_array_index (expected, gint32, i) != ids[i])
      {
        g_error ("id %u: expected %d, found %d in %.300s", i, g_array_index (expected, gint32, i),
                 ids[i], text);
      }
}

static GArray *
read_ids (DifJson *list)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint32));

  for (guint i = 0; i < dif_json_length (list); i++)
    {
      gint32 id = (gint32) dif_json_value_int (dif_json_at (list, i), 0, G_MAXINT32);

      g_array_append_val (ids, id);
    }
  return ids;
}

/* Compares a case cut to 77 ids, begin and end included. */
static void
check_case (DifTokenizer *t, DifJson *node, DifJson *list)
{
  g_autoptr (GString) text     = case_text (node);
  g_autoptr (GArray)  expected = read_ids (list);
  g_autoptr (GError)  error    = NULL;
  g_autoptr (GArray)  found    = dif_tokenizer_split (t, text->str, (gssize) text->len, &error);
  gint32              ids[MAX_LENGTH];
  guint               n_used, n_dropped;

  g_assert_no_error (error);
  g_array_set_size (found, MIN (found->len, MAX_LENGTH - 2));
  g_assert_cmpuint (found->len + 2, ==, expected->len);
  if (strlen (text->str) == text->len)
    {
      g_assert_true (
          dif_tokenizer_encode (t, text->str, ids, MAX_LENGTH, &n_used, &n_dropped, &error));
      g_assert_cmpuint (n_used, ==, expected->len);
    }
  else
    {
      ids[0] = dif_tokenizer_bos (t);
      if (found->len > 0)
        memcpy (ids + 1, found->data, found->len * sizeof (gint32));
      ids[found->len + 1] = dif_tokenizer_eos (t);
    }
  print_difference (node, expected, ids);
}

/* Every case with the vocabulary @name; a padding token "!" changes some. */
static void
check_cases (const char *name, DifTokenizer *eos, DifTokenizer *bang)
{
  g_autoptr (DifJson) fixture = load_fixture ();
  DifJson            *cases   = dif_json_member (fixture, "cases");
  g_autofree char    *banged  = g_strconcat (name, "_bang", NULL);
  guint               n_bang  = 0;

  g_assert_cmpuint (dif_json_length (cases), >=, 250);
  for (guint i = 0; i < dif_json_length (cases); i++)
    {
      DifJson *node = dif_json_at (cases, i);
      DifJson *with = dif_json_member (node, banged);

      check_case (eos, node, dif_json_member (node, name));
      check_case (bang, node, with ? with : dif_json_member (node, name));
      n_bang += with != NULL;
    }
  g_assert_cmpuint (n_bang, >, 10);
  g_assert_true (dif_json_finish (fixture, NULL));
}

static void
check_padding (const char *name, DifTokenizer *eos, DifTokenizer *bang)
{
  g_autoptr (DifJson) fixture = load_fixture ();
  DifJson            *padded  = dif_json_member (fixture, "padded");
  DifJson            *facts   = dif_json_member (dif_json_member (fixture, "vocabularies"), name);

  g_assert_cmpint (dif_tokenizer_bos (eos), ==, dif_json_int (facts, "bos", -1, 0, G_MAXINT32));
  g_assert_cmpint (dif_tokenizer_eos (eos), ==, dif_json_int (facts, "eos", -1, 0, G_MAXINT32));
  g_assert_cmpint (dif_tokenizer_pad (eos), ==, dif_json_int (facts, "pad_eos", -1, 0, G_MAXINT32));
  g_assert_cmpint (dif_tokenizer_pad (bang), ==,
                   dif_json_int (facts, "pad_bang", -1, 0, G_MAXINT32));
  g_assert_cmpint (dif_tokenizer_vocabulary_size (eos), ==,
                   dif_json_int (facts, "vocab_size", -1, 0, G_MAXINT32));
  g_assert_cmpuint (dif_tokenizer_max_length (eos), ==, MAX_LENGTH);
  g_assert_cmpuint (dif_json_length (padded), >, 4);
  for (guint i = 0; i < dif_json_length (padded); i++)
    {
      DifJson           *node     = dif_json_at (padded, i);
      gboolean           is_eos   = strcmp (dif_json_string (node, "pad", ""), "eos") == 0;
      g_autoptr (GArray) expected = read_ids (dif_json_member (node, name));
      g_autoptr (GError) error    = NULL;
      gint32             ids[MAX_LENGTH];

      g_assert_cmpuint (expected->len, ==, MAX_LENGTH);
      g_assert_true (dif_tokenizer_encode (is_eos ? eos : bang,
                                           dif_json_string (node, "text", NULL), ids, MAX_LENGTH,
                                           NULL, NULL, &error));
      print_difference (node, expected, ids);
    }
}

static void
test_tiny (void)
{
  g_autoptr (DifTokenizer) eos  = load_tiny ("<|endoftext|>");
  g_autoptr (DifTokenizer) bang = load_tiny ("!");

  check_cases ("tiny", eos, bang);
  check_padding ("tiny", eos, bang);
}

static DifTokenizer *
load_model (const char *model)
{
  g_autofree char   *folder = g_build_filename (g_getenv ("DIF_FIXTURES"), "models", model,
                                                "tokenizer", NULL);
  g_autoptr (GError) error  = NULL;
  DifTokenizer      *t      = dif_tokenizer_load (folder, &error);

  g_assert_no_error (error);
  return t;
}

/* As saved: published files, tokenizer.json, and two files that disagree. */
static void
test_saved (void)
{
  g_autoptr (DifTokenizer) sd15 = load_model ("sd15");
  g_autoptr (DifTokenizer) sd21 = load_model ("sd21");
  g_autoptr (DifTokenizer) odd  = load_model ("odd");

  check_cases ("tiny", sd15, sd21);
  check_padding ("tiny", sd15, sd21);
  check_padding ("tiny", sd15, odd);
}

static void
test_clip (void)
{
  const char *folder = g_getenv ("DIF_TEST_CLIP_VOCAB");

  if (! folder || ! *folder)
    {
      g_test_skip ("DIF_TEST_CLIP_VOCAB does not name the folder of CLIP's vocabulary");
      return;
    }
  {
    g_autoptr (DifTokenizer) eos  = load_with_pad (folder, "<|endoftext|>");
    g_autoptr (DifTokenizer) bang = load_with_pad (folder, "!");

    check_cases ("clip", eos, bang);
    check_padding ("clip", eos, bang);
  }
}

/* Whatever its shape, a megabyte takes well under a second; a method of n
 * squared steps would not end before the test's time is over. */
static void
test_long_texts (void)
{
  static const char *const units[] = { "a",
                                       "ab",
                                       "cat ",
                                       " ",
                                       "e\xcc\x81",
                                       "\xcc\xa3\xcc\x81",
                                       "<|endoftext|>",
                                       "!",
                                       "'s",
                                       "\xe4\xb8\xad",
                                       "\xea\xb0\x80",
                                       "9",
                                       "\xf0\x9f\x98\x80",
                                       "<|endoftex" };
  g_autoptr (DifTokenizer) t       = load_tiny ("!");

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    {
      GString           *text  = g_string_new (NULL);
      g_autoptr (GError) error = NULL;
      gint32             ids[MAX_LENGTH];
      guint              n_used, n_dropped;

      while (text->len < 1000000)
        g_string_append (text, units[i]);
      g_assert_true (
          dif_tokenizer_encode (t, text->str, ids, MAX_LENGTH, &n_used, &n_dropped, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (n_used, <=, MAX_LENGTH);
      g_string_free (text, TRUE);
    }
}

static void
test_limits (void)
{
  g_autoptr (DifTokenizer) t               = load_tiny ("!");
  g_autofree char         *text            = g_strnfill (DIF_TOKENIZER_MAX_BYTES + 1, ' ');
  g_autoptr (GError)       error           = NULL;
  gint32                   ids[MAX_LENGTH] = { -5 };

  g_assert_false (dif_tokenizer_encode (t, text, ids, MAX_LENGTH, NULL, NULL, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  assert_one_line (error, "prompt: expected at most");
  g_assert_cmpint (ids[0], ==, -5);
}

static void
test_bad_utf8 (void)
{
  static const char *const texts[] = { "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\xc0\x80", "ab\x80" };
  g_autoptr (DifTokenizer) t       = load_tiny ("!");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error           = NULL;
      gint32             ids[MAX_LENGTH] = { -5 };

      g_assert_false (dif_tokenizer_encode (t, texts[i], ids, MAX_LENGTH, NULL, NULL, &error));
      g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
      assert_one_line (error, "prompt: expected UTF-8 text");
      g_assert_cmpint (ids[0], ==, -5);
    }
}

static void
test_counts (void)
{
  g_autoptr (DifTokenizer) t     = load_tiny ("!");
  g_autoptr (GError)       error = NULL;
  GString                 *text  = g_string_new (NULL);
  gint32                   ids[MAX_LENGTH];
  guint                    n_used, n_dropped;

  g_assert_true (dif_tokenizer_encode (t, "", ids, MAX_LENGTH, &n_used, &n_dropped, &error));
  g_assert_cmpuint (n_used, ==, 2);
  g_assert_cmpuint (n_dropped, ==, 0);
  for (guint i = 0; i < 75; i++)
    g_string_append (text, "cat ");
  g_assert_true (dif_tokenizer_encode (t, text->str, ids, MAX_LENGTH, &n_used, &n_dropped, &error));
  g_assert_cmpuint (n_used, ==, 77);
  g_assert_cmpuint (n_dropped, ==, 0);
  g_string_append (text, "cat cat");
  g_assert_true (dif_tokenizer_encode (t, text->str, ids, MAX_LENGTH, &n_used, &n_dropped, &error));
  g_assert_cmpuint (n_used, ==, 77);
  g_assert_cmpuint (n_dropped, ==, 2);
  g_assert_cmpint (ids[76], ==, dif_tokenizer_eos (t));
  g_string_free (text, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/clip-bpe/gives-the-reference-ids", test_tiny);
  g_test_add_func ("/text/clip-bpe/gives-the-reference-ids-from-saved-files", test_saved);
  g_test_add_func ("/text/clip-bpe/gives-the-reference-ids-with-clips-vocabulary", test_clip);
  g_test_add_func ("/text/clip-bpe/takes-a-megabyte-of-anything", test_long_texts);
  g_test_add_func ("/text/clip-bpe/keeps-its-limit", test_limits);
  g_test_add_func ("/text/clip-bpe/refuses-invalid-utf-8", test_bad_utf8);
  g_test_add_func ("/text/clip-bpe/counts-what-it-dropped", test_counts);
  return g_test_run ();
}
