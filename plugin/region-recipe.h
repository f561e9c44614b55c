/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region-recipe.h - a region as a part of a recipe, and back. */
#ifndef DIF_PLUGIN_REGION_RECIPE_H
#define DIF_PLUGIN_REGION_RECIPE_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/region.h"

G_BEGIN_DECLS

/** DIF_SELECTION_MAX_PACKED: a selection that packs larger is left out, in bytes. */
#define DIF_SELECTION_MAX_PACKED (64u * 1024 * 1024)

/**
 * dif_region_to_json:
 * @region: a region
 * @canvas: an object that gets "context" and "target"; "layer", if one is the
 *   source; and "selection", if there is one: its values in the context, in their
 *   own "format" (babl's), as base64 of "zlib"
 */
void dif_region_to_json (const DifRegion *region, DifJson *canvas);

/**
 * dif_region_from_json:
 * @canvas: as dif_region_to_json() makes; failures stay in its document
 * @image: where the region is
 * @again: (out): gets context, target and selection
 */
void dif_region_from_json (DifJson *canvas, GimpImage *image, DifAgain *again);

G_END_DECLS

#endif /* DIF_PLUGIN_REGION_RECIPE_H */
