/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-write.c - documents changed and written out.
 *
 * What is written reads back as the same values; infinities and NaN are
 * spelled as Python spells them.
 */
#include "base/json.h"

#include <math.h>

#include "base/json-private.h"

/* ---- setters ---- */

static void
set_member (DifJson *object, const char *key, DifJson *value)
{
  DifJson *old;

  g_return_if_fail (object->type == DIF_JSON_OBJECT);
  old = _dif_json_node_find (object, key);
  if (! old)
    {
      _dif_json_node_append (object, key, value);
      return;
    }
  value->parent = object;
  value->key    = g_strdup (key);
  value->index  = old->index;
  g_clear_pointer (&object->sorted, g_free);
  object->children->pdata[old->index] = value;
  _dif_json_node_free (old);
}

void
dif_json_set_string (DifJson *node, const char *key, const char *value)
{
  DifJson *child = _dif_json_node_new (node->document, DIF_JSON_STRING);

  child->string = g_strdup (value);
  set_member (node, key, child);
}

void
dif_json_set_double (DifJson *node, const char *key, double value)
{
  DifJson *child = _dif_json_node_new (node->document, DIF_JSON_NUMBER);

  child->number = value;
  set_member (node, key, child);
}

void
dif_json_set_bool (DifJson *node, const char *key, gboolean value)
{
  DifJson *child = _dif_json_node_new (node->document, DIF_JSON_BOOL);

  child->truth = value;
  set_member (node, key, child);
}

void
dif_json_set_null (DifJson *node, const char *key)
{
  set_member (node, key, _dif_json_node_new (node->document, DIF_JSON_NULL));
}

static DifJson *
copy_node (DifJsonDocument *document, const DifJson *from)
{
  DifJson *node = _dif_json_node_new (document, from->type);

  node->truth   = from->truth;
  node->number  = from->number;
  node->inexact = from->inexact;
  node->string  = g_strdup (from->string);
  for (guint i = 0; from->children && i < from->children->len; i++)
    {
      const DifJson *child = g_ptr_array_index (from->children, i);

      _dif_json_node_append (node, child->key, copy_node (document, child));
    }
  return node;
}

void
dif_json_set_copy (DifJson *node, const char *key, DifJson *value)
{
  set_member (node, key, copy_node (node->document, value));
}

/* ---- writer ---- */

static void
write_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p; p++)
    {
      unsigned char c = (unsigned char) *p;

      if (c == '"' || c == '\\')
        g_string_append_printf (out, "\\%c", c);
      else if (c == '\n')
        g_string_append (out, "\\n");
      else if (c == '\t')
        g_string_append (out, "\\t");
      else if (c < 0x20)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_c (out, (char) c);
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

/* The shortest of 15 to 17 significant digits that reads back the same. */
static void
write_number (GString *out, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (value))
    g_string_append (out, "NaN");
  else if (isinf (value))
    g_string_append (out, value > 0 ? "Infinity" : "-Infinity");
  else if (value == floor (value) && fabs (value) <= 9007199254740992.0 &&
           ! (value == 0 && signbit (value)))
    g_string_append_printf (out, "%" G_GINT64_FORMAT, (gint64) value);
  else
    {
      static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };

      for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
        {
          g_ascii_formatd (text, sizeof text, formats[i], value);
          if (g_ascii_strtod (text, NULL) == value)
            break;
        }
      g_string_append (out, text);
    }
}

static void
write_break (GString *out, gboolean pretty, guint depth)
{
  if (pretty)
    g_string_append_printf (out, "\n%*s", (int) (2 * depth), "");
}

static void
write_node (GString *out, const DifJson *node, gboolean pretty, guint depth)
{
  gboolean object = node->type == DIF_JSON_OBJECT;

  switch (node->type)
    {
    case DIF_JSON_NULL:
      g_string_append (out, "null");
      return;
    case DIF_JSON_BOOL:
      g_string_append (out, node->truth ? "true" : "false");
      return;
    case DIF_JSON_NUMBER:
      write_number (out, node->number);
      return;
    case DIF_JSON_STRING:
      write_string (out, node->string);
      return;
    case DIF_JSON_ARRAY:
    case DIF_JSON_OBJECT:
      break;
    }
  g_string_append_c (out, object ? '{' : '[');
  for (guint i = 0; i < node->children->len; i++)
    {
      const DifJson *child = g_ptr_array_index (node->children, i);

      if (i > 0)
        g_string_append (out, pretty ? "," : ", ");
      write_break (out, pretty, depth + 1);
      if (object)
        {
          write_string (out, child->key);
          g_string_append (out, ": ");
        }
      write_node (out, child, pretty, depth + 1);
    }
  if (node->children->len > 0)
    write_break (out, pretty, depth);
  g_string_append_c (out, object ? '}' : ']');
}

char *
dif_json_to_string (DifJson *node, gboolean pretty)
{
  GString *out = g_string_new (NULL);

  write_node (out, node, pretty, 0);
  if (pretty)
    g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}
