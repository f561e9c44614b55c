/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json.c - typed, checked access to JSON files; the only door to cJSON.
 *
 * cJSON's tree holds all values.  A DifJson stands on one of its items and knows its parent and
 * place, so that a message can name them.  Invariants: the children of a node have distinct keys;
 * a number whose item has a valuestring is the whole number spelled there, beyond a double's 2^53.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json-private.h"

/* Longest piece of a file's own text that a message repeats, in bytes. */
#define MAX_QUOTED 60

/* Texts below this length, in bytes, are small: GLib's allocation of them does not fail. */
#define SMALL 65536

#define MAX_EXACT 9007199254740992.0

typedef struct
{
  gint     ref_count;
  char    *name;
  cJSON   *tree;
  DifJson *root;
  GError  *error; /* the first since the last dif_json_finish() */
} Document;

struct _DifJson
{
  Document   *document;
  DifJson    *parent;
  cJSON      *item;
  guint       index;
  GPtrArray  *children; /* NULL unless an array or object */
  GHashTable *members;  /* NULL unless an object */
};

/* ---- nodes ---- */

/* Appends text from a file: one line, and not too much of it. */
static void
append_quoted (GString *out, const char *text)
{
  const char *stop = text;

  while (*stop && stop - text < MAX_QUOTED)
    stop = g_utf8_next_char (stop);
  for (const char *p = text; p < stop; p++)
    g_string_append_c (out, (unsigned char) *p < 0x20 || *p == 0x7f ? ' ' : *p);
  if (*stop)
    g_string_append (out, "...");
}

static void
node_clear (DifJson *node)
{
  g_clear_pointer (&node->members, g_hash_table_unref);
  g_clear_pointer (&node->children, g_ptr_array_unref);
}

static void
node_free (gpointer data)
{
  node_clear (data);
  g_slice_free (DifJson, data);
}

static void add_child (DifJson *node, cJSON *item);

/* Stands @node on @item, which may be another one than before. */
static void
node_set (DifJson *node, cJSON *item)
{
  node_clear (node);
  node->item = item;
  if (cJSON_IsArray (item) || cJSON_IsObject (item))
    node->children = g_ptr_array_new_with_free_func (node_free);
  if (cJSON_IsObject (item))
    node->members = g_hash_table_new (g_str_hash, g_str_equal);
  for (cJSON *child = node->children ? item->child : NULL; child; child = child->next)
    add_child (node, child);
}

static void
add_child (DifJson *node, cJSON *item)
{
  DifJson *child = g_slice_new0 (DifJson);

  child->document = node->document;
  child->parent   = node;
  child->index    = node->children->len;
  g_ptr_array_add (node->children, child);
  node_set (child, item);
  if (node->members && ! g_hash_table_insert (node->members, item->string, child))
    {
      GString *key = g_string_new (NULL);

      append_quoted (key, item->string);
      dif_json_fail (node->document->root, DIF_FORMAT_ERROR_CORRUPT,
                     "expected every key once, found \"%s\" twice in one object", key->str);
      g_string_free (key, TRUE);
    }
}

/* The member, also when it is null. */
static DifJson *
find (DifJson *object, const char *key)
{
  return object->members ? g_hash_table_lookup (object->members, key) : NULL;
}

static DifJson *
document_new (const char *name, cJSON *tree)
{
  Document *document = g_new0 (Document, 1);

  document->ref_count      = 1;
  document->name           = g_strdup (name);
  document->tree           = tree;
  document->root           = g_slice_new0 (DifJson);
  document->root->document = document;
  node_set (document->root, tree);
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
  Document *document = node ? node->document : NULL;

  if (! node || ! g_atomic_int_dec_and_test (&document->ref_count))
    return;
  node_free (document->root);
  cJSON_Delete (document->tree);
  g_clear_error (&document->error);
  g_free (document->name);
  g_free (document);
}

/* ---- messages ---- */

static void
append_path (GString *out, DifJson *node)
{
  if (! node->parent)
    return;
  append_path (out, node->parent);
  if (! dif_json_key (node))
    {
      g_string_append_printf (out, "[%u]", node->index);
      return;
    }
  if (node->parent->parent)
    g_string_append_c (out, '.');
  append_quoted (out, dif_json_key (node));
}

void
dif_json_fail (DifJson *node, int code, const char *format, ...)
{
  GString *message;
  gsize    start;
  va_list  args;

  if (node->document->error)
    return;
  message = g_string_new (node->document->name);
  g_string_append (message, ": ");
  start = message->len;
  append_path (message, node);
  if (message->len > start)
    g_string_append (message, ": ");
  va_start (args, format);
  g_string_append_vprintf (message, format, args);
  va_end (args);
  node->document->error = g_error_new_literal (DIF_FORMAT_ERROR, code, message->str);
  g_string_free (message, TRUE);
}

void
dif_json_fail_value (DifJson *node, int code, const char *expected)
{
  g_autofree char *text  = NULL;
  GString         *found = g_string_new (NULL);

  if (cJSON_IsString (node->item))
    {
      g_string_append_c (found, '"');
      append_quoted (found, node->item->valuestring);
      g_string_append_c (found, '"');
    }
  else if (cJSON_IsArray (node->item))
    g_string_printf (found, "an array of %u", node->children->len);
  else if (cJSON_IsObject (node->item))
    g_string_assign (found, "an object");
  else
    g_string_assign (found, text = dif_json_to_string (node, FALSE));
  dif_json_fail (node, code, "expected %s, found %s", expected, found->str);
  g_string_free (found, TRUE);
}

gboolean
dif_json_finish (DifJson *node, GError **error)
{
  if (! node->document->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&node->document->error));
  return FALSE;
}

/* ---- parsing ---- */

/* Gives odd numbers their values, in reading order. */
static void
set_odd (cJSON *item, const char *text, const DifJsonOdd **odd, guint *n_numbers)
{
  if (cJSON_IsNumber (item) && (*n_numbers)++ == (*odd)->ordinal)
    {
      if ((*odd)->length == 0)
        item->valuedouble = (*odd)->value;
      else if ((item->valuestring = cJSON_malloc ((*odd)->length + 1)) != NULL)
        g_strlcpy (item->valuestring, text + (*odd)->at, (*odd)->length + 1);
      ++*odd;
    }
  for (cJSON *child = item->child; child; child = child->next)
    set_odd (child, text, odd, n_numbers);
}

/* Runs cJSON over the scanned text. */
static DifJson *
parse_scanned (const char *text, gsize length, GArray *odd, const char *name, GError **error)
{
  const DifJsonOdd  last = { .ordinal = G_MAXUINT };
  const DifJsonOdd *next;
  const char       *end       = NULL;
  guint             n_numbers = 0;
  cJSON            *tree      = cJSON_ParseWithLengthOpts (text, length, &end, FALSE);
  DifJson          *root;

  while (tree && end < text + length && strchr (" \t\r\n", *end))
    end++;
  if (! tree || end < text + length)
    {
      _dif_json_fail_at (text, end ? MIN ((gsize) (end - text), length) : 0, name,
                         DIF_FORMAT_ERROR_CORRUPT, error, "expected %s",
                         tree ? "the end, found more text" : "JSON, found a syntax error");
      cJSON_Delete (tree);
      return NULL;
    }
  g_array_append_val (odd, last);
  next = (const DifJsonOdd *) odd->data;
  set_odd (tree, text, &next, &n_numbers);
  root = document_new (name, tree);
  if (! dif_json_finish (root, error))
    g_clear_pointer (&root, dif_json_unref);
  return root;
}

DifJson *
dif_json_parse (const char *text, gsize length, const char *name, GError **error)
{
  g_autofree char   *copy = NULL;
  g_autoptr (GArray) odd  = NULL;

  if (length > DIF_JSON_MAX_BYTES)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected at most %u bytes of JSON, found %" G_GSIZE_FORMAT, name,
                   DIF_JSON_MAX_BYTES, length);
      return NULL;
    }
  /* what this program wrote itself cannot fail */
  copy = length < SMALL ? g_malloc (length + 1) : g_try_malloc (length + 1);
  if (! copy)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM,
                   "%s: no memory for %" G_GSIZE_FORMAT " bytes", name, length);
      return NULL;
    }
  memcpy (copy, text, length);
  copy[length] = '\0';
  odd          = _dif_json_scan (copy, length, name, error);
  return odd ? parse_scanned (copy, length, odd, name, error) : NULL;
}

DifJson *
dif_json_load (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = dif_file_read (path, DIF_JSON_MAX_BYTES, error);
  gsize              length;
  const char        *text = bytes ? g_bytes_get_data (bytes, &length) : NULL;

  return bytes ? dif_json_parse (text ? text : "", length, path, error) : NULL;
}

DifJson *
dif_json_new_object (const char *name)
{
  return document_new (name, cJSON_CreateObject ());
}

/* ---- values ---- */

DifJsonType
dif_json_type (DifJson *node)
{
  switch (node->item->type & 0xff)
    {
    case cJSON_False:
    case cJSON_True:
      return DIF_JSON_BOOL;
    case cJSON_Number:
      return DIF_JSON_NUMBER;
    case cJSON_String:
      return DIF_JSON_STRING;
    case cJSON_Array:
      return DIF_JSON_ARRAY;
    case cJSON_Object:
      return DIF_JSON_OBJECT;
    default:
      return DIF_JSON_NULL;
    }
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
  return node->parent && cJSON_IsObject (node->parent->item) ? node->item->string : NULL;
}

/* Whether the getters may look at @node, which must be of type @wanted. */
static gboolean
is_readable (DifJson *node, gboolean wanted, const char *expected)
{
  if (! wanted)
    dif_json_fail_value (node, DIF_FORMAT_ERROR_BAD_VALUE, expected);
  return ! node->document->error;
}

static gboolean
read_whole (const cJSON *item, gint64 *value)
{
  double number = item->valuedouble;
  char  *end;

  errno = 0;
  if (cJSON_IsNumber (item) && item->valuestring)
    {
      *value = g_ascii_strtoll (item->valuestring, &end, 10);
      return errno == 0 && ! *end;
    }
  /* NaN fails the comparison, which also keeps the cast defined. */
  if (! cJSON_IsNumber (item) || ! (fabs (number) <= MAX_EXACT) || number != floor (number))
    return FALSE;
  *value = (gint64) number;
  return TRUE;
}

gint64
dif_json_value_int (DifJson *node, gint64 min, gint64 max)
{
  g_autofree char *words = NULL;
  gint64           value = min;
  gboolean         fits  = read_whole (node->item, &value) && value >= min && value <= max;

  if (! fits && max >= G_MAXINT32 && min == 1)
    words = g_strdup ("a positive whole number");
  else if (! fits && max >= G_MAXINT32 && min > -G_MAXINT32)
    words = g_strdup_printf ("a whole number of at least %" G_GINT64_FORMAT, min);
  else if (! fits)
    words = g_strdup_printf ("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, min,
                             max);
  return is_readable (node, fits, words) ? value : min;
}

double
dif_json_value_double (DifJson *node)
{
  gboolean wanted = cJSON_IsNumber (node->item) && ! isnan (node->item->valuedouble);

  return is_readable (node, wanted, "a number") ? node->item->valuedouble : 0;
}

const char *
dif_json_value_string (DifJson *node)
{
  return is_readable (node, cJSON_IsString (node->item), "a string") ? node->item->valuestring : "";
}

gboolean
dif_json_value_bool (DifJson *node)
{
  return is_readable (node, cJSON_IsBool (node->item), "true or false") &&
         cJSON_IsTrue (node->item);
}

/* ---- members ---- */

gboolean
dif_json_has (DifJson *node, const char *key)
{
  DifJson *child = find (node, key);

  return child && ! cJSON_IsNull (child->item);
}

DifJson *
dif_json_member (DifJson *node, const char *key)
{
  if (! is_readable (node, cJSON_IsObject (node->item), "an object"))
    return NULL;
  return dif_json_has (node, key) ? find (node, key) : NULL;
}

#define GET_MEMBER(type, name, ...)                                        \
  DifJson *child = dif_json_member (node, key);                            \
  type     value = child ? dif_json_value_##name (__VA_ARGS__) : fallback; \
  return node->document->error ? fallback : value

gint64
dif_json_int (DifJson *node, const char *key, gint64 fallback, gint64 min, gint64 max)
{
  GET_MEMBER (gint64, int, child, min, max);
}

gint64
dif_json_require_int (DifJson *node, const char *key, gint64 min, gint64 max)
{
  DifJson *child = dif_json_member (node, key);

  if (! child)
    dif_json_fail (node, DIF_FORMAT_ERROR_MISSING_KEY, "expected a number \"%s\", found none", key);
  return child ? dif_json_value_int (child, min, max) : min;
}

double
dif_json_double (DifJson *node, const char *key, double fallback)
{
  GET_MEMBER (double, double, child);
}

gboolean
dif_json_bool (DifJson *node, const char *key, gboolean fallback)
{
  GET_MEMBER (gboolean, bool, child);
}

const char *
dif_json_string (DifJson *node, const char *key, const char *fallback)
{
  GET_MEMBER (const char *, string, child);
}

/* ---- writing ---- */

static void
set_member (DifJson *object, const char *key, cJSON *item)
{
  DifJson *node = find (object, key);

  g_return_if_fail (object->members && item);
  if (node)
    {
      g_hash_table_remove (object->members, key);
      cJSON_ReplaceItemInObjectCaseSensitive (object->item, key, item);
      node_set (node, item);
      g_hash_table_insert (object->members, item->string, node);
      return;
    }
  cJSON_AddItemToObject (object->item, key, item);
  add_child (object, item);
}

void
dif_json_set_string (DifJson *node, const char *key, const char *value)
{
  set_member (node, key, cJSON_CreateString (value));
}

void
dif_json_set_double (DifJson *node, const char *key, double value)
{
  set_member (node, key, cJSON_CreateNumber (value));
}

void
dif_json_set_bool (DifJson *node, const char *key, gboolean value)
{
  set_member (node, key, cJSON_CreateBool (value));
}

void
dif_json_set_null (DifJson *node, const char *key)
{
  set_member (node, key, cJSON_CreateNull ());
}

void
dif_json_set_copy (DifJson *node, const char *key, DifJson *value)
{
  set_member (node, key, cJSON_Duplicate (value->item, TRUE));
}

static void
write_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p; p++)
    {
      static const char plain[] = "\"\\\n\t", escaped[] = "\"\\nt";
      const char       *hit = strchr (plain, *p);

      if (hit)
        g_string_append_printf (out, "\\%c", escaped[hit - plain]);
      else if ((unsigned char) *p < 0x20)
        g_string_append_printf (out, "\\u%04x", *p);
      else
        g_string_append_c (out, *p);
    }
  g_string_append_c (out, '"');
}

char *
dif_json_quote (const char *text)
{
  GString *out = g_string_new (NULL);

  write_string (out, text);
  return g_string_free (out, FALSE);
}

/* As spelled, or the shortest of 15 to 17 significant digits that reads back the same. */
static void
write_number (GString *out, const cJSON *item)
{
  char   text[G_ASCII_DTOSTR_BUF_SIZE];
  double value = item->valuedouble;

  if (item->valuestring)
    g_string_append (out, item->valuestring);
  else if (isnan (value) || isinf (value))
    g_string_append (out, isnan (value) ? "NaN" : value > 0 ? "Infinity"
                                                            : "-Infinity");
  else if (value == floor (value) && fabs (value) <= MAX_EXACT && ! (value == 0 && signbit (value)))
    g_string_append_printf (out, "%" G_GINT64_FORMAT, (gint64) value);
  else
    {
      static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };

      for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
        if (g_ascii_strtod (g_ascii_formatd (text, sizeof text, formats[i], value), NULL) == value)
          break;
      g_string_append (out, text);
    }
}

static void
write_item (GString *out, const cJSON *item, gboolean pretty, guint depth)
{
  gboolean is_object = cJSON_IsObject (item);

  if (cJSON_IsString (item))
    write_string (out, item->valuestring);
  else if (cJSON_IsNumber (item))
    write_number (out, item);
  else if (! is_object && ! cJSON_IsArray (item))
    g_string_append (out, cJSON_IsNull (item) ? "null" : cJSON_IsTrue (item) ? "true"
                                                                             : "false");
  else
    {
      g_string_append_c (out, is_object ? '{' : '[');
      for (const cJSON *child = item->child; child; child = child->next)
        {
          if (child != item->child)
            g_string_append (out, pretty ? "," : ", ");
          if (pretty)
            g_string_append_printf (out, "\n%*s", (int) (2 * depth + 2), "");
          if (is_object)
            write_string (out, child->string);
          if (is_object)
            g_string_append (out, ": ");
          write_item (out, child, pretty, depth + 1);
        }
      if (pretty && item->child)
        g_string_append_printf (out, "\n%*s", (int) (2 * depth), "");
      g_string_append_c (out, is_object ? '}' : ']');
    }
}

char *
dif_json_to_string (DifJson *node, gboolean pretty)
{
  GString *out = g_string_new (NULL);

  write_item (out, node->item, pretty, 0);
  if (pretty)
    g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}
