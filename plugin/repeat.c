/* SPDX-License-Identifier: GPL-3.0-or-later */
/* repeat.c - see repeat.h.
 *
 * The recipe becomes the arguments of its task's procedure, which are changed by
 * those of this one; from there on all goes as for that procedure, but that the
 * region is the recipe's.
 */
#include "config.h"

#include "plugin/arguments.h"
#include "plugin/canvas.h"
#include "plugin/dialog.h"
#include "plugin/recipe.h"
#include "plugin/region-recipe.h"
#include "plugin/repeat.h"
#include "plugin/run.h"
#include "plugin/source.h"

#include <glib/gi18n-lib.h>

#define MAX_IMAGES 64

/* A recipe, read and checked. */
typedef struct
{
  const char          *task;
  GimpProcedure       *inner; /* the task's */
  GimpProcedureConfig *config;
  GimpLayer           *source; /* the layer that pictures started from; NULL for what is visible */
  double               seed;
  guint                n_images, index;
  DifRepeat            repeat;
} Recipe;

static void
recipe_clear (Recipe *r)
{
  dif_json_unref (r->repeat.recipe);
  g_clear_object (&r->config);
  g_clear_object (&r->inner);
  g_clear_object (&r->repeat.place.selection);
  if (r->repeat.place.visible != NULL)
    gimp_image_delete (r->repeat.place.visible);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Recipe, recipe_clear)

/* Hides the layers that one recipe made. */
static void
hide (GimpLayer **layers, const char *origin)
{
  for (guint i = 0; layers != NULL && layers[i] != NULL; i++)
    {
      g_autofree char *own = dif_recipe_origin (layers[i]);

      if (g_strcmp0 (own, origin) == 0)
        gimp_item_set_visible (GIMP_ITEM (layers[i]), FALSE);
      else if (gimp_item_is_group (GIMP_ITEM (layers[i])))
        {
          g_autofree GimpItem **children = gimp_item_get_children (GIMP_ITEM (layers[i]));

          hide ((GimpLayer **) children, origin);
        }
    }
}

/* The canvas as if the recipe had never been followed: a copy, which shares its pixels. */
static GimpImage *
without_its_layers (GimpImage *image, const char *origin, GError **error)
{
  GimpImage             *copy   = gimp_image_duplicate (image);
  g_autofree GimpLayer **layers = NULL;

  if (copy == NULL || ! gimp_image_undo_disable (copy))
    {
      dif_canvas_set_error (_ ("GIMP could not read the image: %s"), error);
      if (copy != NULL)
        gimp_image_delete (copy);
      return NULL;
    }
  layers = gimp_image_get_layers (copy);
  hide (layers, origin);
  return copy;
}

/* Where the layer is now, if it is as large as it was. */
static void
follow (DifAgain *place, GimpImage *image, GimpLayer *layer)
{
  DifRect now;

  dif_source_bounds (image, layer, &now);
  if (now.width != place->context.width || now.height != place->context.height)
    return;
  place->target.x += now.x - place->context.x;
  place->target.y += now.y - place->context.y;
  place->context = now;
}

static gboolean
read_place (Recipe *r, GimpImage *image, GimpLayer *layer, GError **error)
{
  DifJson    *canvas = dif_json_member (r->repeat.recipe, "canvas");
  const char *origin = dif_json_string (canvas, "origin", "");

  g_autofree char *source = NULL;

  r->repeat.place.above = layer;
  if (! dif_region_is_for (r->task))
    {
      dif_source_bounds (image, layer, &r->repeat.place.context);
      return TRUE;
    }
  dif_region_from_json (canvas, image, &r->repeat.place);
  g_object_get (r->config, "source", &source, NULL);
  if (g_str_equal (source, "layer"))
    r->source = (GimpLayer *) dif_recipe_item (canvas, "layer", image);
  if (*origin == '\0' || (r->source != NULL && ! GIMP_IS_LAYER (r->source)))
    dif_json_fail (canvas, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected \"origin\" and the layer it starts from, found neither");
  if (! dif_json_finish (r->repeat.recipe, error))
    return FALSE;
  follow (&r->repeat.place, image, layer);
  return TRUE;
}

/* The arguments of the task's procedure, as the recipe has them, for one picture. */
static gboolean
read_arguments (Recipe *r, GimpPlugIn *plug_in, GimpImage *image, GError **error)
{
  g_autofree char *name = g_strconcat (DIF_PROCEDURE_PREFIX, r->task, NULL);

  r->inner = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, dif_run_procedure,
                                       (gpointer) r->task, NULL);
  dif_arguments_add (r->inner, r->task);
  r->config = gimp_procedure_create_config (r->inner);
  if (! dif_recipe_to_config (r->repeat.recipe, image, r->task, r->config, error))
    return FALSE;
  dif_arguments_set_number (G_OBJECT (r->config), "num-images", 1.0);
  return TRUE;
}

static gboolean
read_recipe (Recipe *r, GimpPlugIn *plug_in, GimpImage *image, GimpLayer *layer, GError **error)
{
  g_autoptr (DifRequest) known = NULL;

  if (layer == NULL)
    {
      g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                           _ ("No layer is selected. Select a layer that Diffusion drew."));
      return FALSE;
    }
  r->repeat.recipe = dif_recipe_read (layer, error);
  if (r->repeat.recipe == NULL)
    return FALSE;
  r->task = dif_json_string (r->repeat.recipe, "task", "");
  known   = dif_request_new (r->task, error);
  if (known == NULL)
    return FALSE;
  r->seed     = dif_json_double (r->repeat.recipe, "seed", -1.0);
  r->n_images = (guint) dif_json_int (r->repeat.recipe, "num-images", 1, 1, MAX_IMAGES);
  r->index    = (guint) dif_json_int (r->repeat.recipe, "index", 0, 0, r->n_images - 1);
  return dif_json_finish (r->repeat.recipe, error) && read_arguments (r, plug_in, image, error) &&
         read_place (r, image, layer, error);
}

/* Only now, because the dialog may have been open for long. */
static gboolean
look (Recipe *r, GimpImage *image, GError **error)
{
  DifJson *canvas = dif_json_member (r->repeat.recipe, "canvas");

  if (! dif_canvas_check (image, error))
    return FALSE;
  if (dif_region_is_for (r->task))
    r->repeat.place.visible =
        without_its_layers (image, dif_json_string (canvas, "origin", ""), error);
  return ! dif_region_is_for (r->task) || r->repeat.place.visible != NULL;
}

/* One picture with the random numbers it had, or however many are asked for. */
static void
choose_pictures (Recipe *r)
{
  double seed     = dif_arguments_number (G_OBJECT (r->config), "seed");
  double n_images = dif_arguments_number (G_OBJECT (r->config), "num-images");

  if (n_images == 1.0 && seed == r->seed)
    {
      r->repeat.n_images = r->n_images;
      r->repeat.index    = r->index;
    }
}

GimpValueArray *
dif_repeat_procedure (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                      GimpDrawable **drawables, GimpProcedureConfig *changes, gpointer run_data)
{
  g_auto (Recipe) r     = { 0 };
  GimpLayer      *layer = NULL;
  GError         *error = NULL;

  dif_run_begin (procedure);
  if (! dif_canvas_check (image, &error) ||
      ! dif_run_find_layer (image, drawables, &layer, &error) ||
      ! read_recipe (&r, gimp_procedure_get_plug_in (procedure), image, layer, &error) ||
      ! dif_arguments_change (changes, r.task, r.config, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  if (run_mode == GIMP_RUN_INTERACTIVE &&
      ! dif_dialog_run (r.inner, r.config, r.task, _ ("Repeat"), TRUE))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
  if (! look (&r, image, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  choose_pictures (&r);
  return dif_run_task (procedure, r.task, image, r.source, r.config, &r.repeat);
}
