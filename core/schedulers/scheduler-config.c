/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scheduler-config.c - a scheduler's keys, from and to JSON and text.
 *
 * Knows the table of keys and nothing of what they do.  As in diffusers, a key
 * remembers whether it was given: only given ones pass on to another class, and
 * given keys that this class does not know are kept for the next one.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "schedulers/scheduler-private.h"

/* What diffusers' in-memory config calls the list of keys that were not given. */
#define DEFAULTS_KEY "_use_default_values"

/* Longest trained_betas: what num_train_timesteps allows. */
#define MAX_LIST 100000

static DifSchedulerValue *
find (DifScheduler *s, const char *key, const DifSchedulerKey **row)
{
  for (guint i = 0; i < s->klass->n_keys; i++)
    if (strcmp (s->klass->keys[i].name, key) == 0)
      {
        if (row)
          *row = &s->klass->keys[i];
        return &s->values[i];
      }
  return NULL;
}

/* ---- values by name ---- */

gboolean
_dif_scheduler_has (DifScheduler *s, const char *key)
{
  return find (s, key, NULL) != NULL;
}

double
_dif_scheduler_number (DifScheduler *s, const char *key)
{
  DifSchedulerValue *v = find (s, key, NULL);

  g_assert (v);
  return v->is_null ? (double) NAN : v->number;
}

gboolean
_dif_scheduler_flag (DifScheduler *s, const char *key)
{
  DifSchedulerValue *v = find (s, key, NULL);

  return v && ! v->is_null && v->number != 0;
}

const char *
_dif_scheduler_word (DifScheduler *s, const char *key)
{
  DifSchedulerValue *v = find (s, key, NULL);

  g_assert (v);
  return v->word;
}

gboolean
_dif_scheduler_word_is (DifScheduler *s, const char *key, const char *word)
{
  return g_strcmp0 (_dif_scheduler_word (s, key), word) == 0;
}

const double *
_dif_scheduler_list (DifScheduler *s, const char *key, guint *n)
{
  DifSchedulerValue *v = find (s, key, NULL);

  g_assert (v);
  *n = v->n_list;
  return v->list;
}

void
_dif_scheduler_replace_word (DifScheduler *s, const char *key, const char *word)
{
  DifSchedulerValue *v = find (s, key, NULL);

  g_assert (v);
  g_free (v->word);
  v->word = g_strdup (word);
}

/* ---- defaults ---- */

static void
value_clear (DifSchedulerValue *v)
{
  g_clear_pointer (&v->word, g_free);
  g_clear_pointer (&v->list, g_free);
  v->n_list = 0;
}

static void
value_set_default (DifSchedulerValue *v, const DifSchedulerKey *row)
{
  value_clear (v);
  v->number  = row->number;
  v->word    = g_strdup (row->word);
  v->is_null = row->nullable || row->type == DIF_KEY_NULL;
}

DifSchedulerValue *
_dif_scheduler_values_new (const DifSchedulerClass *klass)
{
  DifSchedulerValue *values = g_new0 (DifSchedulerValue, klass->n_keys);

  for (guint i = 0; i < klass->n_keys; i++)
    value_set_default (&values[i], &klass->keys[i]);
  return values;
}

void
_dif_scheduler_values_free (const DifSchedulerClass *klass, DifSchedulerValue *values)
{
  for (guint i = 0; values && i < klass->n_keys; i++)
    value_clear (&values[i]);
  g_free (values);
}

/* ---- from JSON ---- */

/* Why a value was not taken. */
typedef struct
{
  int   code; /* a DifFormatError */
  char *why;
} Refusal;

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (Refusal *r, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  r->code = code;
  r->why  = g_strdup_vprintf (format, args);
  va_end (args);
  return FALSE;
}

static gboolean
refuse_value (Refusal *r, const DifSchedulerKey *row, DifJson *node, int code)
{
  g_autofree char *found = dif_json_to_string (node, FALSE);
  char           **words;
  g_autofree char *joined = NULL;

  switch (row->type)
    {
    case DIF_KEY_INT:
      return refuse (r, code, "expected an integer from %.0f to %.0f, found %.60s", row->min,
                     row->max, found);
    case DIF_KEY_DOUBLE:
      return refuse (r, code, "expected a number from %g to %g%s, found %.60s", row->min, row->max,
                     row->nullable ? " or null" : "", found);
    case DIF_KEY_BOOL:
      return refuse (r, code, "expected true or false, found %.60s", found);
    case DIF_KEY_LIST:
      return refuse (r, code, "expected null or an array of numbers from %g to %g, found %.60s",
                     row->min, row->max, found);
    case DIF_KEY_NULL:
      return refuse (r, code, "expected null, the only value supported, found %.60s", found);
    case DIF_KEY_WORD:
      break;
    }
  words  = g_strsplit (row->choices, "|", -1);
  joined = g_strjoinv (", ", words);
  g_strfreev (words);
  return refuse (r, code, "expected one of %s, found %.60s", joined, found);
}

static gboolean
is_choice (const char *choices, const char *word)
{
  g_auto (GStrv) words = g_strsplit (choices, "|", -1);

  return g_strv_contains ((const char *const *) words, word);
}

static gboolean
in_range (const DifSchedulerKey *row, double x)
{
  return x >= row->min && x <= row->max; /* never for NaN */
}

/* The number of @node, or NaN: unlike dif_json_value_double(), without blame. */
static double
number_of (DifJson *node)
{
  double x;

  if (dif_json_type (node) != DIF_JSON_NUMBER)
    return (double) NAN;
  x = dif_json_value_double (node);
  return dif_json_finish (node, NULL) ? x : (double) NAN;
}

static gboolean
take_list (DifSchedulerValue *v, const DifSchedulerKey *row, DifJson *node, Refusal *r)
{
  guint              n    = dif_json_length (node);
  g_autofree double *list = NULL;

  if (dif_json_type (node) != DIF_JSON_ARRAY || n > MAX_LIST)
    return refuse_value (r, row, node, DIF_FORMAT_ERROR_BAD_VALUE);
  list = g_new (double, MAX (n, 1));
  for (guint i = 0; i < n; i++)
    {
      list[i] = number_of (dif_json_at (node, i));
      if (! in_range (row, list[i]))
        return refuse_value (r, row, node, DIF_FORMAT_ERROR_BAD_VALUE);
    }
  value_clear (v);
  v->list   = g_steal_pointer (&list);
  v->n_list = n;
  return TRUE;
}

static gboolean
take_word (DifSchedulerValue *v, const DifSchedulerKey *row, DifJson *node, Refusal *r)
{
  const char *word;

  if (dif_json_type (node) != DIF_JSON_STRING)
    return refuse_value (r, row, node, DIF_FORMAT_ERROR_BAD_VALUE);
  word = dif_json_value_string (node);
  if (! is_choice (row->choices, word))
    return refuse_value (r, row, node, DIF_FORMAT_ERROR_UNSUPPORTED);
  value_clear (v);
  v->word = g_strdup (word);
  return TRUE;
}

static gboolean
take_number (DifSchedulerValue *v, const DifSchedulerKey *row, DifJson *node, Refusal *r)
{
  double x = number_of (node);

  if (! in_range (row, x) || (row->type == DIF_KEY_INT && x != floor (x)))
    return refuse_value (r, row, node, DIF_FORMAT_ERROR_BAD_VALUE);
  v->number = x;
  return TRUE;
}

static gboolean
take_flag (DifSchedulerValue *v, const DifSchedulerKey *row, DifJson *node, Refusal *r)
{
  gboolean truth;

  if (dif_json_type (node) != DIF_JSON_BOOL)
    return refuse_value (r, row, node, DIF_FORMAT_ERROR_BAD_VALUE);
  truth = dif_json_value_bool (node);
  if (row->fixed && truth != (row->number != 0))
    return refuse (r, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected %s, the only value supported, found %s", truth ? "false" : "true",
                   truth ? "true" : "false");
  v->number = truth;
  return TRUE;
}

/* Sets @v from @node; unchanged on failure. */
static gboolean
take (DifSchedulerValue *v, const DifSchedulerKey *row, DifJson *node, Refusal *r)
{
  gboolean ok = FALSE;

  if (dif_json_type (node) == DIF_JSON_NULL)
    {
      value_set_default (v, row);
      if (row->type == DIF_KEY_BOOL)
        v->number = FALSE;
      v->given = TRUE;
      return TRUE;
    }
  switch (row->type)
    {
    case DIF_KEY_INT:
    case DIF_KEY_DOUBLE:
      ok = take_number (v, row, node, r);
      break;
    case DIF_KEY_BOOL:
      ok = take_flag (v, row, node, r);
      break;
    case DIF_KEY_WORD:
      ok = take_word (v, row, node, r);
      break;
    case DIF_KEY_LIST:
      ok = take_list (v, row, node, r);
      break;
    case DIF_KEY_NULL:
      ok = refuse_value (r, row, node, DIF_FORMAT_ERROR_UNSUPPORTED);
      break;
    }
  if (ok)
    {
      v->is_null = FALSE;
      v->given   = TRUE;
    }
  return ok;
}

static gboolean
lists_word (DifJson *list, const char *word)
{
  for (guint i = 0; list && i < dif_json_length (list); i++)
    {
      DifJson *item = dif_json_at (list, i);

      if (dif_json_type (item) == DIF_JSON_STRING &&
          strcmp (dif_json_value_string (item), word) == 0)
        return TRUE;
    }
  return FALSE;
}

gboolean
_dif_scheduler_read_config (DifScheduler *s, DifJson *config, GError **error)
{
  DifJson *defaults;

  if (! dif_json_finish (config, error))
    return FALSE; /* the caller's own failure, which must not be lost below */
  if (dif_json_type (config) != DIF_JSON_OBJECT)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "expected an object with a scheduler's keys");
      return dif_json_finish (config, error);
    }
  defaults = dif_json_member (config, DEFAULTS_KEY);
  for (guint i = 0; i < dif_json_length (config); i++)
    {
      DifJson               *node = dif_json_at (config, i);
      const char            *key  = dif_json_key (node);
      const DifSchedulerKey *row;
      DifSchedulerValue     *v;
      Refusal                r = { 0 };

      if (key[0] == '_' || lists_word (defaults, key))
        continue;
      v = find (s, key, &row);
      if (! v)
        dif_json_set_copy (s->hidden, key, node);
      else if (! take (v, row, node, &r))
        {
          dif_json_fail (node, r.code, "%s", r.why);
          g_free (r.why);
          return dif_json_finish (config, error);
        }
    }
  return TRUE;
}

/* ---- to JSON ---- */

static void
put_parsed (DifJson *object, const char *key, GString *text)
{
  g_autoptr (DifJson) value = dif_json_parse (text->str, text->len, key, NULL);

  g_assert (value);
  dif_json_set_copy (object, key, value);
}

static void
put_list (DifJson *object, const char *key, const DifSchedulerValue *v)
{
  g_autoptr (GString) text = g_string_new ("[");

  for (guint i = 0; i < v->n_list; i++)
    {
      char number[G_ASCII_DTOSTR_BUF_SIZE];

      g_string_append_printf (text, "%s%s", i ? "," : "",
                              g_ascii_dtostr (number, sizeof number, v->list[i]));
    }
  g_string_append_c (text, ']');
  put_parsed (object, key, text);
}

static void
put (DifJson *object, const DifSchedulerKey *row, const DifSchedulerValue *v)
{
  gboolean is_word = row->type == DIF_KEY_WORD;

  if (v->is_null || (is_word && ! v->word))
    dif_json_set_null (object, row->name);
  else if (is_word)
    dif_json_set_string (object, row->name, v->word);
  else if (row->type == DIF_KEY_BOOL)
    dif_json_set_bool (object, row->name, v->number != 0);
  else if (row->type == DIF_KEY_LIST)
    put_list (object, row->name, v);
  else
    dif_json_set_double (object, row->name, v->number);
}

DifJson *
dif_scheduler_config (DifScheduler *s)
{
  DifJson            *out      = dif_json_new_object ("scheduler config");
  g_autoptr (GString) defaults = g_string_new ("[");

  dif_json_set_string (out, "_class_name", s->klass->name);
  for (guint i = 0; i < s->klass->n_keys; i++)
    {
      put (out, &s->klass->keys[i], &s->values[i]);
      if (! s->values[i].given)
        g_string_append_printf (defaults, "%s\"%s\"", defaults->len > 1 ? "," : "",
                                s->klass->keys[i].name);
    }
  for (guint i = 0; i < dif_json_length (s->hidden); i++)
    {
      DifJson *node = dif_json_at (s->hidden, i);

      dif_json_set_copy (out, dif_json_key (node), node);
    }
  g_string_append_c (defaults, ']');
  put_parsed (out, DEFAULTS_KEY, defaults);
  return out;
}

/* ---- from text ---- */

static gboolean
refuse_key (DifScheduler *s, const char *key, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < s->klass->n_keys; i++)
    g_string_append_printf (known, "%s%s", i ? ", " : "", s->klass->keys[i].name);
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "scheduler key \"%.60s\": expected one of %s's keys: %s", key, s->klass->name,
               known->str);
  return FALSE;
}

gboolean
_dif_scheduler_set_value (DifScheduler *s, const char *key, const char *value, GError **error)
{
  const DifSchedulerKey *row;
  DifSchedulerValue     *v    = find (s, key, &row);
  g_autoptr (DifJson)    node = NULL;
  Refusal                r    = { 0 };

  if (! v)
    return refuse_key (s, key, error);
  if (g_utf8_validate (value, -1, NULL))
    node = dif_json_parse (value, strlen (value), key, NULL);
  if (! node)
    {
      g_autofree char *valid  = g_utf8_make_valid (value, -1);
      g_autofree char *quoted = dif_json_quote (valid);

      node = dif_json_parse (quoted, strlen (quoted), key, error);
      if (! node)
        return FALSE;
    }
  if (! take (v, row, node, &r))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "scheduler key \"%s\": %s", key, r.why);
      g_free (r.why);
      return FALSE;
    }
  return TRUE;
}

void
dif_scheduler_patch_for_pipeline (DifScheduler *s)
{
  DifSchedulerValue *offset = find (s, "steps_offset", NULL);
  DifSchedulerValue *clip   = find (s, "clip_sample", NULL);

  if (offset)
    offset->number = 1;
  else if (dif_json_has (s->hidden, "steps_offset"))
    dif_json_set_double (s->hidden, "steps_offset", 1);
  if (clip)
    clip->number = FALSE;
  else if (dif_json_has (s->hidden, "clip_sample"))
    dif_json_set_bool (s->hidden, "clip_sample", FALSE);
}
