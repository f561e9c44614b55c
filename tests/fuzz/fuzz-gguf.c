/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-gguf.c - any bytes as a GGUF file; every number of what is accepted is read. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "formats/gguf.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GBytes)     bytes = g_bytes_new_static (data, size);
  g_autoptr (DifWeights) w     = dif_weights_new ("fuzz");
  g_autoptr (GPtrArray)  names = NULL;
  g_autoptr (GError)     error = NULL;

  if (! dif_gguf_read_bytes (bytes, "fuzz", w, NULL, NULL, &error))
    {
      g_assert_nonnull (error);
      g_assert_null (strchr (error->message, '\n'));
    }
  names = dif_weights_names (w);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree float *all = dif_host_to_f32 (dif_weights_lookup (w, names->pdata[i]), NULL);

      g_assert_nonnull (all);
    }
  return 0;
}
