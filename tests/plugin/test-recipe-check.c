/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-recipe-check.c - recipes of strangers: what is refused before anything follows it. */
#include "plugin/recipe-check.h"

#include <string.h>

#include "formats/scratch.h"

#define CANVAS \
  "\"canvas\":{\"context\":{\"x\":3,\"y\":4,\"width\":8,\"height\":6},\"origin\":\"o\"%s}"
#define WHOLE "{\"format\":1,\"task\":\"img2img\",\"model\":\"m\",%s" CANVAS "}"

static const char *const sources[] = { "visible", "layer", NULL };

static const DifParam rows[] = {
  { .name = "source", .type = DIF_PARAM_CHOICE, .text = "visible", .choices = sources },
  { .name = "grow", .type = DIF_PARAM_INT, .max = 100 },
  { .name = "square", .type = DIF_PARAM_BOOL },
};

/* @own and @canvas end and begin with a comma where they are not empty. */
static DifJson *
recipe (const char *own, const char *canvas, GError **error)
{
  g_autofree char    *text = g_strdup_printf (WHOLE, own, canvas);
  g_autoptr (DifJson) json = dif_recipe_parse (text, strlen (text) + 1, "recipe of x", error);

  if (json == NULL || ! dif_recipe_check (json, rows, G_N_ELEMENTS (rows), error))
    return NULL;
  return g_steal_pointer (&json);
}

static void
test_good (void)
{
  g_autoptr (GError)  error = NULL;
  g_autoptr (DifJson) json  = recipe (
      "\"prompt\":\"x\",\"steps\":20,\"num-images\":64,\"index\":63,\"seed\":4294967295,"
       "\"scheduler\":\"euler\",\"strength\":0.5,\"width\":64,\"device\":\"cpu,cpu,cpu\","
       "\"dtype\":5,\"latents\":{},\"safety-checker\":\"off\",",
      ",\"source\":\"layer\",\"grow\":4,\"square\":1", &error);
  DifRect place;

  g_assert_no_error (error);
  dif_recipe_get_rect (dif_json_member (json, "canvas"), "context", &place);
  g_assert_cmpint (place.x, ==, 3);
  g_assert_cmpint (place.height, ==, 6);
  g_assert_false (dif_recipe_has_values (dif_json_member (json, "canvas")));
}

static void
assert_refused (const char *own, const char *canvas, const char *what)
{
  g_autoptr (GError)  error = NULL;
  g_autoptr (DifJson) json  = recipe (own, canvas, &error);

  g_assert_null (json);
  assert_one_line (error, what);
}

static void
test_bad (void)
{
  assert_refused ("\"steps\":-5,", "", "steps");
  assert_refused ("\"steps\":2.5,", "", "steps");
  assert_refused ("\"steps\":\"two\",", "", "steps");
  assert_refused ("\"steps\":1e300,", "", "steps");
  assert_refused ("\"strength\":NaN,", "", "strength");
  assert_refused ("\"width\":100000,", "", "width");
  assert_refused ("\"num-images\":65,", "", "num-images");
  assert_refused ("\"num-images\":2,\"index\":2,", "", "index");
  assert_refused ("\"num-images\":64,\"steps\":1000,", "", "steps");
  assert_refused ("\"prompt\":7,", "", "prompt");
  assert_refused ("\"generator\":\"dice\",", "", "generator");
  assert_refused ("\"lora\":[],", "", "lora");
  assert_refused ("\"model-fingerprint\":1,", "", "model-fingerprint");
  assert_refused ("", ",\"source\":\"nowhere\"", "source");
  assert_refused ("", ",\"grow\":1e9", "grow");
  assert_refused ("", ",\"square\":\"yes\"", "square");
  assert_refused ("", ",\"square\":7", "square");
  assert_refused ("", ",\"selection\":5", "selection");
  assert_refused ("", ",\"selection\":{}", "format");
  assert_refused ("", ",\"selection\":{\"format\":\"CIE Lab u8\"}", "format");
}

static void
test_long (void)
{
  g_autofree char *text   = g_strnfill (DIF_RECIPE_MAX_TEXT + 1, 'a');
  g_autofree char *prompt = g_strdup_printf ("\"prompt\":\"%s\",", text);
  g_autofree char *name   = g_strdup_printf ("\"lora\":\"%s\",", text);
  g_autofree char *packed = g_strnfill (DIF_RECIPE_MAX_PACKED / 3 * 4 + 8, 'A');
  g_autofree char *values =
      g_strdup_printf (",\"selection\":{\"format\":\"Y u8\",\"zlib\":\"%s\"}", packed);
  g_autofree char   *endless = g_strnfill (DIF_RECIPE_MAX_BYTES + 1, ' ');
  g_autoptr (GError) error   = NULL;

  assert_refused (prompt, "", "prompt");
  assert_refused (name, "", "lora");
  assert_refused ("", values, "zlib");
  g_assert_null (dif_recipe_parse (endless, strlen (endless), "recipe of x", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_one_line (error, "recipe of x");
}

static void
test_shape (void)
{
  static const char *const texts[] = { "", "[]", "7", "{}", "{\"format\":2,\"canvas\":{}}",
                                       "{\"format\":1}", "{\"format\":1,\"canvas\":[]}", "\"x\"",
                                       "{\"format\":\"1\",\"canvas\":{}}" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dif_recipe_parse (texts[i], strlen (texts[i]), "recipe of x", &error));
      assert_one_line (error, "recipe of x");
    }
}

/* Sizes that are missing must not pass for some. */
static void
test_rects (void)
{
  static const char *const contexts[] = {
    "{}", "{\"width\":8}", "{\"width\":0,\"height\":1}", "{\"width\":8,\"height\":-1}",
    "{\"width\":8,\"height\":524289}", "{\"width\":8.5,\"height\":8}", "[]", "null",
    "{\"width\":1e300,\"height\":8}", "{\"x\":9999999,\"width\":8,\"height\":8}"
  };

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      g_autofree char *text = g_strdup_printf (
          "{\"format\":1,\"task\":\"img2img\",\"canvas\":{\"context\":%s}}", contexts[i]);
      g_autoptr (GError)  error = NULL;
      g_autoptr (DifJson) json  = dif_recipe_parse (text, strlen (text), "recipe of x", &error);

      g_assert_no_error (error);
      g_assert_false (dif_recipe_check (json, rows, G_N_ELEMENTS (rows), &error));
      assert_one_line (error, "recipe of x");
    }
}

/* Every text that a task has, or is given later, is known to be followed or not to be. */
static void
test_follows (void)
{
  static const char *const not_followed[] = { "device", "dtype", "latents", "safety-checker",
                                              "model", "lora", "embedding", "image", "mask",
                                              "depth", NULL };
  const char *const       *tasks          = dif_task_names ();
  DifParam                 later          = { .name = "vae", .type = DIF_PARAM_STRING };

  g_assert_false (dif_recipe_follows (&later));
  for (guint k = 0; tasks[k] != NULL; k++)
    {
      guint           n   = 0;
      const DifParam *own = dif_task_params (tasks[k], &n);

      for (guint i = 0; i < n; i++)
        {
          if (g_strv_contains (not_followed, own[i].name))
            g_assert_false (dif_recipe_follows (&own[i]));
          else if (own[i].type == DIF_PARAM_INT || own[i].type == DIF_PARAM_DOUBLE)
            g_assert_true (dif_recipe_follows (&own[i]));
        }
    }
}

/* base64 of @n bytes of @value, deflated. */
static char *
packed (gsize n, guint8 value)
{
  g_autoptr (GZlibCompressor) zlib   = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9);
  g_autoptr (GOutputStream)   memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream)   stream = g_converter_output_stream_new (memory, G_CONVERTER (zlib));
  g_autofree guint8          *bytes  = g_malloc (MAX (n, 1));

  memset (bytes, value, n);
  g_assert_true (g_output_stream_write_all (stream, bytes, n, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  return g_base64_encode (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)),
                          g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)));
}

static void
assert_unpacks (const char *text, gsize n, gboolean is_good)
{
  g_autofree char *member =
      g_strdup_printf (",\"selection\":{\"format\":\"Y u8\",\"zlib\":\"%s\"}", text);
  g_autoptr (GError)  error  = NULL;
  g_autoptr (DifJson) json   = recipe ("", member, &error);
  DifJson            *canvas = dif_json_member (json, "canvas");
  g_autoptr (GBytes)  values = NULL;

  g_assert_no_error (error);
  g_assert_true (dif_recipe_has_values (canvas));
  values = dif_recipe_unpack (canvas, n);
  g_assert_cmpint (values != NULL, ==, is_good);
  g_assert_cmpint (dif_json_finish (json, &error), ==, is_good);
  if (is_good)
    g_assert_cmpuint (g_bytes_get_size (values), ==, n);
  else
    assert_one_line (error, "selection");
}

static void
test_values (void)
{
  g_autofree char *small = packed (48, 7);
  /* 64 MiB in 64 KiB: never more than what is asked for is taken */
  g_autofree char *bomb = packed (64u * 1024 * 1024, 0);

  g_assert_cmpuint (strlen (bomb), <, DIF_RECIPE_MAX_BYTES);
  assert_unpacks (small, 48, TRUE);
  assert_unpacks (small, 47, FALSE);
  assert_unpacks (small, 49, FALSE);
  assert_unpacks ("", 48, FALSE);
  assert_unpacks ("AAAA", 48, FALSE);
  assert_unpacks ("%%%%", 48, FALSE);
  assert_unpacks (bomb, 48, FALSE);
}

static void
test_places (void)
{
  const DifRect      inside  = { 10, 10, 64, 64 };
  const DifRect      partly  = { -60, 90, 64, 64 };
  const DifRect      outside = { 200, 10, 64, 64 };
  const DifRect      larger  = { -100, -100, 400, 400 };
  const DifRect      huge    = { 0, 0, 524288, 524288 };
  const DifRect      wide    = { 0, 0, 10000, 8000 };
  g_autoptr (GError) error   = NULL;

  g_assert_true (dif_recipe_check_place (&inside, &inside, 100, 100, "x", NULL));
  g_assert_true (dif_recipe_check_place (&partly, &inside, 100, 100, "x", NULL));
  g_assert_true (dif_recipe_check_place (&larger, &inside, 100, 100, "x", NULL));
  g_assert_true (dif_recipe_check_place (&wide, &inside, 9000, 9000, "x", NULL));
  g_assert_false (dif_recipe_check_place (&wide, &inside, 100, 100, "x", NULL));
  g_assert_false (dif_recipe_check_place (&outside, &inside, 100, 100, "x", &error));
  assert_one_line (error, "outside");
  g_clear_error (&error);
  g_assert_false (dif_recipe_check_place (&huge, &inside, 100, 100, "x", &error));
  assert_one_line (error, "524288 x 524288");
  g_clear_error (&error);
  g_assert_false (dif_recipe_check_place (&inside, &huge, 100, 100, "x", &error));
  assert_one_line (error, "in its recipe");
  g_clear_error (&error);
  g_assert_true (dif_recipe_check_size (0, 0, &inside, 64, "x", NULL));
  g_assert_true (dif_recipe_check_size (1024, 1024, &inside, 512, "x", NULL));
  g_assert_true (dif_recipe_check_size (128, 128, &inside, 8, "x", NULL));
  g_assert_false (dif_recipe_check_size (8192, 8192, &inside, 512, "x", &error));
}

/* A message is read by a person: nothing in it may hide. */
static void
test_shown (void)
{
  g_autofree char *endless = g_strnfill (5000, 'a');
  g_autofree char *plain   = dif_recipe_shown ("/tmp/\303\244 b");
  g_autofree char *lines   = dif_recipe_shown ("a\nb\tc\033[2Jd");
  g_autofree char *turned  = dif_recipe_shown ("/x/\342\200\256nioj");
  g_autofree char *broken  = dif_recipe_shown ("\377\376");
  g_autofree char *cut     = dif_recipe_shown (endless);

  g_assert_cmpstr (plain, ==, "/tmp/\303\244 b");
  g_assert_null (strpbrk (lines, "\n\t\033"));
  g_assert_null (strstr (turned, "\342\200\256"));
  g_assert_true (g_utf8_validate (broken, -1, NULL));
  g_assert_cmpuint (strlen (cut), <, 500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/recipe-check/takes-good-ones", test_good);
  g_test_add_func ("/plugin/recipe-check/refuses-bad-values", test_bad);
  g_test_add_func ("/plugin/recipe-check/refuses-long-texts", test_long);
  g_test_add_func ("/plugin/recipe-check/refuses-other-shapes", test_shape);
  g_test_add_func ("/plugin/recipe-check/refuses-places-of-no-size", test_rects);
  g_test_add_func ("/plugin/recipe-check/follows-what-and-not-where", test_follows);
  g_test_add_func ("/plugin/recipe-check/unpacks-what-was-asked-for", test_values);
  g_test_add_func ("/plugin/recipe-check/wants-places-on-the-canvas", test_places);
  g_test_add_func ("/plugin/recipe-check/shows-everything", test_shown);
  return g_test_run ();
}
