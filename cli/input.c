/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* input.c - pictures from files. */
#include <errno.h>

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "input.h"

static GdkPixbuf *
load (const char *path, GError **error)
{
  g_autoptr (GdkPixbuf) stored = NULL;
  int                   width, height;

  if (gdk_pixbuf_get_file_info (path, &width, &height) &&
      (width > DIF_IMAGE_MAX_SIDE || height > DIF_IMAGE_MAX_SIDE))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected sides of at most %d pixels, found %d x %d", path,
                   DIF_IMAGE_MAX_SIDE, width, height);
      return NULL;
    }
  stored = gdk_pixbuf_new_from_file (path, error);
  if (! stored)
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return gdk_pixbuf_apply_embedded_orientation (stored);
}

DifImage *
cli_input_image (const char *path, GError **error)
{
  g_autoptr (GdkPixbuf) pixbuf = load (path, error);
  DifImage             *image;

  if (! pixbuf)
    return NULL;
  image = dif_image_new_8bit ((guint) gdk_pixbuf_get_width (pixbuf),
                              (guint) gdk_pixbuf_get_height (pixbuf), 3,
                              gdk_pixbuf_read_pixels (pixbuf),
                              (gsize) gdk_pixbuf_get_rowstride (pixbuf),
                              (guint) gdk_pixbuf_get_n_channels (pixbuf));
  if (! image)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "%s: %s", path, g_strerror (ENOMEM));
  return image;
}
