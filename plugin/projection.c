/* SPDX-License-Identifier: GPL-3.0-or-later */
/* projection.c - see projection.h.
 *
 * A part of an image is seen in a copy whose canvas is that part: GIMP would compute the whole
 * projection otherwise.  A layer with effects or a mask is seen alone in an image of its own.
 */
#include "config.h"

#include <string.h>

#include "plugin/canvas.h"
#include "plugin/projection.h"

#include <glib/gi18n-lib.h>

#define STRIP_ROWS 64

void
dif_projection_free (DifProjection *projection)
{
  if (projection == NULL)
    return;
  g_clear_object (&projection->buffer);
  if (projection->layer != NULL)
    gimp_item_delete (GIMP_ITEM (projection->layer));
  if (projection->copy != NULL)
    gimp_image_delete (projection->copy);
  g_free (projection);
}

static gpointer
cannot_read (const char *format, GError **error)
{
  dif_canvas_set_error (format, error);
  return NULL;
}

/* Color components that an image has, as far as GIMP says: it denies a gray one's alpha. */
static GArray *
components (GimpImage *image)
{
  static const GimpChannelType color[] = { GIMP_CHANNEL_RED, GIMP_CHANNEL_GREEN,
                                           GIMP_CHANNEL_BLUE, GIMP_CHANNEL_ALPHA };
  static const GimpChannelType gray[]  = { GIMP_CHANNEL_GRAY };
  GArray                      *found   = g_array_new (FALSE, FALSE, sizeof (GimpChannelType));

  if (gimp_image_get_base_type (image) == GIMP_GRAY)
    return g_array_append_vals (found, gray, G_N_ELEMENTS (gray));
  return g_array_append_vals (found, color, G_N_ELEMENTS (color));
}

/* Whether an image shows something that flattening does not see. */
static gboolean
shows_more (GimpImage *image)
{
  g_autofree GimpChannel **channels = gimp_image_get_channels (image);
  g_autoptr (GArray)       kinds    = components (image);

  for (guint i = 0; channels != NULL && channels[i] != NULL; i++)
    {
      if (gimp_item_get_visible (GIMP_ITEM (channels[i])))
        return TRUE;
    }
  for (guint i = 0; i < kinds->len; i++)
    {
      if (! gimp_image_get_component_visible (image, g_array_index (kinds, GimpChannelType, i)))
        return TRUE;
    }
  return FALSE;
}

/* Channels are removed, because the eye of one may be locked. */
static gboolean
show_no_more (GimpImage *copy)
{
  g_autofree GimpChannel **channels = gimp_image_get_channels (copy);
  g_autoptr (GArray)       kinds    = components (copy);

  for (guint i = 0; channels != NULL && channels[i] != NULL; i++)
    {
      if (! gimp_image_remove_channel (copy, channels[i]))
        return FALSE;
    }
  for (guint i = 0; i < kinds->len; i++)
    {
      if (! gimp_image_set_component_visible (copy, g_array_index (kinds, GimpChannelType, i),
                                              TRUE))
        return FALSE;
    }
  return TRUE;
}

/* The layer that shows what @image shows, whose canvas begins at (x, y) of the area's. */
static DifProjection *
look (GimpImage *image, int x, int y, DifProjection *projection)
{
  projection->layer = gimp_layer_new_from_visible (image, image, "visible");
  if (projection->layer != NULL)
    projection->buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (projection->layer));
  projection->x = x;
  projection->y = y;
  if (projection->buffer != NULL)
    return projection;
  dif_projection_free (projection);
  return NULL;
}

DifProjection *
dif_projection_of_image (GimpImage *image, const DifRect *area, GError **error)
{
  DifProjection *projection = g_new0 (DifProjection, 1);
  int            x = 0, y = 0;
  gboolean       is_whole = area->x == 0 && area->y == 0 &&
                      area->width == gimp_image_get_width (image) &&
                      area->height == gimp_image_get_height (image);

  if (! is_whole || shows_more (image))
    {
      projection->copy = gimp_image_duplicate (image);
      image            = projection->copy;
      x                = area->x;
      y                = area->y;
      if (image == NULL || ! gimp_image_undo_disable (image) || ! show_no_more (image) ||
          ! gimp_image_resize (image, area->width, area->height, -x, -y))
        {
          dif_projection_free (projection);
          return cannot_read (_ ("GIMP could not read the image: %s"), error);
        }
    }
  projection = look (image, x, y, projection);
  return projection != NULL ? projection
                            : cannot_read (_ ("GIMP could not read the image: %s"), error);
}

/* ---- a layer by itself ---- */

static gboolean
has_effects (GimpDrawable *drawable)
{
  g_autofree GimpDrawableFilter **effects = gimp_drawable_get_filters (drawable);

  return effects != NULL && effects[0] != NULL;
}

/* Whether a layer looks otherwise than its own pixels. */
static gboolean
is_changed (GimpLayer *layer)
{
  return has_effects (GIMP_DRAWABLE (layer)) ||
         (gimp_layer_get_mask (layer) != NULL && gimp_layer_get_apply_mask (layer));
}

/* An image like that of @layer, with a canvas that is @area, and the layer alone in it. */
static GimpImage *
image_of_layer (GimpLayer *layer, const DifRect *area)
{
  GimpImage *own  = gimp_item_get_image (GIMP_ITEM (layer));
  GimpImage *copy = gimp_image_new_with_precision (area->width, area->height,
                                                   gimp_image_get_base_type (own),
                                                   gimp_image_get_precision (own));
  GimpLayer *twin = NULL;
  int        x = 0, y = 0;

  g_autoptr (GimpColorProfile) profile = gimp_image_get_color_profile (own);

  if (copy != NULL && gimp_image_undo_disable (copy) &&
      (profile == NULL || gimp_image_set_color_profile (copy, profile)) &&
      gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &x, &y))
    twin = gimp_layer_new_from_drawable (GIMP_DRAWABLE (layer), copy);
  if (twin != NULL && gimp_image_insert_layer (copy, twin, NULL, 0) &&
      gimp_item_set_lock_position (GIMP_ITEM (twin), FALSE) &&
      gimp_layer_set_offsets (twin, x - area->x, y - area->y) &&
      gimp_item_set_lock_visibility (GIMP_ITEM (twin), FALSE) &&
      gimp_item_set_visible (GIMP_ITEM (twin), TRUE) && gimp_layer_set_opacity (twin, 100.0) &&
      gimp_layer_set_mode (twin, gimp_image_get_default_new_layer_mode (copy)) &&
      (gimp_layer_get_mask (twin) == NULL || gimp_layer_set_show_mask (twin, FALSE)))
    return copy;
  if (copy != NULL)
    gimp_image_delete (copy);
  return NULL;
}

DifProjection *
dif_projection_of_drawable (GimpDrawable *drawable, const DifRect *area, GError **error)
{
  DifProjection *projection = g_new0 (DifProjection, 1);

  if (GIMP_IS_LAYER (drawable) && is_changed (GIMP_LAYER (drawable)))
    {
      projection->copy = image_of_layer (GIMP_LAYER (drawable), area);
      if (projection->copy != NULL)
        projection = look (projection->copy, area->x, area->y, projection);
      else
        g_clear_pointer (&projection, dif_projection_free);
      return projection != NULL ? projection
                                : cannot_read (_ ("GIMP could not read the layer: %s"), error);
    }
  projection->buffer = gimp_drawable_get_buffer (drawable);
  if (projection->buffer != NULL &&
      gimp_drawable_get_offsets (drawable, &projection->x, &projection->y))
    return projection;
  dif_projection_free (projection);
  return cannot_read (_ ("GIMP could not read the layer: %s"), error);
}

gboolean
dif_projection_reach (GimpDrawable *drawable, DifRect *bounds)
{
  GimpImage *image  = gimp_item_get_image (GIMP_ITEM (drawable));
  DifRect    canvas = { 0, 0, gimp_image_get_width (image), gimp_image_get_height (image) };

  if (! gimp_drawable_get_offsets (drawable, &bounds->x, &bounds->y))
    return FALSE;
  bounds->width  = gimp_drawable_get_width (drawable);
  bounds->height = gimp_drawable_get_height (drawable);
  if (GIMP_IS_LAYER (drawable) && has_effects (drawable))
    dif_geometry_unite (bounds, &canvas, bounds);
  return TRUE;
}

/* ---- comparison ---- */

gboolean
dif_projection_equal (const DifProjection *a, const DifProjection *b)
{
  const GeglRectangle *all    = gegl_buffer_get_extent (a->buffer);
  const Babl          *format = gegl_buffer_get_format (a->buffer);
  const gsize          pixel  = (gsize) babl_format_get_bytes_per_pixel (format);
  const gsize          stride = (gsize) all->width * pixel;
  g_autofree guint8   *rows_a = g_try_malloc (stride * STRIP_ROWS);
  g_autofree guint8   *rows_b = g_try_malloc (stride * STRIP_ROWS);

  if (rows_a == NULL || rows_b == NULL ||
      ! gegl_rectangle_equal (all, gegl_buffer_get_extent (b->buffer)))
    return FALSE;
  for (int y = 0; y < all->height; y += STRIP_ROWS)
    {
      int           n_rows = MIN (STRIP_ROWS, all->height - y);
      GeglRectangle part   = { all->x, all->y + y, all->width, n_rows };

      gegl_buffer_get (a->buffer, &part, 1.0, format, rows_a, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_NONE);
      gegl_buffer_get (b->buffer, &part, 1.0, format, rows_b, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_NONE);
      if (memcmp (rows_a, rows_b, stride * (guint) n_rows) != 0)
        return FALSE;
    }
  return TRUE;
}
