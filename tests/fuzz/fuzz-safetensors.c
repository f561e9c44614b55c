/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-safetensors.c - any bytes as safetensors: what is accepted can be read. */
#include "formats/safetensors.h"
#include "fuzz/fuzz.h"

#include <string.h>

static char *
want_half (const char *name, gpointer user_data)
{
  return strlen (name) % 2 ? g_strdup (name) : NULL;
}

static void
read_all (DifWeights *weights, const guint8 *data, gsize size)
{
  g_autoptr (GPtrArray) names = dif_weights_names (weights);
  guint                 sum   = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const DifHostArray *array = dif_weights_lookup (weights, g_ptr_array_index (names, i));
      const guint8       *begin = array->data;
      gsize               bytes;

      g_assert_true (dif_host_bytes (array, &bytes));
      g_assert_true (begin >= data + 8 && bytes <= size && begin <= data + size - bytes);
      for (gsize k = 0; k < bytes; k++)
        sum += begin[k];
    }
  g_assert_cmpuint (sum, <=, G_MAXUINT);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GBytes)     bytes   = g_bytes_new_static (data, size);
  g_autoptr (DifWeights) all     = dif_weights_new ("fuzz");
  g_autoptr (DifWeights) half    = dif_weights_new ("fuzz");
  g_autoptr (GError)     error   = NULL;
  g_autoptr (GPtrArray)  nothing = NULL;

  if (dif_safetensors_read_bytes (bytes, "fuzz.safetensors", all, NULL, NULL, &error))
    {
      g_assert_no_error (error);
      read_all (all, data, size);
    }
  else
    {
      g_assert_nonnull (error);
      g_assert_null (strchr (error->message, '\n'));
      nothing = dif_weights_names (all);
      g_assert_cmpuint (nothing->len, ==, 0);
    }
  if (dif_safetensors_read_bytes (bytes, "fuzz.safetensors", half, want_half, NULL, NULL))
    read_all (half, data, size);
  return 0;
}
