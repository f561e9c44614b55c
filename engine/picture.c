/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* picture.c - see picture.h. */
#include "config.h"

#include <math.h>

#include "engine/picture.h"

#define MAX_CHANNELS 4

static gboolean
out_of_memory (guint width, guint height, GError **error)
{
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory: a picture of %u x %u pixels", width, height);
  return FALSE;
}

GBytes *
dif_picture_pack (DifImage *image, DifJson *header, GError **error)
{
  gboolean     is_8bit = dif_image_is_8bit (image);
  guint        width = dif_image_width (image), height = dif_image_height (image);
  gsize        n      = (gsize) width * height * dif_image_channels (image);
  gsize        size   = is_8bit ? n : n * sizeof (float);
  const float *values = dif_image_pixels (image);
  guint8      *bytes;

  if (width > DIF_ENGINE_MAX_SIDE || height > DIF_ENGINE_MAX_SIDE || size > DIF_FRAME_MAX_PAYLOAD)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "engine message: expected a picture of at most %u bytes, found %u x %u pixels",
                   DIF_FRAME_MAX_PAYLOAD, width, height);
      return NULL;
    }
  dif_json_set_double (header, "width", width);
  dif_json_set_double (header, "height", height);
  dif_json_set_double (header, "channels", dif_image_channels (image));
  dif_json_set_string (header, "format", is_8bit ? "u8" : "f32");
  if (! is_8bit)
    return g_bytes_new_with_free_func (values, size, (GDestroyNotify) dif_image_unref,
                                       dif_image_ref (image));
  bytes = g_try_malloc (size);
  if (bytes == NULL)
    {
      out_of_memory (width, height, error);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) rintf (values[i] * 255.0f);
  return g_bytes_new_take (bytes, size);
}

/* Floats of @channels a pixel, of which @n_kept are kept. */
static DifImage *
from_floats (guint width, guint height, guint channels, guint n_kept, const float *values)
{
  gsize             n    = (gsize) width * height;
  g_autofree float *kept = NULL;

  if (channels == n_kept)
    return dif_image_new (width, height, channels, values);
  kept = g_try_new (float, n *n_kept);
  if (kept == NULL)
    return NULL;
  for (gsize i = 0; i < n; i++)
    {
      for (guint c = 0; c < n_kept; c++)
        kept[i * n_kept + c] = values[i * channels + c];
    }
  return dif_image_new (width, height, n_kept, kept);
}

DifImage *
dif_picture_unpack (DifFrame *frame, GError **error)
{
  DifJson      *header   = frame->header;
  guint         width    = (guint) dif_json_require_int (header, "width", 1, DIF_ENGINE_MAX_SIDE);
  guint         height   = (guint) dif_json_require_int (header, "height", 1, DIF_ENGINE_MAX_SIDE);
  guint         channels = (guint) dif_json_require_int (header, "channels", 1, MAX_CHANNELS);
  const char   *format   = dif_json_string (header, "format", "");
  gboolean      is_float = g_str_equal (format, "f32");
  guint         n_kept   = channels >= 3 ? 3 : 1;
  gsize         size     = (gsize) width * height * channels * (is_float ? sizeof (float) : 1);
  gsize         found    = frame->payload != NULL ? g_bytes_get_size (frame->payload) : 0;
  gconstpointer pixels;
  DifImage     *image;

  if (! dif_json_finish (header, error))
    return NULL;
  if (size == 0 || size != found || (! is_float && ! g_str_equal (format, "u8")))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "engine message: expected %u x %u pixels of %u channels as u8 or f32, found "
                   "%" G_GSIZE_FORMAT " bytes of \"%s\"",
                   width, height, channels, found, format);
      return NULL;
    }
  pixels = g_bytes_get_data (frame->payload, NULL);
  if (is_float)
    image = from_floats (width, height, channels, n_kept, pixels);
  else
    image = dif_image_new_8bit (width, height, n_kept, pixels, (gsize) width * channels, channels);
  if (image == NULL)
    out_of_memory (width, height, error);
  return image;
}
