/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-json.c - any bytes as JSON: parsed, walked, written and read again. */
#include "base/json.h"
#include "fuzz/fuzz.h"

#include <string.h>

static void
walk (DifJson *node)
{
  dif_json_value_int (node, -5, 5);
  dif_json_value_int (node, G_MININT64, G_MAXINT64);
  dif_json_value_double (node);
  dif_json_value_bool (node);
  dif_json_value_string (node);
  dif_json_finish (node, NULL);
  for (guint i = 0; i < dif_json_length (node); i++)
    {
      DifJson    *child = dif_json_at (node, i);
      const char *key   = dif_json_key (child);

      if (key)
        {
          DifJson *found = dif_json_member (node, key);

          g_assert_true (found == (dif_json_type (child) == DIF_JSON_NULL ? NULL : child));
        }
      walk (child);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError)  error  = NULL;
  g_autoptr (DifJson) json   = dif_json_parse ((const char *) data, size, "fuzz.json", &error);
  g_autoptr (DifJson) again  = NULL;
  g_autofree char    *first  = NULL;
  g_autofree char    *second = NULL;

  g_assert_true ((json == NULL) == (error != NULL));
  if (! json)
    {
      g_assert_null (strchr (error->message, '\n'));
      return 0;
    }
  walk (json);
  first = dif_json_to_string (json, size % 2);
  again = dif_json_parse (first, strlen (first), "again.json", &error);
  g_assert_no_error (error);
  second = dif_json_to_string (again, size % 2);
  g_assert_cmpstr (first, ==, second);
  return 0;
}
