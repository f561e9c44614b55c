/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* presets.c - see presets.h.
 *
 * Invariant: presets that were loaded have passed the checks of a request's own values,
 * so that tasks need none.
 */
#include "pipelines/presets.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "pipelines/open-checkpoint.h"
#include "pipelines/requests.h"

#define MAX_ABOUT     1000 /* bytes */
#define MAX_WORDS     100000
#define MAX_UNKNOWN   12 /* that are named */
#define MAX_WORD_SIZE 64 /* bytes */
#define MAX_COLOR     100.0

/* Parameters that a model may have a default for. */
static const char *const numbers[] = { "steps", "guidance-scale", "strength", NULL };

static const DifParam *
find_row (const char *name)
{
  const char *const *tasks = dif_task_names ();

  for (guint k = 0; tasks[k]; k++)
    {
      guint           n;
      const DifParam *rows = dif_task_params (tasks[k], &n);

      for (guint i = 0; i < n; i++)
        if (strcmp (rows[i].name, name) == 0)
          return &rows[i];
    }
  return NULL;
}

static void
check_number (DifJson *member)
{
  const DifParam *row   = find_row (dif_json_key (member));
  double          value = dif_json_value_double (member);

  /* "as the model says" is no answer here */
  if (! row || ! dif_param_allows (row, value) || value < row->min)
    dif_json_fail (member, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a %snumber from %g to %g, found %g",
                   row && row->type == DIF_PARAM_INT ? "whole " : "", row ? row->min : 0,
                   row ? row->max : 0, value);
}

static void
check_about (DifJson *member)
{
  const char *text = dif_json_value_string (member);

  if (strlen (text) > MAX_ABOUT || strpbrk (text, "\n\r"))
    dif_json_fail (member, DIF_FORMAT_ERROR_BAD_VALUE, "expected one line of at most %d bytes",
                   MAX_ABOUT);
}

static void
check_words (DifJson *member)
{
  if (dif_json_type (member) != DIF_JSON_ARRAY || dif_json_length (member) > MAX_WORDS)
    dif_json_fail_value (member, DIF_FORMAT_ERROR_BAD_VALUE, "a list of words");
  for (guint i = 0; i < dif_json_length (member); i++)
    dif_json_value_string (dif_json_at (member, i));
}

static void
check_colors (DifJson *rows)
{
  guint n = dif_json_type (rows) == DIF_JSON_ARRAY ? dif_json_length (rows) : 0;

  if (n < 2 || n > DIF_PRESETS_MAX_COLORS)
    dif_json_fail_value (rows, DIF_FORMAT_ERROR_BAD_VALUE,
                         "a list of rows, one a channel and one more");
  for (guint i = 0; i < n; i++)
    {
      DifJson *row = dif_json_at (rows, i);

      if (dif_json_type (row) != DIF_JSON_ARRAY || dif_json_length (row) != 3)
        dif_json_fail_value (row, DIF_FORMAT_ERROR_BAD_VALUE, "red, green and blue");
      for (guint k = 0; k < dif_json_length (row); k++)
        {
          double value = dif_json_value_double (dif_json_at (row, k));

          if (! (fabs (value) <= MAX_COLOR))
            dif_json_fail (dif_json_at (row, k), DIF_FORMAT_ERROR_BAD_VALUE,
                           "expected a number from -%g to %g, found %g", MAX_COLOR, MAX_COLOR,
                           value);
        }
    }
}

static void
check_member (DifJson *member, const char *const *parts)
{
  const char *key = dif_json_key (member);

  if (g_strv_contains (numbers, key))
    check_number (member);
  else if (strcmp (key, "about") == 0)
    check_about (member);
  else if (strcmp (key, "words") == 0)
    check_words (member);
  else if (strcmp (key, "latent-rgb") == 0)
    check_colors (member);
  else if (! g_strv_contains (parts, key))
    dif_json_fail (member, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected one of steps, guidance-scale, strength, about, words and latent-rgb, "
                   "found a key that nobody reads");
  else if (dif_json_type (member) != DIF_JSON_OBJECT)
    dif_json_fail_value (member, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
}

gboolean
dif_presets_check (DifJson *presets, const char *const *parts, GError **error)
{
  if (dif_json_type (presets) != DIF_JSON_OBJECT)
    dif_json_fail_value (presets, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  for (guint i = 0; i < dif_json_length (presets); i++)
    check_member (dif_json_at (presets, i), parts);
  return dif_json_finish (presets, error);
}

gboolean
dif_presets_load (DifCheckpoint *c, DifJson **presets, GError **error)
{
  static const char *const none[] = { NULL };
  g_autofree char         *path   = dif_checkpoint_settings_path (c);
  gboolean                 is_ok;

  *presets = NULL;
  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  *presets = dif_json_load (path, error);
  if (! *presets)
    return FALSE;
  is_ok = dif_presets_check (*presets, dif_checkpoint_is_file (c) ? dif_checkpoint_parts (c) : none,
                             error);
  if (! is_ok)
    g_clear_pointer (presets, dif_json_unref);
  return is_ok;
}

const char *
dif_presets_about (DifJson *presets)
{
  return presets ? dif_json_string (presets, "about", NULL) : NULL;
}

guint
dif_presets_colors (DifJson *presets, float rows[DIF_PRESETS_MAX_COLORS][3])
{
  DifJson *list = presets ? dif_json_member (presets, "latent-rgb") : NULL;
  guint    n    = list ? dif_json_length (list) : 0;

  for (guint i = 0; i < n; i++)
    for (guint k = 0; k < 3; k++)
      rows[i][k] = (float) dif_json_value_double (dif_json_at (dif_json_at (list, i), k));
  return n ? n - 1 : 0;
}

/* ---- words ---- */

/* All words in lower case, to look others up. */
static GHashTable *
known_words (DifJson *words)
{
  GHashTable *known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < dif_json_length (words); i++)
    g_hash_table_add (known, g_utf8_casefold (dif_json_value_string (dif_json_at (words, i)), -1));
  return known;
}

/* The next run of letters at or after *@text, which is moved behind it; NULL at the end. */
static char *
next_word (const char **text)
{
  const char *start, *end;

  while (**text && ! g_unichar_isalpha (g_utf8_get_char (*text)))
    *text = g_utf8_next_char (*text);
  start = end = *text;
  while (*end && g_unichar_isalpha (g_utf8_get_char (end)) && end - start < MAX_WORD_SIZE)
    end = g_utf8_next_char (end);
  *text = end;
  return end > start ? g_strndup (start, (gsize) (end - start)) : NULL;
}

char *
dif_presets_unknown_words (DifJson *presets, const char *prompt)
{
  DifJson               *words   = presets ? dif_json_member (presets, "words") : NULL;
  g_autoptr (GHashTable) known   = words ? known_words (words) : NULL;
  g_autoptr (GString)    unknown = g_string_new (NULL);
  g_autofree char       *word    = NULL;
  guint                  n       = 0;

  if (! known || ! prompt || ! g_utf8_validate (prompt, -1, NULL))
    return NULL;
  while ((word = next_word (&prompt)))
    {
      char *folded = g_utf8_casefold (word, -1);

      /* one that is named once is known from then on */
      if (g_hash_table_add (known, folded))
        {
          if (n++ < MAX_UNKNOWN)
            g_string_append_printf (unknown, "%s%s", unknown->len ? ", " : "", word);
          else if (n == MAX_UNKNOWN + 1)
            g_string_append (unknown, ", …");
        }
      g_clear_pointer (&word, g_free);
    }
  return unknown->len ? g_string_free (g_steal_pointer (&unknown), FALSE) : NULL;
}

char *
dif_model_about (const char *model)
{
  g_autofree char          *path       = dif_catalog_resolve (model, NULL);
  g_autoptr (DifCheckpoint) checkpoint = path ? dif_checkpoint_open (path, NULL) : NULL;
  g_autoptr (DifJson)       presets    = NULL;

  if (! checkpoint || ! dif_presets_load (checkpoint, &presets, NULL))
    return NULL;
  return g_strdup (dif_presets_about (presets));
}
