/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-safety.c - the policies on pictures not safe for work, on whole runs.
 *
 * sd15's parts with a small random safety checker: tests/fixtures/safety holds
 * diffusers' verdicts on what they draw.
 */
#include <string.h>

#include <glib/gstdio.h>

#include "support.h"

typedef struct
{
  char    *folder;
  DifJson *cases, *drawn;
} Fixture;

static void
link_parts (const char *folder, const char *from_folder, const char *const *parts)
{
  for (guint i = 0; parts[i]; i++)
    {
      g_autofree char  *relative = g_build_filename (from_folder, parts[i], NULL);
      g_autofree char  *from     = test_fixture (relative);
      g_autofree char  *whole    = g_canonicalize_filename (from, NULL);
      g_autofree char  *to       = g_build_filename (folder, parts[i], NULL);
      g_autoptr (GFile) link     = g_file_new_for_path (to);
      GError           *error    = NULL;

      g_file_make_symbolic_link (link, whole, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
write_index (const char *folder, const char *checker)
{
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);
  g_autofree char *text = g_strdup_printf (
      "{\"_class_name\": \"StableDiffusionPipeline\", \"_diffusers_version\": \"0.6.0\","
      " \"feature_extractor\": [\"transformers\", \"CLIPFeatureExtractor\"],"
      " \"safety_checker\": [\"stable_diffusion\", \"%s\"],"
      " \"scheduler\": [\"diffusers\", \"PNDMScheduler\"],"
      " \"text_encoder\": [\"transformers\", \"CLIPTextModel\"],"
      " \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"],"
      " \"unet\": [\"diffusers\", \"UNet2DConditionModel\"],"
      " \"vae\": [\"diffusers\", \"AutoencoderKL\"]}",
      checker);
  GError *error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer with_checker)
{
  static const char *const own[]   = { "scheduler", "text_encoder", "tokenizer", "unet", "vae",
                                       NULL };
  static const char *const extra[] = { "safety_checker", "feature_extractor", NULL };
  GError                  *error   = NULL;

  f->folder = g_dir_make_tmp ("dif-safety-XXXXXX", &error);
  g_assert_no_error (error);
  link_parts (f->folder, "models/sd15", own);
  if (with_checker)
    link_parts (f->folder, "safety/parts", extra);
  write_index (f->folder, "StableDiffusionSafetyChecker");
  f->cases = test_read_json ("safety/cases.json");
  f->drawn = dif_json_member (f->cases, "drawn");
}

static void
tear_down (Fixture *f, gconstpointer unused)
{
  g_autoptr (GDir) dir = g_dir_open (f->folder, 0, NULL);
  const char      *name;

  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (f->folder, name, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  dif_json_unref (f->cases);
}

static DifPipeline *
open_on (Fixture *f, const char *device)
{
  GError      *error = NULL;
  DifPipeline *pipe  = dif_pipeline_load (f->folder, device, "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static DifPipeline *
open_pipeline (Fixture *f)
{
  return open_on (f, "cpu");
}

static DifRequest *
request (Fixture *f, const char *policy)
{
  static const char *const numbers[] = { "steps", "seed", "width", "height", NULL };
  GError                  *error     = NULL;
  DifRequest              *rq        = dif_request_new ("txt2img", &error);

  g_assert_no_error (error);
  dif_request_set (rq, "prompt", dif_json_string (f->drawn, "prompt", ""), &error);
  for (guint i = 0; numbers[i]; i++)
    dif_request_set_number (rq, numbers[i], dif_json_double (f->drawn, numbers[i], 0), NULL);
  dif_request_set_number (rq, "num-images", dif_json_double (f->drawn, "num_images", 0), &error);
  if (policy)
    dif_request_set (rq, "safety-checker", policy, &error);
  g_assert_no_error (error);
  return rq;
}

/* What diffusers said of picture @i of the batch. */
static gboolean
expected (Fixture *f, guint i)
{
  DifJson *verdicts = dif_json_member (f->cases, "verdicts");
  guint    first    = dif_json_length (dif_json_member (f->cases, "sizes"));

  return dif_json_bool (dif_json_at (verdicts, first + i), "nsfw", FALSE);
}

static gboolean
recipe_bool (DifResult *r, guint i, const char *key)
{
  const char         *text  = dif_result_recipe (r, i);
  GError             *error = NULL;
  g_autoptr (DifJson) json  = dif_json_parse (text, strlen (text), "recipe", &error);

  g_assert_no_error (error);
  g_assert_true (dif_json_has (json, key));
  return dif_json_bool (json, key, FALSE);
}

/* Nothing said, and "on": every picture is there, with its verdict. */
static void
test_warn (Fixture *f, gconstpointer with_checker)
{
  static const char *const policies[] = { NULL, "on" };
  g_autoptr (DifPipeline)  pipe       = open_pipeline (f);
  gsize                    bytes      = dif_pipeline_weight_bytes (pipe);

  for (guint k = 0; k < G_N_ELEMENTS (policies); k++)
    {
      g_autoptr (DifRequest) rq    = request (f, policies[k]);
      GError                *error = NULL;
      g_autoptr (DifResult)  r     = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
      guint                  n     = 0;

      g_assert_no_error (error);
      g_assert_cmpuint (dif_result_n_images (r), ==, 4);
      g_assert_cmpuint (dif_result_n_withheld (r), ==, 0);
      for (guint i = 0; i < 4; i++)
        {
          gboolean flagged = dif_result_safety (r, i) == DIF_SAFETY_FLAGGED;

          g_assert_cmpint (flagged, ==, expected (f, i));
          g_assert_cmpint (recipe_bool (r, i, "nsfw"), ==, flagged);
          g_assert_cmpint (dif_result_safety (r, i), !=, DIF_SAFETY_UNCHECKED);
          g_assert_cmpuint (dif_result_index (r, i), ==, i);
          n += flagged;
        }
      g_assert_cmpuint (n, >, 0);
      g_assert_cmpuint (n, <, 4);
      g_assert_nonnull (strstr (dif_result_warning (r), "not safe for work"));
    }
  g_assert_cmpuint (dif_pipeline_weight_bytes (pipe), >, bytes);
}

/* A checker that goes while pictures are drawn, and comes back to look at them. */
static void
test_low_memory (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifRequest)  rq    = request (f, "warn");
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = NULL;

  dif_request_set (rq, "model", f->folder, &error);
  dif_request_set (rq, "device", "cpu", &error);
  dif_request_set (rq, "dtype", "f32", &error);
  dif_request_set (rq, "low-memory", "on", &error);
  g_assert_no_error (error);
  pipe = dif_pipeline_load_for (rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint k = 0; k < 2; k++)
    {
      g_autoptr (DifResult) r = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

      g_assert_no_error (error);
      for (guint i = 0; i < 4; i++)
        g_assert_cmpint (dif_result_safety (r, i), ==,
                         expected (f, i) ? DIF_SAFETY_FLAGGED : DIF_SAFETY_PASSED);
    }
}

/* Nobody looks, and nothing is loaded for it. */
static void
test_off (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe  = open_pipeline (f);
  g_autoptr (DifRequest)  rq    = request (f, "off");
  gsize                   bytes = dif_pipeline_weight_bytes (pipe);
  GError                 *error = NULL;
  g_autoptr (DifResult)   r     = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (dif_result_safety (r, i), ==, DIF_SAFETY_UNCHECKED);
  g_assert_null (dif_result_warning (r));
  g_assert_null (strstr (dif_result_recipe (r, 0), "nsfw"));
  g_assert_cmpuint (dif_pipeline_weight_bytes (pipe), ==, bytes);
}

/* The flagged ones are gone, the others are the pictures they always were. */
static void
test_block (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe = open_pipeline (f);
  g_autoptr (DifRequest)  off = request (f, "off"), block = request (f, "block");
  GError                 *error = NULL;
  g_autoptr (DifResult)   all = NULL, kept = NULL;
  guint                   at = 0;

  all = dif_pipeline_run (pipe, off, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  kept = dif_pipeline_run (pipe, block, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++)
    {
      gsize size = (gsize) dif_result_width (all) * dif_result_height (all) * 3 * sizeof (float);

      if (expected (f, i))
        continue;
      g_assert_cmpuint (dif_result_index (kept, at), ==, i);
      g_assert_cmpmem (dif_result_pixels (kept, at), size, dif_result_pixels (all, i), size);
      g_assert_cmpint (dif_result_safety (kept, at), ==, DIF_SAFETY_PASSED);
      at++;
    }
  g_assert_cmpuint (dif_result_n_images (kept), ==, at);
  g_assert_cmpuint (dif_result_n_withheld (kept), ==, 4 - at);
  g_assert_nonnull (strstr (dif_result_warning (kept), "withheld"));
}

/* Of devices that share a batch one may have nothing left to show. */
static void
test_block_shared (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe  = open_on (f, "cuda:0,cuda:1,cuda:2,cuda:3");
  g_autoptr (DifRequest)  rq    = request (f, "block");
  GError                 *error = NULL;
  g_autoptr (DifResult)   kept  = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  guint                   at    = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *note = g_strdup_printf ("picture %u of 4 is withheld", i + 1);
      gboolean         said = strstr (dif_result_warning (kept), note) != NULL;

      g_assert_cmpint (said, ==, expected (f, i));
      if (! expected (f, i))
        g_assert_cmpuint (dif_result_index (kept, at++), ==, i);
    }
  g_assert_cmpuint (dif_result_n_images (kept), ==, at);
  g_assert_cmpuint (dif_result_n_withheld (kept), ==, 4 - at);
  /* nor has any */
  dif_request_set_number (rq, "num-images", 1, NULL);
  dif_request_set_number (rq, "seed", dif_json_double (f->drawn, "flagged_alone", 0), NULL);
  g_assert_null (dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);
}

/* No picture is left: an error with the reason, not a black picture. */
static void
test_block_all (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe = open_pipeline (f);
  g_autoptr (DifRequest)  rq   = request (f, "block");
  gsize                   bytes;
  GError                 *error = NULL;

  dif_request_set_number (rq, "num-images", 1, NULL);
  dif_request_set_number (rq, "seed", dif_json_double (f->drawn, "flagged_alone", 0), NULL);
  bytes = dif_pipeline_backend (pipe)->live_bytes;
  g_assert_null (dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "picture 1 of 1 is withheld"));
  g_clear_error (&error);
  g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes - bytes, <, 1 << 20);
}

/* A model whose checker cannot be loaded: a warning unless it was asked for. */
static void
test_missing (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe = open_pipeline (f);
  g_autoptr (DifRequest)  mild = request (f, NULL), strict = request (f, "warn");
  GError                 *error = NULL;
  g_autoptr (DifResult)   r     = NULL;

  r = dif_pipeline_run (pipe, mild, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dif_result_safety (r, 0), ==, DIF_SAFETY_UNCHECKED);
  g_assert_nonnull (strstr (dif_result_warning (r), "no safety checker looked"));
  g_assert_null (dif_pipeline_run (pipe, strict, NULL, NULL, NULL, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "preprocessor_config.json"));
  g_clear_error (&error);
}

/* A model that ships none. */
static void
test_none (Fixture *f, gconstpointer unused)
{
  g_autofree char        *path  = test_fixture ("models/sd15");
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);
  g_autoptr (DifRequest)  warn = request (f, "on"), block = request (f, "block");
  g_autoptr (DifResult)   r = NULL;

  g_assert_no_error (error);
  r = dif_pipeline_run (pipe, warn, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (dif_result_warning (r), "ships no safety checker"));
  g_assert_null (dif_pipeline_run (pipe, block, NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_clear_error (&error);
}

static void
test_other_class (Fixture *f, gconstpointer with_checker)
{
  g_autoptr (DifPipeline) pipe  = NULL;
  g_autoptr (DifRequest)  rq    = request (f, "warn");
  GError                 *error = NULL;

  write_index (f->folder, "OtherChecker");
  pipe = open_pipeline (f);
  g_assert_null (dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS);
  g_assert_nonnull (strstr (error->message, "found a OtherChecker"));
  g_clear_error (&error);
}

/* What is flagged of the result with padding-mask-crop: the drawn part alone,
 * or the whole picture alone.  It is the part that counts. */
static void
test_cropped (Fixture *f, gconstpointer with_checker)
{
  static const struct
  {
    const char *image, *tensor;
    DifSafety   expected;
  } rows[]                              = { { "part", "cropped.part", DIF_SAFETY_FLAGGED },
                                            { "whole", "cropped.whole", DIF_SAFETY_PASSED } };
  static const char *const numbers[][2] = { { "steps", "steps" },
                                            { "width", "width" },
                                            { "height", "height" },
                                            { "padding", "padding-mask-crop" },
                                            { "strength", "strength" } };
  g_autoptr (DifPipeline)  pipe         = open_pipeline (f);
  g_autoptr (DifWeights)   golden       = test_read_tensors ("safety/safety.safetensors");
  DifJson                 *c            = dif_json_member (f->cases, "cropped");
  DifJson                 *seeds        = dif_json_member (c, "seeds");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError                *error = NULL;
      g_autoptr (DifRequest) rq    = dif_request_new ("inpaint", &error);
      g_autoptr (DifResult)  r     = NULL;

      dif_request_set (rq, "prompt", dif_json_string (f->drawn, "prompt", ""), &error);
      for (guint k = 0; k < G_N_ELEMENTS (numbers); k++)
        dif_request_set_number (rq, numbers[k][1], dif_json_double (c, numbers[k][0], 0), &error);
      dif_request_set_number (rq, "seed", dif_json_double (seeds, rows[i].image, 0), &error);
      g_assert_no_error (error);
      test_set_image (rq, golden, rows[i].tensor, "image");
      test_set_image (rq, golden, "cropped.mask", "mask");
      r = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (dif_result_width (r), ==, 88);
      g_assert_cmpint (dif_result_safety (r, 0), ==, rows[i].expected);
      g_assert_cmpint (recipe_bool (r, 0, "nsfw"), ==, rows[i].expected == DIF_SAFETY_FLAGGED);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (Fixture *f, gconstpointer with_checker);
    gboolean checker;
  } tests[] = {
    { "/golden/safety/warn-marks", test_warn, TRUE },
    { "/golden/safety/low-memory", test_low_memory, TRUE },
    { "/golden/safety/off-loads-nothing", test_off, TRUE },
    { "/golden/safety/block-withholds", test_block, TRUE },
    { "/golden/safety/block-all-is-an-error", test_block_all, TRUE },
    { "/golden/safety/block-shared", test_block_shared, TRUE },
    { "/golden/safety/files-missing", test_missing, FALSE },
    { "/golden/safety/none-shipped", test_none, FALSE },
    { "/golden/safety/part-before-overlay", test_cropped, TRUE },
    { "/golden/safety/another-class", test_other_class, TRUE },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, GINT_TO_POINTER (tests[i].checker), set_up, tests[i].test,
                tear_down);
  return g_test_run ();
}
