/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-memory.c - which models stay loaded, and how they go. */
#include <string.h>

#include "engine/warm.h"
#include "tests/engine/harness.h"

/* Of the fake pipeline. */
#define WEIGHTS 12345

static void
run_on (const char *model, const char *device, const char *prompt, const GError *expected)
{
  g_autoptr (DifRequest) rq     = harness_request (prompt, 1);
  g_autoptr (GError)     error  = NULL;
  g_autoptr (DifResult)  result = NULL;

  g_assert_true (dif_request_set (rq, "model", model, NULL));
  g_assert_true (dif_request_set (rq, "device", device, NULL));
  result = dif_engine_run (rq, NULL, NULL, NULL, &error);
  if (expected != NULL)
    g_assert_error (error, expected->domain, expected->code);
  else
    g_assert_no_error (error);
}

static guint
n_loaded (void)
{
  g_autoptr (DifJson) status = dif_engine_status (NULL);

  return dif_json_length (dif_json_member (status, "models"));
}

static void
test_least_recent (void)
{
  /* which model is drawn with, and loads in all afterwards */
  static const struct
  {
    guint model;
    int   loads;
  } rows[] = { { 0, 1 }, { 1, 2 }, { 0, 2 }, { 2, 3 }, { 0, 3 }, { 1, 4 }, { 0, 4 }, { 2, 5 } };
  char *models[3];

  harness_begin ();
  g_setenv ("DIF_ENGINE_MEMORY", "25000", TRUE); /* two of them */
  models[0] = g_strdup (harness_model ());
  models[1] = harness_new_model ("second");
  models[2] = harness_new_model ("third");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      run_on (models[rows[i].model], "cpu", "x", NULL);
      g_assert_cmpint (harness_status ("loads"), ==, rows[i].loads);
      g_assert_cmpint (harness_status ("weight_bytes"), <=, 25000);
      g_assert_cmpint (harness_status ("memory_budget"), ==, 25000);
    }
  g_assert_cmpuint (n_loaded (), ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    g_free (models[i]);
  g_unsetenv ("DIF_ENGINE_MEMORY");
  harness_end ();
}

/* A budget that is too small for any holds the last one only. */
static void
test_no_budget (void)
{
  g_autofree char *second = NULL;

  harness_begin ();
  g_setenv ("DIF_ENGINE_MEMORY", "0", TRUE);
  second = harness_new_model ("second");
  run_on (harness_model (), "cpu", "x", NULL);
  run_on (harness_model (), "cpu", "x", NULL);
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  run_on (second, "cpu", "x", NULL);
  g_assert_cmpuint (n_loaded (), ==, 1);
  g_assert_cmpint (harness_status ("weight_bytes"), ==, WEIGHTS);
  g_unsetenv ("DIF_ENGINE_MEMORY");
  harness_end ();
}

/* What the last run's card has left is for drawing. */
static void
test_cards (void)
{
  g_autofree char *second = NULL;

  harness_begin ();
  second = harness_new_model ("second");
  run_on (harness_model (), "cuda", "x", NULL);
  run_on (harness_model (), "cpu", "x", NULL);
  g_assert_cmpuint (n_loaded (), ==, 2);
  run_on (second, "cuda", "x", NULL);
  g_assert_cmpuint (n_loaded (), ==, 2);
  g_assert_cmpint (harness_status ("loads"), ==, 3);
  run_on (harness_model (), "cpu", "x", NULL);
  g_assert_cmpint (harness_status ("loads"), ==, 3);
  harness_end ();
}

/* A run that finds no memory gets what the others hold. */
static void
test_out_of_memory (void)
{
  const GError     full   = { DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY, NULL };
  g_autofree char *prompt = g_strdup_printf ("error:dif-backend-error-quark:%d",
                                             DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_autofree char *second = NULL;

  harness_begin ();
  second = harness_new_model ("second");
  run_on (harness_model (), "cpu", "x", NULL);
  run_on (second, "cpu", "x", NULL);
  g_assert_cmpuint (n_loaded (), ==, 2);
  run_on (second, "cpu", prompt, &full);
  g_assert_cmpuint (n_loaded (), ==, 1);
  run_on (second, "cpu", "x", NULL);
  g_assert_cmpint (harness_status ("loads"), ==, 2);
  harness_end ();
}

static void
test_unload (void)
{
  g_autoptr (GError)      error  = NULL;
  g_autoptr (DifJson)     answer = NULL, during = NULL;
  g_autoptr (GSubprocess) client = NULL;

  harness_begin ();
  g_assert_null (dif_engine_unload (&error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  harness_run ("x", 1);
  answer = dif_engine_unload (&error);
  g_assert_no_error (error);
  g_assert_cmpint (dif_json_int (answer, "models", -1, -1, 10), ==, 1);
  g_assert_cmpint (dif_json_int (answer, "weight_bytes", -1, -1, G_MAXINT), ==, WEIGHTS);
  g_assert_cmpuint (n_loaded (), ==, 0);
  harness_run ("x", 1);
  g_assert_cmpint (harness_status ("loads"), ==, 2);
  /* while it draws: the run is not disturbed, its model goes afterwards */
  client = harness_spawn_client ("slow", 50);
  harness_wait_for ("jobs", 1);
  during = dif_engine_unload (&error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait_check (client, NULL, NULL));
  g_assert_cmpuint (n_loaded (), ==, 0);
  g_assert_cmpint (harness_status ("weight_bytes"), ==, 0);
  harness_end ();
}

static void
test_budget (void)
{
  static const struct
  {
    const char *text;
    guint64     bytes;
  } good[]                       = { { "0", 0 },
                                     { "12345", 12345 },
                                     { "1K", 1024 },
                                     { "1.5M", 1536 * 1024 },
                                     { "8G", G_GUINT64_CONSTANT (8) << 30 },
                                     { "2t", G_GUINT64_CONSTANT (2) << 40 },
                                     { "0%", 0 } };
  static const char *const bad[] = { "x", "-1", "101%", "1e30", "5X", "G", "1 G",
                                     "1GB", "nan", "inf", "%", " 1", "50%%" };
  guint64                  half = 0, whole = 0, fallback = 0, found = 0;

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_true (dif_warm_parse_budget (good[i].text, &found, NULL));
      g_assert_cmpuint (found, ==, good[i].bytes);
    }
  g_assert_true (dif_warm_parse_budget ("50%", &half, NULL));
  g_assert_true (dif_warm_parse_budget ("100%", &whole, NULL));
  g_assert_true (dif_warm_parse_budget (NULL, &fallback, NULL));
  g_assert_cmpuint (whole, >, 100 * 1000 * 1000);
  g_assert_cmpuint (whole / 2, ==, half);
  g_assert_cmpuint (fallback, ==, half);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_false (dif_warm_parse_budget (bad[i], &found, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i]));
    }
}

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--client"))
    return harness_client_main (argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/memory/least-recently-used-goes", test_least_recent);
  g_test_add_func ("/engine/memory/last-one-stays-without-a-budget", test_no_budget);
  g_test_add_func ("/engine/memory/one-on-a-card", test_cards);
  g_test_add_func ("/engine/memory/runs-get-what-others-hold", test_out_of_memory);
  g_test_add_func ("/engine/memory/unload", test_unload);
  g_test_add_func ("/engine/memory/budget", test_budget);
  return g_test_run ();
}
