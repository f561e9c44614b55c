/* SPDX-License-Identifier: GPL-3.0-or-later */
/* repeat.c - see repeat.h.
 *
 * The recipe becomes the arguments of its task's procedure, which are changed by
 * those of this one; from there on all goes as for that procedure, but that the
 * region is the recipe's.
 */
#include "config.h"

#include "plugin/arguments.h"
#include "plugin/ask.h"
#include "plugin/canvas.h"
#include "plugin/dialog.h"
#include "plugin/recipe.h"
#include "plugin/region-recipe.h"
#include "plugin/repeat.h"
#include "plugin/resources.h"
#include "plugin/run.h"
#include "plugin/size.h"
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
  char                *name;  /* the layer's */
  char               **given; /* arguments that the user said */
  DifLayerFate         fate;  /* of the layer, since it was drawn */
  GPtrArray           *resources;
  DifRepeat            repeat;
} Recipe;

static void
recipe_clear (Recipe *r)
{
  dif_json_unref (r->repeat.recipe);
  g_clear_object (&r->config);
  g_clear_object (&r->inner);
  g_clear_object (&r->repeat.place.selection);
  g_clear_pointer (&r->resources, g_ptr_array_unref);
  g_strfreev (r->given);
  g_free (r->name);
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

/* ---- what the recipe names ---- */

/* One line for each thing that is not what the recipe was drawn with. */
static GPtrArray *
find_problems (Recipe *r)
{
  GPtrArray *problems = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < r->resources->len; i++)
    {
      const DifResource *resource = g_ptr_array_index (r->resources, i);

      if (! dif_resource_is_sure (resource))
        g_ptr_array_add (problems, dif_resource_problem (resource));
    }
  if (! g_strv_contains ((const char *const *) r->given, "latents") &&
      (dif_json_has (r->repeat.recipe, "latents-fingerprint") ||
       dif_json_has (r->repeat.recipe, "latents")))
    g_ptr_array_add (problems, g_strdup (_ ("latents: expected the file that it began from, which "
                                            "a recipe does not keep, found none")));
  return problems;
}

static gboolean
ask_about (Recipe *r, GPtrArray *problems)
{
  g_autofree char *question = g_strdup_printf (
      _ ("The recipe of the layer \342\200\234%s\342\200\235 was made with something else. "
         "Draw all the same?"),
      r->name);
  g_autofree char *details = NULL;

  g_ptr_array_add (problems, NULL);
  details = g_strjoinv ("\n", (char **) problems->pdata);
  return dif_ask (_ ("Repeat"), question, details, _ ("_Draw All the Same"));
}

/* FALSE, without an error if the user said no. */
static gboolean
accept_resources (Recipe *r, GimpRunMode run_mode, GError **error)
{
  g_autoptr (GPtrArray) problems = NULL;

  r->resources = dif_resources_read (r->repeat.recipe, (const char *const *) r->given);
  problems     = find_problems (r);
  if (problems->len == 0)
    return TRUE;
  if (run_mode == GIMP_RUN_INTERACTIVE)
    return ask_about (r, problems);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
               _ ("recipe of layer \"%s\": %s; name what to use instead in the argument of that "
                  "name"),
               r->name, (const char *) g_ptr_array_index (problems, 0));
  return FALSE;
}

static void
set_resource (Recipe *r, const char *row)
{
  g_autofree char *value = dif_resources_value (r->resources, row);

  if (*value != '\0')
    g_object_set (r->config, row, value, NULL);
}

static void
set_resources (Recipe *r)
{
  set_resource (r, "model");
  for (guint i = 0; dif_adapter_kind (i) != NULL; i++)
    set_resource (r, dif_adapter_kind (i)->option);
}

/* ---- where it was, and is ---- */

/* The layer mask has its soft edge already. */
static void
take_mask_as_it_is (Recipe *r, DifJson *canvas)
{
  gboolean is_mask = r->fate != DIF_LAYER_KEPT || ! dif_recipe_has_values (canvas);

  if (dif_json_has (canvas, "selection") && is_mask)
    dif_arguments_set_number (G_OBJECT (r->config), "feather", 0.0);
}

/* What is of other proportions is drawn in a size that suits it. */
static void
forget_size (Recipe *r)
{
  dif_arguments_set_number (G_OBJECT (r->config), "width", 0.0);
  dif_arguments_set_number (G_OBJECT (r->config), "height", 0.0);
}

static gboolean
read_place (Recipe *r, GimpImage *image, GimpLayer *layer, GError **error)
{
  DifJson        *canvas = dif_json_member (r->repeat.recipe, "canvas");
  const char     *origin = dif_json_string (canvas, "origin", "");
  DifSavedRegion *place  = &r->repeat.place;
  DifRect         then;

  g_autofree char *source = NULL;

  place->above = layer;
  dif_source_bounds (image, layer, &place->context);
  dif_recipe_get_rect (canvas, "context", &then);
  if (! dif_recipe_check_place (&place->context, &then, gimp_image_get_width (image),
                                gimp_image_get_height (image), r->name, error))
    return FALSE;
  if (! dif_region_is_for (r->task))
    {
      r->fate             = dif_region_fate (canvas, image, &place->context);
      r->repeat.is_scaled = r->fate == DIF_LAYER_SCALED ||
                            (r->fate == DIF_LAYER_KEPT && dif_json_bool (canvas, "filled", FALSE));
      return dif_json_finish (r->repeat.recipe, error);
    }
  r->fate = dif_region_from_json (canvas, image, layer, place);
  g_object_get (r->config, "source", &source, NULL);
  if (g_str_equal (source, "layer"))
    r->source = (GimpLayer *) dif_recipe_item (canvas, "layer", image);
  if (*origin == '\0' || (r->source != NULL && ! GIMP_IS_LAYER (r->source)))
    dif_json_fail (canvas, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected \"origin\" and the layer it starts from, found neither");
  take_mask_as_it_is (r, canvas);
  if (r->fate == DIF_LAYER_CHANGED && place->context.width > 0)
    forget_size (r);
  return dif_json_finish (r->repeat.recipe, error);
}

/* A size that the recipe chose must suit layer and model. */
static gboolean
check_size (Recipe *r, GError **error)
{
  const char *const *given = (const char *const *) r->given;
  g_autofree char   *model = NULL;
  double             width, height;
  int                native;

  if (! dif_arguments_has (G_OBJECT (r->config), "width") || g_strv_contains (given, "width") ||
      g_strv_contains (given, "height"))
    return TRUE;
  g_object_get (r->config, "model", &model, NULL);
  native = dif_size_native (model != NULL && *model != '\0' ? model
                                                            : dif_catalog_default (r->task),
                            error);
  width  = dif_arguments_number (G_OBJECT (r->config), "width");
  height = dif_arguments_number (G_OBJECT (r->config), "height");
  return native > 0 && dif_recipe_check_size (width, height, &r->repeat.place.context, native,
                                              r->name, error);
}

/* ---- all of it ---- */

/* The arguments of the task's procedure, as the recipe has them, for one picture. */
static gboolean
read_arguments (Recipe *r, GimpPlugIn *plug_in, GimpImage *image, GError **error)
{
  g_autofree char *name = g_strconcat (DIF_PROCEDURE_PREFIX, r->task, NULL);

  r->inner = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, dif_run_procedure,
                                       (gpointer) r->task, NULL);
  dif_arguments_add (r->inner, r->task);
  r->config = gimp_procedure_create_config (r->inner);
  if (! dif_recipe_to_config (r->repeat.recipe, image, r->task, (const char *const *) r->given,
                              r->config, error))
    return FALSE;
  set_resources (r);
  dif_arguments_set_number (G_OBJECT (r->config), "num-images", 1.0);
  return TRUE;
}

/* The recipe, checked: nothing in it is followed before. */
static gboolean
read_recipe (Recipe *r, GimpLayer *layer, GError **error)
{
  g_autofree char *name = NULL;
  const DifParam  *rows;
  guint            n = 0;

  if (layer == NULL)
    {
      g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                           _ ("No layer is selected. Select a layer that Diffusion drew."));
      return FALSE;
    }
  r->repeat.recipe = dif_recipe_read (layer, error);
  if (r->repeat.recipe == NULL)
    return FALSE;
  name    = gimp_item_get_name (GIMP_ITEM (layer));
  r->name = dif_recipe_shown (name);
  r->task = dif_json_string (r->repeat.recipe, "task", "");
  rows    = dif_region_params (r->task, &n);
  if (! dif_recipe_check (r->repeat.recipe, rows, n, error))
    return FALSE;
  r->seed     = dif_json_double (r->repeat.recipe, "seed", -1.0);
  r->n_images = (guint) dif_json_int (r->repeat.recipe, "num-images", 1, 1, MAX_IMAGES);
  r->index    = (guint) dif_json_int (r->repeat.recipe, "index", 0, 0, r->n_images - 1);
  return dif_json_finish (r->repeat.recipe, error);
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

/* What the user should know about a picture that came out. */
static void
tell_fate (Recipe *r)
{
  g_autofree char *text = NULL;

  if (r->fate == DIF_LAYER_KEPT)
    return;
  if (r->fate == DIF_LAYER_SCALED)
    text = g_strdup_printf (_ ("The layer \"%s\" was scaled since it was drawn: it was repainted "
                               "for the size that it has now."),
                            r->name);
  else if (dif_region_is_for (r->task))
    text = g_strdup_printf (_ ("The layer \"%s\" was cut, turned or flipped since it was drawn: it "
                               "was repainted for the place and the layer mask that it has now, "
                               "and is another picture."),
                            r->name);
  else
    text = g_strdup_printf (_ ("The layer \"%s\" was cut or turned since it was drawn: the whole "
                               "picture was drawn again, around the same middle."),
                            r->name);
  gimp_message (text);
}

/* Everything that is known before the user is asked for changes. */
static gboolean
prepare (Recipe *r, GimpPlugIn *plug_in, GimpRunMode run_mode, GimpImage *image, GimpLayer *layer,
         GimpProcedureConfig *changes, GError **error)
{
  r->given = dif_arguments_given (changes);
  return read_recipe (r, layer, error) && accept_resources (r, run_mode, error) &&
         read_arguments (r, plug_in, image, error) && read_place (r, image, layer, error) &&
         dif_arguments_change (changes, r->task, r->config, error) && check_size (r, error);
}

GimpValueArray *
dif_repeat_procedure (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                      GimpDrawable **drawables, GimpProcedureConfig *changes, gpointer run_data)
{
  g_auto (Recipe)   r       = { 0 };
  GimpLayer        *layer   = NULL;
  GimpPlugIn       *plug_in = gimp_procedure_get_plug_in (procedure);
  GError           *error   = NULL;
  GimpValueArray   *values;
  GimpPDBStatusType status;

  dif_run_begin (procedure);
  if (! dif_canvas_check (image, &error) ||
      ! dif_run_find_layer (image, drawables, &layer, &error) ||
      ! prepare (&r, plug_in, run_mode, image, layer, changes, &error))
    {
      status = error != NULL ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_CANCEL;
      return gimp_procedure_new_return_values (procedure, status, error);
    }
  /* its help is ours */
  gimp_procedure_set_documentation (r.inner, "", "", gimp_procedure_get_name (procedure));
  if (run_mode == GIMP_RUN_INTERACTIVE &&
      ! dif_dialog_run (r.inner, r.config, r.task, _ ("Repeat"), TRUE))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
  if (! look (&r, image, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  choose_pictures (&r);
  values = dif_run_task (procedure, r.task, image, r.source, r.config, &r.repeat);
  if (GIMP_VALUES_GET_ENUM (values, 0) == GIMP_PDB_SUCCESS)
    tell_fate (&r);
  return values;
}
