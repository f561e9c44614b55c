/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canvas.h - what the plug-in reads from an image and does to it.
 *
 * Everything that changes an image is here.  Pictures are made into layers
 * that belong to no image first, so that a failure leaves it as it was.
 */
#ifndef DIF_PLUGIN_CANVAS_H
#define DIF_PLUGIN_CANVAS_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/geometry.h"

G_BEGIN_DECLS

/**
 * dif_canvas_check:
 * @image: an image
 * @error: return location
 *
 * Errors: GIMP_PLUG_IN_ERROR for an indexed image, whose palette would wreck a
 * picture, and for one with a floating selection.
 *
 * Returns: whether new layers can be put into @image
 */
gboolean dif_canvas_check (GimpImage *image, GError **error);

/**
 * dif_canvas_check_item:
 * @image: an image
 * @item: a layer, mask or channel that an argument names
 * @argument: its name
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM naming argument, item and image.
 *
 * Returns: whether @item is one of @image
 */
gboolean dif_canvas_check_item (GimpImage *image, GimpItem *item, const char *argument,
                                GError **error);

/**
 * dif_canvas_layer_name:
 * @prompt: (nullable): what was asked for
 * @fallback: for an empty prompt
 *
 * Returns: (transfer full): its first words in one line
 */
char *dif_canvas_layer_name (const char *prompt, const char *fallback);

/**
 * DifInsertion:
 * @area: where pictures go
 * @is_filled: whether they are scaled to it; else they are centered on it
 * @has_mask: whether layers get a layer mask; only where @is_filled
 * @mask: (nullable): its values, of @area's size; NULL for all white
 * @feather: pixels over which its edge is softened inwards, where the canvas is
 *   opaque
 * @has_depth: whether estimated depth becomes a layer below them
 * @above: (nullable): the layer that new ones go above, or above the group around
 *   it that shows nothing; NULL for on top
 * @cover: as of DifRegion
 * @recipes: (array zero-terminated=1): of every picture
 *
 * A place on the canvas.
 */
typedef struct
{
  DifRect     area;
  gboolean    is_filled;
  gboolean    has_mask;
  GeglBuffer *mask;
  guint       feather;
  gboolean    has_depth;
  GimpLayer  *above;
  float      *cover;
  char      **recipes;
} DifInsertion;

/**
 * dif_canvas_add_pictures:
 * @image: an image that passed dif_canvas_check()
 * @result: pictures
 * @insertion: where they go
 * @name: of the layers
 * @error: return location
 *
 * One undo step.  The first picture is on top, and the name of one that the
 * safety checker flagged says so.  Several pictures become a group that passes
 * through, with the first visible and the others hidden, so that the image looks
 * as if the first were alone; above a layer in such a group they join it.
 * Estimated depth is hidden.  Nothing goes into a group that shows nothing of it,
 * and where the first picture is not seen for another reason, a message says
 * which.  The selection and the selected layers stay; only
 * where none was selected the new ones are.
 *
 * Errors: GIMP_PLUG_IN_ERROR with GIMP's reason, DIF_BACKEND_ERROR
 * OUT_OF_MEMORY; the image is as before.
 *
 * Returns: (transfer container) (array zero-terminated=1) (nullable): the
 * layers, first picture first, depth last
 */
GimpLayer **dif_canvas_add_pictures (GimpImage *image, DifResult *result,
                                     const DifInsertion *insertion,
                                     const char *name, GError **error);

/**
 * dif_canvas_write_picture:
 * @layer: a layer that is there, as dif_canvas_add_pictures() made it
 * @picture: scaled to the layer
 * @recipe: takes the place of the layer's
 * @error: return location
 *
 * No undo step, and nothing that the user has in hand is disturbed: pixels only.
 *
 * Errors: GIMP_PLUG_IN_ERROR, for a layer that is locked or became something else as well;
 * DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: FALSE on error
 */
gboolean dif_canvas_write_picture (GimpLayer *layer, DifImage *picture, const char *recipe,
                                   GError **error);

/**
 * dif_canvas_set_error:
 * @format: translated; its "%s" stands for GIMP's reason
 * @error: return location, set to a GIMP_PLUG_IN_ERROR
 *
 * Returns: FALSE
 */
gboolean dif_canvas_set_error (const char *format, GError **error);

G_END_DECLS

#endif /* DIF_PLUGIN_CANVAS_H */
