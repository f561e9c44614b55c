/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region-recipe.h - a region as a part of a recipe, and back. */
#ifndef DIF_PLUGIN_REGION_RECIPE_H
#define DIF_PLUGIN_REGION_RECIPE_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/region.h"

G_BEGIN_DECLS

/**
 * dif_region_to_json:
 * @region: a region
 * @canvas: an object that gets "context" and "target"; "layer", if one is the
 *   source; and "selection", if there is one: its values in the context, in their
 *   own "format" (babl's), as base64 of "zlib" unless they pack into more than
 *   %DIF_RECIPE_MAX_PACKED
 */
void dif_region_to_json (const DifRegion *region, DifJson *canvas);

/**
 * DifLayerFate:
 * @DIF_LAYER_KEPT: as large as it was, and its mask not turned
 * @DIF_LAYER_SCALED: in its proportions, and the image, if at all, like it
 * @DIF_LAYER_CHANGED: cut, turned, flipped or distorted
 *
 * What became of a layer since its picture was drawn.
 */
typedef enum
{
  DIF_LAYER_KEPT,
  DIF_LAYER_SCALED,
  DIF_LAYER_CHANGED
} DifLayerFate;

/**
 * dif_region_from_json:
 * @canvas: as dif_region_to_json() makes, checked; failures stay in its document
 * @image: where the region is
 * @layer: the layer that was drawn
 * @saved: (out): gets context, target and selection: where the layer is now.  The
 *   selection is the recipe's where the layer is %DIF_LAYER_KEPT and the recipe has it,
 *   else the layer's mask, which went through all that the layer went through
 *
 * Fails where there was a selection and neither holds.
 *
 * Returns: what became of the layer
 */
DifLayerFate dif_region_from_json (DifJson *canvas, GimpImage *image, GimpLayer *layer,
                                   DifSavedRegion *saved);

/**
 * dif_region_selection:
 * @canvas: a recipe's canvas; failures stay in its document
 * @image: where it is to be used
 * @size: of the context
 *
 * Fails where there was a selection and the recipe does not hold its values.
 *
 * Returns: (transfer full) (nullable): the selection's values; NULL for none
 */
GeglBuffer *dif_region_selection (DifJson *canvas, GimpImage *image, const DifRect *size);

/**
 * dif_region_fate:
 * @canvas: a recipe's canvas, checked
 * @image: the image
 * @now: where the layer is now
 *
 * Returns: what became of the layer, as far as sizes tell
 */
DifLayerFate dif_region_fate (DifJson *canvas, GimpImage *image, const DifRect *now);

G_END_DECLS

#endif /* DIF_PLUGIN_REGION_RECIPE_H */
