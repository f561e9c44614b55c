/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-request.c - parameters are checked when they are set, and once. */
#include <math.h>
#include <string.h>

#include "support.h"

static void
refused (DifRequest *rq, const char *name, const char *value, const char *said)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (dif_request_set (rq, name, value, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  if (! strstr (error->message, said))
    g_error ("expected \"%s\" in \"%s\"", said, error->message);
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_bad_values_are_refused_by_name (void)
{
  g_autoptr (DifRequest) rq    = dif_request_new ("txt2img", NULL);
  g_autoptr (GError)     error = NULL;

  refused (rq, "steps", "0", "steps: expected a whole number from 1 to 1000, found \"0\"");
  refused (rq, "steps", "-3", "steps");
  refused (rq, "steps", "2.5", "steps");
  refused (rq, "steps", "many", "steps");
  refused (rq, "steps", "", "steps");
  refused (rq, "steps", "0x10", "steps");
  refused (rq, "steps", "1e999", "steps");
  refused (rq, "width", "-8", "width");
  refused (rq, "width", "0", "width");
  refused (rq, "guidance-scale", "nan", "guidance-scale");
  refused (rq, "guidance-scale", "inf", "guidance-scale");
  refused (rq, "guidance-scale", "-1", "guidance-scale");
  refused (rq, "seed", "4294967296", "seed");
  refused (rq, "prompt", "\xff\xfe", "UTF-8");
  refused (rq, "dtype", "f64", "auto, f32, bf16, f16");
  refused (rq, "colour", "red", "no parameter \"colour\"");
  g_assert_false (dif_request_set_number (rq, "prompt", 3, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_clear_error (&error);
  g_assert_false (dif_request_set_number (rq, "guidance-scale", NAN, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_assert_false (dif_request_has (rq, "steps"));
}

/* For an engine in another folder. */
static void
test_paths_become_absolute (void)
{
  g_autoptr (DifRequest) rq    = dif_request_new ("img2img", NULL);
  g_autofree char       *here  = g_get_current_dir ();
  g_autofree char       *whole = g_build_filename (here, "a.safetensors", NULL);
  GError                *error = NULL;

  g_assert_true (dif_request_resolve_files (rq, &error));
  g_assert_false (dif_request_has (rq, "latents"));
  dif_request_set (rq, "latents", "b/../a.safetensors", &error);
  g_assert_true (dif_request_resolve_files (rq, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (dif_request_text (rq, "latents"), ==, whole);
}

static void
test_values_survive_json (void)
{
  g_autoptr (DifRequest) rq = dif_request_new ("txt2img", NULL), back = NULL, copy = NULL;
  g_autoptr (DifJson)    json = NULL, parsed = NULL;
  g_autofree char       *text  = NULL;
  GError                *error = NULL;

  dif_request_set (rq, "prompt", "a \"red\" cube\n\xc3\xa9", &error);
  dif_request_set (rq, "seed", "4294967295", &error);
  dif_request_set (rq, "guidance-scale", "7.3", &error);
  dif_request_set (rq, "scheduler-set", "use_karras_sigmas=true", &error);
  dif_request_set (rq, "scheduler-set", "solver_order=3", &error);
  g_assert_no_error (error);
  copy   = dif_request_copy (rq);
  json   = dif_request_to_json (copy);
  text   = dif_json_to_string (json, FALSE);
  parsed = dif_json_parse (text, strlen (text), "test", &error);
  g_assert_no_error (error);
  back = dif_request_from_json (parsed, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dif_request_text (back, "prompt"), ==, "a \"red\" cube\n\xc3\xa9");
  g_assert_cmpfloat (dif_request_number (back, "seed"), ==, 4294967295.0);
  g_assert_cmpfloat (dif_request_number (back, "guidance-scale"), ==, 7.3);
  g_assert_cmpstr (dif_request_list (back, "scheduler-set")[0], ==, "use_karras_sigmas=true");
  g_assert_cmpstr (dif_request_list (back, "scheduler-set")[1], ==, "solver_order=3");
  g_assert_null (dif_request_list (back, "scheduler-set")[2]);
  g_assert_false (dif_request_has (back, "steps"));
}

static void
test_automatic_numbers_can_be_unset (void)
{
  g_autoptr (DifRequest) rq    = dif_request_new ("txt2img", NULL);
  GError                *error = NULL;

  dif_request_set_number (rq, "steps", 5, &error);
  g_assert_true (dif_request_has (rq, "steps"));
  dif_request_set_number (rq, "steps", 0, &error);
  g_assert_no_error (error);
  g_assert_false (dif_request_has (rq, "steps"));
}

static void
test_unknown_task_lists_the_known (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_request_new ("txt2song", &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_assert_nonnull (strstr (error->message, "txt2img"));
}

/* Sizes the VAE cannot make are refused when the run knows the VAE. */
static void
test_sizes_must_fit_the_model (void)
{
  g_autofree char        *path  = test_fixture ("models/odd");
  g_autoptr (GError)      error = NULL;
  g_autoptr (DifPipeline) pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);
  g_autoptr (DifRequest)  rq    = dif_request_new ("txt2img", NULL);

  g_assert_no_error (error);
  dif_request_set (rq, "width", "100", &error);
  g_assert_null (dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE);
  g_assert_cmpstr (error->message, ==, "width: expected a multiple of 8, found 100");
}

/* The families that have a row of a task; NULL, and @found FALSE, without it. */
static const char *const *
families_of (const char *task, const char *name, gboolean *found)
{
  guint           n;
  const DifParam *rows = dif_task_params (task, &n);

  *found = FALSE;
  for (guint i = 0; i < n; i++)
    if (strcmp (rows[i].name, name) == 0)
      {
        *found = TRUE;
        return rows[i].families;
      }
  return NULL;
}

static void
test_rows_say_whose_they_are (void)
{
  gboolean found;

  g_assert_null (families_of ("txt2img", "steps", &found));
  g_assert_true (found);
  g_assert_true (g_strv_contains (families_of ("txt2img", "crop-top", &found), "sdxl"));
  g_assert_true (g_strv_contains (families_of ("inpaint", "denoising-start", &found), "sdxl"));
  families_of ("txt2img", "denoising-start", &found);
  g_assert_false (found);
  families_of ("depth2img", "crop-top", &found);
  g_assert_false (found);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipelines/request/bad-values-are-refused-by-name",
                   test_bad_values_are_refused_by_name);
  g_test_add_func ("/pipelines/request/paths-become-absolute", test_paths_become_absolute);
  g_test_add_func ("/pipelines/request/values-survive-json", test_values_survive_json);
  g_test_add_func ("/pipelines/request/automatic-numbers-can-be-unset",
                   test_automatic_numbers_can_be_unset);
  g_test_add_func ("/pipelines/request/unknown-task-lists-the-known",
                   test_unknown_task_lists_the_known);
  g_test_add_func ("/pipelines/request/rows-say-whose-they-are", test_rows_say_whose_they_are);
  g_test_add_func ("/pipelines/request/sizes-must-fit-the-model", test_sizes_must_fit_the_model);
  return g_test_run ();
}
