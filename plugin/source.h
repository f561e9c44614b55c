/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - pixels of an image as a model wants them.
 *
 * Reads only: nothing here changes an image, its undo steps included.  GEGL
 * converts whatever type, precision and profile the image has to sRGB.
 */
#ifndef DIF_PLUGIN_SOURCE_H
#define DIF_PLUGIN_SOURCE_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/geometry.h"

G_BEGIN_DECLS

/**
 * dif_source_bounds:
 * @image: an image
 * @layer: (nullable): one of its layers
 * @bounds: (out): the layer's place, which may reach beyond the canvas, or
 *   the canvas
 */
void dif_source_bounds (GimpImage *image, GimpLayer *layer, DifRect *bounds);

/**
 * dif_source_selection:
 * @image: an image
 * @bounds: (out): the selection's, pixels down to %DIF_MASK_LEAST included;
 *   empty if all are fainter
 *
 * Returns: whether there is a selection
 */
gboolean dif_source_selection (GimpImage *image, DifRect *bounds);

/**
 * dif_source_visible:
 * @image: an image
 * @area: a part of the canvas
 * @width: wanted, in pixels
 * @height: wanted, in pixels
 * @extends: whether what is transparent shows its surroundings going on;
 *   otherwise neutral gray
 * @error: return location
 *
 * What flattening the image would make of it: as dif_projection_of_image().
 *
 * Errors: GIMP_PLUG_IN_ERROR with GIMP's reason; DIF_BACKEND_ERROR
 * OUT_OF_MEMORY.
 *
 * Returns: (transfer full) (nullable): three channels, R'G'B'
 */
DifImage *dif_source_visible (GimpImage *image, const DifRect *area, int width, int height,
                              gboolean extends, GError **error);

/**
 * dif_source_cover:
 * @image: an image
 * @area: a part of the canvas, or one that reaches beyond it
 * @error: return location
 *
 * Errors: as dif_source_visible().
 *
 * Returns: (transfer full) (nullable): `[height, width]` in [0, 1]: how opaque
 * what one sees there is
 */
float *dif_source_cover (GimpImage *image, const DifRect *area, GError **error);

/**
 * dif_source_layer:
 * @layer: a layer, taken as dif_projection_of_drawable() says
 * @area: a part of the canvas
 * @width: wanted, in pixels
 * @height: wanted, in pixels
 * @extends: as of dif_source_visible(), beyond the layer as well
 * @error: return location
 *
 * Errors: as dif_source_visible().
 *
 * Returns: (transfer full) (nullable): three channels, R'G'B'
 */
DifImage *dif_source_layer (GimpLayer *layer, const DifRect *area, int width, int height,
                            gboolean extends, GError **error);

/**
 * dif_source_gray:
 * @drawable: a layer, mask or channel, taken as dif_projection_of_drawable() says
 * @area: a part of the canvas
 * @width: wanted, in pixels
 * @height: wanted, in pixels
 * @error: return location
 *
 * Errors: as dif_source_visible().
 *
 * Returns: (transfer full) (nullable): one channel, on black
 */
DifImage *dif_source_gray (GimpDrawable *drawable, const DifRect *area, int width, int height,
                           GError **error);

/**
 * DifMaskShape:
 * @grow: canvas pixels around selected ones that are repainted as well
 * @fade: canvas pixels around those over which strength goes to nothing
 * @is_soft: as of dif_latent_mask_new()
 *
 * What a selection becomes for the model.
 */
typedef struct
{
  guint    grow, fade;
  gboolean is_soft;
} DifMaskShape;

/**
 * dif_source_mask:
 * @selection: (nullable): a selection's values in a part of the canvas, which is
 *   the buffer's extent; NULL for everything selected
 * @shape: what becomes of it
 * @width: wanted, in pixels
 * @height: wanted, in pixels
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: (transfer full) (nullable): one channel, 1 for what is repainted
 */
DifImage *dif_source_mask (GeglBuffer *selection, const DifMaskShape *shape, int width, int height,
                           GError **error);

/**
 * dif_source_shown:
 * @selection: as of dif_source_mask(), not NULL
 * @feather: canvas pixels over which the layer mask's edge is softened inwards
 * @width: wanted, in pixels
 * @height: wanted, in pixels
 *
 * For showing: sampled, not averaged over every pixel.
 *
 * Returns: (transfer full) (nullable): one channel: how much of a new layer shows; NULL if
 * memory runs out
 */
DifImage *dif_source_shown (GeglBuffer *selection, guint feather, int width, int height);

/**
 * dif_source_marked:
 * @drawable: a channel, which marks by its values, or a layer, which marks what
 *   it covers, taken as dif_projection_of_drawable() says
 * @bounds: (out): of all that it marks, on the canvas; empty for nothing
 * @error: return location
 *
 * Errors: GIMP_PLUG_IN_ERROR with GIMP's reason; DIF_BACKEND_ERROR
 * OUT_OF_MEMORY.
 *
 * Returns: whether it could be read
 */
gboolean dif_source_marked (GimpDrawable *drawable, DifRect *bounds, GError **error);

G_END_DECLS

#endif /* DIF_PLUGIN_SOURCE_H */
