/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-tokenizer-files.c - tokenizer folders: which file wins, and broken ones. */
#include "base/error.h"
#include "base/json.h"
#include "text/tokenizer.h"

#include <string.h>

#include "formats/scratch.h"

/* A folder with vocab.json and merges.txt of 844 words: "!" is 0, the begin
 * 842, the end 843. */
static char *
new_folder (void)
{
  char            *folder = scratch_new ();
  g_autofree char *from   = g_build_filename (g_getenv ("DIF_FIXTURES"), "models", "sd15",
                                              "tokenizer", NULL);
  g_autofree char *vocab  = g_build_filename (from, "vocab.json", NULL);
  g_autofree char *merges = g_build_filename (from, "merges.txt", NULL);

  scratch_copy (folder, "vocab.json", vocab);
  scratch_copy (folder, "merges.txt", merges);
  return folder;
}

static DifTokenizer *
load_good (const char *folder)
{
  g_autoptr (GError) error = NULL;
  DifTokenizer      *t     = dif_tokenizer_load (folder, &error);

  g_assert_no_error (error);
  g_assert_nonnull (t);
  return t;
}

static void
assert_refused (const char *folder, GQuark domain, int code, const char *what)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_tokenizer_load (folder, &error));
  g_assert_error (error, domain, code);
  assert_one_line (error, folder);
  assert_one_line (error, what);
}

/* The ids of @text, as words separated by spaces. */
static char *
ids_of (DifTokenizer *t, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) ids   = dif_tokenizer_split (t, text, -1, &error);
  GString           *out   = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < ids->len; i++)
    g_string_append_printf (out, "%s%d", i ? " " : "", g_array_index (ids, gint32, i));
  return g_string_free (out, FALSE);
}

static void
assert_ids (DifTokenizer *t, const char *text, const char *expected)
{
  g_autofree char *found = ids_of (t, text);

  g_assert_cmpstr (found, ==, expected);
}

static void
test_defaults (void)
{
  char                    *folder = new_folder ();
  g_autoptr (DifTokenizer) t      = load_good (folder);

  g_assert_cmpint (dif_tokenizer_bos (t), ==, 842);
  g_assert_cmpint (dif_tokenizer_eos (t), ==, 843);
  g_assert_cmpint (dif_tokenizer_pad (t), ==, 843);
  g_assert_cmpuint (dif_tokenizer_max_length (t), ==, 77);
  g_assert_cmpuint (dif_tokenizer_vocabulary_size (t), ==, 844);
  /* Stated as plain strings they are looked for as typed. */
  assert_ids (t, "<|ENDOFTEXT|><|endoftext|>", "27 347 68 77 793 69 83 68 87 339 91 285 843");
  scratch_free (folder);
}

/* special_tokens_map.json overrides tokenizer_config.json ... */
static void
test_map_wins (void)
{
  char *folder = new_folder ();

  scratch_write_text (folder, "tokenizer_config.json",
                      "{\"pad_token\": \"<|endoftext|>\", \"model_max_length\": 12}");
  scratch_write_text (folder, "special_tokens_map.json", "{\"pad_token\": \"!\"}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    g_assert_cmpint (dif_tokenizer_pad (t), ==, 0);
    g_assert_cmpuint (dif_tokenizer_max_length (t), ==, 12);
    assert_ids (t, "a!", "320 0");
  }
  /* ... but not one that lists added_tokens_decoder. */
  scratch_write_text (
      folder, "tokenizer_config.json",
      "{\"pad_token\": \"<|endoftext|>\", \"added_tokens_decoder\": {\"843\": {\"content\": "
      "\"<|endoftext|>\", \"normalized\": true, \"special\": true}}}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    g_assert_cmpint (dif_tokenizer_pad (t), ==, 843);
    assert_ids (t, "a!", "320 256");
    assert_ids (t, "<|ENDOFTEXT|>", "843");
  }
  scratch_free (folder);
}

static void
test_normalized (void)
{
  char *folder = new_folder ();

  scratch_write_text (folder, "special_tokens_map.json",
                      "{\"bos_token\": {\"content\": \"<|startoftext|>\", \"normalized\": true}, "
                      "\"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
                      "\"unk_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
                      "\"pad_token\": \"!\"}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    assert_ids (t, "<|ENDOFTEXT|><|StartOfText|>", "843 842");
  }
  scratch_free (folder);
}

static void
test_added (void)
{
  char *folder = new_folder ();

  /* Words that are not in the vocabulary get the ids after it. */
  scratch_write_text (folder, "added_tokens.json", "{\"<cat-toy>\": 844, \"My Style\": 845}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    g_assert_cmpuint (dif_tokenizer_vocabulary_size (t), ==, 846);
    assert_ids (t, "a<cat-toy>a <CAT-TOY> my STYLE", "320 844 320 844 845");
  }
  scratch_remove (folder, "added_tokens.json");
  scratch_write_text (
      folder, "tokenizer_config.json",
      "{\"added_tokens_decoder\": {\"845\": {\"content\": \"<b>\", \"special\": true}, \"844\": "
      "{\"content\": \"<a>\", \"special\": true}}}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    assert_ids (t, "<a><b><B>", "844 845 283 321 285");
  }
  scratch_free (folder);
}

static void
test_max_length (void)
{
  static const struct
  {
    const char *stated;
    guint       length;
  } rows[]                        = { { "1000000000000000019884624838656", 77 },
                                      { "1e30", 77 },
                                      { "Infinity", 77 },
                                      { "null", 77 },
                                      { "77.0", 77 },
                                      { "2", 2 },
                                      { "8192", 8192 } };
  static const char *const bad[]  = { "1", "0", "-5", "8193", "7.5",
                                      "\"x\"", "NaN", "-Infinity", "[]" };
  char                    *folder = new_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *config =
          g_strdup_printf ("{\"model_max_length\": %s}", rows[i].stated);
      g_autoptr (DifTokenizer) t = NULL;

      scratch_write_text (folder, "tokenizer_config.json", config);
      t = load_good (folder);
      g_assert_cmpuint (dif_tokenizer_max_length (t), ==, rows[i].length);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *config = g_strdup_printf ("{\"model_max_length\": %s}", bad[i]);

      scratch_write_text (folder, "tokenizer_config.json", config);
      assert_refused (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE, "model_max_length");
    }
  scratch_free (folder);
}

static void
test_missing (void)
{
  char            *folder = scratch_new ();
  g_autofree char *absent = scratch_path (folder, "absent");

  assert_refused (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                  "expected vocab.json and merges.txt, tokenizer.json or spiece.model, found none");
  assert_refused (absent, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY, "found none");
  scratch_free (folder);
  folder = new_folder ();
  scratch_remove (folder, "merges.txt");
  assert_refused (folder, G_FILE_ERROR, G_FILE_ERROR_NOENT, "merges.txt: ");
  scratch_free (folder);
}

static void
test_bad_files (void)
{
  static const struct
  {
    const char *file;
    const char *text;
    int         code;
    const char *what;
  } rows[] = {
    { "vocab.json", "", DIF_FORMAT_ERROR_CORRUPT, "vocab.json: line 1" },
    { "vocab.json", "[]", DIF_FORMAT_ERROR_BAD_VALUE,
      "vocab.json: expected an object, found an array" },
    { "vocab.json", "{}", DIF_FORMAT_ERROR_MISSING_KEY, "the unknown token, found neither" },
    { "vocab.json", "{\"a\": -1}", DIF_FORMAT_ERROR_BAD_VALUE,
      "a: expected a whole number from 0 to 999999, found -1" },
    { "vocab.json", "{\"a\": 1000000}", DIF_FORMAT_ERROR_BAD_VALUE, "found 1000000" },
    { "vocab.json", "{\"a\": \"b\"}", DIF_FORMAT_ERROR_BAD_VALUE, "found \"b\"" },
    { "vocab.json", "{\"a\": 1, \"a\": 2}", DIF_FORMAT_ERROR_CORRUPT, "found \"a\" twice" },
    { "merges.txt", "a\n", DIF_FORMAT_ERROR_BAD_VALUE, "merges.txt: line 1: expected two words" },
    { "merges.txt", "#version: 0.2\ne r x\n", DIF_FORMAT_ERROR_BAD_VALUE, "merges.txt: line 2" },
    { "merges.txt", "\n\nq zz\n", DIF_FORMAT_ERROR_BAD_VALUE, "merges.txt: line 3" },
    { "merges.txt", "\xff \xfe\n", DIF_FORMAT_ERROR_BAD_VALUE, "merges.txt: line 1" },
    { "special_tokens_map.json", "{\"pad_token\": 7}", DIF_FORMAT_ERROR_BAD_VALUE,
      "pad_token: expected a string" },
    { "special_tokens_map.json", "7", DIF_FORMAT_ERROR_BAD_VALUE, "expected an object, found 7" },
    { "special_tokens_map.json", "{\"pad_token\": \"\"}", DIF_FORMAT_ERROR_BAD_VALUE,
      "expected tokens that begin, end and fill a prompt" },
    { "tokenizer_config.json", "{", DIF_FORMAT_ERROR_CORRUPT, "tokenizer_config.json: " },
    { "tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"y\"}}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "expected an id as key" },
    { "tokenizer_config.json", "{\"added_tokens_decoder\": {\"1\": 5}}", DIF_FORMAT_ERROR_BAD_VALUE,
      "added_tokens_decoder.1: expected an object" },
    { "added_tokens.json", "{\"a\": null}", DIF_FORMAT_ERROR_BAD_VALUE,
      "added_tokens.json: a: expected a whole number" },
    { "added_tokens.json", "[]", DIF_FORMAT_ERROR_BAD_VALUE,
      "added_tokens.json: expected an object" },
    { "tokenizer.json", "{}", DIF_FORMAT_ERROR_BAD_VALUE, "as vocabulary" },
    { "tokenizer.json", "{\"model\": 5}", DIF_FORMAT_ERROR_BAD_VALUE,
      "model: expected an object, found 5" },
    { "tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": []}}",
      DIF_FORMAT_ERROR_UNSUPPORTED,
      "model.type: expected a model of type BPE, found \"WordPiece\"" },
    { "tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "expected an array \"model.vocab\" of 1 to 1000000 pieces" },
    { "tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\"]]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "model.vocab[0]: expected a piece" },
    { "tokenizer.json",
      "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}, \"pre_tokenizer\": "
      "{\"type\": \"Whitespace\"}}",
      DIF_FORMAT_ERROR_UNSUPPORTED, "pre_tokenizer: expected GPT-2's or Qwen2's way" },
    { "tokenizer_config.json", "{\"tokenizer_class\": \"T5Tokenizer\"}",
      DIF_FORMAT_ERROR_MISSING_KEY, "expected tokenizer.json or spiece.model, found neither" },
    { "tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": []}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "as vocabulary" },
    { "tokenizer.json", "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0}}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "expected an array \"model.merges\"" },
    { "tokenizer.json", "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0}, \"merges\": [5]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "model.merges[0]: expected two words" },
    { "tokenizer.json",
      "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"a\": 1}, \"merges\": [[\"a\", \"a\"]]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "model.merges[0]: expected two words" },
    { "tokenizer.json",
      "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"a\": 1}, \"merges\": [[\"a\", 5]]}}",
      DIF_FORMAT_ERROR_BAD_VALUE, "model.merges[0]" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char *folder = new_folder ();

      scratch_write_text (folder, rows[i].file, rows[i].text);
      assert_refused (folder, DIF_FORMAT_ERROR, rows[i].code, rows[i].what);
      scratch_free (folder);
    }
}

/* A SentencePiece model is a run of fields: "\n", length, piece. */
static void
test_bad_spiece (void)
{
#define PIECE "\n\x08\n\001a\x15\0\0\0\0"
  static const struct
  {
    const char *data;
    gsize       size;
    int         code;
    const char *what;
  } rows[] = {
    { "", 0, DIF_FORMAT_ERROR_CORRUPT, "expected pieces in a SentencePiece model" },
    { PIECE "\n\xff\xff\xff\xff\x0f", 16, DIF_FORMAT_ERROR_CORRUPT, "a whole SentencePiece model" },
    { PIECE "\x0b", 11, DIF_FORMAT_ERROR_CORRUPT, "a whole SentencePiece model" },
    { PIECE "\n\x03\n\x01\xff", 15, DIF_FORMAT_ERROR_BAD_VALUE, "pieces of UTF-8 text" },
    { PIECE "\n\x02\n\x05", 14, DIF_FORMAT_ERROR_CORRUPT, "expected whole pieces" },
    { PIECE PIECE "\x12\x02\x18\x02", 24, DIF_FORMAT_ERROR_UNSUPPORTED,
      "expected a unigram model with blanks before its words, found another kind of model" },
    { PIECE PIECE "\x1a\x06\x12\x04"
                  "abcd",
      28, DIF_FORMAT_ERROR_CORRUPT,
      "expected rules of normalization" },
  };
#undef PIECE

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char *folder = scratch_new ();

      scratch_write (folder, "spiece.model", rows[i].data, rows[i].size);
      assert_refused (folder, DIF_FORMAT_ERROR, rows[i].code, rows[i].what);
      scratch_free (folder);
    }
}

/* Unknown bytes become the unknown token, one for each. */
static void
test_unknown (void)
{
  char *folder = scratch_new ();

  scratch_write_text (
      folder, "tokenizer.json",
      "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"a\": 1, \"b</w>\": 2, \"ab</w>\": 3, "
      "\"c\": 4, "
      "\"c</w>\": 5, \"cab</w>\": 6}, \"merges\": [\"a b</w>\", [\"c\", \"ab</w>\"]]}, "
      "\"added_tokens\": [{\"id\": 9, \"content\": \"<|startoftext|>\", \"special\": true}]}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    assert_ids (t, "ab cab cxb \xc3\xa9", "3 6 4 0 2 0 0");
    g_assert_cmpint (dif_tokenizer_eos (t), ==, 0);
    g_assert_cmpint (dif_tokenizer_bos (t), ==, 7);
    g_assert_cmpuint (dif_tokenizer_vocabulary_size (t), ==, 8);
  }
  scratch_free (folder);
}

static void
test_no_merges (void)
{
  char *folder = new_folder ();

  scratch_write (folder, "merges.txt", "", 0);
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    assert_ids (t, "cat", "66 64 339");
  }
  scratch_write (folder, "merges.txt", "a b\0c d", 7);
  assert_refused (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                  "merges.txt: expected text, found a zero byte");
  scratch_free (folder);
}

/* Of a merge listed twice the last rank counts. */
static void
test_repeated_merge (void)
{
  char *folder = scratch_new ();

  scratch_write_text (
      folder, "tokenizer.json",
      "{\"model\": {\"vocab\": {\"<|endoftext|>\": 0, \"a\": 1, \"b\": 2, \"c</w>\": 3, \"ab\": 4, "
      "\"bc</w>\": 5}, \"merges\": [\"a b\", \"b c</w>\", \"a b\"]}}");
  {
    g_autoptr (DifTokenizer) t = load_good (folder);

    assert_ids (t, "abc", "1 5");
  }
  scratch_free (folder);
}

static void
test_too_many (void)
{
  char    *folder = new_folder ();
  GString *text   = g_string_new ("{");

  for (guint i = 0; i <= 4096; i++)
    g_string_append_printf (text, "%s\"<%u>\": %u", i ? ", " : "", i, 844 + i);
  g_string_append_c (text, '}');
  scratch_write_text (folder, "added_tokens.json", text->str);
  assert_refused (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                  "expected at most 4096 added tokens");
  scratch_remove (folder, "added_tokens.json");
  g_string_assign (text, "{");
  for (guint i = 0; i <= 1000000; i++)
    g_string_append_printf (text, "%s\"%u\":0", i ? "," : "", i);
  g_string_append_c (text, '}');
  scratch_write_text (folder, "vocab.json", text->str);
  assert_refused (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                  "expected at most 1000000 words, found 1000001");
  g_string_free (text, TRUE);
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/tokenizer-files/has-clips-defaults", test_defaults);
  g_test_add_func ("/text/tokenizer-files/takes-padding-from-the-right-file", test_map_wins);
  g_test_add_func ("/text/tokenizer-files/finds-normalized-tokens-in-any-case", test_normalized);
  g_test_add_func ("/text/tokenizer-files/numbers-added-tokens", test_added);
  g_test_add_func ("/text/tokenizer-files/reads-the-length", test_max_length);
  g_test_add_func ("/text/tokenizer-files/says-which-file-is-missing", test_missing);
  g_test_add_func ("/text/tokenizer-files/refuses-broken-files", test_bad_files);
  g_test_add_func ("/text/tokenizer-files/refuses-broken-sentencepiece-models", test_bad_spiece);
  g_test_add_func ("/text/tokenizer-files/has-an-unknown-token", test_unknown);
  g_test_add_func ("/text/tokenizer-files/takes-a-vocabulary-without-merges", test_no_merges);
  g_test_add_func ("/text/tokenizer-files/takes-the-last-rank", test_repeated_merge);
  g_test_add_func ("/text/tokenizer-files/keeps-its-limits", test_too_many);
  return g_test_run ();
}
