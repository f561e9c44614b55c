/* SPDX-License-Identifier: GPL-3.0-or-later */
/* geometry.h - which part of a canvas a model sees, and at what size.
 *
 * Pure arithmetic: knows neither GIMP nor pixels.  Invariants of a placement,
 * whatever the input: the target lies in the context, the context in the
 * bounds, none of them is empty, and the picture's sides are multiples of 8.
 */
#ifndef DIF_PLUGIN_GEOMETRY_H
#define DIF_PLUGIN_GEOMETRY_H

#include <glib.h>

G_BEGIN_DECLS

/** DIF_PICTURE_UNIT: sides of pictures are multiples of it, in pixels. */
#define DIF_PICTURE_UNIT 8

/** DIF_PADDING_AUTOMATIC: instead of a padding: by the rule of dif_geometry_compute(). */
#define DIF_PADDING_AUTOMATIC (-1)

/** DifRect: a rectangle of the canvas, in pixels. */
typedef struct
{
  int x, y, width, height;
} DifRect;

/**
 * DifGeometrySpec:
 * @selection: (nullable): what is asked for; NULL for all there is
 * @seen: (nullable): what the model is to see besides, instead of the rule's padding
 * @padding: pixels to see on each side of that, or %DIF_PADDING_AUTOMATIC: none
 *   with @seen; otherwise a quarter of the selection's longest side, as much as
 *   fills a picture of @native pixels unscaled, and no more than twice as long
 *   as wide
 * @is_square: whether to see as much in width as in height, where there is room
 * @native: the side the model was trained at, in pixels
 */
typedef struct
{
  const DifRect *selection;
  const DifRect *seen;
  int            padding;
  gboolean       is_square;
  int            native;
} DifGeometrySpec;

/**
 * DifPlacement:
 * @target: the part that was asked for
 * @context: the part that the model sees and that its picture covers
 * @width: of the model's picture, in pixels
 * @height: of the model's picture, in pixels
 */
typedef struct
{
  DifRect target;
  DifRect context;
  int     width, height;
} DifPlacement;

/**
 * dif_geometry_intersect:
 * @a: a rectangle
 * @b: a rectangle
 * @both: (out): what they share
 *
 * Returns: FALSE if they share nothing
 */
gboolean dif_geometry_intersect (const DifRect *a, const DifRect *b, DifRect *both);

/**
 * dif_geometry_fit:
 * @native: the side a model was trained at, in pixels
 * @width: of an area, in pixels, replaced by the picture's
 * @height: of an area, in pixels, replaced by the picture's
 *
 * A model draws nonsense far from the size it was trained at.  An area whose
 * sides are both within half and one and a half times @native keeps its size,
 * to the nearest multiple of 8; any other gets about @native squared pixels in
 * its own proportions, but no side below half or above twice @native.
 */
void dif_geometry_fit (int native, int *width, int *height);

/**
 * dif_geometry_own_or_native:
 * @native: the side a model was trained at, in pixels
 * @width: of an area, in pixels, replaced by the picture's
 * @height: of an area, in pixels, replaced by the picture's
 *
 * For pictures that start from nothing and are not scaled: as
 * dif_geometry_fit(), but rounded down, so that the picture fits the area, and
 * @native squared for any other.
 */
void dif_geometry_own_or_native (int native, int *width, int *height);

/**
 * dif_geometry_limit:
 * @side: the longest side at most, in pixels; 0 for any
 * @width: of a picture, a multiple of 8, replaced
 * @height: of a picture, a multiple of 8, replaced
 *
 * Keeps proportions as far as multiples of 8 can.
 */
void dif_geometry_limit (int side, int *width, int *height);

/**
 * dif_geometry_unite:
 * @a: a rectangle
 * @b: a rectangle
 * @both: (out): the smallest that holds both
 */
void dif_geometry_unite (const DifRect *a, const DifRect *b, DifRect *both);

/**
 * dif_geometry_compute:
 * @bounds: what there is to see: the canvas or a layer
 * @spec: what is asked for
 * @placement: (out): the result
 *
 * Returns: FALSE if the selection and @bounds share nothing
 */
gboolean dif_geometry_compute (const DifRect *bounds, const DifGeometrySpec *spec,
                               DifPlacement *placement);

G_END_DECLS

#endif /* DIF_PLUGIN_GEOMETRY_H */
