/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-scheduler-fixtures.c - timesteps, sigmas and steps against diffusers.
 *
 * schedulers.json holds what diffusers computes for a few hundred configs: each
 * key by itself and the common ones crossed.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "fixture.h"

/* Sigmas and their like come from a handful of roundings. */
#define SIGMA_TOLERANCE 1e-6

/* torch's vector square root is off by one unit in the last place for one number
 * in five (MKL's; numpy's and ours are not).  Zero terminal SNR subtracts roots
 * that are nearly equal: its sigmas and steps are this many times less exact. */
#define TABLE_FACTOR 4

/* A step is compared at the scale of what it computes with: the sample before
 * and after it. */
#define STEP_TOLERANCE 1e-5

/* Sigmas go up to 20291 with squaredcos_cap_v2; a step from there subtracts
 * numbers that agree in five digits, in diffusers as here.  How much of a sample
 * is rounding is found by more runs whose start and whose model lie a few units
 * in the last place beside the first: this many times their greatest distance is allowed for. */
#define ROUNDING_FACTOR 2
#define N_BESIDE        6

/* Timesteps found by inverting a table of float32 logarithms: one unit in the
 * last place of a logarithm moves them by this. */
#define LOG_TIMESTEP_TOLERANCE 2e-4

#define COUNT 8

static DifJson *files[2];

/* The fixture's inputs and its stand-in for a model. */
typedef struct
{
  float *sample, *noise, *a, *b;
  guint  n, c, h, w;
} World;

static void
world_open (World *world, DifJson *file)
{
  guint n;

  world->sample = fixture_floats (file, "sample", &n);
  world->noise  = fixture_floats (file, "noise", &n);
  world->a      = fixture_floats (file, "a", &n);
  world->b      = fixture_floats (file, "b", &n);
  g_assert_cmpuint (n, ==, COUNT);
  world->n = 1;
  world->c = world->h = world->w = 2;
}

static void
world_close (World *world)
{
  g_free (world->sample);
  g_free (world->noise);
  g_free (world->a);
  g_free (world->b);
}

static DifTensor *
upload (const World *world, DifContext *cx, const float *data)
{
  return dif_upload_nchw (cx, DIF_F32, world->n, world->c, world->h, world->w, data);
}

static DifTensor *
model (const World *world, DifContext *cx, DifTensor *x, double timestep)
{
  float t = (float) timestep, data[COUNT];

  if (! dif_download_nchw (cx, x, data))
    return dif_context_inert (cx);
  for (guint i = 0; i < COUNT; i++)
    data[i] = world->a[i] * data[i] * (t / (t + 1)) + world->b[i] * (t / 1000);
  return upload (world, cx, data);
}

static double
greatest (const float *x)
{
  double out = 0;

  for (guint i = 0; i < COUNT; i++)
    out = MAX (out, fabs ((double) x[i]));
  return out;
}

/* ---- checks of one case; each returns (nullable) what differs ---- */

static char *
check_numbers (DifJson *expected, const char *what, guint n, const double *found, double relative,
               double absolute)
{
  if (dif_json_length (expected) != n)
    return g_strdup_printf ("%s: expected %u, found %u", what, dif_json_length (expected), n);
  for (guint i = 0; i < n; i++)
    {
      double e = fixture_number (dif_json_at (expected, i));

      if (isnan (e) && isfinite (found[i]))
        continue; /* diffusers lost it to rounding, we did not */
      if (! (fabs (found[i] - e) <= relative * fabs (e) + absolute))
        return g_strdup_printf ("%s[%u]: expected %.9g, found %.9g", what, i, e, found[i]);
    }
  return NULL;
}

static gboolean
config_flag (DifJson *config, const char *key)
{
  return dif_json_bool (config, key, FALSE);
}

/* How exact the split of an ancestral step is: the square of its smaller part is
 * a difference.  Relative; KDPM2 takes a middle from it and a timestep from that. */
static double
split_rounding (DifScheduler *s)
{
  guint        n;
  const float *sigmas = dif_scheduler_sigmas (s, &n);
  double       widest = 1;

  if (strcmp (dif_scheduler_class_name (s), "KDPM2AncestralDiscreteScheduler") != 0)
    return 0;
  for (guint i = 0; i + 1 < n && sigmas[i + 1] > 0; i++)
    widest = MAX (widest, (double) sigmas[i] / sigmas[i + 1]);
  return FLT_EPSILON / 2 * widest * widest;
}

/* What a solver that works on predicted noise blows the sample up to before it
 * takes the noise off, in units of the last place. */
static double
blown_up (DifScheduler *s, guint i, double sample)
{
  guint        n;
  const float *sigmas = dif_scheduler_sigmas (s, &n);

  if (strcmp (dif_scheduler_class_name (s), "DEISMultistepScheduler") != 0)
    return 0;
  return FLT_EPSILON * sample * hypot (sigmas[i], 1) / hypot (sigmas[i + 1], 1);
}

static double
table_factor (DifJson *config)
{
  return config_flag (config, "rescale_betas_zero_snr") ? TABLE_FACTOR : 1;
}

static char *
check_tables (DifJson *item, DifScheduler *s)
{
  DifJson           *config = dif_json_member (item, "config");
  guint              n      = dif_scheduler_n_calls (s), n_sigmas;
  const float       *sigmas = dif_scheduler_sigmas (s, &n_sigmas);
  g_autofree double *values = g_new (double, MAX (n, n_sigmas));
  const char        *name   = dif_scheduler_class_name (s);
  gboolean           by_log =
      config_flag (config, "use_karras_sigmas") || config_flag (config, "use_beta_sigmas") ||
      config_flag (config, "use_exponential_sigmas") || dif_json_has (config, "timestep_type") ||
      strstr (name, "KDPM2") || strstr (name, "EDM");
  double expected = fixture_number (dif_json_member (item, "init_noise_sigma"));
  double found    = dif_scheduler_init_noise_sigma (s);
  char  *why;

  for (guint i = 0; i < n; i++)
    values[i] = dif_scheduler_timestep (s, i);
  why = check_numbers (dif_json_member (item, "timesteps"), "timesteps", n, values, 1e-7,
                       by_log ? LOG_TIMESTEP_TOLERANCE * (1 + split_rounding (s) / SIGMA_TOLERANCE)
                              : 0);
  if (why)
    return why;
  if (! (fabs (found - expected) <= SIGMA_TOLERANCE * expected))
    return g_strdup_printf ("init_noise_sigma: expected %.9g, found %.9g", expected, found);
  if (! sigmas != ! dif_json_has (item, "sigmas"))
    return g_strdup ("sigmas: there or not there");
  for (guint i = 0; sigmas && i < n_sigmas; i++)
    values[i] = sigmas[i];
  if (sigmas)
    return check_numbers (dif_json_member (item, "sigmas"), "sigmas", n_sigmas, values,
                          SIGMA_TOLERANCE * table_factor (config), 0);
  return NULL;
}

static char *
check_sample (DifJson *expected, const char *what, guint i, const float *found, double scale,
              double rounding)
{
  guint             n;
  g_autofree float *e = fixture_floats (expected, NULL, &n);

  g_assert_cmpuint (n, ==, COUNT);
  scale = MAX (scale, greatest (e));
  for (guint k = 0; k < n; k++)
    if (! (fabs ((double) found[k] - e[k]) <= STEP_TOLERANCE * scale + ROUNDING_FACTOR * rounding))
      return g_strdup_printf ("%s %u[%u]: expected %.9g, found %.9g (%.1e of %g)", what, i, k,
                              (double) e[k], (double) found[k],
                              fabs ((double) found[k] - e[k]) / scale, scale);
  return NULL;
}

/* A way through the timesteps: the samples before and after every step, and what
 * the generator gives next. */
typedef struct
{
  guint   n;
  float  *samples; /* [n + 1, COUNT] */
  guint32 next;
} Way;

static DifTensor *
first_sample (const World *world, DifContext *cx, DifScheduler *s, guint first, float nudge)
{
  DifTensor *x     = upload (world, cx, world->sample);
  float      scale = nudge;

  if (first)
    {
      dif_scheduler_set_begin (s, first);
      x = dif_scheduler_add_noise (s, cx, x, upload (world, cx, world->noise), first);
    }
  else
    scale *= (float) dif_scheduler_init_noise_sigma (s);
  return dif_lincomb (cx, 1, &scale, &x);
}

/* What diffusers' step takes where its caller says nothing. */
static double
default_eta (DifScheduler *s)
{
  return strcmp (dif_scheduler_class_name (s), "TCDScheduler") == 0 ? 0.3 : 0;
}

/* Goes through the timesteps from @first on; stops where a step fails.  The
 * stand-in for a model, steep near 0, is given diffusers' own timesteps. */
static Way
walk (const World *world, DifContext *cx, DifJson *item, DifScheduler *s, guint first, float nudge)
{
  float              against   = 2.0f - nudge; /* as rounded factors of sample and answer differ */
  double             eta       = dif_json_double (item, "eta", default_eta (s));
  g_autoptr (DifRng) rng       = dif_rng_new (0);
  DifTensor         *x         = first_sample (world, cx, s, first, nudge);
  guint              n_calls   = dif_scheduler_n_calls (s);
  DifJson           *timesteps = dif_json_member (item, "timesteps");
  Way                way       = { .samples = g_new0 (float, (n_calls + 1) * COUNT) };

  dif_download_nchw (cx, x, way.samples);
  for (guint i = first; i < n_calls; i++)
    {
      DifTensor *seen = dif_scheduler_scale_model_input (s, cx, x, i);
      double     t    = fixture_number (dif_json_at (timesteps, i));
      DifTensor *out  = model (world, cx, seen, isnan (t) ? dif_scheduler_timestep (s, i) : t);

      out = dif_lincomb (cx, 1, &against, &out);
      x   = dif_scheduler_step (s, cx, out, i, x, eta, rng);
      if (! dif_download_nchw (cx, x, way.samples + (way.n + 1) * COUNT))
        break;
      way.n++;
    }
  way.next = dif_rng_u32 (rng);
  return way;
}

static double
distance (const float *a, const float *b)
{
  double out = 0;

  for (guint i = 0; i < COUNT; i++)
    out = MAX (out, fabs ((double) a[i] - b[i]));
  return out;
}

/* How far the samples after each step of @way move when its start is nudged;
 * free it. */
static double *
find_rounding (const World *world, DifContext *cx, DifJson *item, DifScheduler *s, guint first,
               const Way *way)
{
  double *out = g_new0 (double, way->n + 1);

  for (int k = 0; k < N_BESIDE; k++)
    {
      int ulps = k < N_BESIDE / 2 ? k - N_BESIDE / 2 : k - N_BESIDE / 2 + 1;
      Way beside;

      set_timesteps (s, (guint) dif_json_int (item, "steps", 0, 1, 1000));
      beside = walk (world, cx, item, s, first, 1.0f + FLT_EPSILON * (float) ulps);
      for (guint i = 0; i < MIN (way->n, beside.n); i++)
        out[i] = MAX (out[i],
                      distance (way->samples + (i + 1) * COUNT, beside.samples + (i + 1) * COUNT));
      g_free (beside.samples);
    }
  return out;
}

static char *
compare_way (DifJson *item, DifScheduler *s, const Way *way, const double *rounding)
{
  DifJson *loop = dif_json_member (item, "loop");
  double   factor =
      table_factor (dif_json_member (item, "config")) + split_rounding (s) / STEP_TOLERANCE;
  double   noise = 0;
  DifJson *steps = dif_json_member (loop, "steps");
  DifJson *first = dif_json_member (loop, "initial");
  char    *why   = check_sample (first, "initial", 0, way->samples, 0, 0);

  for (guint i = 0; ! why && i < way->n; i++)
    {
      const float *before = way->samples + i * COUNT;
      double       scale  = factor * greatest (before);

      noise = MAX (noise, blown_up (s, i, greatest (before)));
      why   = check_sample (dif_json_at (steps, i), "step", i, before + COUNT, scale,
                            MAX (noise, rounding[i]));
    }
  return why;
}

/* Noise is drawn as often as diffusers draws it, also where its factor is zero:
 * the numbers that follow depend on it. */
static char *
check_draws (DifJson *loop, guint32 next)
{
  DifJson           *noise = dif_json_has (loop, "noise") ? dif_json_member (loop, "noise") : NULL;
  guint              n     = noise ? dif_json_length (noise) : 0;
  g_autoptr (DifRng) rng   = dif_rng_new (0);
  float              drawn[COUNT];

  for (guint i = 0; i < n; i++)
    dif_rng_randn (rng, drawn, COUNT);
  return dif_rng_u32 (rng) == next ? NULL : g_strdup_printf ("other than %u draws of noise", n);
}

static char *
check_loop (const World *world, Stage *stage, DifJson *item, DifScheduler *s)
{
  DifJson           *loop     = dif_json_has (item, "loop") ? dif_json_member (item, "loop") : NULL;
  guint              begin    = (guint) dif_json_int (item, "begin", 0, 0, 100);
  guint              first    = begin * dif_scheduler_order (s);
  g_autoptr (GError) error    = NULL;
  g_autofree double *rounding = NULL;
  Way                way      = walk (world, stage->cx, item, s, first, 1.0f);
  char              *why      = NULL;

  if (! dif_context_finish (stage->cx, &error))
    why = loop ? g_strdup (error->message) : NULL;
  else if (way.n != dif_scheduler_n_calls (s) - first)
    why = g_strdup ("another number of steps");
  else if (! isfinite (greatest (way.samples + way.n * COUNT)))
    why = g_strdup ("not finite");
  else if (loop)
    {
      rounding = find_rounding (world, stage->cx, item, s, first, &way);
      why      = compare_way (item, s, &way, rounding);
      if (! why)
        why = check_draws (loop, way.next);
    }
  g_free (way.samples);
  return why;
}

static char *
check_add_noise (const World *world, Stage *stage, DifJson *item, DifScheduler *s)
{
  DifJson *list = dif_json_has (item, "add_noise") ? dif_json_member (item, "add_noise") : NULL;
  char    *why  = NULL;

  set_timesteps (s, (guint) dif_json_int (item, "steps", 0, 1, 1000));
  for (guint k = 0; list && k < dif_json_length (list) && ! why; k++)
    {
      DifJson   *row = dif_json_at (list, k);
      guint      i   = (guint) dif_json_int (row, "index", 0, 0, 1000);
      DifTensor *x =
          dif_scheduler_add_noise (s, stage->cx, upload (world, stage->cx, world->sample),
                                   upload (world, stage->cx, world->noise), i);
      float data[COUNT];

      g_assert_true (dif_download_nchw (stage->cx, x, data));
      why = check_sample (dif_json_member (row, "result"), "add_noise", i, data, 0, 0);
    }
  return why;
}

/* ---- one case ---- */

/* diffusers fails in the middle of these for reasons of its own making: a
 * timestep that occurs twice, and infinity times nothing. */
static gboolean
may_do_better (DifJson *item)
{
  const char *why = dif_json_string (item, "loop_error", "");

  return strstr (why, "out of bounds") || strcmp (why, "AssertionError") == 0 ||
         strcmp (why, "not finite") == 0;
}

static char *
check_case (DifJson *file, DifJson *item)
{
  g_autoptr (GError)       error = NULL;
  g_autoptr (DifScheduler) s     = dif_scheduler_new (dif_json_string (item, "scheduler", NULL),
                                                      dif_json_member (item, "config"), &error);
  gboolean                 refused =
      dif_json_has (item, "error") || (dif_json_has (item, "loop_error") && ! may_do_better (item));
  World world;
  Stage stage;
  char *why = NULL;

  if (s &&
      ! dif_scheduler_set_timesteps (s, (guint) dif_json_int (item, "steps", 0, 0, 2000), &error))
    g_clear_pointer (&s, dif_scheduler_free);
  if (! s)
    return refused ? NULL : g_strdup (error->message);
  if (refused)
    return g_strdup_printf ("expected a refusal (%s)", dif_json_string (item, "error", ""));
  world_open (&world, file);
  stage_open (&stage);
  why = check_tables (item, s);
  if (! why && (dif_json_has (item, "loop") || may_do_better (item)))
    why = check_loop (&world, &stage, item, s);
  if (! why)
    why = check_add_noise (&world, &stage, item, s);
  dif_scheduler_reset (s);
  stage_close (&stage);
  world_close (&world);
  return why;
}

static void
test_class (gconstpointer data)
{
  const char *name    = data;
  guint       n_cases = 0, n_bad = 0;

  for (guint f = 0; f < G_N_ELEMENTS (files); f++)
    {
      DifJson *cases = dif_json_member (files[f], "cases");

      for (guint i = 0; i < dif_json_length (cases); i++)
        {
          DifJson         *item = dif_json_at (cases, i);
          g_autofree char *why = NULL, *config = NULL;

          if (strcmp (dif_json_string (item, "scheduler", ""), name) != 0)
            continue;
          n_cases++;
          why = check_case (files[f], item);
          if (! why)
            continue;
          config = dif_json_to_string (dif_json_member (item, "config"), FALSE);
          g_test_message ("%s, %d steps: %s", config,
                          (int) dif_json_int (item, "steps", 0, 0, 2000), why);
          n_bad++;
        }
    }
  g_test_message ("%u of %u cases differ", n_bad, n_cases);
  g_assert_cmpuint (n_cases, >, 0);
  if (n_bad)
    g_test_fail ();
}

/* What test-flow.c compares, with fixtures of its own. */
static gboolean
is_flow (const char *name)
{
  g_autoptr (DifScheduler) s = new_scheduler (name, NULL);

  return dif_scheduler_is_flow (s);
}

int
main (int argc, char *argv[])
{
  const char *const *names = dif_scheduler_class_names ();
  int                status;

  g_test_init (&argc, &argv, NULL);
  files[0] = fixture_load ("schedulers.json");
  files[1] = fixture_load ("schedulers-more.json");
  for (guint i = 0; names[i]; i++)
    {
      g_autofree char *path = g_strdup_printf ("/schedulers/%s/computes-what-diffusers-computes",
                                               dif_scheduler_short_name (names[i]));

      if (! is_flow (names[i]))
        g_test_add_data_func (path, names[i], test_class);
    }
  status = g_test_run ();
  for (guint f = 0; f < G_N_ELEMENTS (files); f++)
    dif_json_unref (files[f]);
  return status;
}
