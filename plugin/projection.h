/* SPDX-License-Identifier: GPL-3.0-or-later */
/* projection.h - what an image, or a layer by itself, looks like.
 *
 * What is drawn for the eye only is left out: channels with their eye on, the quick mask, color
 * components that are switched off.  Reads only; where something has to be changed for that, it
 * is changed on a copy, which shares its pixels with the image.
 */
#ifndef DIF_PLUGIN_PROJECTION_H
#define DIF_PLUGIN_PROJECTION_H

#include <libgimp/gimp.h>

#include "plugin/geometry.h"

G_BEGIN_DECLS

/**
 * DifProjection:
 * @buffer: pixels, in a format of their image
 * @x: where its first pixel column lies, in the area's image
 * @y: where its first pixel row lies
 *
 * Pixels to read.  What lies beyond them is transparent.
 */
typedef struct
{
  GeglBuffer *buffer;
  int         x, y;
  /*< private >*/
  GimpLayer *layer;
  GimpImage *copy;
} DifProjection;

/**
 * dif_projection_of_image:
 * @image: an image
 * @area: a part of the canvas, or one that reaches beyond it
 * @error: return location
 *
 * What flattening and export see there, transparency included.
 *
 * Errors: GIMP_PLUG_IN_ERROR with GIMP's reason.
 *
 * Returns: (transfer full) (nullable): pixels that cover @area
 */
DifProjection *dif_projection_of_image (GimpImage *image, const DifRect *area, GError **error);

/**
 * dif_projection_of_drawable:
 * @drawable: a layer, layer mask or channel
 * @area: the part that will be read, in the image's coordinates
 * @error: return location
 *
 * A layer is taken by itself: its pixels with its effects and its layer mask, of a group what
 * its layers make of each other.  Its eye, opacity and mode say how it takes part in the image
 * and are left out, so that a layer that is dimmed or hidden to see what lies below it is the
 * same layer.
 *
 * Errors: as dif_projection_of_image().
 *
 * Returns: (transfer full) (nullable): pixels; those in @area are right
 */
DifProjection *dif_projection_of_drawable (GimpDrawable *drawable, const DifRect *area,
                                           GError **error);

/**
 * dif_projection_reach:
 * @drawable: a layer, layer mask or channel
 * @bounds: (out): all that dif_projection_of_drawable() can show something of, in the image's
 *   coordinates; effects reach beyond a layer, up to the canvas' edge
 *
 * Returns: FALSE if GIMP does not say
 */
gboolean dif_projection_reach (GimpDrawable *drawable, DifRect *bounds);

/**
 * dif_projection_equal:
 * @a: a projection
 * @b: another of the same area and kind
 *
 * Returns: whether all their pixels are the same; FALSE if memory runs out
 */
gboolean dif_projection_equal (const DifProjection *a, const DifProjection *b);

/**
 * dif_projection_free:
 * @projection: (nullable) (transfer full): a projection
 */
void dif_projection_free (DifProjection *projection);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifProjection, dif_projection_free)

G_END_DECLS

#endif /* DIF_PLUGIN_PROJECTION_H */
