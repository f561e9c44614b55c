/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-prompt-weights.c - any bytes as a weighted prompt.
 *
 * What is promised: pieces that are not empty, neighbours of different weights,
 * weights within bounds; and that escaping what was read reads as the same.
 */
#include "fuzz/fuzz.h"
#include "text/prompt-weights.h"

#include <math.h>
#include <string.h>

/* A piece with its special letters escaped. */
static void
append_escaped (GString *s, const char *text)
{
  for (; *text; text++)
    {
      if (strchr ("()[]:\\", *text))
        g_string_append_c (s, '\\');
      g_string_append_c (s, *text);
    }
}

static void
check_escaped (const char *text)
{
  g_autoptr (GString) escaped = g_string_new (NULL);
  g_autoptr (GArray)  again   = NULL;

  append_escaped (escaped, text);
  again = dif_prompt_parse (escaped->str, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (again->len, ==, 1);
  g_assert_cmpstr (g_array_index (again, DifPromptPart, 0).text, ==, text);
  g_assert_cmpfloat (g_array_index (again, DifPromptPart, 0).weight, ==, 1);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autofree char   *text  = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) parts = dif_prompt_parse (text, &error);
  double             last  = NAN;
  gsize              total = 0;

  g_assert_true ((parts == NULL) == (error != NULL));
  for (guint i = 0; parts && i < parts->len; i++)
    {
      const DifPromptPart *part = &g_array_index (parts, DifPromptPart, i);

      g_assert_true (*part->text);
      g_assert_cmpfloat (fabs (part->weight), <=, DIF_PROMPT_MAX_WEIGHT);
      g_assert_true (part->weight != last);
      check_escaped (part->text);
      last = part->weight;
      total += strlen (part->text);
    }
  g_assert_cmpuint (total, <=, strlen (text));
  return 0;
}
