/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drawing.c - see drawing.h. */
#include "config.h"

#include "plugin/arguments.h"
#include "plugin/drawing.h"
#include "plugin/recipe.h"
#include "plugin/region-recipe.h"
#include "plugin/size.h"
#include "plugin/source.h"

#include <glib/gi18n-lib.h>

#define MAX_TIMES 4 /* as large as a canvas a layer may be that is put back */

void
dif_drawing_free (DifDrawing *drawing)
{
  if (drawing == NULL)
    return;
  dif_request_free (drawing->rq);
  dif_region_free (drawing->region);
  dif_json_unref (drawing->canvas);
  g_free (drawing);
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

/* A picture that is scaled to its area has the area's proportions. */
static gboolean
fit_area (DifDrawing *d, const DifHints *hints, GError **error)
{
  int native, width = d->area.width, height = d->area.height;

  if (hints == NULL || dif_request_param (d->rq, "width", NULL) == NULL ||
      dif_request_has (d->rq, "width") || dif_request_has (d->rq, "height"))
    return dif_size_fit (d->rq, width, height, error);
  native = dif_size_native (dif_request_model (d->rq), error);
  if (native == 0)
    return FALSE;
  dif_geometry_fit (native, &width, &height);
  dif_geometry_limit (hints->side, &width, &height);
  return dif_request_set_number (d->rq, "width", width, error) &&
         dif_request_set_number (d->rq, "height", height, error);
}

static gboolean
make_request (DifDrawing *d, GimpImage *image, GimpLayer *layer, GimpProcedureConfig *config,
              const DifRepeat *repeat, const DifHints *hints, GError **error)
{
  d->rq = dif_arguments_to_request (config, d->task, error);
  if (d->rq == NULL)
    return FALSE;
  if (repeat != NULL && repeat->n_images > 0 &&
      ! dif_request_set_number (d->rq, "num-images", repeat->n_images, error))
    return FALSE;
  if (dif_region_is_for (d->task))
    {
      d->region = dif_region_new (image, layer, config, repeat != NULL ? &repeat->place : NULL,
                                  hints, d->rq, error);
      return d->region != NULL;
    }
  free_area (image, repeat, &d->area);
  d->is_filled = hints != NULL || (repeat != NULL && repeat->is_scaled);
  d->above     = repeat != NULL ? repeat->place.above : layer;
  return fit_area (d, hints, error);
}

/* The part of the recipe that libdif knows nothing of. */
static DifJson *
describe_canvas (DifDrawing *d, GimpImage *image, GimpProcedureConfig *config,
                 const DifRepeat *repeat)
{
  DifJson    *before = repeat != NULL ? dif_json_member (repeat->recipe, "canvas") : NULL;
  const char *origin = before != NULL ? dif_json_string (before, "origin", NULL) : NULL;
  DifJson    *canvas = dif_recipe_canvas (image, d->task, config, origin);

  if (d->region != NULL)
    dif_region_to_json (d->region, canvas);
  return canvas;
}

DifDrawing *
dif_drawing_new (GimpImage *image, GimpLayer *layer, const char *task, GimpProcedureConfig *config,
                 const DifRepeat *repeat, const DifHints *hints, GError **error)
{
  g_autoptr (DifDrawing) drawing = g_new0 (DifDrawing, 1);

  drawing->task = task;
  if (! make_request (drawing, image, layer, config, repeat, hints, error))
    return NULL;
  drawing->canvas = describe_canvas (drawing, image, config, repeat);
  return g_steal_pointer (&drawing);
}

gboolean
dif_drawing_plan (GimpImage *image, GimpLayer *layer, const char *task,
                  GimpProcedureConfig *config, const DifHints *hints, DifPlacement *placement,
                  DifImage **denoise, DifImage **composite, GError **error)
{
  g_autoptr (DifRequest) rq     = dif_arguments_to_request (config, task, error);
  g_autoptr (DifRegion)  region = NULL;
  DifDrawing             free   = { .task = task, .rq = rq };

  *denoise = *composite = NULL;
  if (rq == NULL)
    return FALSE;
  if (! dif_region_is_for (task))
    {
      free_area (image, NULL, &free.area);
      if (! fit_area (&free, hints, error))
        return FALSE;
      *placement = (DifPlacement) { free.area, free.area,
                                    (int) dif_request_number (rq, "width"),
                                    (int) dif_request_number (rq, "height") };
      return TRUE;
    }
  region = dif_region_locate (image, layer, config, hints, rq, placement, denoise, error);
  if (region != NULL && region->selection != NULL)
    *composite = dif_source_shown (region->selection, region->feather, placement->width,
                                   placement->height);
  return region != NULL;
}

/* Notes where pictures come that start from nothing. */
static void
describe_place (DifDrawing *d, DifResult *result)
{
  const DifRect *area  = &d->area;
  int            width = (int) dif_result_width (result), height = (int) dif_result_height (result);
  DifRect        place = { area->x + (area->width - width) / 2,
                           area->y + (area->height - height) / 2, width, height };

  dif_recipe_set_rect (d->canvas, "context", d->is_filled ? area : &place);
  if (d->is_filled)
    dif_json_set_bool (d->canvas, "filled", TRUE);
}

char **
dif_drawing_recipes (DifDrawing *drawing, DifResult *result, GError **error)
{
  if (! dif_json_has (drawing->canvas, "context"))
    describe_place (drawing, result);
  return dif_recipe_write (result, drawing->task, drawing->canvas, error);
}

void
dif_drawing_spot (DifDrawing *drawing, DifInsertion *insertion)
{
  DifRegion *region = drawing->region;

  *insertion = (DifInsertion) { .above = drawing->above };
  if (region != NULL)
    {
      insertion->area      = region->context;
      insertion->is_filled = TRUE;
      insertion->has_mask  = region->has_mask;
      insertion->mask      = region->selection;
      insertion->feather   = region->feather;
      insertion->has_depth = region->has_depth;
      insertion->above     = region->above;
      insertion->cover     = region->cover;
    }
  else
    {
      insertion->area      = drawing->area;
      insertion->is_filled = drawing->is_filled;
    }
  if (insertion->above != NULL && ! gimp_item_is_valid (GIMP_ITEM (insertion->above)))
    insertion->above = NULL;
}

char *
dif_drawing_layer_name (DifDrawing *drawing)
{
  return dif_canvas_layer_name (dif_request_text (drawing->rq, "prompt"),
                                g_dgettext (GETTEXT_PACKAGE, dif_task_label (drawing->task)));
}

/* A layer may be larger than its canvas, but not for no reason. */
static gboolean
is_sane (const DifRect *area, GimpImage *image)
{
  DifRect all, both;

  dif_source_bounds (image, NULL, &all);
  return area->width > 0 && area->height > 0 && area->width <= MAX_TIMES * all.width &&
         area->height <= MAX_TIMES * all.height && dif_geometry_intersect (area, &all, &both);
}

gboolean
dif_drawing_spot_of_recipe (DifJson *recipe, GimpImage *image, DifInsertion *insertion,
                            GError **error)
{
  DifJson        *canvas = dif_json_member (recipe, "canvas");
  const char     *task   = dif_json_string (recipe, "task", "");
  guint           n      = 0;
  const DifParam *rows   = dif_region_params (task, &n);

  *insertion = (DifInsertion) { .is_filled = TRUE };
  if (! dif_recipe_check (recipe, rows, n, error))
    return FALSE;
  dif_recipe_get_rect (canvas, "context", &insertion->area);
  if (! is_sane (&insertion->area, image))
    dif_json_fail (canvas, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a place on the canvas, found %d x %d pixels at %d, %d",
                   insertion->area.width, insertion->area.height, insertion->area.x,
                   insertion->area.y);
  else if (dif_region_is_for (task))
    {
      insertion->mask     = dif_region_selection (canvas, image, &insertion->area);
      insertion->has_mask = insertion->mask != NULL || g_str_equal (task, "inpaint");
      insertion->feather  = (guint) dif_json_int (canvas, "feather", 0, 0, 32768);
    }
  if (insertion->mask != NULL && insertion->feather > 0)
    insertion->cover = dif_source_cover (image, &insertion->area, NULL);
  if (insertion->cover == NULL)
    insertion->feather = 0;
  if (dif_json_finish (recipe, error))
    return TRUE;
  dif_drawing_clear_spot (insertion);
  return FALSE;
}

void
dif_drawing_clear_spot (DifInsertion *insertion)
{
  g_clear_object (&insertion->mask);
  g_clear_pointer (&insertion->cover, g_free);
}
