/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region-recipe.c - see region-recipe.h.
 *
 * A selection goes through zlib strip by strip, since the canvas may be large
 * and the selection is mostly of one value.
 */
#include "config.h"

#include "plugin/recipe.h"
#include "plugin/region-recipe.h"

#define STRIP_ROWS 64

/* Encodings that selections have; anything else in a recipe is damage. */
static const char *const encodings[] = { "Y u8", "Y' u8", "Y u16", "Y' u16",
                                         "Y u32", "Y' u32", "Y half", "Y' half",
                                         "Y float", "Y' float", "Y double", "Y' double",
                                         NULL };

/* Copies a strip between the selection and a stream. */
typedef gboolean (*StripFunc) (GeglBuffer *selection, const GeglRectangle *part, guint8 *strip,
                               gsize n, gpointer stream);

static gboolean
for_each_strip (GeglBuffer *selection, StripFunc func, gpointer stream)
{
  const GeglRectangle *all    = gegl_buffer_get_extent (selection);
  const Babl          *format = gegl_buffer_get_format (selection);
  gsize                bytes  = (gsize) babl_format_get_bytes_per_pixel (format);
  gsize                stride = (gsize) all->width * bytes;
  g_autofree guint8   *strip  = g_try_malloc (stride * STRIP_ROWS);

  for (int y = 0; strip != NULL && y < all->height; y += STRIP_ROWS)
    {
      int           n_rows = MIN (STRIP_ROWS, all->height - y);
      GeglRectangle part   = { all->x, all->y + y, all->width, n_rows };

      if (! func (selection, &part, strip, stride * (guint) n_rows, stream))
        return FALSE;
    }
  return strip != NULL;
}

/* ---- writing ---- */

static gboolean
write_strip (GeglBuffer *selection, const GeglRectangle *part, guint8 *strip, gsize n,
             gpointer stream)
{
  gegl_buffer_get (selection, part, 1.0, NULL, strip, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  return g_output_stream_write_all (stream, strip, n, NULL, NULL, NULL);
}

/* Returns: (nullable): what the selection packs into; NULL if that is too much */
static GBytes *
pack (GeglBuffer *selection)
{
  g_autoptr (GZlibCompressor) zlib   = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, -1);
  g_autoptr (GOutputStream)   memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream)   packed = g_converter_output_stream_new (memory, G_CONVERTER (zlib));

  if (! for_each_strip (selection, write_strip, packed) ||
      ! g_output_stream_close (packed, NULL, NULL) ||
      g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)) >
          DIF_SELECTION_MAX_PACKED)
    return NULL;
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

void
dif_region_to_json (const DifRegion *region, DifJson *canvas)
{
  g_autoptr (DifJson) member = dif_json_new_object ("selection");
  g_autoptr (GBytes)  packed = NULL;

  dif_recipe_set_rect (canvas, "context", &region->context);
  dif_recipe_set_rect (canvas, "target", &region->target);
  if (region->source != NULL)
    dif_recipe_name_item (canvas, "layer", GIMP_DRAWABLE (region->source));
  if (region->selection == NULL)
    return;
  packed = pack (region->selection);
  dif_json_set_string (member, "format",
                       babl_format_get_encoding (gegl_buffer_get_format (region->selection)));
  if (packed != NULL)
    {
      gsize            n    = 0;
      gconstpointer    data = g_bytes_get_data (packed, &n);
      g_autofree char *text = g_base64_encode (data, n);

      dif_json_set_string (member, "zlib", text);
    }
  dif_json_set_copy (canvas, "selection", member);
}

/* ---- reading ---- */

static gboolean
read_strip (GeglBuffer *selection, const GeglRectangle *part, guint8 *strip, gsize n,
            gpointer stream)
{
  gsize n_read = 0;

  if (! g_input_stream_read_all (stream, strip, n, &n_read, NULL, NULL) || n_read != n)
    return FALSE;
  gegl_buffer_set (selection, part, 0, NULL, strip, GEGL_AUTO_ROWSTRIDE);
  return TRUE;
}

/* Fills @selection; FALSE if there are more or fewer bytes than that. */
static gboolean
read_strips (GInputStream *from, GeglBuffer *selection)
{
  guint8 more;

  return for_each_strip (selection, read_strip, from) &&
         g_input_stream_read (from, &more, 1, NULL, NULL) == 0;
}

/* In the format of the image's own selection if that is encoded the same way, so that values
 * are copied as they are. */
static const Babl *
find_format (GimpImage *image, const char *encoding)
{
  GimpSelection         *selection = gimp_image_get_selection (image);
  g_autoptr (GeglBuffer) values    = gimp_drawable_get_buffer (GIMP_DRAWABLE (selection));
  const Babl            *format    = values != NULL ? gegl_buffer_get_format (values) : NULL;

  if (format != NULL && g_str_equal (babl_format_get_encoding (format), encoding))
    return format;
  return babl_format (encoding);
}

static GeglBuffer *
unpack (DifJson *member, GimpImage *image, const DifRect *size)
{
  const char                   *encoding = dif_json_string (member, "format", "");
  const char                   *text     = dif_json_string (member, "zlib", NULL);
  g_autoptr (GZlibDecompressor) zlib     = NULL;
  g_autoptr (GInputStream)      memory = NULL, unpacked = NULL;
  g_autoptr (GeglBuffer)        values = NULL;
  GeglRectangle                 area   = { 0, 0, size->width, size->height };
  gsize                         n      = 0;
  guchar                       *packed;

  if (! g_strv_contains (encodings, encoding) || text == NULL)
    {
      dif_json_fail (member, DIF_FORMAT_ERROR_BAD_VALUE,
                     "expected values of a selection, found %s",
                     text == NULL ? "that they were too many to keep" : encoding);
      return NULL;
    }
  packed   = g_base64_decode (text, &n);
  memory   = g_memory_input_stream_new_from_data (packed, (gssize) n, g_free);
  zlib     = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
  unpacked = g_converter_input_stream_new (memory, G_CONVERTER (zlib));
  values   = gegl_buffer_new (&area, find_format (image, encoding));
  if (! read_strips (unpacked, values))
    {
      dif_json_fail (member, DIF_FORMAT_ERROR_CORRUPT,
                     "expected %d x %d values of a selection, found something else", size->width,
                     size->height);
      return NULL;
    }
  return g_steal_pointer (&values);
}

void
dif_region_from_json (DifJson *canvas, GimpImage *image, DifAgain *again)
{
  DifJson *member = dif_json_member (canvas, "selection");

  dif_recipe_get_rect (canvas, "context", &again->context);
  dif_recipe_get_rect (canvas, "target", &again->target);
  if (member != NULL)
    again->selection = unpack (member, image, &again->context);
}
