/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-presets.c - any bytes as a model's dif.json, and a prompt that it is asked about.
 *
 * What passes the check holds no number that a run could not bear.
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "fuzz/fuzz.h"
#include "pipelines/presets.h"

static const char *const parts[] = { "unet", "scheduler", NULL };

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError)  error   = NULL;
  g_autoptr (DifJson) presets = dif_json_parse ((const char *) data, size, "dif.json", &error);
  g_autofree char    *prompt  = g_strndup ((const char *) data, size);
  g_autofree char    *unknown = NULL;
  double              steps, guidance, strength;

  if (! presets || ! dif_presets_check (presets, parts, &error))
    {
      g_assert_null (strchr (error->message, '\n'));
      return 0;
    }
  steps    = dif_json_double (presets, "steps", 1);
  guidance = dif_json_double (presets, "guidance-scale", 1);
  strength = dif_json_double (presets, "strength", 1);
  g_assert_true (steps >= 1 && steps <= 1000 && steps == floor (steps));
  g_assert_true (guidance >= 0 && guidance <= 100);
  g_assert_true (strength >= 0 && strength <= 1);
  g_assert_true (dif_presets_about (presets) == NULL ||
                 strlen (dif_presets_about (presets)) <= 1000);
  unknown = dif_presets_unknown_words (presets, prompt);
  g_assert_true (unknown == NULL || (*unknown && g_utf8_validate (unknown, -1, NULL) &&
                                     strlen (unknown) < 2000));
  g_assert_true (dif_json_finish (presets, NULL));
  return 0;
}
