/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-real.c - the engine with libdif's own pipeline and a small random model. */
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "engine/client.h"

static DifRequest *
request (void)
{
  DifRequest      *rq    = dif_request_new ("txt2img", NULL);
  g_autofree char *model = g_build_filename (g_getenv ("DIF_FIXTURES"), "models", "sd15", NULL);

  g_assert_true (dif_request_set (rq, "model", model, NULL));
  g_assert_true (dif_request_set (rq, "prompt", "a red cube", NULL));
  g_assert_true (dif_request_set (rq, "device", "cpu", NULL));
  g_assert_true (dif_request_set (rq, "dtype", "f32", NULL));
  g_assert_true (dif_request_set_number (rq, "steps", 3, NULL));
  g_assert_true (dif_request_set_number (rq, "seed", 4294967295.0, NULL));
  g_assert_true (dif_request_set_number (rq, "num-images", 2, NULL));
  g_assert_true (dif_request_set_number (rq, "width", 64, NULL));
  g_assert_true (dif_request_set_number (rq, "height", 72, NULL));
  return rq;
}

static void
test_same_picture (void)
{
  g_autofree char       *folder  = g_dir_make_tmp ("dif-engine-XXXXXX", NULL);
  g_autofree char       *inner   = g_build_filename (folder, "gimp-diffusion", NULL);
  g_autoptr (DifRequest) rq      = request ();
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifResult)  here    = NULL;
  gsize                  n;

  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  g_setenv ("DIF_ENGINE", "none", TRUE);
  here = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  n = (gsize) dif_result_width (here) * dif_result_height (here) * 3 * sizeof (float);

  g_setenv ("DIF_ENGINE", g_getenv ("TEST_ENGINE"), TRUE);
  for (guint round = 0; round < 2; round++)
    {
      g_autoptr (DifResult) there  = dif_engine_run (rq, NULL, NULL, NULL, &failure);
      g_autoptr (DifJson)   status = NULL;

      g_assert_no_error (failure);
      g_assert_cmpuint (dif_result_n_images (there), ==, 2);
      g_assert_cmpuint (dif_result_seed (there), ==, 4294967295u);
      for (guint i = 0; i < 2; i++)
        {
          g_assert_cmpmem (dif_result_pixels (there, i), n, dif_result_pixels (here, i), n);
          g_assert_cmpstr (dif_result_recipe (there, i), ==, dif_result_recipe (here, i));
        }
      status = dif_engine_status (&failure);
      g_assert_no_error (failure);
      g_assert_cmpint (dif_json_int (status, "loads", 0, 0, 100), ==, 1);
      g_assert_cmpint (dif_json_int (status, "weight_bytes", 0, 0, G_MAXINT), >, 0);
    }
  g_assert_true (dif_engine_quit (NULL, NULL));
  g_assert_cmpint (access (inner, F_OK), ==, 0);
}

/* A model of other parts, and a task that starts from pictures. */
static void
test_other_tasks (void)
{
  const char *const      fixtures = g_getenv ("DIF_FIXTURES");
  g_autofree char       *ddpm     = g_build_filename (fixtures, "models", "ddpm", NULL);
  g_autofree char       *sd15     = g_build_filename (fixtures, "models", "sd15", NULL);
  g_autoptr (DifImage)   gray     = dif_image_new (64, 64, 1, NULL);
  g_autoptr (DifRequest) free_rq  = dif_request_new ("unconditional", NULL);
  g_autoptr (DifRequest) rq       = dif_request_new ("inpaint", NULL);
  g_autoptr (DifResult)  free_one = NULL, one = NULL, none = NULL;
  g_autoptr (GError)     failure = NULL;

  g_assert_true (dif_request_set (free_rq, "model", ddpm, NULL));
  g_assert_true (dif_request_set_number (free_rq, "steps", 2, NULL));
  free_one = dif_engine_run (free_rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  g_assert_cmpuint (dif_result_n_images (free_one), ==, 1);

  g_assert_true (dif_request_set (rq, "model", sd15, NULL));
  g_assert_true (dif_request_set_number (rq, "steps", 2, NULL));
  g_assert_true (dif_request_set_image (rq, "image", gray, NULL));
  none = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_error (failure, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT);
  g_clear_error (&failure);
  g_assert_true (dif_request_set_image (rq, "mask", gray, NULL));
  one = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  g_assert_cmpuint (dif_result_width (one), ==, 64);
  g_assert_true (dif_engine_quit (NULL, NULL));
}

static void
test_failures_keep_it (void)
{
  g_autoptr (DifRequest) rq      = request ();
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifResult)  result  = NULL;

  g_assert_true (dif_request_set_number (rq, "width", 12, NULL));
  g_assert_null (dif_engine_run (rq, NULL, NULL, NULL, &failure));
  g_assert_error (failure, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE);
  g_clear_error (&failure);
  g_assert_true (dif_request_set_number (rq, "width", 64, NULL));
  result = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  g_assert_cmpuint (dif_result_width (result), ==, 64);
  g_assert_true (dif_engine_quit (NULL, NULL));
}

/* Other LoRAs, weights and none, on one loaded model: what a new process draws. */
static void
test_loras_exchanged (void)
{
  static const char *const loras[] = { "peft.safetensors", "peft.safetensors:0.3",
                                       "kohya.safetensors", NULL };
  const char *const        there   = g_getenv ("TEST_ENGINE");

  for (guint i = 0; i < G_N_ELEMENTS (loras); i++)
    {
      g_autoptr (DifRequest) rq    = request ();
      g_autofree char       *spec  = g_build_filename (g_getenv ("DIF_FIXTURES"), "adapters",
                                                       loras[i], NULL);
      g_autoptr (GError)     error = NULL;
      g_autoptr (DifResult)  a = NULL, b = NULL;
      g_autoptr (DifJson)    status = NULL;
      gsize                  n;

      if (loras[i])
        g_assert_true (dif_request_set (rq, "lora", spec, NULL));
      g_setenv ("DIF_ENGINE", there, TRUE);
      a = dif_engine_run (rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      status = dif_engine_status (&error);
      g_assert_no_error (error);
      g_assert_cmpint (dif_json_int (status, "loads", 0, 0, 100), ==, 1);
      g_setenv ("DIF_ENGINE", "none", TRUE);
      b = dif_engine_run (rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      n = (gsize) dif_result_width (a) * dif_result_height (a) * 3 * sizeof (float);
      g_assert_cmpmem (dif_result_pixels (a, 1), n, dif_result_pixels (b, 1), n);
      g_assert_cmpstr (dif_result_recipe (a, 1), ==, dif_result_recipe (b, 1));
    }
  g_setenv ("DIF_ENGINE", there, TRUE);
  g_assert_true (dif_engine_quit (NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/real/draws-what-this-process-draws", test_same_picture);
  g_test_add_func ("/engine/real/other-models-and-tasks", test_other_tasks);
  g_test_add_func ("/engine/real/failure-leaves-the-model", test_failures_keep_it);
  g_test_add_func ("/engine/real/loras-are-exchanged", test_loras_exchanged);
  return g_test_run ();
}
