/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.c - see run.h.
 *
 * The picture is drawn before anything on the canvas changes.  GIMP's Cancel
 * kills this process; the engine notices and stops, too.
 */
#include "config.h"

#include "engine/client.h"
#include "engine/platform.h"
#include "plugin/arguments.h"
#include "plugin/canvas.h"
#include "plugin/dialog.h"
#include "plugin/folder.h"
#include "plugin/recipe.h"
#include "plugin/region-recipe.h"
#include "plugin/run.h"
#include "plugin/size.h"
#include "plugin/source.h"

#include <glib/gi18n-lib.h>

/* Estimates below this are not worth a reader's time, in seconds. */
#define MIN_SECONDS_SHOWN 3.0

static char *
progress_text (const DifProgress *progress)
{
  if (g_str_equal (progress->stage, "wait"))
    return g_strdup_printf (ngettext ("Waiting for %u other picture",
                                      "Waiting for %u other pictures", progress->n_steps),
                            progress->n_steps);
  if (g_str_equal (progress->stage, "load"))
    return g_strdup (_ ("Loading the model"));
  if (g_str_equal (progress->stage, "encode"))
    return g_strdup (_ ("Reading the prompt"));
  if (g_str_equal (progress->stage, "decode"))
    return g_strdup (_ ("Developing the picture"));
  if (progress->seconds_left >= MIN_SECONDS_SHOWN)
    return g_strdup_printf (_ ("Step %u of %u, about %.0f s left"), progress->step,
                            progress->n_steps, progress->seconds_left);
  return g_strdup_printf (_ ("Step %u of %u"), progress->step, progress->n_steps);
}

static void
show_progress (const DifProgress *progress, gpointer user_data)
{
  char           **shown = user_data;
  g_autofree char *text  = progress_text (progress);

  if (g_strcmp0 (text, *shown) != 0)
    {
      gimp_progress_set_text (text);
      g_free (*shown);
      *shown = g_steal_pointer (&text);
    }
  gimp_progress_update (progress->fraction);
}

gboolean
dif_run_find_layer (GimpImage *image, GimpDrawable **drawables, GimpLayer **layer, GError **error)
{
  g_autofree GimpLayer **selected = NULL;

  *layer = NULL;
  if (drawables != NULL && drawables[0] != NULL)
    {
      if (! dif_canvas_check_item (image, GIMP_ITEM (drawables[0]), "drawables", error))
        return FALSE;
      if (GIMP_IS_LAYER_MASK (drawables[0]))
        *layer = gimp_layer_from_mask (GIMP_LAYER_MASK (drawables[0]));
      else if (GIMP_IS_LAYER (drawables[0]))
        *layer = GIMP_LAYER (drawables[0]);
      return TRUE;
    }
  selected = gimp_image_get_selected_layers (image);
  *layer   = selected != NULL ? selected[0] : NULL;
  return TRUE;
}

/* Where pictures go that start from nothing. */
static void
free_area (GimpImage *image, const DifRepeat *repeat, DifRect *area)
{
  if (repeat != NULL)
    *area = repeat->place.context;
  else if (! dif_source_selection (image, area) || area->width == 0)
    dif_source_bounds (image, NULL, area);
}

static DifRequest *
make_request (GimpProcedureConfig *config, const char *task, GimpImage *image, GimpLayer *layer,
              const DifRepeat *repeat, DifRegion **region, GError **error)
{
  g_autoptr (DifRequest) rq = dif_arguments_to_request (config, task, error);
  DifRect                area;

  if (rq == NULL)
    return NULL;
  if (repeat != NULL && repeat->n_images > 0 &&
      ! dif_request_set_number (rq, "num-images", repeat->n_images, error))
    return NULL;
  if (dif_region_is_for (task))
    {
      *region = dif_region_new (image, layer, config, repeat != NULL ? &repeat->place : NULL, rq,
                                error);
      return *region != NULL ? g_steal_pointer (&rq) : NULL;
    }
  free_area (image, repeat, &area);
  return dif_size_fit (rq, area.width, area.height, error) ? g_steal_pointer (&rq) : NULL;
}

static DifResult *
draw (DifRequest *rq, GError **error)
{
  g_autofree char *shown  = NULL;
  DifResult       *result = NULL;

  gimp_progress_init (_ ("Drawing the picture"));
  result = dif_engine_run (rq, show_progress, &shown, NULL, error);
  gimp_progress_end ();
  return result;
}

/* One picture of a batch by itself. */
static DifResult *
pick (DifResult *batch, guint index, GError **error)
{
  DifImage  *depth = dif_result_plane (batch, "depth");
  DifResult *one;

  for (guint i = 0; i < dif_result_n_images (batch); i++)
    {
      if (dif_result_index (batch, i) != index)
        continue;
      one = dif_result_new (1, dif_result_width (batch), dif_result_height (batch),
                            dif_result_seed (batch));
      if (one == NULL)
        {
          g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                               "out of memory: one picture of a batch");
          return NULL;
        }
      dif_result_fill (one, 0, dif_result_pixels (batch, i), dif_result_recipe (batch, i));
      dif_result_set_verdict (one, 0, index, dif_result_safety (batch, i));
      dif_result_set_warning (one, dif_result_warning (batch));
      if (depth != NULL)
        dif_result_set_plane (one, "depth", depth);
      return one;
    }
  g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                       dif_result_warning (batch) != NULL ? dif_result_warning (batch) : "");
  return NULL;
}

static DifResult *
draw_again (DifRequest *rq, const DifRepeat *repeat, GError **error)
{
  g_autoptr (DifResult) batch      = draw (rq, error);
  g_autofree char      *difference = NULL;

  if (batch == NULL)
    return NULL;
  difference = dif_recipe_difference (repeat->recipe, batch);
  if (difference != NULL)
    gimp_message (difference);
  return repeat->n_images > 0 ? pick (batch, repeat->index, error) : g_steal_pointer (&batch);
}

/* Notes where pictures come that start from nothing. */
static void
describe_place (DifJson *canvas, const DifSpot *spot, DifResult *result)
{
  const DifRect *area  = &spot->area;
  int            width = (int) dif_result_width (result), height = (int) dif_result_height (result);
  DifRect        place = { area->x + (area->width - width) / 2,
                           area->y + (area->height - height) / 2, width, height };

  dif_recipe_set_rect (canvas, "context", spot->is_filled ? area : &place);
  if (spot->is_filled)
    dif_json_set_bool (canvas, "filled", TRUE);
}

/* The spot for what was drawn; layers may have gone meanwhile. */
static void
find_spot (GimpImage *image, GimpLayer *layer, const DifRegion *region, const DifRepeat *repeat,
           DifSpot *spot)
{
  *spot = (DifSpot) { .above = repeat != NULL ? repeat->place.above : layer };
  if (region != NULL)
    {
      spot->area      = region->context;
      spot->is_filled = TRUE;
      spot->has_mask  = region->has_mask;
      spot->mask      = region->selection;
      spot->feather   = region->feather;
      spot->has_depth = region->has_depth;
      spot->above     = region->above;
      spot->cover     = region->cover;
    }
  else
    {
      free_area (image, repeat, &spot->area);
      spot->is_filled = repeat != NULL && repeat->is_scaled;
    }
  if (spot->above != NULL && ! gimp_item_is_valid (GIMP_ITEM (spot->above)))
    spot->above = NULL;
}

/* The part of the recipe that libdif knows nothing of. */
static DifJson *
describe_canvas (GimpImage *image, const char *task, GimpProcedureConfig *config,
                 const DifRegion *region, const DifRepeat *repeat)
{
  DifJson    *before = repeat != NULL ? dif_json_member (repeat->recipe, "canvas") : NULL;
  const char *origin = before != NULL ? dif_json_string (before, "origin", NULL) : NULL;
  DifJson    *canvas = dif_recipe_canvas (image, task, config, origin);

  if (region != NULL)
    dif_region_to_json (region, canvas);
  return canvas;
}

static GimpValueArray *
place (GimpProcedure *procedure, GimpImage *image, DifRequest *rq, DifResult *result,
       DifJson *canvas, DifSpot *spot)
{
  const char      *task   = dif_request_task (rq);
  g_autofree char *name   = dif_canvas_layer_name (dif_request_text (rq, "prompt"),
                                                   g_dgettext (GETTEXT_PACKAGE,
                                                               dif_task_label (task)));
  g_auto (GStrv)   texts  = NULL;
  GimpLayer      **layers = NULL;
  GimpValueArray  *values;
  GError          *error = NULL;

  if (! dif_json_has (canvas, "context"))
    describe_place (canvas, spot, result);
  spot->recipes = texts = dif_recipe_write (result, task, canvas, &error);
  if (texts != NULL)
    layers = dif_canvas_add_pictures (image, result, spot, name, &error);
  if (layers == NULL)
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  gimp_displays_flush ();
  values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_SET_CORE_OBJECT_ARRAY (values, 1, layers);
  GIMP_VALUES_SET_DOUBLE (values, 2, (double) dif_result_seed (result));
  g_free (layers);
  return values;
}

/* Some arguments can only be checked against the model. */
static GimpPDBStatusType
status_of (const GError *error)
{
  return error->domain == DIF_REQUEST_ERROR ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
}

/* A copy of the image must not outlive this process, which a cancel kills. */
static void
forget_visible (DifRepeat *repeat)
{
  if (repeat == NULL || repeat->place.visible == NULL)
    return;
  gimp_image_delete (repeat->place.visible);
  repeat->place.visible = NULL;
}

GimpValueArray *
dif_run_task (GimpProcedure *procedure, const char *task, GimpImage *image, GimpLayer *layer,
              GimpProcedureConfig *config, DifRepeat *repeat)
{
  g_autoptr (DifRegion)  region = NULL;
  g_autoptr (DifRequest) rq     = NULL;
  g_autoptr (DifResult)  result = NULL;
  g_autoptr (DifJson)    canvas = NULL;
  GError                *error  = NULL;
  DifSpot                spot;

  rq = make_request (config, task, image, layer, repeat, &region, &error);
  forget_visible (repeat);
  if (rq != NULL)
    {
      canvas = describe_canvas (image, task, config, region, repeat);
      result = repeat != NULL ? draw_again (rq, repeat, &error) : draw (rq, &error);
    }
  if (result == NULL)
    return gimp_procedure_new_return_values (procedure, status_of (error), error);
  if (dif_result_warning (result) != NULL)
    gimp_message (dif_result_warning (result));
  if (! dif_canvas_check (image, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  find_spot (image, layer, region, repeat, &spot);
  return place (procedure, image, rq, result, canvas, &spot);
}

void
dif_run_begin (GimpProcedure *procedure)
{
  g_autofree char *locale = dif_folder_find ("locale");

  /* For the engine's errors. */
  if (locale != NULL)
    g_setenv ("DIF_LOCALE_DIR", locale, FALSE);
  /* Nobody is left to show the picture to once GIMP is gone. */
  dif_platform_end_with_parent ();
  gegl_init (NULL, NULL);
  gimp_plug_in_set_pdb_error_handler (gimp_procedure_get_plug_in (procedure),
                                      GIMP_PDB_ERROR_HANDLER_PLUGIN);
}

void
dif_run_add_results (GimpProcedure *procedure)
{
  gimp_procedure_add_core_object_array_return_value (
      procedure, "layers", _ ("Layers"), _ ("The new layers, the first picture first"),
      GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  gimp_procedure_add_double_return_value (procedure, "seed", _ ("Seed"),
                                          _ ("The seed that was used"), 0.0, G_MAXUINT32, 0.0,
                                          G_PARAM_READWRITE);
}

GimpValueArray *
dif_run_procedure (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                   GimpDrawable **drawables, GimpProcedureConfig *config, gpointer run_data)
{
  const char *task  = run_data;
  const char *title = g_dgettext (GETTEXT_PACKAGE, dif_task_label (task));
  GimpLayer  *layer = NULL;
  GError     *error = NULL;

  dif_run_begin (procedure);
  if (! dif_canvas_check (image, &error) ||
      ! dif_run_find_layer (image, drawables, &layer, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  if (run_mode == GIMP_RUN_INTERACTIVE &&
      ! dif_dialog_run (procedure, config, task, title, FALSE))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
  return dif_run_task (procedure, task, image, layer, config, NULL);
}
