/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-presets.c - what a model says of itself: followed, or refused by the key's name. */
#include <string.h>

#include "dif-parts.h"
#include "formats/scratch.h"

static DifJson *
parse (const char *text)
{
  DifJson *json = dif_json_parse (text, strlen (text), "dif.json", NULL);

  g_assert_nonnull (json);
  return json;
}

static const char *const parts[] = { "scheduler", NULL };

static void
test_good (void)
{
  static const char *const texts[] = {
    "{}", "{\"steps\": 1}", "{\"steps\": 1000, \"guidance-scale\": 0, \"strength\": 1}",
    "{\"about\": \"Small.\", \"words\": [\"a\"]}", "{\"scheduler\": {\"a\": 1}}"
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (DifJson) json  = parse (texts[i]);
      g_autoptr (GError)  error = NULL;

      g_assert_true (dif_presets_check (json, parts, &error));
      g_assert_no_error (error);
    }
}

/* One error, which names the key: never a default that is taken in silence. */
static void
test_bad (void)
{
  static const struct
  {
    const char *text, *key, *expected;
  } rows[] = {
    { "{\"steps\": \"20\", \"guidance-scale\": 5}", "steps", "a number" },
    { "{\"guidance-scale\": 5, \"steps\": -1}", "steps", "from 1 to 1000" },
    { "{\"steps\": 1e20}", "steps", "from 1 to 1000" },
    { "{\"steps\": 2.5}", "steps", "whole" },
    { "{\"steps\": 0}", "steps", "from 1" },
    { "{\"guidance-scale\": -1}", "guidance-scale", "from 0 to 100" },
    { "{\"strength\": 2}", "strength", "from 0 to 1" },
    { "{\"strength\": NaN}", "strength", "number" },
    { "{\"strength\": null}", "strength", "number" },
    { "{\"step\": 20}", "step", "one of steps" },
    { "{\"device\": \"cuda\"}", "device", "one of steps" },
    { "{\"vae\": {}}", "vae", "one of steps" },
    { "{\"scheduler\": 5}", "scheduler", "an object" },
    { "{\"about\": \"a\\nb\"}", "about", "one line" },
    { "{\"about\": 1}", "about", "" },
    { "{\"words\": \"a b\"}", "words", "a list" },
    { "{\"words\": [1]}", "words", "" },
    { "{\"latent-rgb\": 1}", "latent-rgb", "a list of rows" },
    { "{\"latent-rgb\": [[0, 0, 0]]}", "latent-rgb", "a list of rows" },
    { "{\"latent-rgb\": [[0, 0], [0, 0, 0]]}", "latent-rgb[0]", "red, green and blue" },
    { "{\"latent-rgb\": [[0, 0, 0], [0, 1e9, 0]]}", "latent-rgb[1][1]", "-100 to 100" },
    { "{\"latent-rgb\": [[0, 0, 0], [0, \"x\", 0]]}", "latent-rgb[1][1]", "" },
    { "[]", "dif.json", "an object" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (DifJson) json  = parse (rows[i].text);
      g_autoptr (GError)  error = NULL;

      g_assert_false (dif_presets_check (json, parts, &error));
      assert_one_line (error, "dif.json");
      assert_one_line (error, rows[i].key);
      assert_one_line (error, rows[i].expected);
    }
}

static void
assert_unknown (const char *prompt, const char *expected)
{
  g_autoptr (DifJson) json =
      parse ("{\"words\": [\"a\", \"red\", \"Cube\", \"\303\244hnlich\", \"left\"]}");
  g_autofree char *unknown = dif_presets_unknown_words (json, prompt);

  g_assert_cmpstr (unknown, ==, expected);
}

static void
test_words (void)
{
  g_autofree char *many = g_strnfill (60, ' ');

  assert_unknown ("a red cube", NULL);
  assert_unknown ("A RED, (cube:1.3)!", NULL);
  assert_unknown ("", NULL);
  assert_unknown (NULL, NULL);
  assert_unknown ("12 34", NULL);
  assert_unknown ("\303\204hnlich", NULL);
  assert_unknown ("a cat sitting in a garden, a Cat", "cat, sitting, in, garden");
  assert_unknown ("red \346\274\242\345\255\227", "\346\274\242\345\255\227");
  assert_unknown ("\377", NULL);
  for (guint i = 0; i < 30; i++)
    memcpy (many + 2 * i, i < 26 ? (char[]) { (char) ('b' + (char) (i % 25)), ' ' } : "z ", 2);
  {
    g_autoptr (DifJson) json    = parse ("{\"words\": [\"a\"]}");
    g_autofree char    *unknown = dif_presets_unknown_words (json, many);

    g_assert_true (g_str_has_prefix (unknown, "b, c, d"));
    g_assert_true (g_str_has_suffix (unknown, "\342\200\246"));
  }
  g_assert_null (dif_presets_unknown_words (NULL, "cat"));
  g_assert_null (dif_presets_about (NULL));
}

/* Through a whole pipeline. */
static DifResult *
draw (const char *presets, const char *prompt, GError **error)
{
  char                   *scratch = scratch_new ();
  g_autofree char        *from    = NULL;
  g_autofree char        *path    = scratch_path (scratch, "own");
  g_autoptr (DifPipeline) pipe    = NULL;
  g_autoptr (DifRequest)  rq      = dif_request_new ("txt2img", NULL);
  DifResult              *result  = NULL;

  from = g_test_build_filename (G_TEST_DIST, "fixtures/models/sd15", NULL);
  scratch_copy (scratch, "own", from);
  scratch_write_text (scratch, "own/dif.json", presets);
  dif_request_set (rq, "prompt", prompt, NULL);
  dif_request_set_number (rq, "width", 64, NULL);
  dif_request_set_number (rq, "height", 64, NULL);
  pipe = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, error);
  if (pipe)
    result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, error);
  scratch_free (scratch);
  return result;
}

static void
test_pipeline (void)
{
  g_autoptr (GError)    error = NULL;
  g_autoptr (DifResult) followed =
      draw ("{\"steps\": 3, \"about\": \"A toy.\", \"words\": [\"a\", \"red\", \"cube\"]}",
            "a red cat", &error);
  g_autoptr (DifResult) quiet   = draw ("{\"steps\": 1, \"words\": [\"cat\"]}", "cat", NULL);
  g_autoptr (DifResult) refused = draw ("{\"steps\": \"3\", \"guidance-scale\": 5}", "x", &error);
  g_autoptr (DifJson)   recipe  = NULL;
  const char           *text;

  text   = dif_result_recipe (followed, 0);
  recipe = dif_json_parse (text, strlen (text), "recipe", NULL);
  g_assert_cmpint (dif_json_int (recipe, "steps", 0, 0, 99), ==, 3);
  g_assert_cmpstr (dif_json_string (recipe, "model", NULL), ==, "own");
  g_assert_cmpstr (dif_result_warning (followed), ==,
                   "words that own does not know: cat. A toy.");
  g_assert_null (dif_result_warning (quiet));
  g_assert_null (refused);
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE);
  assert_one_line (error, "own/dif.json: steps: expected a number");
}

/* The bundled models say what they are, and so in the prompts of our own. */
static void
test_bundled (void)
{
  static const char *const models[] = { "tiny-scenes", "tiny-scenes-inpaint", "tiny-scenes-depth",
                                        "tiny-scenes-unconditional" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char          *about = dif_model_about (models[i]);
      g_autofree char          *path  = dif_catalog_resolve (models[i], NULL);
      g_autofree char          *words = NULL;
      g_autoptr (DifCheckpoint) c     = dif_checkpoint_open (path, NULL);
      g_autoptr (DifJson)       json  = NULL;

      g_assert_nonnull (about);
      g_assert_nonnull (strstr (about, "small demonstration"));
      g_assert_nonnull (strstr (about, "dif pull"));
      /* warnings are told apart by it */
      g_assert_null (strstr (about, "; "));
      g_assert_true (dif_presets_load (c, &json, NULL));
      words = dif_presets_unknown_words (
          json, "a large red cube left of a small blue sphere on a grey floor, under a pink sky");
      g_assert_null (words);
      g_free (words);
      words = dif_presets_unknown_words (json, "a cat in the garden");
      g_assert_cmpstr (words, ==, i < 3 ? "cat, in, garden" : NULL);
    }
  g_assert_null (dif_model_about ("no-such-model"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipelines/presets/are-taken", test_good);
  g_test_add_func ("/pipelines/presets/are-refused-by-key", test_bad);
  g_test_add_func ("/pipelines/presets/name-unknown-words", test_words);
  g_test_add_func ("/pipelines/presets/reach-the-run", test_pipeline);
  g_test_add_func ("/pipelines/presets/of-the-bundled-models", test_bundled);
  return g_test_run ();
}
