/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-import.c - any bytes as what a vocabulary comes in: a list, packed or not, JSON. */
#include <string.h>

#include "base/gunzip.h"
#include "fuzz/fuzz.h"
#include "text/import.h"

#define MAX_BYTES (1u << 20)

static const FuzzFile files[] = {
  { 'w', "open_clip.whl" },
  { 'j', "tokenizer.json" },
};

static void
check (GBytes *bytes, const GError *error)
{
  g_assert_true ((bytes == NULL) == (error != NULL));
  if (error)
    g_assert_null (strchr (error->message, '\n'));
  else
    g_assert_cmpuint (g_bytes_get_size (bytes), <=, MAX_BYTES);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GBytes) bytes  = g_bytes_new_static (data, size);
  g_autoptr (GError) gzip   = NULL;
  g_autoptr (GBytes) plain  = dif_gunzip (bytes, "fuzz.gz", MAX_BYTES, &gzip);
  const char        *folder = fuzz_write_files (data, size, files, G_N_ELEMENTS (files));
  g_autofree char   *target = g_build_filename (folder, "clip", NULL);

  check (plain, gzip);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char   *from  = g_build_filename (folder, files[i].name, NULL);
      g_autoptr (GError) error = NULL;

      if (! dif_tokenizer_import (from, target, NULL, &error))
        {
          g_assert_nonnull (error);
          g_assert_null (strchr (error->message, '\n'));
        }
    }
  return 0;
}
