/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-schedulers.c - what holds for every scheduler, and the arithmetic below. */
#include <math.h>
#include <string.h>

#include "backends/backends.h"
#include "base/error.h"
#include "fixture.h"
#include "schedulers/scheduler-private.h"

/* Lets PNDM, LCM and TCD do with any number of steps; strangers' keys to others. */
#define ANY_STEPS "{\"skip_prk_steps\": true, \"original_inference_steps\": 1000}"

/* ---- steps ---- */

/* A picture of random numbers, larger than a block of torch's generator. */
static DifTensor *
random_tensor (DifContext *cx, DifRng *rng)
{
  return dif_randn (cx, rng, 2, 3, 5, 4);
}

/* Calls @n_calls times; every temporary dies with its step. */
static DifTensor *
walk (DifScheduler *s, DifContext *cx, DifRng *rng, guint n_calls)
{
  float      scale = (float) dif_scheduler_init_noise_sigma (s);
  DifTensor *x     = random_tensor (cx, rng);

  x = dif_lincomb (cx, 1, &scale, &x);
  for (guint i = 0; i < n_calls; i++)
    {
      DifTensor *out, *seen;

      dif_context_enter (cx, "step");
      seen  = dif_scheduler_scale_model_input (s, cx, x, i);
      scale = 0.9f;
      out   = dif_lincomb (cx, 1, &scale, &seen);
      x     = dif_scheduler_step (s, cx, out, i, x, 0.3, rng);
      dif_context_leave (cx, x);
    }
  return x;
}

static void
assert_finite (DifContext *cx, DifTensor *x)
{
  g_autofree float *data = g_new (float, dif_tensor_count (x));

  g_assert_true (dif_download (cx, x, data));
  for (gsize i = 0; i < dif_tensor_count (x); i++)
    g_assert_true (isfinite (data[i]));
}

static void
test_every_scheduler (gconstpointer data)
{
  static const guint steps[] = { 1, 2, 3, 7, 50, 1000 };
  g_autoptr (DifRng) rng     = dif_rng_new (1);

  for (guint k = 0; k < G_N_ELEMENTS (steps); k++)
    {
      g_autoptr (DifScheduler) s = new_scheduler (data, ANY_STEPS);
      Stage                    stage;
      DifTensor               *x;
      gsize                    before;

      stage_open (&stage);
      set_timesteps (s, steps[k]);
      g_assert_cmpuint (dif_scheduler_n_calls (s), >=, steps[k]);
      g_assert_cmpfloat (dif_scheduler_timestep (s, 0), >=, 0);
      before = stage.backend->live_bytes;
      dif_context_enter (stage.cx, "run");
      x = walk (s, stage.cx, rng, dif_scheduler_n_calls (s));
      assert_finite (stage.cx, x);
      x = dif_scheduler_add_noise (s, stage.cx, x, random_tensor (stage.cx, rng), 0);
      assert_finite (stage.cx, x);
      dif_context_leave (stage.cx, NULL);
      dif_scheduler_reset (s);
      g_assert_cmpuint (stage.backend->live_bytes, ==, before);
      stage_close (&stage);
    }
}

/* The same seed gives the same picture again, after reset and after set_timesteps. */
static void
test_runs_again (gconstpointer data)
{
  g_autoptr (DifScheduler) s = new_scheduler (data, ANY_STEPS);
  float                    first[120], again[120];
  Stage                    stage;

  stage_open (&stage);
  set_timesteps (s, 6);
  for (guint k = 0; k < 3; k++)
    {
      g_autoptr (DifRng) rng = dif_rng_new (4);
      DifTensor         *x   = walk (s, stage.cx, rng, dif_scheduler_n_calls (s));

      g_assert_cmpuint (dif_tensor_count (x), ==, G_N_ELEMENTS (first));
      g_assert_true (dif_download (stage.cx, x, k ? again : first));
      if (k)
        g_assert_cmpmem (first, sizeof first, again, sizeof again);
      if (k == 0)
        dif_scheduler_reset (s);
      else
        set_timesteps (s, 6);
    }
  stage_close (&stage);
}

/* Steps towards @clean, which is predicted at every call whatever noise is left. */
static DifTensor *
walk_towards (DifScheduler *s, DifContext *cx, DifRng *rng, DifTensor *clean)
{
  float      scale = (float) dif_scheduler_init_noise_sigma (s);
  DifTensor *x     = random_tensor (cx, rng);

  x = dif_lincomb (cx, 1, &scale, &x);
  for (guint i = 0; i < dif_scheduler_n_calls (s); i++)
    {
      double     factors[2];
      float      coef[2];
      DifTensor *out;

      g_assert_true (dif_scheduler_clean_factors (s, i, factors));
      coef[0] = (float) (1 / factors[1]);
      coef[1] = (float) (-factors[0] / factors[1]);
      out     = dif_lincomb (cx, 2, coef, (DifTensor *[]) { clean, x });
      dif_scheduler_scale_model_input (s, cx, x, i);
      x = dif_scheduler_step (s, cx, out, i, x, 0, rng);
    }
  return x;
}

/* What is said to be predicted is what the steps lead to. */
static void
test_clean_factors (gconstpointer data)
{
  static const char *const predictions[] = { "epsilon", "v_prediction" };

  for (guint k = 0; k < G_N_ELEMENTS (predictions); k++)
    {
      g_autofree char *config =
          g_strdup_printf ("{\"skip_prk_steps\": true, \"original_inference_steps\": 1000, "
                           "\"prediction_type\": \"%s\"}",
                           predictions[k]);
      g_autoptr (DifScheduler) s     = new_scheduler (data, config);
      g_autoptr (DifRng)       rng   = dif_rng_new (3);
      float                    small = 0.2f, expected[120], found[120];
      Stage                    stage;
      DifTensor               *clean;
      double                   factors[2], sum = 0;

      stage_open (&stage);
      set_timesteps (s, 5);
      clean = random_tensor (stage.cx, rng);
      clean = dif_lincomb (stage.cx, 1, &small, &clean);
      g_assert_true (dif_download (stage.cx, clean, expected));
      g_assert_true (dif_download (stage.cx, walk_towards (s, stage.cx, rng, clean), found));
      for (guint i = 0; i < G_N_ELEMENTS (found); i++)
        sum += (found[i] - expected[i]) * (found[i] - expected[i]);
      /* some end at the least noise of their training, 0.03 of it */
      g_assert_cmpfloat (sqrt (sum / G_N_ELEMENTS (found)), <, 0.04);
      g_assert_false (
          dif_scheduler_clean_factors (s, dif_scheduler_n_calls (s), factors));
      dif_scheduler_reset (s);
      stage_close (&stage);
    }
}

/* After a cancel at any call memory is back and the scheduler runs again. */
static void
test_cancel (gconstpointer data)
{
  g_autoptr (DifScheduler) s   = new_scheduler (data, ANY_STEPS);
  g_autoptr (DifRng)       rng = dif_rng_new (2);

  set_timesteps (s, 4);
  for (guint stop = 0; stop < dif_scheduler_n_calls (s); stop++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError)       error       = NULL;
      DifTensor               *x;
      Stage                    stage;

      stage_open (&stage);
      dif_context_set_cancellable (stage.cx, cancellable);
      dif_context_enter (stage.cx, "run");
      x = walk (s, stage.cx, rng, stop);
      g_cancellable_cancel (cancellable);
      x = dif_scheduler_scale_model_input (s, stage.cx, x, stop);
      dif_scheduler_step (s, stage.cx, x, stop, x, 0, rng);
      dif_context_leave (stage.cx, NULL);
      g_assert_false (dif_context_finish (stage.cx, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      dif_scheduler_reset (s);
      g_assert_cmpuint (stage.backend->live_bytes, ==, 0);
      stage_close (&stage);
    }
}

/* The n-th allocation fails, for every n: one error, no crash, nothing left. */
static void
test_out_of_memory (gconstpointer data)
{
  gboolean survived = FALSE;

  for (int n = 0; ! survived; n++)
    {
      g_autoptr (DifScheduler) s =
          new_scheduler (data, "{\"skip_prk_steps\": false, \"thresholding\": true}");
      g_autoptr (DifRng) rng   = dif_rng_new (3);
      g_autoptr (GError) error = NULL;
      Stage              stage;

      stage_open (&stage);
      set_timesteps (s, 5);
      dif_context_enter (stage.cx, "run");
      dif_backend_ref_fail_at (stage.backend, n);
      walk (s, stage.cx, rng, dif_scheduler_n_calls (s));
      dif_backend_ref_fail_at (stage.backend, -1);
      dif_context_leave (stage.cx, NULL);
      survived = dif_context_finish (stage.cx, &error);
      if (! survived)
        g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
      dif_scheduler_reset (s);
      g_assert_cmpuint (stage.backend->live_bytes, ==, 0);
      stage_close (&stage);
      g_assert_cmpint (n, <, 1000);
    }
}

static void
assert_step_fails (const char *name, const char *config, guint i, DifRng *rng, GQuark domain,
                   int code)
{
  g_autoptr (DifScheduler) s     = new_scheduler (name, config);
  g_autoptr (DifRng)       own   = dif_rng_new (5);
  g_autoptr (GError)       error = NULL;
  DifTensor               *x;
  Stage                    stage;

  stage_open (&stage);
  set_timesteps (s, 5);
  x = random_tensor (stage.cx, own);
  x = dif_scheduler_step (s, stage.cx, x, i, x, 0.5, rng);
  g_assert_true (x == dif_context_inert (stage.cx));
  g_assert_false (dif_context_finish (stage.cx, &error));
  g_assert_error (error, domain, code);
  g_assert_null (strchr (error->message, '\n'));
  stage_close (&stage);
}

static void
test_bad_calls (void)
{
  g_autoptr (DifRng)       rng   = dif_rng_new (6);
  g_autoptr (DifScheduler) s     = new_scheduler ("euler", NULL);
  g_autoptr (GError)       error = NULL;
  DifTensor               *x, *y;
  Stage                    stage;

  assert_step_fails ("euler", NULL, 5, rng, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  assert_step_fails ("euler-a", NULL, 0, NULL, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT);
  assert_step_fails ("ddim", NULL, 0, NULL, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT);
  assert_step_fails ("ddpm", "{\"variance_type\": \"fixed_large_log\"}", 0, rng, DIF_REQUEST_ERROR,
                     DIF_REQUEST_ERROR_BAD_PARAM);
  assert_step_fails ("dpm++", "{\"variance_type\": \"learned\"}", 0, rng, DIF_BACKEND_ERROR,
                     DIF_BACKEND_ERROR_UNSUPPORTED);

  stage_open (&stage);
  set_timesteps (s, 5);
  x = random_tensor (stage.cx, rng);
  dif_scheduler_add_noise (s, stage.cx, x, x, 5);
  g_assert_false (dif_context_finish (stage.cx, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_clear_error (&error);
  y = dif_randn (stage.cx, rng, 1, 2, 2, 4);
  dif_scheduler_step (s, stage.cx, y, 0, x, 0, rng);
  g_assert_false (dif_context_finish (stage.cx, &error));
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
  stage_close (&stage);
}

/* ---- hostile configs ---- */

static void
append_value (GString *out, const DifSchedulerKey *row, GRand *dice)
{
  static const char *const odd[]   = { "0", "1", "-1", "0.5", "1e-300", "1e300", "Infinity",
                                       "null", "false", "true", "\"x\"", "[]", "[1]", "{}" };
  g_auto (GStrv)           words   = g_strsplit (row->choices ? row->choices : "x", "|", -1);
  guint                    n_words = g_strv_length (words);

  if (row->type == DIF_KEY_WORD && g_rand_int_range (dice, 0, 8) > 0)
    g_string_append_printf (out, "\"%s\"", words[g_rand_int_range (dice, 0, (int) n_words)]);
  else if (row->type == DIF_KEY_BOOL && g_rand_int_range (dice, 0, 8) > 0)
    g_string_append (out, g_rand_boolean (dice) ? "true" : "false");
  else if (strcmp (row->name, "num_train_timesteps") == 0)
    g_string_append_printf (out, "%d", g_rand_int_range (dice, 2, 40));
  else
    g_string_append (out, odd[g_rand_int_range (dice, 0, G_N_ELEMENTS (odd))]);
}

static DifJson *
random_config (const DifSchedulerClass *klass, GRand *dice)
{
  g_autoptr (GString) text = g_string_new ("{");

  for (guint i = 0; i < klass->n_keys; i++)
    if (g_rand_int_range (dice, 0, 4) == 0)
      {
        g_string_append_printf (text, "%s\"%s\":", text->len > 1 ? "," : "", klass->keys[i].name);
        append_value (text, &klass->keys[i], dice);
      }
  g_string_append_c (text, '}');
  return dif_json_parse (text->str, text->len, "random config", NULL);
}

/* Whatever a config says, there is a picture or one line that says why not. */
static void
test_random_configs (void)
{
  GRand             *dice  = g_rand_new_with_seed (20261123);
  g_autoptr (DifRng) rng   = dif_rng_new (9);
  guint              n_ran = 0;

  for (guint i = 0; i < 2000; i++)
    {
      const DifSchedulerClass *klass  = _dif_scheduler_classes[0];
      g_autoptr (DifJson)      config = NULL;
      g_autoptr (GError)       error  = NULL;
      g_autoptr (DifScheduler) s      = NULL;
      Stage                    stage;

      for (guint k = 0; k <= i % g_strv_length ((char **) dif_scheduler_class_names ()); k++)
        klass = _dif_scheduler_classes[k];
      config = random_config (klass, dice);
      s      = dif_scheduler_new (klass->name, config, &error);
      if (s && dif_scheduler_set_timesteps (s, (guint) g_rand_int_range (dice, 1, 12), &error))
        {
          stage_open (&stage);
          walk (s, stage.cx, rng, dif_scheduler_n_calls (s));
          n_ran += dif_context_finish (stage.cx, &error);
          dif_scheduler_reset (s);
          stage_close (&stage);
        }
      g_assert_true (! error || ! strchr (error->message, '\n'));
    }
  g_rand_free (dice);
  g_test_message ("%u configs ran to the end", n_ran);
  g_assert_cmpuint (n_ran, >, 100);
}

/* ---- indices ---- */

/* Between steps add_noise means the noise level of the next step (inpainting). */
static void
test_add_noise_index (void)
{
  g_autoptr (DifScheduler) s   = new_scheduler ("euler", NULL);
  g_autoptr (DifRng)       rng = dif_rng_new (7);
  const float             *sigmas;
  float                    zero = 0, data[120], noise[120];
  DifTensor               *x, *n;
  guint                    n_sigmas;
  Stage                    stage;

  stage_open (&stage);
  set_timesteps (s, 5);
  sigmas = dif_scheduler_sigmas (s, &n_sigmas);
  g_assert_cmpuint (n_sigmas, ==, 6);
  x = random_tensor (stage.cx, rng);
  x = dif_lincomb (stage.cx, 1, &zero, &x);
  n = random_tensor (stage.cx, rng);
  g_assert_true (dif_download (stage.cx, n, noise));
  for (guint k = 0; k < 3; k++)
    {
      /* not begun: the call's own; begun: the begin's; stepped: the next one */
      guint expected = k == 0 ? 4 : k == 1 ? 2
                                           : 3;

      if (k == 1)
        dif_scheduler_set_begin (s, 2);
      if (k == 2)
        dif_scheduler_step (s, stage.cx, n, 2, x, 0, rng);
      g_assert_true (dif_download (
          stage.cx, dif_scheduler_add_noise (s, stage.cx, x, n, k == 0 ? 4 : 2), data));
      g_assert_cmpfloat_with_epsilon (data[0], noise[0] * sigmas[expected], 1e-6);
    }
  stage_close (&stage);
}

/* ---- arithmetic ---- */

static void
test_beta_quantile (void)
{
  /* scipy.stats.beta.ppf */
  static const double rows[][4] = {
    { 1e-6, 0.6, 0.6, 1.8558824624053043e-10 },
    { 0.001, 0.6, 0.6, 1.855873851745199e-05 },
    { 0.1, 0.6, 0.6, 0.03958440558878085 },
    { 0.3, 0.6, 0.6, 0.23401700387523572 },
    { 0.5, 0.6, 0.6, 0.5000000000000001 },
    { 0.75, 0.6, 0.6, 0.824319621347305 },
    { 0.999, 0.6, 0.6, 0.9999814412614826 },
    { 1e-6, 2, 5, 0.00025828782935406356 },
    { 0.1, 2, 5, 0.09259525891312873 },
    { 0.5, 2, 5, 0.26444998329566005 },
    { 0.999, 2, 5, 0.818613866919134 },
    { 0, 2, 5, 0 },
    { 1, 2, 5, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      double x = _dif_beta_quantile (rows[i][0], rows[i][1], rows[i][2]);

      g_assert_true (fabs (x - rows[i][3]) <= 1e-12 * rows[i][3]);
    }
}

static void
test_trained_betas (void)
{
  g_autoptr (DifScheduler) s = new_scheduler (
      "euler", "{\"num_train_timesteps\": 4, \"trained_betas\": [0.1, 0.2, 0.3, 0.4]}");
  guint        n;
  const float *sigmas;

  set_timesteps (s, 4);
  sigmas = dif_scheduler_sigmas (s, &n);
  g_assert_cmpuint (n, ==, 5);
  g_assert_cmpfloat_with_epsilon (sigmas[0], sqrt (1 / (0.9 * 0.8 * 0.7 * 0.6) - 1), 1e-6);
  g_assert_cmpfloat_with_epsilon (sigmas[3], sqrt (1 / 0.9 - 1), 1e-6);
}

/* Where diffusers' arange makes one timestep too many, -1, we make n. */
static void
test_trailing_count (void)
{
  g_autoptr (DifScheduler) s = new_scheduler ("ddim", "{\"timestep_spacing\": \"trailing\"}");

  for (guint n = 1; n <= 1000; n++)
    {
      set_timesteps (s, n);
      g_assert_cmpuint (dif_scheduler_n_calls (s), ==, n);
      g_assert_cmpfloat (dif_scheduler_timestep (s, 0), ==, 999);
      g_assert_cmpfloat (dif_scheduler_timestep (s, n - 1), >=, 0);
    }
}

static void
add_for_each (const char *what, GTestDataFunc func)
{
  const char *const *names = dif_scheduler_class_names ();

  for (guint i = 0; names[i]; i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/schedulers/%s/%s", dif_scheduler_short_name (names[i]), what);

      g_test_add_data_func (path, names[i], func);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schedulers/config/survives-random-configs", test_random_configs);
  g_test_add_func ("/schedulers/steps/refuses-bad-calls", test_bad_calls);
  g_test_add_func ("/schedulers/steps/noise-level-follows-the-index", test_add_noise_index);
  g_test_add_func ("/schedulers/arithmetic/beta-quantile", test_beta_quantile);
  g_test_add_func ("/schedulers/arithmetic/trained-betas", test_trained_betas);
  g_test_add_func ("/schedulers/arithmetic/trailing-makes-n-timesteps", test_trailing_count);
  add_for_each ("steps-over-random-data", test_every_scheduler);
  add_for_each ("runs-again-the-same", test_runs_again);
  add_for_each ("says-what-is-predicted", test_clean_factors);
  add_for_each ("survives-a-cancel-at-any-call", test_cancel);
  add_for_each ("survives-any-allocation-failing", test_out_of_memory);
  return g_test_run ();
}
