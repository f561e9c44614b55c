/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* archive.c - packed bytes: gzip, and one member of a zip archive.
 *
 * Invariant: nothing is read before its bounds are checked, and no more memory
 * is taken than the caller allows, whatever sizes the bytes state.
 */
#include "base/archive.h"

#include <string.h>

#include "base/error.h"

#define CHUNK (64u * 1024)

/* ---- inflating ---- */

static gboolean
fail (GError **error, int code, const char *name, const char *expected, const char *found)
{
  g_set_error (error, DIF_FORMAT_ERROR, code, "%s: expected %s, found %s", name, expected, found);
  return FALSE;
}

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

static GBytes *
inflate (const guint8 *data, gsize length, GZlibCompressorFormat format, const char *name,
         gsize max_bytes, GError **error)
{
  g_autoptr (GConverter) inflater = G_CONVERTER (g_zlib_decompressor_new (format));
  g_autofree guint8     *buffer   = NULL;
  gsize                  size = 0, used = 0, read, written;
  GConverterResult       result = G_CONVERTER_CONVERTED;

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
          fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "packed data", "something else or its end");
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

GBytes *
dif_gunzip (GBytes *packed, const char *name, gsize max_bytes, GError **error)
{
  gsize         length;
  const guint8 *data = g_bytes_get_data (packed, &length);

  return inflate (data, length, G_ZLIB_COMPRESSOR_FORMAT_GZIP, name, max_bytes, error);
}

/* ---- zip ---- */

#define END_SIZE     22u
#define CENTRAL_SIZE 46u
#define LOCAL_SIZE   30u
#define MAX_COMMENT  65535u

static guint
get16 (const guint8 *p)
{
  return p[0] | (guint) p[1] << 8;
}

static guint32
get32 (const guint8 *p)
{
  return get16 (p) | (guint32) get16 (p + 2) << 16;
}

/* A member as the central directory has it. */
typedef struct
{
  guint   flags, method;
  guint32 crc, packed, size, at;
} Member;

static guint32
crc32_of (const guint8 *data, gsize n)
{
  guint32 crc = 0xffffffff;

  for (gsize i = 0; i < n; i++)
    {
      crc ^= data[i];
      for (guint bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
  return ~crc;
}

/* Where the end record begins; NULL if there is none. */
static const guint8 *
find_end (const guint8 *data, gsize size)
{
  for (gsize back = END_SIZE; back <= size && back <= END_SIZE + MAX_COMMENT; back++)
    {
      const guint8 *p = data + size - back;

      if (memcmp (p, "PK\5\6", 4) == 0 && get16 (p + 20) == back - END_SIZE)
        return p;
    }
  return NULL;
}

/* Finds @suffix in the central directory of @n entries in [p, end). */
static gboolean
find_member (const guint8 *p, const guint8 *end, guint n, const char *suffix, const char *name,
             Member *member, GError **error)
{
  gsize length = strlen (suffix);

  for (guint i = 0; i < n; i++)
    {
      gsize name_length, all;

      if ((gsize) (end - p) < CENTRAL_SIZE || memcmp (p, "PK\1\2", 4) != 0)
        return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "an entry of a zip directory",
                     "something else");
      name_length = get16 (p + 28);
      all         = CENTRAL_SIZE + name_length + get16 (p + 30) + get16 (p + 32);
      if ((gsize) (end - p) < all)
        return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a whole entry of a zip directory",
                     "its end");
      if (name_length >= length &&
          memcmp (p + CENTRAL_SIZE + name_length - length, suffix, length) == 0)
        {
          member->flags  = get16 (p + 8);
          member->method = get16 (p + 10);
          member->crc    = get32 (p + 16);
          member->packed = get32 (p + 20);
          member->size   = get32 (p + 24);
          member->at     = get32 (p + 42);
          return TRUE;
        }
      p += all;
    }
  return fail (error, DIF_FORMAT_ERROR_MISSING_KEY, name, suffix, "no such member");
}

static GBytes *
extract (const guint8 *data, gsize size, const Member *m, const char *name, gsize max_bytes,
         GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  const guint8      *local, *contents;
  gsize              skip, found;

  if (m->flags & 1 || (m->method != 0 && m->method != 8))
    return fail (error, DIF_FORMAT_ERROR_UNSUPPORTED, name, "a stored or deflated member",
                 m->flags & 1 ? "an encrypted one" : "another method"),
           NULL;
  if (m->at > size || size - m->at < LOCAL_SIZE || memcmp (data + m->at, "PK\3\4", 4) != 0)
    return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a zip member's header", "none"), NULL;
  local = data + m->at;
  skip  = LOCAL_SIZE + get16 (local + 26) + get16 (local + 28);
  if (size - m->at < skip || size - m->at - skip < m->packed)
    return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a whole member", "its end"), NULL;
  if (m->size > max_bytes)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected a member of at most %" G_GSIZE_FORMAT " bytes, found %u", name,
                   max_bytes, m->size);
      return NULL;
    }
  bytes = m->method == 0 ? g_bytes_new (local + skip, m->packed)
                         : inflate (local + skip, m->packed, G_ZLIB_COMPRESSOR_FORMAT_RAW, name,
                                    m->size, error);
  if (! bytes)
    return NULL;
  contents = g_bytes_get_data (bytes, &found);
  if (found != m->size || crc32_of (contents, found) != m->crc)
    return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a member of the stated size and check sum",
                 "others"),
           NULL;
  return g_steal_pointer (&bytes);
}

GBytes *
dif_unzip (GBytes *archive, const char *name, const char *suffix, gsize max_bytes, GError **error)
{
  gsize         size;
  const guint8 *data = g_bytes_get_data (archive, &size);
  const guint8 *end  = data ? find_end (data, size) : NULL;
  Member        member;
  guint32       at, length;

  if (! end)
    return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a zip archive", "no end record"), NULL;
  length = get32 (end + 12);
  at     = get32 (end + 16);
  if (get16 (end + 4) || get16 (end + 6) || get16 (end + 8) != get16 (end + 10) ||
      at == 0xffffffff || get16 (end + 10) == 0xffff)
    return fail (error, DIF_FORMAT_ERROR_UNSUPPORTED, name, "one plain zip archive",
                 "zip64 or several volumes"),
           NULL;
  if (at > (gsize) (end - data) || length > (gsize) (end - data) - at)
    return fail (error, DIF_FORMAT_ERROR_CORRUPT, name, "a zip directory", "its end"), NULL;
  if (! find_member (data + at, data + at + length, get16 (end + 10), suffix, name, &member, error))
    return NULL;
  return extract (data, size, &member, name, max_bytes, error);
}
