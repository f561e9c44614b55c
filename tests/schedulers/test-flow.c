/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-flow.c - flow matching against diffusers: tables, noise levels, steps. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "fixture.h"
#include "tensor/ops.h"

#define COUNT 8

/* The fixtures' stand-in for a model; see tools/fixtures/schedulers.py. */
static const float sample_of[COUNT] = { 0.9f, -1.3f, 0.25f, 2.1f, -0.4f, 0.05f, 1.6f, -2.2f };
static const float noise_of[COUNT]  = { -0.7f, 0.3f, 1.1f, -1.9f, 0.6f, 2.4f, -0.2f, -1.05f };
static const float factor[COUNT]    = { 0.9f, 0.7f, 1.0f, 0.8f, 0.5f, 1.1f, 0.85f, 0.95f };
static const float addend[COUNT]    = { 0.1f, -0.3f, 0.5f, 0.2f, -0.4f, 0.0f, 0.3f, -0.1f };

static DifTensor *
answer (DifContext *cx, DifTensor *x, double timestep)
{
  float t = (float) timestep, values[COUNT];

  g_assert_true (dif_download_nchw (cx, x, values));
  for (guint i = 0; i < COUNT; i++)
    values[i] = factor[i] * values[i] * (t / (t + 1)) + addend[i] * (t / 1000);
  return dif_upload_nchw (cx, DIF_F32, 1, 2, 2, 2, values);
}

static void
assert_near (DifContext *cx, DifTensor *x, DifJson *expected)
{
  guint             n;
  g_autofree float *want = fixture_floats (expected, NULL, &n);
  float             found[COUNT];

  g_assert_cmpuint (n, ==, COUNT);
  g_assert_true (dif_download_nchw (cx, x, found));
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (found[i], want[i], 2e-6 * MAX (1, fabsf (want[i])));
}

static DifScheduler *
open_case (DifJson *entry)
{
  GError       *error = NULL;
  DifScheduler *s     = dif_scheduler_new (dif_json_string (entry, "scheduler", "?"),
                                           dif_json_member (entry, "config"), &error);

  g_assert_no_error (error);
  g_assert_true (dif_scheduler_is_flow (s));
  dif_scheduler_set_flow (s, dif_json_bool (entry, "from_one", FALSE),
                          dif_json_has (entry, "mu") ? dif_json_double (entry, "mu", 0)
                                                     : (double) NAN);
  set_timesteps (s, (guint) dif_json_int (entry, "steps", 0, 1, 1000));
  return s;
}

static void
check_tables (DifScheduler *s, DifJson *entry)
{
  guint             n, n_sigmas, n_found;
  g_autofree float *t      = fixture_floats (entry, "timesteps", &n);
  g_autofree float *sigmas = fixture_floats (entry, "sigmas", &n_sigmas);
  const float      *found  = dif_scheduler_sigmas (s, &n_found);

  g_assert_cmpuint (dif_scheduler_n_calls (s), ==, n);
  g_assert_cmpuint (n_found, ==, n_sigmas);
  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (dif_scheduler_timestep (s, i), t[i], 2e-4);
  for (guint i = 0; i < n_sigmas; i++)
    g_assert_cmpfloat_with_epsilon (found[i], sigmas[i], 2e-7);
}

static void
test_case (gconstpointer data)
{
  DifJson                 *entry = (DifJson *) data, *loop = dif_json_member (entry, "loop");
  g_autoptr (DifScheduler) s     = open_case (entry);
  g_autoptr (DifRng)       rng   = dif_rng_new (0);
  guint                    begin = (guint) dif_json_int (entry, "begin", 0, 0, 1000);
  Stage                    stage;
  DifTensor               *x;

  check_tables (s, entry);
  stage_open (&stage);
  dif_scheduler_set_begin (s, begin);
  x = dif_upload_nchw (stage.cx, DIF_F32, 1, 2, 2, 2, sample_of);
  x = dif_scheduler_add_noise (s, stage.cx, x,
                               dif_upload_nchw (stage.cx, DIF_F32, 1, 2, 2, 2, noise_of), begin);
  assert_near (stage.cx, x, dif_json_member (entry, "noised"));
  for (guint i = begin; i < dif_scheduler_n_calls (s); i++)
    {
      DifTensor *v = answer (stage.cx, x, dif_scheduler_timestep (s, i));

      x = dif_scheduler_step (s, stage.cx, v, i, x, 0, rng);
      assert_near (stage.cx, x, dif_json_at (loop, i - begin));
    }
  g_clear_pointer (&s, dif_scheduler_free);
  stage_close (&stage);
}

/* FLUX.1's line through its two points. */
static void
test_linear_mu (void)
{
  g_autoptr (DifScheduler) s     = new_scheduler ("FlowMatchEulerDiscreteScheduler", NULL);
  g_autoptr (DifScheduler) other = new_scheduler ("EulerDiscreteScheduler", NULL);

  g_assert_cmpfloat_with_epsilon (dif_scheduler_linear_mu (s, 16), 0.459375, 1e-9);
  g_assert_cmpfloat_with_epsilon (dif_scheduler_linear_mu (s, 256), 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon (dif_scheduler_linear_mu (s, 4096), 1.15, 1e-9);
  g_assert_true (isnan (dif_scheduler_linear_mu (other, 256)));
  g_assert_false (dif_scheduler_is_flow (other));
}

static void
test_without_mu (void)
{
  g_autoptr (GError)       error = NULL;
  g_autoptr (DifScheduler) s =
      new_scheduler ("FlowMatchEulerDiscreteScheduler", "{\"use_dynamic_shifting\": true}");

  g_assert_false (dif_scheduler_set_timesteps (s, 4, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_assert_nonnull (strstr (error->message, "use_dynamic_shifting"));
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) json = NULL;
  DifJson            *cases;
  int                 status;

  g_test_init (&argc, &argv, NULL);
  json  = fixture_load ("flow.json");
  cases = dif_json_member (json, "cases");
  for (guint i = 0; i < dif_json_length (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/schedulers/flow/case-%u", i);

      g_test_add_data_func (path, dif_json_at (cases, i), test_case);
    }
  g_test_add_func ("/schedulers/flow/linear-mu", test_linear_mu);
  g_test_add_func ("/schedulers/flow/dynamic-shift-needs-a-size", test_without_mu);
  status = g_test_run ();
  return status;
}
