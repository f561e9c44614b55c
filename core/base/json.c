/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json.c - typed, checked access to JSON files; the only door to cJSON.
 *
 * cJSON parses; its tree is copied at once into nodes that know their parent
 * and their place, and is dropped.  Knows nothing of what the files mean.
 * Invariant: the children of a node have distinct keys.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json-private.h"
#include "base/json-scan.h"

/* Objects with more members than this are searched by halving. */
#define SORT_FROM 8

/* Longest piece of a file's own text that a message repeats, in bytes. */
#define MAX_QUOTED 60

/* ---- nodes ---- */

DifJson *
_dif_json_node_new (DifJsonDocument *document, DifJsonType type)
{
  DifJson *node = g_slice_new0 (DifJson);

  node->document = document;
  node->type     = type;
  if (type == DIF_JSON_ARRAY || type == DIF_JSON_OBJECT)
    node->children = g_ptr_array_new_with_free_func (_dif_json_node_free);
  return node;
}

void
_dif_json_node_free (gpointer data)
{
  DifJson *node = data;

  g_clear_pointer (&node->children, g_ptr_array_unref);
  g_free (node->sorted);
  g_free (node->string);
  g_free (node->key);
  g_slice_free (DifJson, node);
}

void
_dif_json_node_append (DifJson *parent, const char *key, DifJson *child)
{
  child->parent = parent;
  child->key    = g_strdup (key);
  child->index  = parent->children->len;
  g_clear_pointer (&parent->sorted, g_free);
  g_ptr_array_add (parent->children, child);
}

static int
compare_keys (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(DifJson *const *) a)->key, (*(DifJson *const *) b)->key);
}

DifJson *
_dif_json_node_find (DifJson *object, const char *key)
{
  if (object->type != DIF_JSON_OBJECT)
    return NULL;
  if (object->sorted)
    {
      DifJson   wanted = { .key = (char *) key };
      DifJson  *probe  = &wanted;
      DifJson **hit    = bsearch (&probe, object->sorted, object->children->len, sizeof (DifJson *),
                                  compare_keys);

      return hit ? *hit : NULL;
    }
  for (guint i = 0; i < object->children->len; i++)
    {
      DifJson *child = g_ptr_array_index (object->children, i);

      if (strcmp (child->key, key) == 0)
        return child;
    }
  return NULL;
}

/* ---- messages ---- */

/* Appends text from a file: one line, and not too much of it. */
static void
append_quoted (GString *out, const char *text)
{
  const char *end  = text + strlen (text);
  const char *stop = text;

  while (stop < end && stop - text < MAX_QUOTED)
    stop = g_utf8_next_char (stop);
  for (const char *p = text; p < stop; p++)
    g_string_append_c (out, (unsigned char) *p < 0x20 || *p == 0x7f ? ' ' : *p);
  if (stop < end)
    g_string_append (out, "...");
}

static void
append_path (GString *out, DifJson *node)
{
  if (! node->parent)
    return;
  append_path (out, node->parent);
  if (node->key)
    {
      if (node->parent->parent)
        g_string_append_c (out, '.');
      append_quoted (out, node->key);
    }
  else
    g_string_append_printf (out, "[%u]", node->index);
}

/* What a value is, for "found ...". */
static char *
describe (DifJson *node)
{
  GString *out = g_string_new (NULL);

  switch (node->type)
    {
    case DIF_JSON_NULL:
      g_string_append (out, "null");
      break;
    case DIF_JSON_BOOL:
      g_string_append (out, node->truth ? "true" : "false");
      break;
    case DIF_JSON_STRING:
      g_string_append_c (out, '"');
      append_quoted (out, node->string);
      g_string_append_c (out, '"');
      break;
    case DIF_JSON_ARRAY:
      g_string_append_printf (out, "an array of %u", node->children->len);
      break;
    case DIF_JSON_OBJECT:
      g_string_append (out, "an object");
      break;
    case DIF_JSON_NUMBER:
      {
        g_autofree char *text = dif_json_to_string (node, FALSE);

        g_string_append (out, text);
        break;
      }
    }
  return g_string_free (out, FALSE);
}

void
dif_json_fail (DifJson *node, int code, const char *format, ...)
{
  g_autofree char *what = NULL;
  GString         *path;
  va_list          args;

  if (node->document->error)
    return;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  path = g_string_new (NULL);
  append_path (path, node);
  g_set_error (&node->document->error, DIF_FORMAT_ERROR, code, "%s: %s%s%s", node->document->name,
               path->str, path->len > 0 ? ": " : "", what);
  g_string_free (path, TRUE);
}

void
dif_json_fail_value (DifJson *node, int code, const char *expected)
{
  g_autofree char *found = describe (node);

  dif_json_fail (node, code, "expected %s, found %s", expected, found);
}

static void
fail_type (DifJson *node, const char *expected)
{
  dif_json_fail_value (node, DIF_FORMAT_ERROR_BAD_VALUE, expected);
}

/* ---- parsing ---- */

typedef struct
{
  DifJsonDocument *document;
  const GArray    *odd;
  guint            n_numbers;
  guint            n_odd;
} Copier;

static void
copy_number (Copier *c, DifJson *node, const cJSON *item)
{
  const DifJsonOdd *odd = NULL;

  if (c->n_odd < c->odd->len)
    odd = &g_array_index (c->odd, DifJsonOdd, c->n_odd);
  node->number = item->valuedouble;
  if (odd && odd->ordinal == c->n_numbers)
    {
      c->n_odd++;
      node->inexact = odd->kind == DIF_JSON_ODD_INEXACT;
      if (odd->kind == DIF_JSON_ODD_NAN)
        node->number = (double) NAN;
      else if (! node->inexact)
        node->number = odd->kind == DIF_JSON_ODD_PLUS_INFINITY ? HUGE_VAL : -HUGE_VAL;
    }
  c->n_numbers++;
}

/* Sorts the members of a large object and finds a key that is there twice. */
static DifJson *
find_duplicate (DifJson *object)
{
  guint     n = object->children->len;
  DifJson **sorted;

  if (n < 2)
    return NULL;
  sorted = g_memdup2 (object->children->pdata, n * sizeof (DifJson *));
  qsort (sorted, n, sizeof (DifJson *), compare_keys);
  for (guint i = 1; i < n; i++)
    if (strcmp (sorted[i - 1]->key, sorted[i]->key) == 0)
      {
        DifJson *twice = sorted[i];

        g_free (sorted);
        return twice;
      }
  if (n > SORT_FROM)
    object->sorted = sorted;
  else
    g_free (sorted);
  return NULL;
}

static DifJson *
copy_item (Copier *c, const cJSON *item)
{
  static const struct
  {
    int         cjson;
    DifJsonType type;
  } types[] = {
    { cJSON_NULL, DIF_JSON_NULL },
    { cJSON_False, DIF_JSON_BOOL },
    { cJSON_True, DIF_JSON_BOOL },
    { cJSON_Number, DIF_JSON_NUMBER },
    { cJSON_String, DIF_JSON_STRING },
    { cJSON_Array, DIF_JSON_ARRAY },
    { cJSON_Object, DIF_JSON_OBJECT },
  };
  DifJsonType type = DIF_JSON_NULL;
  DifJson    *node, *twice;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if ((item->type & 0xff) == types[i].cjson)
      type = types[i].type;
  node        = _dif_json_node_new (c->document, type);
  node->truth = cJSON_IsTrue (item);
  if (type == DIF_JSON_NUMBER)
    copy_number (c, node, item);
  if (type == DIF_JSON_STRING)
    node->string = g_strdup (item->valuestring);
  if (node->children)
    for (const cJSON *child = item->child; child; child = child->next)
      _dif_json_node_append (node, child->string, copy_item (c, child));
  twice = type == DIF_JSON_OBJECT ? find_duplicate (node) : NULL;
  if (twice && ! c->document->error)
    {
      GString *key = g_string_new (NULL);

      append_quoted (key, twice->key);
      g_set_error (&c->document->error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected every key once, found \"%s\" twice in one object",
                   c->document->name, key->str);
      g_string_free (key, TRUE);
    }
  return node;
}

static DifJsonDocument *
document_new (const char *name)
{
  DifJsonDocument *document = g_new0 (DifJsonDocument, 1);

  document->ref_count = 1;
  document->name      = g_strdup (name);
  return document;
}

static void
document_free (DifJsonDocument *document)
{
  if (document->root)
    _dif_json_node_free (document->root);
  g_clear_error (&document->error);
  g_free (document->name);
  g_free (document);
}

/* Runs cJSON over the scanned text; the tree is freed with cJSON_Delete(). */
static cJSON *
parse_text (const char *text, gsize length, const char *name, GError **error)
{
  const char *end  = NULL;
  cJSON      *tree = cJSON_ParseWithLengthOpts (text, length, &end, FALSE);
  guint       line, column;

  if (tree)
    {
      while (end < text + length && strchr (" \t\r\n", *end))
        end++;
      if (end == text + length)
        return tree;
    }
  dif_json_position (text, end ? MIN ((gsize) (end - text), length) : 0, &line, &column);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
               "%s: line %u, column %u: expected %s", name, line, column,
               tree ? "the end, found more text" : "JSON, found a syntax error");
  cJSON_Delete (tree);
  return NULL;
}

DifJson *
dif_json_parse (const char *text, gsize length, const char *name, GError **error)
{
  g_autofree char   *copy = NULL;
  g_autoptr (GArray) odd  = NULL;
  Copier             c    = { 0 };
  cJSON             *tree;

  if (length > DIF_JSON_MAX_BYTES)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected at most %u bytes of JSON, found %" G_GSIZE_FORMAT, name,
                   DIF_JSON_MAX_BYTES, length);
      return NULL;
    }
  copy = g_try_malloc (length + 1);
  if (! copy)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM,
                   "%s: no memory for %" G_GSIZE_FORMAT " bytes", name, length);
      return NULL;
    }
  memcpy (copy, text, length);
  copy[length] = '\0';
  odd          = dif_json_scan (copy, length, name, error);
  tree         = odd ? parse_text (copy, length, name, error) : NULL;
  if (! tree)
    return NULL;
  c.document       = document_new (name);
  c.odd            = odd;
  c.document->root = copy_item (&c, tree);
  cJSON_Delete (tree);
  if (c.document->error)
    {
      g_propagate_error (error, g_steal_pointer (&c.document->error));
      document_free (c.document);
      return NULL;
    }
  return c.document->root;
}

DifJson *
dif_json_load (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = dif_file_read (path, DIF_JSON_MAX_BYTES, error);
  const char        *text;
  gsize              length;

  if (! bytes)
    return NULL;
  text = g_bytes_get_data (bytes, &length);
  return dif_json_parse (text ? text : "", length, path, error);
}

DifJson *
dif_json_new_object (const char *name)
{
  DifJsonDocument *document = document_new (name);

  document->root = _dif_json_node_new (document, DIF_JSON_OBJECT);
  return document->root;
}

DifJson *
dif_json_ref (DifJson *node)
{
  g_atomic_int_inc (&node->document->ref_count);
  return node;
}

void
dif_json_unref (DifJson *node)
{
  if (node && g_atomic_int_dec_and_test (&node->document->ref_count))
    document_free (node->document);
}

gboolean
dif_json_finish (DifJson *node, GError **error)
{
  if (! node->document->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&node->document->error));
  return FALSE;
}

/* ---- values ---- */

static char *
whole_number_words (gint64 min, gint64 max)
{
  if (max >= G_MAXINT32 && min == 1)
    return g_strdup ("a positive whole number");
  if (max >= G_MAXINT32 && min > -G_MAXINT32)
    return g_strdup_printf ("a whole number of at least %" G_GINT64_FORMAT, min);
  return g_strdup_printf ("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, min,
                          max);
}

gint64
dif_json_value_int (DifJson *node, gint64 min, gint64 max)
{
  if (node->document->error)
    return min;
  /* The first comparison is false for NaN; the range keeps the cast defined. */
  if (node->type != DIF_JSON_NUMBER || ! (fabs (node->number) < 9223372036854775808.0) ||
      node->number != floor (node->number) || (gint64) node->number < min ||
      (gint64) node->number > max)
    {
      g_autofree char *words = whole_number_words (min, max);

      fail_type (node, words);
      return min;
    }
  /* The first of the two catches 2^53 + 1, which reads as 2^53. */
  if (node->inexact || fabs (node->number) > 9007199254740992.0)
    {
      fail_type (node, "a whole number of magnitude at most 2^53");
      return min;
    }
  return (gint64) node->number;
}

double
dif_json_value_double (DifJson *node)
{
  if (node->document->error)
    return 0;
  if (node->type != DIF_JSON_NUMBER || isnan (node->number))
    {
      fail_type (node, "a number");
      return 0;
    }
  return node->number;
}

const char *
dif_json_value_string (DifJson *node)
{
  if (node->document->error)
    return "";
  if (node->type != DIF_JSON_STRING)
    {
      fail_type (node, "a string");
      return "";
    }
  return node->string;
}

gboolean
dif_json_value_bool (DifJson *node)
{
  if (node->document->error)
    return FALSE;
  if (node->type != DIF_JSON_BOOL)
    {
      fail_type (node, "true or false");
      return FALSE;
    }
  return node->truth;
}

DifJsonType
dif_json_type (DifJson *node)
{
  return node->type;
}

guint
dif_json_length (DifJson *node)
{
  return node->children ? node->children->len : 0;
}

DifJson *
dif_json_at (DifJson *node, guint i)
{
  return i < dif_json_length (node) ? g_ptr_array_index (node->children, i) : NULL;
}

const char *
dif_json_key (DifJson *node)
{
  return node->key;
}

/* ---- members ---- */

gboolean
dif_json_has (DifJson *node, const char *key)
{
  DifJson *child = _dif_json_node_find (node, key);

  return child && child->type != DIF_JSON_NULL;
}

DifJson *
dif_json_member (DifJson *node, const char *key)
{
  DifJson *child;

  if (node->document->error)
    return NULL;
  if (node->type != DIF_JSON_OBJECT)
    {
      fail_type (node, "an object");
      return NULL;
    }
  child = _dif_json_node_find (node, key);
  return child && child->type != DIF_JSON_NULL ? child : NULL;
}

gint64
dif_json_int (DifJson *node, const char *key, gint64 fallback, gint64 min, gint64 max)
{
  DifJson *child = dif_json_member (node, key);
  gint64   value = child ? dif_json_value_int (child, min, max) : fallback;

  return node->document->error ? fallback : value;
}

double
dif_json_double (DifJson *node, const char *key, double fallback)
{
  DifJson *child = dif_json_member (node, key);
  double   value = child ? dif_json_value_double (child) : fallback;

  return node->document->error ? fallback : value;
}

gboolean
dif_json_bool (DifJson *node, const char *key, gboolean fallback)
{
  DifJson *child = dif_json_member (node, key);
  gboolean value = child ? dif_json_value_bool (child) : fallback;

  return node->document->error ? fallback : value;
}

const char *
dif_json_string (DifJson *node, const char *key, const char *fallback)
{
  DifJson    *child = dif_json_member (node, key);
  const char *value = child ? dif_json_value_string (child) : fallback;

  return node->document->error ? fallback : value;
}
