/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.c - see run.h.
 *
 * The picture is drawn before anything on the canvas changes.  GIMP's Cancel
 * kills this process; the engine notices and stops, too.
 */
#include "config.h"

#include <signal.h>
#include <sys/prctl.h>

#include "engine/client.h"
#include "plugin/arguments.h"
#include "plugin/canvas.h"
#include "plugin/dialog.h"
#include "plugin/region.h"
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

/* The layer that the user has in hand.  A script may leave the drawables out. */
static GimpLayer *
selected_layer (GimpImage *image, GimpDrawable **drawables)
{
  g_autofree GimpLayer **selected = NULL;

  if (drawables != NULL && drawables[0] != NULL)
    {
      if (GIMP_IS_LAYER_MASK (drawables[0]))
        return gimp_layer_from_mask (GIMP_LAYER_MASK (drawables[0]));
      return GIMP_IS_LAYER (drawables[0]) ? GIMP_LAYER (drawables[0]) : NULL;
    }
  selected = gimp_image_get_selected_layers (image);
  return selected != NULL ? selected[0] : NULL;
}

/* Where pictures go that start from nothing. */
static void
free_area (GimpImage *image, DifRect *area)
{
  if (! dif_source_selection (image, area) || area->width == 0)
    dif_source_bounds (image, NULL, area);
}

static DifRequest *
make_request (GimpProcedureConfig *config, const char *task, GimpImage *image, GimpLayer *layer,
              DifRegion **region, GError **error)
{
  g_autoptr (DifRequest) rq = dif_arguments_to_request (config, task, error);
  DifRect                area;

  if (rq == NULL)
    return NULL;
  if (dif_region_is_for (task))
    {
      *region = dif_region_new (image, layer, config, rq, error);
      return *region != NULL ? g_steal_pointer (&rq) : NULL;
    }
  free_area (image, &area);
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

/* The spot for what was drawn; layers may have gone meanwhile. */
static void
find_spot (GimpImage *image, GimpLayer *layer, const DifRegion *region, DifSpot *spot)
{
  *spot = (DifSpot) { .above = layer };
  if (region != NULL)
    {
      spot->area      = region->context;
      spot->is_filled = TRUE;
      spot->has_mask  = region->has_mask;
      spot->mask      = region->selection;
      spot->feather   = region->feather;
      spot->has_depth = region->has_depth;
      spot->above     = region->above;
    }
  else
    free_area (image, &spot->area);
  if (spot->above != NULL && ! gimp_item_is_valid (GIMP_ITEM (spot->above)))
    spot->above = NULL;
}

static GimpValueArray *
place (GimpProcedure *procedure, GimpImage *image, GimpLayer *layer, DifRequest *rq,
       const DifRegion *region, DifResult *result)
{
  const char      *task   = dif_request_task (rq);
  g_autofree char *name   = NULL;
  GimpLayer      **layers = NULL;
  GimpValueArray  *values;
  GError          *error = NULL;
  DifSpot          spot;

  if (dif_canvas_check (image, &error))
    {
      name = dif_canvas_layer_name (dif_request_text (rq, "prompt"),
                                    g_dgettext (GETTEXT_PACKAGE, dif_task_label (task)));
      find_spot (image, layer, region, &spot);
      layers = dif_canvas_add_pictures (image, result, &spot, name, &error);
    }
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

GimpValueArray *
dif_run_procedure (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                   GimpDrawable **drawables, GimpProcedureConfig *config, gpointer run_data)
{
  g_autoptr (DifRegion)  region = NULL;
  g_autoptr (DifRequest) rq     = NULL;
  g_autoptr (DifResult)  result = NULL;
  GimpLayer             *layer  = NULL;
  GError                *error  = NULL;

  /* Nobody is left to show the picture to once GIMP is gone. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  gegl_init (NULL, NULL);
  gimp_plug_in_set_pdb_error_handler (gimp_procedure_get_plug_in (procedure),
                                      GIMP_PDB_ERROR_HANDLER_PLUGIN);
  if (! dif_canvas_check (image, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  if (run_mode == GIMP_RUN_INTERACTIVE && ! dif_dialog_run (procedure, config, run_data))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);

  layer = selected_layer (image, drawables);
  rq    = make_request (config, run_data, image, layer, &region, &error);
  if (rq == NULL)
    return gimp_procedure_new_return_values (procedure, status_of (error), error);
  result = draw (rq, &error);
  if (result == NULL)
    return gimp_procedure_new_return_values (procedure, status_of (error), error);
  if (dif_result_warning (result) != NULL)
    gimp_message (dif_result_warning (result));
  return place (procedure, image, layer, rq, region, result);
}
