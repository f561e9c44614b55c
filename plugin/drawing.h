/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drawing.h - what is to be drawn for a canvas, and where it goes.
 *
 * Gathered once, in full: what happens to the image afterwards changes nothing of it.
 */
#ifndef DIF_PLUGIN_DRAWING_H
#define DIF_PLUGIN_DRAWING_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/canvas.h"
#include "plugin/region.h"

G_BEGIN_DECLS

/**
 * DifRepeat:
 * @recipe: the recipe
 * @place: where its picture went
 * @n_images: how many pictures to draw, for one of them; 0 to keep all
 * @index: which of them to keep, by its number in the batch
 * @is_scaled: of a task that starts from nothing: whether pictures fill @place
 *
 * A recipe to draw by once more.
 */
typedef struct
{
  DifJson       *recipe;
  DifSavedRegion place;
  guint          n_images, index;
  gboolean       is_scaled;
} DifRepeat;

/**
 * DifDrawing:
 * @task: the task
 * @rq: what is asked for, pictures included
 * @region: (nullable): of a task that starts from a picture
 * @canvas: the part of the recipe that libdif knows nothing of
 * @area: of a task that starts from nothing: where its pictures go
 * @is_filled: and whether they are scaled to it
 * @above: (nullable): the layer that new ones go above
 *
 * A drawing.
 */
typedef struct
{
  const char *task;
  DifRequest *rq;
  DifRegion  *region;
  DifJson    *canvas;
  DifRect     area;
  gboolean    is_filled;
  GimpLayer  *above;
} DifDrawing;

/**
 * dif_drawing_new:
 * @image: the canvas
 * @layer: (nullable): the selected layer, or the one that pictures started from
 * @task: a task
 * @config: arguments of the task's procedure
 * @repeat: (nullable): a recipe to draw by
 * @hints: (nullable): what a window wants besides; pictures that start from nothing are
 *   then scaled to where they go
 * @error: return location
 *
 * Changes nothing on the canvas.
 *
 * Errors: those of dif_arguments_to_request(), dif_region_new() and dif_size_native().
 *
 * Returns: (transfer full) (nullable): the drawing
 */
DifDrawing *dif_drawing_new (GimpImage *image, GimpLayer *layer, const char *task,
                             GimpProcedureConfig *config, const DifRepeat *repeat,
                             const DifHints *hints, GError **error);

/**
 * dif_drawing_plan:
 * @image: @layer: @task: @config: @hints: as of dif_drawing_new()
 * @placement: (out): where a drawing would go
 * @denoise: (out) (transfer full) (nullable): what would be repainted of it
 * @composite: (out) (transfer full) (nullable): where the new layer would show
 * @error: return location
 *
 * Reads no pixels but the selection's.
 *
 * Errors: as dif_drawing_new().
 *
 * Returns: FALSE on error
 */
gboolean dif_drawing_plan (GimpImage *image, GimpLayer *layer, const char *task,
                           GimpProcedureConfig *config, const DifHints *hints,
                           DifPlacement *placement, DifImage **denoise, DifImage **composite,
                           GError **error);

/**
 * dif_drawing_free:
 * @drawing: (nullable) (transfer full): a drawing
 */
void dif_drawing_free (DifDrawing *drawing);

/**
 * dif_drawing_recipes:
 * @drawing: a drawing
 * @result: what was drawn by it
 * @error: return location
 *
 * Errors: those of dif_recipe_write().
 *
 * Returns: (transfer full) (array zero-terminated=1) (nullable): a recipe for each picture
 */
char **dif_drawing_recipes (DifDrawing *drawing, DifResult *result, GError **error);

/**
 * dif_drawing_spot:
 * @drawing: a drawing, which owns what @insertion refers to
 * @insertion: (out): where its pictures go, but for their recipes; layers may have gone
 *   meanwhile
 */
void dif_drawing_spot (DifDrawing *drawing, DifInsertion *insertion);

/**
 * dif_drawing_layer_name:
 * @drawing: a drawing
 *
 * Returns: (transfer full): what its layers are called
 */
char *dif_drawing_layer_name (DifDrawing *drawing);

/**
 * dif_drawing_spot_of_recipe:
 * @recipe: a recipe that was parsed, which need not be trusted
 * @image: where its picture is to go
 * @insertion: (out): where; to be cleared with dif_drawing_clear_spot()
 * @error: return location
 *
 * Errors: those of dif_recipe_check(); DIF_FORMAT_ERROR: a place that no canvas of this
 * size has, or a selection whose values are not in it.
 *
 * Returns: FALSE on error
 */
gboolean dif_drawing_spot_of_recipe (DifJson *recipe, GimpImage *image, DifInsertion *insertion,
                                     GError **error);

/**
 * dif_drawing_clear_spot:
 * @insertion: as of dif_drawing_spot_of_recipe()
 */
void dif_drawing_clear_spot (DifInsertion *insertion);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifDrawing, dif_drawing_free)

G_END_DECLS

#endif /* DIF_PLUGIN_DRAWING_H */
