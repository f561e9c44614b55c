/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-scheduler-loops.c - the sums that diffusers' own tests publish.
 *
 * Sources: diffusers tests/schedulers/test_scheduler_*.py (full_loop tests and
 * those of timesteps and variances).  The stand-in for a model is x t / (t + 1);
 * for classes that scale the model's input, the published loops go on with the
 * scaled sample.
 */
#include <math.h>
#include <string.h>

#include "fixture.h"

/* The dummy sample of those tests: [4, 3, 8, 8]. */
#define N     4
#define C     3
#define H     8
#define W     8
#define COUNT (N * C * H * W)

/* One published loop.  @t_start >= 0: begins with noise at that step.  @sum or
 * @mean may be NaN where only the other is published.  @skip: leaves out the
 * first timesteps. */
typedef struct
{
  const char *name;
  const char *config;
  guint       steps;
  int         t_start;
  double      sum, mean;
  guint       skip;
} Loop;

#define NOT_GIVEN ((double) NAN)
#define T1100     "\"num_train_timesteps\": 1100, \"beta_start\": 0.0001, \"beta_end\": 0.02"
#define V         "\"prediction_type\": \"v_prediction\""
#define DPM       "\"lower_order_final\": false, \"final_sigmas_type\": \"sigma_min\""
#define MIN_SIGMA "\"final_sigmas_type\": \"sigma_min\""

static const Loop loops[] = {
  { "ddim", "{}", 10, -1, 172.0067, 0.223967 },
  { "ddim", "{" V "}", 10, -1, 52.5302, 0.0684 },
  { "ddim", "{\"beta_start\": 0.01, \"set_alpha_to_one\": true}", 10, -1, 149.8295, 0.1951 },
  { "ddim", "{\"beta_start\": 0.01, \"set_alpha_to_one\": false}", 10, -1, 149.0784, 0.1941 },
  { "ddim", "{}", 10, 8, 354.5418, 0.4616 },
  { "ddpm", "{}", 1000, -1, 258.9606, 0.3372 },
  { "ddpm", "{" V "}", 1000, -1, 202.0296, 0.2631 },
  { "ddpm", "{}", 1000, 998, 387.9466, 0.5051 },
  { "pndm", "{}", 10, -1, 198.1318, 0.2580 },
  { "pndm", "{" V "}", 10, -1, 67.3986, 0.0878 },
  { "pndm", "{\"beta_start\": 0.01, \"set_alpha_to_one\": true}", 10, -1, 230.0399, 0.2995 },
  { "pndm", "{\"beta_start\": 0.01, \"set_alpha_to_one\": false}", 10, -1, 186.9482, 0.2434 },
  { "euler", "{" T1100 "}", 10, -1, 10.0807, 0.0131 },
  { "euler", "{" T1100 ", " V "}", 10, -1, 0.0002, 2.2676e-06 },
  { "euler", "{" T1100 ", \"use_karras_sigmas\": true}", 10, -1, 124.52299, 0.162139 },
  { "euler", "{" T1100 "}", 10, 8, 57062.9297, 74.3007 },
  { "euler-a", "{" T1100 "}", 10, -1, 152.3192, 0.1983 },
  { "euler-a", "{" T1100 ", " V "}", 10, -1, 108.4439, 0.1412 },
  { "euler-a", "{" T1100 "}", 10, 8, 56163.0508, 73.1290 },
  { "lms", "{" T1100 "}", 10, -1, 1006.388, 1.31 },
  { "lms", "{" T1100 ", \"use_karras_sigmas\": true}", 10, -1, 3812.9927, 4.9648 },
  { "lms", "{" T1100 "}", 10, 8, 27663.6895, 36.0204 },
  { "heun", "{" T1100 "}", 10, -1, 0.1233, 0.0002 },
  { "heun", "{" T1100 ", \"use_karras_sigmas\": true}", 10, -1, 0.00015, 1.9869554535034695e-07 },
  { "heun", "{" T1100 "}", 10, 8, 75074.8906, 97.7538 },
  { "dpm++", "{" DPM "}", 10, -1, NOT_GIVEN, 0.3301 },
  { "dpm++", "{" DPM ", " V "}", 10, -1, NOT_GIVEN, 0.2251 },
  { "dpm++", "{" DPM ", " V ", \"use_karras_sigmas\": true}", 10, -1, NOT_GIVEN, 0.2096 },
  { "dpm++", "{" DPM ", " V ", \"use_lu_lambdas\": true}", 10, -1, NOT_GIVEN, 0.1554 },
  { "dpm++",
    "{" DPM
    ", \"thresholding\": true, \"dynamic_thresholding_ratio\": 0.87, \"sample_max_value\": 0.5}",
    10, -1, NOT_GIVEN, 1.1364 },
  { "dpm++", "{" DPM "}", 10, 5, 318.4111, 0.4146 },
  { "unipc", "{" MIN_SIGMA "}", 10, -1, NOT_GIVEN, 0.2464 },
  { "unipc", "{" MIN_SIGMA ", \"use_karras_sigmas\": true}", 10, -1, NOT_GIVEN, 0.2925 },
  { "unipc", "{" MIN_SIGMA ", " V "}", 10, -1, NOT_GIVEN, 0.1014 },
  { "unipc", "{" MIN_SIGMA ", " V ", \"use_karras_sigmas\": true}", 10, -1, NOT_GIVEN, 0.1966 },
  { "unipc", "{" MIN_SIGMA "}", 10, 8, 315.5757, 0.4109 },
  { "dpm2", "{" T1100 "}", 10, -1, 20.4125, 0.0266 },
  { "dpm2", "{" T1100 ", " V "}", 10, -1, 4.7e-7, 6.1e-10 },
  { "dpm2", "{" T1100 "}", 10, 8, 70408.4062, 91.6776 },
  { "dpm2-a", "{" T1100 "}", 10, -1, 13979.9433, 18.2030 },
  { "dpm2-a", "{" T1100 ", " V "}", 10, -1, 331.8133, 0.4320 },
  { "dpm2-a", "{" T1100 "}", 10, 8, 93087.3437, 121.2074 },
  { "dpm++2s", "{" MIN_SIGMA "}", 10, -1, NOT_GIVEN, 0.2791 },
  { "dpm++2s", "{" MIN_SIGMA ", \"use_karras_sigmas\": true}", 10, -1, NOT_GIVEN, 0.2248 },
  { "dpm++2s", "{" MIN_SIGMA ", " V "}", 10, -1, NOT_GIVEN, 0.1453 },
  { "dpm++2s", "{" MIN_SIGMA ", " V ", \"use_karras_sigmas\": true}", 10, -1, NOT_GIVEN, 0.0649 },
  { "dpm++2s", "{" MIN_SIGMA "}", 10, 5, 269.2187, 0.3505 },
  { "dpm++2s", "{" MIN_SIGMA "}", 50, -1, NOT_GIVEN, 0.2574, 3 },
  { "deis", "{}", 10, -1, NOT_GIVEN, 0.23916 },
  { "deis", "{" V "}", 10, -1, NOT_GIVEN, 0.091 },
  { "deis", "{}", 10, 8, 315.3016, 0.41054 },
  { "lcm", "{}", 1, -1, 18.7097, 0.0244 },
  { "lcm", "{}", 10, -1, 197.7616, 0.2575 },
  { "tcd", "{}", 1, -1, 29.8715, 0.0389 },
  { "tcd", "{}", 10, -1, 181.2040, 0.2359 },
  { "edm-euler", "{\"num_train_timesteps\": 256}", 10, -1, 34.1855, 0.044 },
};

/* Number k, or 767 - k of the noise, divided by 768, as the dummies lay it out. */
static DifTensor *
dummy (DifContext *cx, gboolean is_noise)
{
  float data[COUNT];

  for (guint n = 0; n < N; n++)
    for (guint c = 0; c < C; c++)
      for (guint p = 0; p < H * W; p++)
        {
          guint k = (c * H * W + p) * N + n;

          data[(n * C + c) * H * W + p] = (float) (is_noise ? COUNT - 1 - k : k) / COUNT;
        }
  return dif_upload_nchw (cx, DIF_F32, N, C, H, W, data);
}

static DifTensor *
scaled (DifContext *cx, double factor, DifTensor *x)
{
  float f = (float) factor;

  return dif_lincomb (cx, 1, &f, &x);
}

/* Of the published loops only that of EDM goes on with the sample itself. */
static gboolean
goes_on_scaled (DifScheduler *s)
{
  return strcmp (dif_scheduler_class_name (s), "EDMEulerScheduler") != 0;
}

static DifTensor *
run (DifScheduler *s, DifContext *cx, const Loop *loop)
{
  guint              first = loop->skip + (guint) MAX (loop->t_start, 0) * dif_scheduler_order (s);
  g_autoptr (DifRng) rng   = dif_rng_new (0);
  DifTensor         *x     = dummy (cx, FALSE);

  if (loop->t_start < 0 || dif_scheduler_init_noise_sigma (s) > 1)
    x = scaled (cx, dif_scheduler_init_noise_sigma (s), x);
  if (loop->t_start >= 0)
    x = dif_scheduler_add_noise (s, cx, x, dummy (cx, TRUE), first);
  for (guint i = first; i < dif_scheduler_n_calls (s); i++)
    {
      double     t = dif_scheduler_timestep (s, i);
      DifTensor *seen, *out;

      dif_context_enter (cx, "step");
      seen = dif_scheduler_scale_model_input (s, cx, x, i);
      out  = scaled (cx, t / (t + 1), seen);
      x    = dif_scheduler_step (s, cx, out, i, goes_on_scaled (s) ? seen : x, 0, rng);
      dif_context_leave (cx, x);
    }
  return x;
}

static void
test_loop (gconstpointer data)
{
  const Loop              *loop  = data;
  g_autoptr (GError)       error = NULL;
  g_autoptr (DifScheduler) s     = new_scheduler (loop->name, loop->config);
  float                    values[COUNT];
  double                   sum = 0;
  Stage                    stage;

  stage_open (&stage);
  set_timesteps (s, loop->steps);
  g_assert_true (dif_download_nchw (stage.cx, run (s, stage.cx, loop), values));
  for (guint i = 0; i < COUNT; i++)
    sum += fabs ((double) values[i]);
  g_test_message ("%s %s: sum %.5f, mean %.6f", loop->name, loop->config, sum, sum / COUNT);
  if (! isnan (loop->sum))
    g_assert_cmpfloat_with_epsilon (sum, loop->sum, MAX (1e-2, 2e-7 * loop->sum));
  g_assert_cmpfloat_with_epsilon (sum / COUNT, loop->mean, 1e-3);
  dif_scheduler_reset (s);
  stage_close (&stage);
}

static void
assert_timesteps (const char *name, const char *config, guint steps, const char *expected)
{
  g_autoptr (DifScheduler) s     = new_scheduler (name, config);
  g_autoptr (GString)      found = g_string_new (NULL);

  set_timesteps (s, steps);
  for (guint i = 0; i < dif_scheduler_n_calls (s); i++)
    g_string_append_printf (found, "%s%g", i ? " " : "", dif_scheduler_timestep (s, i));
  g_assert_cmpstr (found->str, ==, expected);
}

static void
test_timesteps (void)
{
  assert_timesteps ("ddim", "{\"steps_offset\": 1}", 5, "801 601 401 201 1");
  assert_timesteps ("pndm", "{\"steps_offset\": 1}", 10,
                    "901 851 851 801 801 751 751 701 701 651 651 601 601 501 401 301 201 101 1");
  assert_timesteps ("euler", "{\"timestep_spacing\": \"leading\", \"steps_offset\": 1}", 10,
                    "901 801 701 601 501 401 301 201 101 1");
  assert_timesteps ("heun", "{\"timestep_spacing\": \"leading\", \"steps_offset\": 1}", 10,
                    "901 801 801 701 701 601 601 501 501 401 401 301 301 201 201 101 101 1 1");
  assert_timesteps ("pndm", "{\"skip_prk_steps\": true, \"steps_offset\": 1}", 5,
                    "801 601 601 401 201 1");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (loops); i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/schedulers/%s/reproduces-published-loop-%u", loops[i].name, i);

      g_test_add_data_func (path, &loops[i], test_loop);
    }
  g_test_add_func ("/schedulers/timesteps/are-the-published-ones", test_timesteps);
  return g_test_run ();
}
