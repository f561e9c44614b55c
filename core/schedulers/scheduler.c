/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scheduler.c - the public face: names, life, and calls with their indices.
 *
 * Knows no scheduler by name: classes come from the generated registry.  Keeps
 * begin_index and step_index as diffusers does, so that noise levels looked up
 * between steps are the same.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "schedulers/scheduler-private.h"

/* ---- names ---- */

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

const char *const *
dif_scheduler_class_names (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      GPtrArray *names = g_ptr_array_new ();

      for (guint i = 0; _dif_scheduler_classes[i]; i++)
        g_ptr_array_add (names, (gpointer) _dif_scheduler_classes[i]->name);
      qsort (names->pdata, names->len, sizeof (gpointer), compare_names);
      g_ptr_array_add (names, NULL);
      g_once_init_leave (&once, (gsize) g_ptr_array_free (names, FALSE));
    }
  return (const char *const *) once;
}

static const DifSchedulerClass *
class_of_name (const char *class_name)
{
  for (guint i = 0; class_name && _dif_scheduler_classes[i]; i++)
    if (strcmp (_dif_scheduler_classes[i]->name, class_name) == 0)
      return _dif_scheduler_classes[i];
  return NULL;
}

/* The part of a class's aliases that is shown. */
static const char *
short_name (const DifSchedulerClass *klass)
{
  g_autofree char *first = g_strndup (klass->aliases, strcspn (klass->aliases, "|"));

  return g_intern_string (first);
}

const char *
dif_scheduler_short_name (const char *class_name)
{
  const DifSchedulerClass *klass = class_of_name (class_name);

  return klass ? short_name (klass) : NULL;
}

/* Lower case without blanks, dashes and the word "scheduler" at the end. */
static char *
normalize (const char *name)
{
  GString *out = g_string_new (NULL);

  for (const char *p = name; *p; p++)
    if (! strchr ("-_ ", *p))
      g_string_append_c (out, g_ascii_tolower (*p));
  if (g_str_has_suffix (out->str, "scheduler"))
    g_string_truncate (out, out->len - strlen ("scheduler"));
  return g_string_free (out, FALSE);
}

static gboolean
is_called (const DifSchedulerClass *klass, const char *normal)
{
  g_autofree char *name    = normalize (klass->name);
  g_auto (GStrv)   aliases = g_strsplit (klass->aliases, "|", -1);

  if (strcmp (name, normal) == 0)
    return TRUE;
  for (guint i = 0; aliases[i]; i++)
    {
      g_autofree char *alias = normalize (aliases[i]);

      if (strcmp (alias, normal) == 0)
        return TRUE;
    }
  return FALSE;
}

const char *
dif_scheduler_resolve_name (const char *name, GError **error)
{
  g_autofree char    *normal = normalize (name);
  g_autofree char    *shown  = NULL;
  g_autoptr (GString) known  = NULL;

  for (guint i = 0; _dif_scheduler_classes[i]; i++)
    if (is_called (_dif_scheduler_classes[i], normal))
      return _dif_scheduler_classes[i]->name;
  known = g_string_new (NULL);
  for (guint i = 0; _dif_scheduler_classes[i]; i++)
    g_string_append_printf (known, "%s%s", i ? ", " : "", short_name (_dif_scheduler_classes[i]));
  shown = g_utf8_make_valid (name, (gssize) MIN (strlen (name), 60));
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS,
               "scheduler: expected one of %s, or a class name of diffusers, found \"%s\"",
               known->str, shown);
  return NULL;
}

/* ---- life ---- */

/* Brings the tables up to date with the keys; (nullable): why they do not go together. */
static char *
prepare (DifScheduler *s)
{
  char *why = NULL;

  if (s->is_ready)
    return NULL;
  if (s->klass->check)
    why = s->klass->check (s);
  if (! why)
    why = _dif_noise_tables (s);
  s->is_ready = ! why;
  return why;
}

DifScheduler *
dif_scheduler_new (const char *class_name, DifJson *config, GError **error)
{
  const char      *name = dif_scheduler_resolve_name (class_name, error);
  DifScheduler    *s;
  g_autofree char *why = NULL;

  if (! name)
    return NULL;
  s         = g_malloc0 (class_of_name (name)->size);
  s->klass  = class_of_name (name);
  s->values = _dif_scheduler_values_new (s->klass);
  s->hidden = dif_json_new_object ("scheduler config");
  s->begin = s->index = -1;
  s->strength         = 1;
  s->mu               = (double) NAN;
  if (config && ! _dif_scheduler_read_config (s, config, error))
    {
      dif_scheduler_free (s);
      return NULL;
    }
  why = prepare (s);
  if (why)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED, "%s config: %s", name,
                   why);
      dif_scheduler_free (s);
      return NULL;
    }
  return s;
}

void
dif_scheduler_free (DifScheduler *s)
{
  if (! s)
    return;
  dif_scheduler_reset (s);
  if (s->klass->finalize)
    s->klass->finalize (s);
  _dif_scheduler_values_free (s->klass, s->values);
  dif_json_unref (s->hidden);
  g_free (s->alphas_cumprod);
  g_free (s->timesteps);
  g_free (s->sigmas);
  g_free (s);
}

gboolean
dif_scheduler_set_key (DifScheduler *s, const char *key, const char *value, GError **error)
{
  if (! _dif_scheduler_set_value (s, key, value, error))
    return FALSE;
  s->is_ready = FALSE;
  _dif_noise_take (s, NULL, 0, NULL, 0);
  dif_scheduler_reset (s);
  return TRUE;
}

void
dif_scheduler_reset (DifScheduler *s)
{
  if (s->klass->reset)
    s->klass->reset (s);
  s->index = -1;
}

const char *
dif_scheduler_class_name (DifScheduler *s)
{
  return s->klass->name;
}

guint
dif_scheduler_order (DifScheduler *s)
{
  return s->klass->order;
}

/* ---- timesteps ---- */

/* Betas of 0 or 1 are noise levels without a logarithm. */
static gboolean
has_finite_tables (DifScheduler *s)
{
  for (guint i = 0; i < s->n_calls; i++)
    if (! isfinite (s->timesteps[i]))
      return FALSE;
  for (guint i = 0; i < s->n_sigmas; i++)
    if (! isfinite (s->sigmas[i]))
      return FALSE;
  return TRUE;
}

gboolean
dif_scheduler_set_strength (DifScheduler *s, double strength, GError **error)
{
  if (s->klass->takes_strength && strength > 0 && strength <= 1)
    {
      s->strength = strength;
      return TRUE;
    }
  if (s->klass->takes_strength)
    g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                 "strength: expected a number above 0, at most 1, found %g", strength);
  else
    g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                 "scheduler: expected one for consistency models, such as lcm, found %s",
                 s->klass->name);
  return FALSE;
}

gboolean
dif_scheduler_is_flow (DifScheduler *s)
{
  return s->klass->noising == DIF_NOISING_FLOW || _dif_scheduler_flag (s, "use_flow_sigmas");
}

double
dif_scheduler_linear_mu (DifScheduler *s, guint n_tokens)
{
  double first, last, low, high;

  if (! _dif_scheduler_has (s, "base_image_seq_len"))
    return (double) NAN;
  first = _dif_scheduler_number (s, "base_image_seq_len");
  last  = _dif_scheduler_number (s, "max_image_seq_len");
  low   = _dif_scheduler_number (s, "base_shift");
  high  = _dif_scheduler_number (s, "max_shift");
  return n_tokens * ((high - low) / (last - first)) + (low - (high - low) / (last - first) * first);
}

void
dif_scheduler_set_flow (DifScheduler *s, gboolean from_one, double mu)
{
  s->from_one = from_one;
  s->mu       = mu;
}

gboolean
dif_scheduler_set_timesteps (DifScheduler *s, guint n_steps, GError **error)
{
  g_autofree char *why = prepare (s);

  if (why)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM, "%s: %s", s->klass->name,
                   why);
      return FALSE;
    }
  if (n_steps < 1 || n_steps > s->n_train)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "steps: expected 1 to %u, the scheduler's num_train_timesteps, found %u",
                   s->n_train, n_steps);
      return FALSE;
    }
  dif_scheduler_reset (s);
  s->begin   = -1;
  s->n_steps = n_steps;
  if (! s->klass->set_timesteps (s, n_steps, error))
    return FALSE;
  if (has_finite_tables (s))
    return TRUE;
  _dif_noise_take (s, NULL, 0, NULL, 0);
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "%s: expected keys that give finite timesteps and sigmas, found others",
               s->klass->name);
  return FALSE;
}

guint
dif_scheduler_n_calls (DifScheduler *s)
{
  return s->n_calls;
}

double
dif_scheduler_timestep (DifScheduler *s, guint i)
{
  g_return_val_if_fail (i < s->n_calls, 0);
  return s->timesteps[i];
}

const float *
dif_scheduler_sigmas (DifScheduler *s, guint *n)
{
  *n = s->n_sigmas;
  return s->sigmas;
}

static gboolean
is_leading (DifScheduler *s)
{
  return _dif_scheduler_word_is (s, "timestep_spacing", "leading");
}

double
dif_scheduler_init_noise_sigma (DifScheduler *s)
{
  float max = 0;

  if (s->klass->initial_noise)
    return s->klass->initial_noise (s);
  if (! s->klass->scale_by_sigma)
    return 1.0;
  for (guint i = 0; i < s->n_sigmas; i++)
    max = MAX (max, s->sigmas[i]);
  return is_leading (s) ? sqrtf (max * max + 1.0f) : max;
}

/* ---- indices ---- */

void
dif_scheduler_set_begin (DifScheduler *s, guint i)
{
  g_return_if_fail (i < s->n_calls);
  s->begin = (int) i;
}

/* diffusers' index_for_timestep: the second place where a timestep occurs twice. */
static guint
index_of_timestep (DifScheduler *s, guint i)
{
  guint found = 0, first = i, second = i;

  for (guint k = 0; k < s->n_calls && found < 2; k++)
    if (s->timesteps[k] == s->timesteps[i])
      {
        if (found++ == 0)
          first = k;
        else
          second = k;
      }
  return found == 2 ? second : first;
}

/* Sets step_index before the first call.  Call 0 is the first entry even where
 * its timestep occurs twice: diffusers takes the second, and then always fails
 * at the end for want of another sigma. */
static void
start_index (DifScheduler *s, guint i)
{
  if (s->index >= 0)
    return;
  if (s->begin >= 0)
    s->index = s->begin;
  else
    s->index = i == 0 ? 0 : (int) index_of_timestep (s, i);
}

/* ---- calls ---- */

static gboolean
can_call (DifScheduler *s, DifContext *cx, guint i)
{
  if (! dif_context_check (cx))
    return FALSE;
  if (i < s->n_calls && s->index < (int) s->n_calls)
    return TRUE;
  dif_context_fail (cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                                     "%s: expected a call below %u, found call %u after %d steps",
                                     s->klass->name, s->n_calls, i, MAX (s->index, 0)));
  return FALSE;
}

DifTensor *
dif_scheduler_scale_model_input (DifScheduler *s, DifContext *cx, DifTensor *sample, guint i)
{
  float  sigma;
  double factor;

  if (! s->klass->scale_by_sigma)
    return sample;
  if (! can_call (s, cx, i))
    return dif_context_inert (cx);
  start_index (s, i);
  sigma  = s->sigmas[s->index];
  factor = 1.0 / sqrtf (sigma * sigma + 1.0f);
  if (s->klass->input_factor)
    factor = s->klass->input_factor (s, (guint) s->index);
  return _dif_combine_n (cx, 1, &factor, &sample);
}

DifTensor *
dif_scheduler_step (DifScheduler *s, DifContext *cx, DifTensor *model_output, guint i,
                    DifTensor *sample, double eta, DifRng *rng)
{
  DifSchedulerStep c = { .cx     = cx,
                         .output = model_output,
                         .sample = sample,
                         .i      = i,
                         .eta    = eta,
                         .rng    = rng };
  DifTensor       *out;

  if (! can_call (s, cx, i))
    return dif_context_inert (cx);
  start_index (s, i);
  c.index = (guint) s->index;
  dif_context_enter (cx, "%s", short_name (s->klass));
  out = s->klass->step (s, &c);
  s->index++;
  out = dif_context_leave (cx, out);
  if (dif_context_failed (cx))
    dif_scheduler_reset (s); /* half a history is worse than none */
  return out;
}

gboolean
dif_scheduler_clean_factors (DifScheduler *s, guint i, double factors[2])
{
  float a, sigma;

  if (i >= s->n_calls || s->index >= (int) s->n_calls)
    return FALSE;
  start_index (s, i);
  if (s->klass->clean_factors)
    s->klass->clean_factors (s, (guint) s->index, factors);
  else if (s->klass->noising == DIF_NOISING_ALPHAS)
    {
      a = _dif_noise_alpha (s, (int) s->timesteps[i]);
      _dif_clean_factors (s, sqrtf (a), sqrtf (1.0f - a), factors);
    }
  else if (s->klass->noising == DIF_NOISING_SIGMA)
    _dif_clean_factors_at_sigma (s, s->sigmas[s->index], factors);
  else
    {
      sigma = s->sigmas[s->index];
      a     = 1.0f / sqrtf (sigma * sigma + 1.0f);
      if (dif_scheduler_is_flow (s))
        _dif_clean_factors (s, 1.0f - sigma, sigma, factors);
      else
        _dif_clean_factors (s, a, sigma * a, factors);
    }
  return isfinite (factors[0]) && isfinite (factors[1]);
}

/* The noise level of @i in the terms of the class's sigma table. */
static float
sigma_for_noise (DifScheduler *s, guint i)
{
  if (s->begin < 0)
    return s->sigmas[index_of_timestep (s, i)];
  return s->sigmas[s->index >= 0 ? s->index : s->begin];
}

DifTensor *
dif_scheduler_add_noise (DifScheduler *s, DifContext *cx, DifTensor *sample, DifTensor *noise,
                         guint i)
{
  float keep = 1, add;

  if (i >= s->n_calls)
    return dif_context_fail (
        cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                         "%s: expected the noise level of a call below %u, found call %u",
                         s->klass->name, s->n_calls, i));
  if (s->klass->noising == DIF_NOISING_ALPHAS)
    {
      float a = _dif_noise_alpha (s, (int) s->timesteps[i]);

      keep = sqrtf (a);
      add  = sqrtf (1.0f - a);
    }
  else
    {
      add = sigma_for_noise (s, i);
      if (dif_scheduler_is_flow (s))
        keep = 1.0f - add;
      else if (s->klass->noising == DIF_NOISING_SIGMA_ALPHA)
        {
          keep = 1.0f / sqrtf (add * add + 1.0f);
          add *= keep;
        }
    }
  return _dif_combine (cx, keep, sample, add, noise);
}
