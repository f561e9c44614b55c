/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* gunzip.c - gzip's bytes unpacked by GLib, in no more memory than the caller allows. */
#include "base/gunzip.h"

#include "base/error.h"

#define CHUNK (64u * 1024)

/* Makes room for one chunk more; FALSE when memory runs out. */
static gboolean
make_room (guint8 **buffer, gsize used, gsize *size)
{
  guint8 *larger;

  if (*size - used >= CHUNK)
    return TRUE;
  *size += MAX (*size, CHUNK);
  larger = g_try_realloc (*buffer, *size);
  if (! larger)
    return FALSE;
  *buffer = larger;
  return TRUE;
}

GBytes *
dif_gunzip (GBytes *packed, const char *name, gsize max_bytes, GError **error)
{
  g_autoptr (GConverter) inflater =
      G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  g_autofree guint8 *buffer = NULL;
  gsize              length, size = 0, used = 0, read, written;
  const guint8      *data   = g_bytes_get_data (packed, &length);
  GConverterResult   result = G_CONVERTER_CONVERTED;

  while (result != G_CONVERTER_FINISHED)
    {
      if (! make_room (&buffer, used, &size))
        {
          g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "%s: no memory to unpack it", name);
          return NULL;
        }
      result = g_converter_convert (inflater, data, length, buffer + used, size - used,
                                    G_CONVERTER_INPUT_AT_END, &read, &written, NULL);
      if (result == G_CONVERTER_ERROR)
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                       "%s: expected packed data, found something else or its end", name);
          return NULL;
        }
      data += read;
      length -= read;
      used += written;
      if (used > max_bytes)
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                       "%s: expected at most %" G_GSIZE_FORMAT " bytes when unpacked, found more",
                       name, max_bytes);
          return NULL;
        }
    }
  return g_bytes_new_take (g_steal_pointer (&buffer), used);
}
