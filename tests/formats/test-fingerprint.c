/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-fingerprint.c - what makes a model another one, and what does not. */
#include <string.h>

#include "dif-parts.h"
#include "formats/scratch.h"

#define N 4096

/* The fingerprint of two tensors; the first has @changed at @at. */
static char *
print_of (const char *part, const char *settings, const char *name, gsize at, float changed,
          gboolean is_reversed)
{
  g_autoptr (GChecksum)  sum     = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (DifWeights) weights = dif_weights_new ("unet");
  g_autoptr (DifJson)    config  = dif_json_parse (settings, strlen (settings), "config", NULL);
  static const float     small[] = { 1, 2, 3 };
  g_autofree float      *large   = g_new0 (float, N);
  DifHostArray           a       = { DIF_ENC_F32, DIF_SHAPE (N / 64, 64), large };
  DifHostArray           b       = { DIF_ENC_F32, DIF_SHAPE (3), small };

  large[at] = changed;
  if (is_reversed)
    dif_weights_add (weights, "b", &b, NULL);
  dif_weights_add (weights, name, &a, NULL);
  if (! is_reversed)
    dif_weights_add (weights, "b", &b, NULL);
  dif_fingerprint_add (sum, part, config, weights);
  return g_strdup (g_checksum_get_string (sum));
}

static void
test_model (void)
{
  const char      *config   = "{\"layers\": 2}";
  g_autofree char *print    = print_of ("unet", config, "a", 0, 0, FALSE);
  g_autofree char *again    = print_of ("unet", "{ \"layers\" : 2 }", "a", 0, 0, TRUE);
  g_autofree char *part     = print_of ("vae", config, "a", 0, 0, FALSE);
  g_autofree char *settings = print_of ("unet", "{\"layers\": 3}", "a", 0, 0, FALSE);
  g_autofree char *name     = print_of ("unet", config, "aa", 0, 0, FALSE);
  g_autofree char *middle   = print_of ("unet", config, "a", N / 2, 1e-7f, FALSE);
  g_autofree char *far      = print_of ("unet", config, "a", 3, 1e-7f, FALSE);

  g_assert_cmpuint (strlen (print), ==, 64);
  g_assert_cmpstr (print, ==, again);
  g_assert_cmpstr (print, !=, part);
  g_assert_cmpstr (print, !=, settings);
  g_assert_cmpstr (print, !=, name);
  g_assert_cmpstr (print, !=, middle);
  /* what the header says is not looked at */
  g_assert_cmpstr (print, ==, far);
}

/* The fingerprint of a file of @size zeros with a one at @at. */
static char *
print_of_file (gsize size, gsize at)
{
  char                 *folder = scratch_new ();
  g_autofree char      *path   = scratch_path (folder, "file");
  g_autofree guint8    *bytes  = g_malloc0 (size + 1);
  g_autoptr (GChecksum) sum    = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GError)    error  = NULL;
  char                 *print;

  bytes[at] = 1;
  scratch_write (folder, "file", bytes, size);
  g_assert_true (dif_fingerprint_add_file (sum, path, &error));
  print = dif_fingerprint_of_file (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (print, ==, g_checksum_get_string (sum));
  scratch_free (folder);
  return print;
}

static void
test_files (void)
{
  const gsize      large = 3 * DIF_FINGERPRINT_HEAD;
  g_autofree char *empty = print_of_file (0, 0);
  g_autofree char *small = print_of_file (1000, 999), *other = print_of_file (1000, 998);
  g_autofree char *zeros  = print_of_file (large, large);
  g_autofree char *longer = print_of_file (large + 1, large + 1);
  g_autofree char *head   = print_of_file (large, DIF_FINGERPRINT_HEAD - 1);
  g_autofree char *last   = print_of_file (large, large - 1);
  guint            seen   = 0;

  g_assert_cmpuint (strlen (empty), ==, 64);
  g_assert_cmpstr (empty, !=, small);
  g_assert_cmpstr (small, !=, other);
  g_assert_cmpstr (zeros, !=, longer);
  g_assert_cmpstr (zeros, !=, head);
  g_assert_cmpstr (zeros, !=, last);
  /* one in eight bytes beyond the head is a sample's */
  for (guint i = 0; i < 24; i++)
    {
      g_autofree char *one = print_of_file (large, large / 2 + i * DIF_FINGERPRINT_SAMPLE);

      seen += strcmp (one, zeros) != 0;
    }
  g_assert_cmpuint (seen, >=, 1);
  g_assert_cmpuint (seen, <=, 6);
}

/* What a pipeline writes into its recipes is found without loading it. */
static void
assert_same_as_loaded (const char *model, const char *task)
{
  g_autofree char          *path       = NULL;
  g_autofree float         *gray       = g_new0 (float, (gsize) 64 * 64);
  g_autoptr (GError)        error      = NULL;
  g_autoptr (DifPipeline)   pipe       = NULL;
  g_autoptr (DifRequest)    rq         = dif_request_new (task, NULL);
  g_autoptr (DifImage)      image      = dif_image_new (64, 64, 1, gray);
  g_autoptr (DifCheckpoint) checkpoint = NULL;
  g_autoptr (DifResult)     result     = NULL;
  g_autoptr (DifJson)       recipe     = NULL;
  g_autofree char          *print      = NULL;

  path       = g_test_build_filename (G_TEST_DIST, "fixtures/models", model, NULL);
  pipe       = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);
  checkpoint = dif_checkpoint_open (path, &error);
  print      = dif_fingerprint_of_checkpoint (checkpoint, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (print), ==, 64);
  dif_request_set_number (rq, "steps", 4, &error);
  for (guint i = 0; i < 2; i++)
    dif_request_set_image (rq, i ? "mask" : "image", image, NULL);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  recipe = dif_json_parse (dif_result_recipe (result, 0), strlen (dif_result_recipe (result, 0)),
                           "recipe", NULL);
  g_assert_cmpstr (dif_json_string (recipe, "model-fingerprint", NULL), ==, print);
}

static void
test_unloaded (void)
{
  assert_same_as_loaded ("sd15", "txt2img");
  assert_same_as_loaded ("sdxl", "txt2img");
  assert_same_as_loaded ("refiner", "img2img");
  assert_same_as_loaded ("depth", "depth2img");
  assert_same_as_loaded ("inpaint", "inpaint");
  assert_same_as_loaded ("ddpm", "unconditional");
}

static void
test_no_file (void)
{
  g_autoptr (GChecksum) sum   = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GError)    error = NULL;

  g_assert_false (dif_fingerprint_add_file (sum, "/nowhere/lora.safetensors", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  assert_one_line (error, "/nowhere/lora.safetensors");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/fingerprint/of-a-model", test_model);
  g_test_add_func ("/formats/fingerprint/of-a-file", test_files);
  g_test_add_func ("/formats/fingerprint/of-no-file", test_no_file);
  g_test_add_func ("/formats/fingerprint/of-what-is-not-loaded", test_unloaded);
  return g_test_run ();
}
