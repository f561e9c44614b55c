/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region-recipe.c - see region-recipe.h.
 *
 * A selection goes through zlib strip by strip, since the canvas may be large
 * and the selection is mostly of one value.
 */
#include "config.h"

#include "plugin/recipe.h"
#include "plugin/region-recipe.h"
#include "plugin/source.h"
#include "plugin/turned.h"

#define STRIP_ROWS 64

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
          DIF_RECIPE_MAX_PACKED)
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

/* The recipe's values; @size is the layer's, so that no more is taken than it has. */
static GeglBuffer *
unpack (DifJson *canvas, GimpImage *image, const DifRect *size)
{
  DifJson      *member = dif_json_member (canvas, "selection");
  const char   *words  = member != NULL ? dif_json_string (member, "format", "Y float") : "Y float";
  const Babl   *format = find_format (image, words);
  gsize         bytes  = (gsize) babl_format_get_bytes_per_pixel (format);
  GeglRectangle area   = { 0, 0, size->width, size->height };
  GeglBuffer   *buffer;

  g_autoptr (GBytes) values =
      dif_recipe_unpack (canvas, (gsize) size->width * (guint) size->height * bytes);

  if (values == NULL)
    return NULL;
  buffer = gegl_buffer_new (&area, format);
  gegl_buffer_set (buffer, &area, 0, format, g_bytes_get_data (values, NULL), GEGL_AUTO_ROWSTRIDE);
  return buffer;
}

GeglBuffer *
dif_region_selection (DifJson *canvas, GimpImage *image, const DifRect *size)
{
  if (! dif_json_has (canvas, "selection"))
    return NULL;
  if (dif_recipe_has_values (canvas))
    return unpack (canvas, image, size);
  dif_json_fail (canvas, DIF_FORMAT_ERROR_MISSING_KEY,
                 "expected the values of what was selected, found none: they were too many");
  return NULL;
}

/* The layer mask's values. */
static GeglBuffer *
copy_mask (DifJson *canvas, GimpLayer *layer, const DifRect *now)
{
  GimpLayerMask         *mask   = gimp_layer_get_mask (layer);
  g_autoptr (GeglBuffer) values = NULL;
  g_autofree char       *name   = NULL;
  g_autofree char       *shown  = NULL;
  GeglRectangle          area   = { 0, 0, now->width, now->height };
  GeglBuffer            *copy;
  DifRect                then;

  if (mask != NULL)
    values = gimp_drawable_get_buffer (GIMP_DRAWABLE (mask));
  if (values == NULL)
    {
      name  = gimp_item_get_name (GIMP_ITEM (layer));
      shown = dif_recipe_shown (name);
      dif_recipe_get_rect (canvas, "context", &then);
      dif_json_fail (canvas, DIF_FORMAT_ERROR_MISSING_KEY,
                     "expected \"%s\" to be %d x %d pixels, as when it was drawn, or to have a "
                     "layer mask, which tells what was selected; found %d x %d without one",
                     shown, then.width, then.height, now->width, now->height);
      return NULL;
    }
  copy = gegl_buffer_new (&area, gegl_buffer_get_format (values));
  gegl_buffer_copy (values, &area, GEGL_ABYSS_NONE, copy, &area);
  return copy;
}

static void
sample (GeglBuffer *values, const DifRect *size, float *row, float *grid)
{
  for (guint y = 0; y < DIF_TURNED_GRID; y++)
    {
      GeglRectangle line = { 0, (int) dif_turned_point (y, (guint) size->height), size->width, 1 };

      gegl_buffer_get (values, &line, 1.0, babl_format ("Y float"), row, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_NONE);
      for (guint x = 0; x < DIF_TURNED_GRID; x++)
        grid[y * DIF_TURNED_GRID + x] = row[dif_turned_point (x, (guint) size->width)];
    }
}

/* Whether the layer mask is the selection, flipped or turned. */
static gboolean
is_turned (GeglBuffer *selection, GimpLayer *layer, const DifRect *size)
{
  GimpLayerMask         *mask   = gimp_layer_get_mask (layer);
  g_autoptr (GeglBuffer) values = NULL;
  const gsize            n      = (gsize) DIF_TURNED_GRID * DIF_TURNED_GRID;
  g_autofree float      *then = g_new (float, n), *now = g_new (float, n);
  g_autofree float      *row = g_try_new (float, size->width);

  if (mask != NULL)
    values = gimp_drawable_get_buffer (GIMP_DRAWABLE (mask));
  if (values == NULL || row == NULL)
    return FALSE;
  sample (selection, size, row, then);
  sample (values, size, row, now);
  return dif_turned_is (then, now, size->width == size->height);
}

static gboolean
is_proportional (int width, int height, int new_width, int new_height)
{
  double scale = (double) new_width / width;

  return ABS (height * scale - new_height) <= 1.0 + scale / 2;
}

DifLayerFate
dif_region_fate (DifJson *canvas, GimpImage *image, const DifRect *now)
{
  DifJson *size   = dif_json_member (canvas, "image");
  int      width  = gimp_image_get_width (image);
  int      before = size != NULL ? (int) dif_json_int (size, "width", width, 1, G_MAXINT) : width;
  DifRect  then;
  double   scale, canvas_scale;

  dif_recipe_get_rect (canvas, "context", &then);
  if (then.width == now->width && then.height == now->height)
    return DIF_LAYER_KEPT;
  scale        = (double) now->width / then.width;
  canvas_scale = (double) width / before;
  if (! is_proportional (then.width, then.height, now->width, now->height))
    return DIF_LAYER_CHANGED;
  /* an image that was cropped is not scaled like its layer */
  if (width != before && ABS (canvas_scale - scale) > 2.0 / MIN (then.width, now->width))
    return DIF_LAYER_CHANGED;
  return DIF_LAYER_SCALED;
}

DifLayerFate
dif_region_from_json (DifJson *canvas, GimpImage *image, GimpLayer *layer, DifSavedRegion *saved)
{
  DifRect      now, then;
  DifLayerFate fate;

  dif_source_bounds (image, layer, &now);
  dif_recipe_get_rect (canvas, "context", &then);
  dif_recipe_get_rect (canvas, "target", &saved->target);
  fate           = dif_region_fate (canvas, image, &now);
  saved->context = now;
  if (dif_json_has (canvas, "selection") && fate == DIF_LAYER_KEPT &&
      dif_recipe_has_values (canvas))
    {
      saved->selection = unpack (canvas, image, &now);
      if (saved->selection != NULL && is_turned (saved->selection, layer, &now))
        {
          g_clear_object (&saved->selection);
          fate = DIF_LAYER_CHANGED;
        }
    }
  if (dif_json_has (canvas, "selection") && saved->selection == NULL)
    saved->selection = copy_mask (canvas, layer, &now);
  saved->target.x += now.x - then.x;
  saved->target.y += now.y - then.y;
  if (fate != DIF_LAYER_KEPT)
    saved->target = now;
  return fate;
}
