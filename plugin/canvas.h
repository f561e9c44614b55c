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

G_BEGIN_DECLS

/** DIF_RECIPE_PARASITE: of a layer: the JSON text that draws its picture again. */
#define DIF_RECIPE_PARASITE "gimp-diffusion-recipe"

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
 * dif_canvas_area:
 * @image: an image
 * @area: (out): the selection's bounds, or the canvas where nothing is selected
 */
void dif_canvas_area (GimpImage *image, GeglRectangle *area);

/**
 * dif_canvas_layer_name:
 * @prompt: (nullable): what was asked for
 * @fallback: for an empty prompt
 *
 * Returns: (transfer full): its first words in one line
 */
char *dif_canvas_layer_name (const char *prompt, const char *fallback);

/**
 * dif_canvas_add_pictures:
 * @image: an image that passed dif_canvas_check()
 * @above: (nullable): the layers go above this one, or on top
 * @result: pictures
 * @area: they are centered on it
 * @name: of the layers
 * @error: return location
 *
 * One undo step.  The first picture is on top, and all new layers are
 * selected; the selection stays.
 *
 * Errors: GIMP_PLUG_IN_ERROR with GIMP's reason; the image is as before.
 *
 * Returns: (transfer container) (array zero-terminated=1) (nullable): the
 * layers, first picture first
 */
GimpLayer **dif_canvas_add_pictures (GimpImage *image, GimpLayer *above, DifResult *result,
                                     const GeglRectangle *area, const char *name, GError **error);

G_END_DECLS

#endif /* DIF_PLUGIN_CANVAS_H */
