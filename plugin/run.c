/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.c - see run.h.
 *
 * The picture is drawn before anything on the canvas changes.  GIMP's Cancel
 * kills this process; the engine notices and stops, too.
 */
#include "config.h"

#include "engine/client.h"
#include "engine/platform.h"
#include "plugin/canvas.h"
#include "plugin/dialog.h"
#include "plugin/drawing.h"
#include "plugin/folder.h"
#include "plugin/recipe.h"
#include "plugin/run.h"
#include "ui/progress-text.h"

#include <glib/gi18n-lib.h>

static void
show_progress (const DifProgress *progress, gpointer user_data)
{
  char           **shown = user_data;
  g_autofree char *text  = dif_ui_progress_text (progress);

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

static GimpValueArray *
place (GimpProcedure *procedure, GimpImage *image, DifDrawing *drawing, DifResult *result)
{
  g_autofree char *name   = dif_drawing_layer_name (drawing);
  g_auto (GStrv)   texts  = NULL;
  GimpLayer      **layers = NULL;
  GError          *error  = NULL;
  GimpValueArray  *values;
  DifInsertion     insertion;

  dif_drawing_spot (drawing, &insertion);
  insertion.recipes = texts = dif_drawing_recipes (drawing, result, &error);
  if (texts != NULL)
    layers = dif_canvas_add_pictures (image, result, &insertion, name, &error);
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
  g_autoptr (DifDrawing) drawing = NULL;
  g_autoptr (DifResult)  result  = NULL;
  GError                *error   = NULL;

  drawing = dif_drawing_new (image, layer, task, config, repeat, NULL, &error);
  forget_visible (repeat);
  if (drawing != NULL)
    result = repeat != NULL ? draw_again (drawing->rq, repeat, &error)
                            : draw (drawing->rq, &error);
  if (result == NULL)
    return gimp_procedure_new_return_values (procedure, status_of (error), error);
  if (dif_result_warning (result) != NULL)
    gimp_message (dif_result_warning (result));
  if (! dif_canvas_check (image, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return place (procedure, image, drawing, result);
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
