/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safetensors-write.c - safetensors files that appear whole or not at all.
 *
 * A target that exists and is no regular file (a pipe, /dev/full) is
 * written directly: replacing it by a file is never what was meant.
 */
#include "formats/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/new-file.h"

struct _DifSafetensorsWriter
{
  GString *header; /* members declared so far, without the braces */
  guint64  size;   /* bytes of all tensors declared */
  guint64  done;   /* bytes put */
  char    *name;   /* the path as given, for messages */
  gboolean overflow;

  DifNewFile *file; /* NULL when written directly */
  int         fd;
};

DifSafetensorsWriter *
dif_safetensors_writer_new (void)
{
  DifSafetensorsWriter *w = g_new0 (DifSafetensorsWriter, 1);

  w->header = g_string_new (NULL);
  w->fd     = -1;
  return w;
}

/* Drops the file as far as it is there; the declarations stay. */
static void
discard (DifSafetensorsWriter *w)
{
  if (! w->file && w->fd >= 0)
    close (w->fd);
  w->fd = -1;
  g_clear_pointer (&w->file, dif_new_file_drop);
}

void
dif_safetensors_writer_free (DifSafetensorsWriter *w)
{
  if (! w)
    return;
  discard (w);
  g_string_free (w->header, TRUE);
  g_free (w->name);
  g_free (w);
}

void
dif_safetensors_writer_declare (DifSafetensorsWriter *w, const char *name, DifDtype dtype,
                                const DifShape *shape)
{
  static const char *const names[] = { [DIF_F32]  = "F32",
                                       [DIF_BF16] = "BF16",
                                       [DIF_F16]  = "F16",
                                       [DIF_I32]  = "I32",
                                       [DIF_I64]  = "I64" };
  g_autofree char         *key     = dif_json_quote (name);
  g_autofree char         *dims    = dif_shape_to_string (shape);
  gsize                    bytes;
  guint64                  end;

  if (! dif_shape_bytes (shape, dtype, &bytes) || ! g_uint64_checked_add (&end, w->size, bytes))
    {
      w->overflow = TRUE;
      return;
    }
  g_string_append_printf (w->header,
                          "%s%s:{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%" G_GUINT64_FORMAT
                          ",%" G_GUINT64_FORMAT "]}",
                          w->header->len > 0 ? "," : "", key, names[dtype], dims, w->size, end);
  w->size = end;
}

static gboolean
fail_errno (DifSafetensorsWriter *w, int code, GError **error)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: cannot write: %s", w->name,
               g_strerror (code));
  discard (w);
  return FALSE;
}

static gboolean
write_all (DifSafetensorsWriter *w, const void *data, gsize bytes, GError **error)
{
  const char *p = data;

  while (bytes > 0)
    {
      gssize n = write (w->fd, p, MIN (bytes, (gsize) 1 << 30));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail_errno (w, errno, error);
      p += n;
      bytes -= (gsize) n;
    }
  return TRUE;
}

static gboolean
write_header (DifSafetensorsWriter *w, GError **error)
{
  g_autoptr (GString) text = g_string_new ("{");
  guint64             length;

  g_string_append (text, w->header->str);
  g_string_append_c (text, '}');
  /* The format's own writer aligns the data to 8 bytes with blanks. */
  while (text->len % 8 != 0)
    g_string_append_c (text, ' ');
  length = GUINT64_TO_LE ((guint64) text->len);
  return write_all (w, &length, sizeof length, error) && write_all (w, text->str, text->len, error);
}

gboolean
dif_safetensors_writer_open (DifSafetensorsWriter *w, const char *path, GError **error)
{
  struct stat      st;
  g_autofree char *real = NULL;

  g_return_val_if_fail (w->fd < 0 && ! w->name, FALSE);
  w->name = g_strdup (path);
  if (w->overflow)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected tensors whose bytes can be counted, found an overflow", path);
      return FALSE;
    }
  if (stat (path, &st) == 0)
    {
      if (S_ISDIR (st.st_mode))
        return fail_errno (w, EISDIR, error);
      if (! S_ISREG (st.st_mode))
        {
          w->fd = open (path, O_WRONLY | O_CLOEXEC);
          return w->fd < 0 ? fail_errno (w, errno, error) : write_header (w, error);
        }
      real = realpath (path, NULL);
    }
  w->file = dif_new_file_open (real ? real : path);
  if (! w->file)
    return fail_errno (w, errno, error);
  w->fd = dif_new_file_fd (w->file);
  return write_header (w, error);
}

gboolean
dif_safetensors_writer_put (DifSafetensorsWriter *w, const void *data, gsize bytes, GError **error)
{
  g_return_val_if_fail (w->fd >= 0 && bytes <= w->size - w->done, FALSE);
  w->done += bytes;
  return write_all (w, data, bytes, error);
}

gboolean
dif_safetensors_writer_close (DifSafetensorsWriter *w, GError **error)
{
  int failed;

  g_return_val_if_fail (w->fd >= 0 && w->done == w->size, FALSE);
  if (w->file)
    failed = dif_new_file_finish (g_steal_pointer (&w->file));
  else
    failed = close (w->fd) != 0 ? errno : 0;
  w->fd = -1;
  return ! failed || fail_errno (w, failed, error);
}
