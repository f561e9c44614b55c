/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipe.h - what a layer is made of, kept with it: the JSON text of a parasite.
 *
 * A recipe is libdif's (dif_result_recipe()) with every parameter that was left
 * out filled in, and a member "canvas": the arguments of dif_region_params(),
 * "origin", which the layers that one recipe made have in common, the "image"'s
 * size, and what dif_region_to_json() adds.  "format" tells versions apart.
 * What of it is followed: recipe-check.h.
 */
#ifndef DIF_PLUGIN_RECIPE_H
#define DIF_PLUGIN_RECIPE_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/geometry.h"
#include "plugin/recipe-check.h"

G_BEGIN_DECLS

/** DIF_RECIPE_PARASITE: of a layer: the JSON text that draws its picture again. */
#define DIF_RECIPE_PARASITE "gimp-diffusion-recipe"

/**
 * dif_recipe_canvas:
 * @image: the canvas
 * @task: a task
 * @config: its arguments
 * @origin: (nullable): of the recipe that is repeated; NULL for a new one
 *
 * Returns: (transfer full): the member "canvas": the origin, the arguments of
 * dif_region_params(), and which layers were named
 */
DifJson *dif_recipe_canvas (GimpImage *image, const char *task, GimpProcedureConfig *config,
                            const char *origin);

/**
 * dif_recipe_write:
 * @result: pictures
 * @task: what was asked for
 * @canvas: as of dif_recipe_canvas()
 * @error: return location
 *
 * Where a recipe would be longer than %DIF_RECIPE_MAX_BYTES, the selection's values are
 * left out: the layer mask has them.
 *
 * Errors: those of dif_json_parse().
 *
 * Returns: (transfer full) (array zero-terminated=1) (nullable): recipes, one
 * for each picture; "" for one that is too long even so
 */
char **dif_recipe_write (DifResult *result, const char *task, DifJson *canvas, GError **error);

/**
 * dif_recipe_attach:
 * @layer: a layer
 * @recipe: its recipe, saved with the image; "" for none
 */
void dif_recipe_attach (GimpLayer *layer, const char *recipe);

/**
 * dif_recipe_read:
 * @layer: a layer
 * @error: return location
 *
 * Errors: GIMP_PLUG_IN_ERROR if it has no recipe; those of dif_recipe_parse(), naming
 * the layer.
 *
 * Returns: (transfer full) (nullable): the recipe
 */
DifJson *dif_recipe_read (GimpLayer *layer, GError **error);

/**
 * dif_recipe_origin:
 * @layer: any layer
 *
 * Returns: (transfer full) (nullable): the origin in its recipe; NULL if it has
 * none that can be read
 */
char *dif_recipe_origin (GimpLayer *layer);

/**
 * dif_recipe_to_config:
 * @recipe: a recipe that was checked
 * @image: the canvas
 * @task: its task
 * @given: (array zero-terminated=1): arguments that are not to be looked at
 * @config: (inout): arguments of the task's procedure
 * @error: return location
 *
 * What the recipe says of an argument that dif_recipe_follows(), or of a layer, the
 * argument becomes.  Models and other files are left to dif_resources_read().
 *
 * Errors: DIF_FORMAT_ERROR naming layer and member: a layer that is not there any more.
 *
 * Returns: FALSE on error
 */
gboolean dif_recipe_to_config (DifJson *recipe, GimpImage *image, const char *task,
                               const char *const *given, GimpProcedureConfig *config,
                               GError **error);

/**
 * dif_recipe_item:
 * @json: an object
 * @key: of the member that names a layer, mask or channel
 * @image: where it is
 *
 * Fails in @json's document if there is no such item.
 *
 * Returns: (transfer none) (nullable): the item
 */
GimpDrawable *dif_recipe_item (DifJson *json, const char *key, GimpImage *image);

/**
 * dif_recipe_name_item:
 * @json: an object
 * @key: a key
 * @drawable: what to name in it
 */
void dif_recipe_name_item (DifJson *json, const char *key, GimpDrawable *drawable);

/**
 * dif_recipe_set_rect:
 * @json: an object
 * @key: a key
 * @rect: a part of the canvas, not empty; dif_recipe_get_rect() reads it
 */
void dif_recipe_set_rect (DifJson *json, const char *key, const DifRect *rect);

/**
 * dif_recipe_difference:
 * @recipe: a recipe
 * @result: what was drawn by it
 *
 * Returns: (transfer full) (nullable): a sentence if it was computed in another number
 * format, which a recipe does not choose
 */
char *dif_recipe_difference (DifJson *recipe, DifResult *result);

/**
 * dif_recipe_mark_group:
 * @group: a group layer of pictures that belong together
 *
 * Returns: whether it could be marked
 */
gboolean dif_recipe_mark_group (GimpLayer *group);

/**
 * dif_recipe_is_group:
 * @layer: any layer
 *
 * Returns: whether dif_recipe_mark_group() marked it
 */
gboolean dif_recipe_is_group (GimpLayer *layer);

G_END_DECLS

#endif /* DIF_PLUGIN_RECIPE_H */
