/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipe.h - what a layer is made of, kept with it: the JSON text of a parasite.
 *
 * A recipe is libdif's (dif_result_recipe()) with every parameter that was left
 * out filled in, and a member "canvas": the arguments of dif_region_params(),
 * "origin", which the layers that one recipe made have in common, and what
 * dif_region_to_json() adds.  "format" tells versions apart.
 */
#ifndef DIF_PLUGIN_RECIPE_H
#define DIF_PLUGIN_RECIPE_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/geometry.h"

G_BEGIN_DECLS

/** DIF_RECIPE_PARASITE: of a layer: the JSON text that draws its picture again. */
#define DIF_RECIPE_PARASITE "gimp-diffusion-recipe"

/** DIF_RECIPE_FORMAT: raised when an older reader would draw something else. */
#define DIF_RECIPE_FORMAT 1

/**
 * dif_recipe_canvas:
 * @task: a task
 * @config: its arguments
 * @origin: (nullable): of the recipe that is repeated; NULL for a new one
 *
 * Returns: (transfer full): the member "canvas": the origin, the arguments of
 * dif_region_params(), and which layers were named
 */
DifJson *dif_recipe_canvas (const char *task, GimpProcedureConfig *config, const char *origin);

/**
 * dif_recipe_write:
 * @result: pictures
 * @rq: what was asked for
 * @canvas: as of dif_recipe_canvas()
 * @error: return location
 *
 * Models and other files are called what the request calls them if that is a
 * plain name, so that the recipe holds elsewhere; paths are absolute.
 *
 * Errors: those of dif_json_parse().
 *
 * Returns: (transfer full) (array zero-terminated=1) (nullable): recipes, one
 * for each picture
 */
char **dif_recipe_write (DifResult *result, DifRequest *rq, DifJson *canvas, GError **error);

/**
 * dif_recipe_attach:
 * @layer: a layer
 * @recipe: its recipe, saved with the image
 */
void dif_recipe_attach (GimpLayer *layer, const char *recipe);

/**
 * dif_recipe_read:
 * @layer: a layer
 * @error: return location
 *
 * Errors: GIMP_PLUG_IN_ERROR if it has no recipe; DIF_FORMAT_ERROR naming the
 * layer: UNSUPPORTED (another format), those of dif_json_parse().
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
 * @recipe: a recipe
 * @image: the canvas
 * @task: its task
 * @config: (inout): arguments of the task's procedure
 * @error: return location
 *
 * What the recipe says of an argument, the argument becomes; what equals its
 * parameter's default stays at that.
 *
 * Errors: DIF_FORMAT_ERROR naming layer and member (another type, out of range,
 * a layer that is not there any more).
 *
 * Returns: FALSE on error
 */
gboolean dif_recipe_to_config (DifJson *recipe, GimpImage *image, const char *task,
                               GimpProcedureConfig *config, GError **error);

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
 * dif_recipe_set_rect: dif_recipe_get_rect:
 * @json: an object
 * @key: a key
 * @rect: (inout): a part of the canvas, not empty
 *
 * Getting one that is missing or out of range fails in @json's document and
 * gives a single pixel.
 */
void dif_recipe_set_rect (DifJson *json, const char *key, const DifRect *rect);
void dif_recipe_get_rect (DifJson *json, const char *key, DifRect *rect);

/**
 * dif_recipe_warning:
 * @recipe: a recipe
 * @rq: a request made from it, perhaps with changes
 * @result: what was drawn
 *
 * Returns: (transfer full) (nullable): a sentence if a model or file has the
 * name it has in @recipe, but is another by its fingerprint
 */
char *dif_recipe_warning (DifJson *recipe, DifRequest *rq, DifResult *result);

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
