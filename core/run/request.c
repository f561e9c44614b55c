/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* request.c - values by name, checked against their rows.
 *
 * Invariant: whatever is in a request has passed its row's check, so the
 * tasks need none of their own.
 */
#include "config.h"

#include "run/request.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#include <glib/gi18n-lib.h>

typedef struct
{
  double     number;
  char      *text;
  GPtrArray *list; /* NULL-terminated strings */
  DifImage  *image;
} Value;

struct _DifRequest
{
  const char     *task;
  const DifParam *params;
  guint           n_params;
  GHashTable     *values; /* row's name -> Value */
};

static void
value_free (gpointer data)
{
  Value *v = data;

  g_free (v->text);
  g_clear_pointer (&v->list, g_ptr_array_unref);
  dif_image_unref (v->image);
  g_free (v);
}

DifRequest *
dif_request_new_for (const char *task, const DifParam *params, guint n)
{
  DifRequest *rq = g_new0 (DifRequest, 1);

  rq->task     = task;
  rq->params   = params;
  rq->n_params = n;
  rq->values   = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, value_free);
  return rq;
}

/* the NULL that ends a list is copied as NULL */
static gpointer
copy_string (gconstpointer s, gpointer unused)
{
  return g_strdup (s);
}

DifRequest *
dif_request_copy (DifRequest *rq)
{
  DifRequest    *copy = dif_request_new_for (rq->task, rq->params, rq->n_params);
  GHashTableIter it;
  gpointer       key, value;

  g_hash_table_iter_init (&it, rq->values);
  while (g_hash_table_iter_next (&it, &key, &value))
    {
      const Value *from = value;
      Value       *to   = g_new0 (Value, 1);

      to->number = from->number;
      to->text   = g_strdup (from->text);
      to->image  = from->image ? dif_image_ref (from->image) : NULL;
      to->list   = from->list ? g_ptr_array_copy (from->list, copy_string, NULL) : NULL;
      if (to->list)
        g_ptr_array_set_free_func (to->list, g_free);
      g_hash_table_insert (copy->values, key, to);
    }
  return copy;
}

void
dif_request_free (DifRequest *rq)
{
  if (! rq)
    return;
  g_hash_table_unref (rq->values);
  g_free (rq);
}

const char *
dif_request_task (DifRequest *rq)
{
  return rq->task;
}

const DifParam *
dif_request_param (DifRequest *rq, const char *name, GError **error)
{
  for (guint i = 0; i < rq->n_params; i++)
    if (strcmp (rq->params[i].name, name) == 0)
      return &rq->params[i];
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               _ ("%s has no parameter \"%s\""), rq->task, name);
  return NULL;
}

static gboolean
bad_value (const DifParam *row, const char *found, GError **error)
{
  g_autofree char *shown    = g_utf8_make_valid (found, MIN ((gssize) strlen (found), 40));
  GString         *expected = g_string_new (NULL);

  switch (row->type)
    {
    case DIF_PARAM_INT:
      g_string_printf (expected, _ ("a whole number from %.0f to %.0f"), row->min, row->max);
      break;
    case DIF_PARAM_DOUBLE:
      g_string_printf (expected, _ ("a number from %g to %g"), row->min, row->max);
      break;
    case DIF_PARAM_BOOL:
      g_string_assign (expected, _ ("on or off"));
      break;
    case DIF_PARAM_CHOICE:
      g_string_assign (expected, _ ("one of "));
      for (guint i = 0; row->choices[i]; i++)
        g_string_append_printf (expected, "%s%s", i ? ", " : "", row->choices[i]);
      break;
    case DIF_PARAM_IMAGE:
      g_string_assign (expected, _ ("an image"));
      break;
    case DIF_PARAM_STRING:
    case DIF_PARAM_STRINGS:
      g_string_printf (expected, _ ("valid UTF-8 of at most %u bytes"), DIF_PROMPT_MAX_BYTES);
      break;
    }
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               _ ("%s: expected %s, found \"%s\""), row->name, expected->str, shown);
  g_string_free (expected, TRUE);
  return FALSE;
}

static Value *
slot (DifRequest *rq, const DifParam *row)
{
  Value *v = g_hash_table_lookup (rq->values, row->name);

  if (! v)
    {
      v = g_new0 (Value, 1);
      g_hash_table_insert (rq->values, (gpointer) row->name, v);
    }
  return v;
}

static gboolean
set_number (DifRequest *rq, const DifParam *row, double value, const char *found, GError **error)
{
  gboolean whole = row->type != DIF_PARAM_DOUBLE;

  if (! isfinite (value) || (whole && value != floor (value)))
    return bad_value (row, found, error);
  /* "as the checkpoint says", spelled out */
  if (row->auto_default && value == row->fallback)
    {
      g_hash_table_remove (rq->values, row->name);
      return TRUE;
    }
  if (row->type == DIF_PARAM_BOOL ? value != 0 && value != 1 : value < row->min || value > row->max)
    return bad_value (row, found, error);
  slot (rq, row)->number = value;
  return TRUE;
}

gboolean
dif_request_set_number (DifRequest *rq, const char *name, double value, GError **error)
{
  const DifParam *row = dif_request_param (rq, name, error);
  char            found[G_ASCII_DTOSTR_BUF_SIZE];

  if (! row)
    return FALSE;
  g_ascii_dtostr (found, sizeof found, value);
  if (row->type != DIF_PARAM_INT && row->type != DIF_PARAM_DOUBLE && row->type != DIF_PARAM_BOOL)
    return bad_value (row, found, error);
  return set_number (rq, row, value, found, error);
}

static gboolean
set_text (DifRequest *rq, const DifParam *row, const char *text, GError **error)
{
  Value *v;

  if (row->type == DIF_PARAM_IMAGE)
    return bad_value (row, text, error);
  if (strlen (text) > DIF_PROMPT_MAX_BYTES || ! g_utf8_validate (text, -1, NULL))
    return bad_value (row, text, error);
  if (row->type == DIF_PARAM_CHOICE && ! g_strv_contains (row->choices, text))
    return bad_value (row, text, error);
  v = slot (rq, row);
  if (row->type == DIF_PARAM_STRINGS)
    {
      if (! v->list)
        v->list = g_ptr_array_new_with_free_func (g_free);
      else
        g_ptr_array_set_size (v->list, (int) v->list->len - 1);
      g_ptr_array_add (v->list, g_strdup (text));
      g_ptr_array_add (v->list, NULL);
    }
  else
    {
      g_free (v->text);
      v->text = g_strdup (text);
    }
  return TRUE;
}

gboolean
dif_request_set (DifRequest *rq, const char *name, const char *text, GError **error)
{
  const DifParam *row = dif_request_param (rq, name, error);
  char           *end;
  double          number;

  if (! row)
    return FALSE;
  if (row->type == DIF_PARAM_BOOL)
    {
      if (strcmp (text, "on") != 0 && strcmp (text, "off") != 0)
        return bad_value (row, text, error);
      return set_number (rq, row, strcmp (text, "on") == 0, text, error);
    }
  if (row->type != DIF_PARAM_INT && row->type != DIF_PARAM_DOUBLE)
    return set_text (rq, row, text, error);
  number = g_ascii_strtod (text, &end);
  if (end == text || *end || g_ascii_isspace (*text) || strpbrk (text, "xX"))
    return bad_value (row, text, error);
  /* typed out, the fallback of an automatic number is out of range */
  if (row->auto_default && number == row->fallback)
    return bad_value (row, text, error);
  return set_number (rq, row, number, text, error);
}

gboolean
dif_request_has (DifRequest *rq, const char *name)
{
  return g_hash_table_contains (rq->values, name);
}

void
dif_request_unset (DifRequest *rq, const char *name)
{
  g_hash_table_remove (rq->values, name);
}

double
dif_request_number (DifRequest *rq, const char *name)
{
  const DifParam *row = dif_request_param (rq, name, NULL);
  const Value    *v   = g_hash_table_lookup (rq->values, name);

  return v ? v->number : row ? row->fallback
                             : 0;
}

const char *
dif_request_text (DifRequest *rq, const char *name)
{
  const DifParam *row = dif_request_param (rq, name, NULL);
  const Value    *v   = g_hash_table_lookup (rq->values, name);

  return v ? v->text : row ? row->text
                           : NULL;
}

const char *const *
dif_request_list (DifRequest *rq, const char *name)
{
  static const char *const none[] = { NULL };
  const Value             *v      = g_hash_table_lookup (rq->values, name);

  return v && v->list ? (const char *const *) v->list->pdata : none;
}

gboolean
dif_request_set_image (DifRequest *rq, const char *name, DifImage *image, GError **error)
{
  const DifParam *row = dif_request_param (rq, name, error);
  Value          *v;

  if (! row)
    return FALSE;
  if (row->type != DIF_PARAM_IMAGE)
    return bad_value (row, _ ("an image"), error);
  v = slot (rq, row);
  dif_image_unref (v->image);
  v->image = dif_image_ref (image);
  return TRUE;
}

DifImage *
dif_request_image (DifRequest *rq, const char *name)
{
  const Value *v = g_hash_table_lookup (rq->values, name);

  return v ? v->image : NULL;
}

const DifParam *
dif_request_missing (DifRequest *rq)
{
  for (guint i = 0; i < rq->n_params; i++)
    {
      const DifParam *row     = &rq->params[i];
      const char     *instead = row->instead ? dif_request_text (rq, row->instead) : NULL;

      if (row->required && ! dif_request_has (rq, row->name) && ! (instead && *instead))
        return row;
    }
  return NULL;
}

DifJson *
dif_request_to_json (DifRequest *rq)
{
  DifJson *json = dif_json_new_object ("request");

  dif_json_set_string (json, "task", rq->task);
  for (guint i = 0; i < rq->n_params; i++)
    {
      const DifParam *row = &rq->params[i];
      const Value    *v   = g_hash_table_lookup (rq->values, row->name);

      if (! v || row->type == DIF_PARAM_IMAGE)
        continue;
      if (row->type == DIF_PARAM_STRINGS)
        {
          /* one line each: values of scheduler keys hold no line breaks */
          g_autofree char *lines = g_strjoinv ("\n", (char **) v->list->pdata);

          dif_json_set_string (json, row->name, lines);
        }
      else if (row->type == DIF_PARAM_STRING || row->type == DIF_PARAM_CHOICE)
        dif_json_set_string (json, row->name, v->text);
      else
        dif_json_set_double (json, row->name, v->number);
    }
  return json;
}
