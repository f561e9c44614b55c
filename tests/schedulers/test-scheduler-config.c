/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-scheduler-config.c - schedulers' names, configs and what they refuse. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "fixture.h"
#include "schedulers/scheduler-private.h"

/* ---- names ---- */

static void
assert_resolves (const char *name, const char *class_name)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (dif_scheduler_resolve_name (name, &error), ==, class_name);
  g_assert_no_error (error);
}

static void
test_names (void)
{
  static const char *const spellings[][2] = {
    { "EulerDiscreteScheduler", "EulerDiscreteScheduler" },
    { "EulerDiscrete", "EulerDiscreteScheduler" },
    { "euler", "EulerDiscreteScheduler" },
    { "Euler", "EulerDiscreteScheduler" },
    { "euler-a", "EulerAncestralDiscreteScheduler" },
    { "Euler a", "EulerAncestralDiscreteScheduler" },
    { "euler_ancestral", "EulerAncestralDiscreteScheduler" },
    { "DDIM", "DDIMScheduler" },
    { "ddpm", "DDPMScheduler" },
    { "pndm", "PNDMScheduler" },
    { "PLMS", "PNDMScheduler" },
    { "lms", "LMSDiscreteScheduler" },
    { "heun", "HeunDiscreteScheduler" },
    { "unipc", "UniPCMultistepScheduler" },
    { "dpm++", "DPMSolverMultistepScheduler" },
    { "dpmpp", "DPMSolverMultistepScheduler" },
    { "DPM++ 2M", "DPMSolverMultistepScheduler" },
    { "dpm-solver++", "DPMSolverMultistepScheduler" },
    { "dpmsolvermultistepscheduler", "DPMSolverMultistepScheduler" },
    { "DPM2", "KDPM2DiscreteScheduler" },
    { "DPM2 a", "KDPM2AncestralDiscreteScheduler" },
    { "DEIS", "DEISMultistepScheduler" },
    { "LCM", "LCMScheduler" },
  };
  const char *const *names = dif_scheduler_class_names ();

  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    assert_resolves (spellings[i][0], spellings[i][1]);
  for (guint i = 0; names[i]; i++)
    {
      assert_resolves (names[i], names[i]);
      assert_resolves (dif_scheduler_short_name (names[i]), names[i]);
      if (i)
        g_assert_cmpstr (names[i - 1], <, names[i]);
    }
  g_assert_null (dif_scheduler_short_name ("NoSuchScheduler"));
}

/* No two classes answer to one name. */
static void
test_names_unique (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; _dif_scheduler_classes[i]; i++)
    {
      g_auto (GStrv) aliases = g_strsplit (_dif_scheduler_classes[i]->aliases, "|", -1);

      for (guint k = 0; aliases[k]; k++)
        {
          g_assert_true (g_hash_table_add (seen, g_strdup (aliases[k])));
          assert_resolves (aliases[k], _dif_scheduler_classes[i]->name);
        }
    }
}

static void
test_unknown_name (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_scheduler_new ("dpm++9000\xff", NULL, &error));
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS);
  g_assert_nonnull (strstr (error->message, "euler-a"));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_null (strchr (error->message, '\n'));
}

/* ---- configs ---- */

static gboolean
same_value (DifJson *expected, DifJson *found)
{
  g_autofree char *a = NULL, *b = NULL;

  if (! expected || ! found)
    return ! expected && ! found;
  if (dif_json_type (found) == DIF_JSON_NUMBER)
    return fixture_number (expected) == dif_json_value_double (found);
  a = dif_json_to_string (expected, FALSE);
  b = dif_json_to_string (found, FALSE);
  return strcmp (a, b) == 0;
}

static gboolean
lists (DifJson *list, const char *word)
{
  for (guint i = 0; i < dif_json_length (list); i++)
    if (strcmp (dif_json_value_string (dif_json_at (list, i)), word) == 0)
      return TRUE;
  return FALSE;
}

/* Every key diffusers has, with its value, whether given or not; and no other. */
static void
compare_config (DifJson *pair, DifJson *found)
{
  DifJson *config = dif_json_member (pair, "config"), *other = dif_json_member (pair, "other");
  DifJson *defaults = dif_json_member (pair, "defaults"),
          *ours     = dif_json_member (found, "_use_default_values");

  g_assert_cmpuint (dif_json_length (defaults), ==, dif_json_length (ours));
  for (guint i = 0; i < dif_json_length (defaults); i++)
    g_assert_true (lists (ours, dif_json_value_string (dif_json_at (defaults, i))));
  for (guint i = 0; i < dif_json_length (config) + dif_json_length (other); i++)
    {
      guint       n    = dif_json_length (config);
      DifJson    *node = i < n ? dif_json_at (config, i) : dif_json_at (other, i - n);
      const char *key  = dif_json_key (node);

      if (! same_value (dif_json_member (i < n ? config : other, key),
                        dif_json_member (found, key)))
        {
          g_test_message ("from %s to %s: %s", dif_json_string (pair, "from", ""),
                          dif_json_string (pair, "class", ""), key);
          g_test_fail ();
        }
    }
  /* "_class_name" and "_use_default_values" are ours */
  g_assert_cmpuint (dif_json_length (found), ==,
                    dif_json_length (config) + dif_json_length (other) + 2);
}

static void
test_from_config (void)
{
  g_autoptr (DifJson) file   = fixture_load ("from_config.json");
  DifJson            *pairs  = dif_json_member (file, "pairs");
  guint               n_done = 0;

  for (guint i = 0; i < dif_json_length (pairs); i++)
    {
      DifJson                 *pair   = dif_json_at (pairs, i);
      const char              *name   = dif_json_string (pair, "class", NULL);
      DifJson                 *source = dif_json_member (dif_json_member (file, "sources"),
                                                         dif_json_string (pair, "from", NULL));
      g_autoptr (GError)       error  = NULL;
      g_autoptr (DifScheduler) old = NULL, new = NULL;
      g_autoptr (DifJson)      config = NULL, result = NULL;

      old = dif_scheduler_new (dif_json_string (source, "_class_name", NULL), source, &error);
      g_assert_no_error (error);
      config = dif_scheduler_config (old);
      new    = dif_scheduler_new (name, config, &error);
      n_done++;
      if (dif_json_has (pair, "error"))
        {
          g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
          continue;
        }
      g_assert_no_error (error);
      result = dif_scheduler_config (new);
      g_assert_cmpstr (dif_json_string (result, "_class_name", NULL), ==, name);
      compare_config (pair, result);
    }
  g_assert_cmpuint (n_done, ==, dif_json_length (pairs));
}

/* A default that was not given does not pass on, a key of another class does. */
static void
test_given_keys_pass_on (void)
{
  g_autoptr (DifScheduler) heun =
      new_scheduler ("heun", "{\"timestep_spacing\": \"trailing\", \"eta\": 3}");
  g_autoptr (DifJson)      config = dif_scheduler_config (heun);
  g_autoptr (GError)       error  = NULL;
  g_autoptr (DifScheduler) ddim   = dif_scheduler_new ("ddim", config, &error);
  g_autoptr (DifJson)      result = dif_scheduler_config (ddim);

  g_assert_no_error (error);
  g_assert_cmpfloat (dif_json_double (config, "beta_end", 0), ==, 0.012);
  g_assert_cmpfloat (dif_json_double (result, "beta_end", 0), ==, 0.02);
  g_assert_cmpstr (dif_json_string (result, "timestep_spacing", ""), ==, "trailing");
  g_assert_cmpfloat (dif_json_double (result, "eta", 0), ==, 3);
}

/* The config written out, read back, written out again: the same text. */
static void
test_config_round_trip (void)
{
  const char *const *names = dif_scheduler_class_names ();

  for (guint i = 0; names[i]; i++)
    {
      g_autoptr (DifScheduler) first =
          new_scheduler (names[i], "{\"trained_betas\": null, \"steps_offset\": 1}");
      g_autoptr (DifJson)      config     = dif_scheduler_config (first);
      g_autofree char         *text       = dif_json_to_string (config, FALSE);
      g_autoptr (DifScheduler) second     = new_scheduler (names[i], text);
      g_autoptr (DifJson)      again      = dif_scheduler_config (second);
      g_autofree char         *text_again = dif_json_to_string (again, FALSE);

      g_assert_cmpstr (text, ==, text_again);
    }
}

static void
test_patch (void)
{
  g_autoptr (DifScheduler) ddim =
      new_scheduler ("ddim", "{\"steps_offset\": 0, \"clip_sample\": true}");
  g_autoptr (DifScheduler) euler  = new_scheduler ("euler", "{\"clip_sample\": true}");
  g_autoptr (DifJson)      config = NULL;
  g_autoptr (DifJson)      hidden = NULL;

  dif_scheduler_patch_for_pipeline (ddim);
  dif_scheduler_patch_for_pipeline (euler);
  config = dif_scheduler_config (ddim);
  hidden = dif_scheduler_config (euler);
  g_assert_cmpfloat (dif_json_double (config, "steps_offset", 0), ==, 1);
  g_assert_false (dif_json_bool (config, "clip_sample", TRUE));
  g_assert_false (dif_json_bool (hidden, "clip_sample", TRUE));
  g_assert_true (lists (dif_json_member (hidden, "_use_default_values"), "steps_offset"));
  set_timesteps (ddim, 5);
  g_assert_cmpfloat (dif_scheduler_timestep (ddim, 4), ==, 1);
}

static void
test_set_key (void)
{
  g_autoptr (DifScheduler) s         = new_scheduler ("dpm++", NULL);
  g_autoptr (DifJson)      config    = NULL;
  g_autoptr (GError)       error     = NULL;
  static const char *const good[][2] = {
    { "use_karras_sigmas", "true" },
    { "solver_order", "3" },
    { "timestep_spacing", "trailing" },
    { "solver_type", "\"heun\"" },
    { "beta_start", "8.5e-4" },
    { "lambda_min_clipped", "-Infinity" },
    { "variance_type", "null" },
  };

  set_timesteps (s, 5);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_true (dif_scheduler_set_key (s, good[i][0], good[i][1], &error));
      g_assert_no_error (error);
    }
  g_assert_cmpuint (dif_scheduler_n_calls (s), ==, 0);
  config = dif_scheduler_config (s);
  g_assert_true (dif_json_bool (config, "use_karras_sigmas", FALSE));
  g_assert_cmpfloat (dif_json_double (config, "solver_order", 0), ==, 3);
  g_assert_cmpstr (dif_json_string (config, "timestep_spacing", ""), ==, "trailing");
  g_assert_cmpstr (dif_json_string (config, "solver_type", ""), ==, "heun");
  g_assert_cmpfloat (dif_json_double (config, "beta_start", 0), ==, 8.5e-4);
  g_assert_false (lists (dif_json_member (config, "_use_default_values"), "solver_order"));
  set_timesteps (s, 5);
  g_assert_cmpuint (dif_scheduler_n_calls (s), ==, 5);
}

/* ---- refusals ---- */

static void
assert_config_refused (const char *name, const char *config, int code, const char *what)
{
  g_autoptr (GError)  error = NULL;
  g_autoptr (DifJson) json =
      dif_json_parse (config, strlen (config), "scheduler_config.json", &error);

  g_assert_no_error (error);
  g_assert_null (dif_scheduler_new (name, json, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, code);
  g_assert_null (strchr (error->message, '\n'));
  if (! strstr (error->message, what))
    g_test_message ("\"%s\" lacks \"%s\"", error->message, what);
  g_assert_nonnull (strstr (error->message, what));
}

static void
test_bad_configs (void)
{
  const int bad = DIF_FORMAT_ERROR_BAD_VALUE, unsupported = DIF_FORMAT_ERROR_UNSUPPORTED;

  assert_config_refused ("ddim", "[1]", bad, "expected an object");
  assert_config_refused ("ddim", "{\"beta_start\": \"x\"}", bad, "beta_start: expected a number");
  assert_config_refused ("ddim", "{\"beta_start\": NaN}", bad, "beta_start");
  assert_config_refused ("ddim", "{\"num_train_timesteps\": 0}", bad, "from 2 to 100000, found 0");
  assert_config_refused ("ddim", "{\"num_train_timesteps\": 10.5}", bad, "expected an integer");
  assert_config_refused ("ddim", "{\"clip_sample\": 1}", bad, "expected true or false, found 1");
  assert_config_refused ("ddim", "{\"beta_schedule\": 7}", bad,
                         "expected one of linear, scaled_linear");
  assert_config_refused ("ddim", "{\"beta_schedule\": \"sigmoid\"}", unsupported,
                         "found \"sigmoid\"");
  assert_config_refused ("ddim", "{\"trained_betas\": 7}", bad, "array of numbers");
  assert_config_refused ("ddim", "{\"trained_betas\": [0.1, true]}", bad, "array of numbers");
  assert_config_refused ("ddim", "{\"trained_betas\": [0.1, 2]}", bad, "array of numbers");
  assert_config_refused ("ddim", "{\"trained_betas\": [0.1, 0.2]}", unsupported,
                         "1000, numbers, found 2");
  assert_config_refused ("ddpm", "{\"variance_type\": \"learned\"}", unsupported, "fixed_small");
  assert_config_refused ("pndm", "{\"prediction_type\": \"sample\"}", unsupported,
                         "prediction_type");
  assert_config_refused ("euler-a", "{\"prediction_type\": \"sample\"}", unsupported,
                         "prediction_type");
  assert_config_refused ("unipc", "{\"use_flow_sigmas\": true}", unsupported,
                         "expected use_flow_sigmas and a prediction_type of flow_prediction");
  assert_config_refused ("deis", "{\"use_flow_sigmas\": true}", unsupported,
                         "use_flow_sigmas: expected false");
  assert_config_refused ("unipc",
                         "{\"use_flow_sigmas\": true, \"predict_x0\": false, "
                         "\"prediction_type\": \"flow_prediction\"}",
                         unsupported, "predict_x0");
  assert_config_refused ("dpm++", "{\"use_dynamic_shifting\": true}", unsupported,
                         "use_dynamic_shifting");
  assert_config_refused ("unipc", "{\"solver_p\": {}}", unsupported, "solver_p: expected null");
  assert_config_refused ("unipc", "{\"shift_terminal\": 0.1}", unsupported, "shift_terminal");
  assert_config_refused ("unipc", "{\"disable_corrector\": [\"a\"]}", bad, "disable_corrector");
  assert_config_refused ("lms", "{\"use_karras_sigmas\": true, \"use_beta_sigmas\": true}",
                         unsupported, "at most one");
  assert_config_refused ("dpm++", "{\"algorithm_type\": \"dpmsolver\"}", unsupported,
                         "expected final_sigmas_type");
  assert_config_refused ("dpm++", "{\"algorithm_type\": \"deis\"}", unsupported,
                         "expected final_sigmas_type");
  assert_config_refused ("dpm++",
                         "{\"algorithm_type\": \"sde-dpmsolver\", \"solver_order\": 3, "
                         "\"final_sigmas_type\": \"sigma_min\"}",
                         unsupported, "solver_order");
}

static void
assert_key_refused (DifScheduler *s, const char *key, const char *value, const char *what)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (dif_scheduler_set_key (s, key, value, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_assert_nonnull (strstr (error->message, what));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_bad_keys (void)
{
  g_autoptr (DifScheduler) s      = new_scheduler ("dpm++", NULL);
  g_autoptr (GError)       error  = NULL;
  g_autoptr (DifJson)      before = dif_scheduler_config (s), after = NULL;
  g_autofree char         *text_before = dif_json_to_string (before, FALSE), *text_after = NULL;

  assert_key_refused (s, "no_such_key", "1", "solver_order");
  assert_key_refused (s, "solver_order", "many", "from 1 to 3, found \"many\"");
  assert_key_refused (s, "solver_order", "4", "from 1 to 3, found 4");
  assert_key_refused (s, "use_karras_sigmas", "yes", "true or false");
  assert_key_refused (s, "algorithm_type", "euler", "expected one of dpmsolver");
  assert_key_refused (s, "algorithm_type", "\xff\xfe", "expected one of");
  assert_key_refused (s, "timestep_spacing", "", "expected one of linspace");
  assert_key_refused (s, "trained_betas", "[1, [", "array of numbers");
  after      = dif_scheduler_config (s);
  text_after = dif_json_to_string (after, FALSE);
  g_assert_cmpstr (text_before, ==, text_after);

  /* Keys are set one by one, so whether they go together is asked later. */
  g_assert_true (dif_scheduler_set_key (s, "algorithm_type", "dpmsolver", NULL));
  g_assert_false (dif_scheduler_set_timesteps (s, 5, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_assert_true (dif_scheduler_set_key (s, "final_sigmas_type", "sigma_min", NULL));
  set_timesteps (s, 5);
}

static void
assert_steps_refused (const char *name, const char *config, guint steps)
{
  g_autoptr (DifScheduler) s     = new_scheduler (name, config);
  g_autoptr (GError)       error = NULL;

  g_assert_false (dif_scheduler_set_timesteps (s, steps, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
}

static void
test_bad_steps (void)
{
  const char *const *names = dif_scheduler_class_names ();

  for (guint i = 0; names[i]; i++)
    {
      assert_steps_refused (names[i], NULL, 0);
      assert_steps_refused (names[i], NULL, 1001);
      assert_steps_refused (names[i], NULL, G_MAXUINT);
    }
  assert_steps_refused ("pndm", NULL, 3);
  assert_steps_refused ("lcm", NULL, 51);
  assert_steps_refused ("euler", "{\"beta_start\": 0, \"use_karras_sigmas\": true}", 5);
  assert_steps_refused ("euler", "{\"beta_start\": 1, \"beta_end\": 1}", 5);
  assert_steps_refused ("tcd", "{\"original_inference_steps\": 2000}", 5);
  assert_steps_refused ("dpm++", "{\"lambda_min_clipped\": 1000}", 5);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schedulers/names/resolve-in-many-spellings", test_names);
  g_test_add_func ("/schedulers/names/are-unique", test_names_unique);
  g_test_add_func ("/schedulers/names/unknown-one-lists-the-known", test_unknown_name);
  g_test_add_func ("/schedulers/config/passes-on-as-in-diffusers", test_from_config);
  g_test_add_func ("/schedulers/config/only-given-keys-pass-on", test_given_keys_pass_on);
  g_test_add_func ("/schedulers/config/survives-a-round-trip", test_config_round_trip);
  g_test_add_func ("/schedulers/config/is-patched-for-pipelines", test_patch);
  g_test_add_func ("/schedulers/config/takes-single-keys", test_set_key);
  g_test_add_func ("/schedulers/config/refuses-bad-values", test_bad_configs);
  g_test_add_func ("/schedulers/config/refuses-bad-keys", test_bad_keys);
  g_test_add_func ("/schedulers/steps/refuses-bad-counts", test_bad_steps);
  return g_test_run ();
}
