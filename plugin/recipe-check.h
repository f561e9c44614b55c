/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipe-check.h - what a recipe must be like before it is followed.
 *
 * Knows no GIMP.  A recipe lies in an XCF, which may be a stranger's: it is
 * followed as far as it says what to draw (prompts, numbers, scheduler, seeds),
 * never where things are (paths) or how careful to be (device, number format,
 * safety checker).  Everything is checked here before anything is allocated or
 * computed by it.
 */
#ifndef DIF_PLUGIN_RECIPE_CHECK_H
#define DIF_PLUGIN_RECIPE_CHECK_H

#include "dif.h"
#include "plugin/geometry.h"

G_BEGIN_DECLS

/** DIF_RECIPE_FORMAT: raised when an older reader would draw something else. */
#define DIF_RECIPE_FORMAT 1

/** DIF_RECIPE_MAX_BYTES: a longer recipe is neither written nor read. */
#define DIF_RECIPE_MAX_BYTES (1024u * 1024)

/** DIF_RECIPE_MAX_PACKED: a selection that packs larger is left out, in bytes. */
#define DIF_RECIPE_MAX_PACKED (640u * 1024)

/** DIF_RECIPE_MAX_TEXT: a longer text is not followed, in bytes: without a limit a
 * prompt is read in pieces that each take memory of the model's. */
#define DIF_RECIPE_MAX_TEXT (16u * 1024)

/** DIF_RECIPE_MAX_STEPS: of all pictures of a batch together, which are drawn for
 * one of them: 64 pictures of 150 steps, 10 of 1000. */
#define DIF_RECIPE_MAX_STEPS 10000

/**
 * dif_recipe_follows:
 * @row: a parameter
 *
 * Texts are followed by name, so that a parameter that is added later is not
 * followed before somebody thought about it.
 *
 * Returns: whether a recipe may say what it is
 */
gboolean dif_recipe_follows (const DifParam *row);

/**
 * dif_recipe_parse:
 * @text: of a parasite, with or without a final NUL
 * @size: its length
 * @name: whose it is, for messages
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR: TOO_LARGE; UNSUPPORTED (another format, or without a
 * canvas); those of dif_json_parse().
 *
 * Returns: (transfer full) (nullable): the recipe, not yet checked
 */
DifJson *dif_recipe_parse (const char *text, gsize size, const char *name, GError **error);

/**
 * dif_recipe_check:
 * @recipe: as of dif_recipe_parse()
 * @rows: (array length=n): parameters whose values are in its canvas
 * @n: how many
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for an unknown task; DIF_FORMAT_ERROR naming
 * the member that is followed and cannot be: of another type, out of range, too
 * long, or more steps in all than %DIF_RECIPE_MAX_STEPS.
 *
 * Returns: FALSE on error
 */
gboolean dif_recipe_check (DifJson *recipe, const DifParam *rows, guint n, GError **error);

/**
 * dif_recipe_get_rect:
 * @json: an object
 * @key: a key
 * @rect: (out): a part of the canvas, not empty
 *
 * One that is missing or out of range fails in @json's document and gives a
 * single pixel.
 */
void dif_recipe_get_rect (DifJson *json, const char *key, DifRect *rect);

/**
 * dif_recipe_has_values:
 * @canvas: a recipe's canvas, checked
 *
 * Returns: whether it has a selection and its values are there
 */
gboolean dif_recipe_has_values (DifJson *canvas);

/**
 * dif_recipe_unpack:
 * @canvas: a recipe's canvas with dif_recipe_has_values()
 * @n: bytes that the values must be
 *
 * Fails in @canvas's document, if they are more, fewer, or no zlib stream; never
 * takes more memory than @n and the recipe itself.
 *
 * Returns: (transfer full) (nullable): the values
 */
GBytes *dif_recipe_unpack (DifJson *canvas, gsize n);

/**
 * dif_recipe_check_place:
 * @layer: where the layer is
 * @then: where its recipe says that it was
 * @width: of its image
 * @height: of its image
 * @name: the layer's, for messages
 * @error: return location
 *
 * A canvas is looked at where its layer is, so the layer must be on it, and not
 * so much larger that looking would take more memory than the image does.
 *
 * Errors: DIF_FORMAT_ERROR BAD_VALUE.
 *
 * Returns: FALSE on error
 */
gboolean dif_recipe_check_place (const DifRect *layer, const DifRect *then, int width, int height,
                                 const char *name, GError **error);

/**
 * dif_recipe_check_size:
 * @width: of the pictures, in pixels; 0 for what suits the layer
 * @height: of the pictures, in pixels; 0 for what suits the layer
 * @layer: where they go
 * @native: the side the model was trained at, in pixels
 * @name: the layer's, for messages
 * @error: return location
 *
 * Pictures may have four times the pixels that the layer has, or that the model was
 * trained at.
 *
 * Errors: DIF_FORMAT_ERROR BAD_VALUE.
 *
 * Returns: FALSE on error
 */
gboolean dif_recipe_check_size (double width, double height, const DifRect *layer, int native,
                                const char *name, GError **error);

/**
 * dif_recipe_shown:
 * @text: anything
 *
 * Returns: (transfer full): @text for a message: in one line, nothing in it that is
 * not seen, and not endless
 */
char *dif_recipe_shown (const char *text);

G_END_DECLS

#endif /* DIF_PLUGIN_RECIPE_CHECK_H */
