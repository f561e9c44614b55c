/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region.c - see region.h. */
#include "config.h"

#include "plugin/arguments.h"
#include "plugin/canvas.h"
#include "plugin/projection.h"
#include "plugin/region.h"
#include "plugin/size.h"
#include "plugin/source.h"

#include <glib/gi18n-lib.h>

#define MAX_PIXELS 32768.0

/* Arguments that count canvas pixels. */
typedef struct
{
  int padding, feather, grow, blur;
} Numbers;

static const char *const sources[] = { N_ ("visible"), N_ ("layer"), NULL };

/* One backslash behind each line: aligned ones would be wider than the page. */
/* clang-format off */
#define COMMON_PARAMS \
  { .name = "source", \
    .type = DIF_PARAM_CHOICE, \
    .label = N_ ("So_urce"), \
    .blurb = N_ ("What to start from: all that is visible, or the selected layer alone"), \
    .text = "visible", \
    .choices = sources }, \
      { .name = "padding", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("Context pa_dding"), \
        .blurb = \
            N_ ("Pixels around the selection that the model sees as well; automatic (-1) is as " \
                "many as suit the selection and the model"), \
        .unit = "pixels", \
        .min = 0, \
        .max = MAX_PIXELS, \
        .fallback = DIF_PADDING_AUTOMATIC, \
        .auto_default = TRUE, \
        .advanced = TRUE }, \
      { .name = "context-area", \
        .type = DIF_PARAM_IMAGE, \
        .label = N_ ("Conte_xt area"), \
        .blurb = \
            N_ ("A channel or layer that marks what the model should see besides the selection, " \
                "instead of the automatic context"), \
        .advanced = TRUE }, \
      { .name = "square", \
        .type = DIF_PARAM_BOOL, \
        .label = N_ ("S_quare context"), \
        .blurb = N_ ("The model sees a square, as far as there is room"), \
        .advanced = TRUE }, \
  { \
    .name = "feather", .type = DIF_PARAM_INT, .label = N_ ("_Feather"), \
    .blurb = N_ ("Pixels over which the edge of the layer mask is softened inwards"), \
    .unit = "pixels", .min = 0, .max = MAX_PIXELS, .fallback = 0, .advanced = TRUE \
  }
/* clang-format on */

static const DifParam plain_params[] = { COMMON_PARAMS };

static const DifParam mask_params[] = {
  COMMON_PARAMS,
  { .name     = "grow",
    .type     = DIF_PARAM_INT,
    .label    = N_ ("_Grow selection by"),
    .blurb    = N_ ("Pixels around the selection that are repainted as well, hidden by the layer "
                       "mask"),
    .unit     = "pixels",
    .min      = 0,
    .max      = MAX_PIXELS,
    .fallback = 4,
    .advanced = TRUE },
  { .name     = "blur",
    .type     = DIF_PARAM_INT,
    .label    = N_ ("Mask _blur"),
    .blurb    = N_ ("Pixels around the grown selection over which strength fades to nothing"),
    .unit     = "pixels",
    .min      = 0,
    .max      = MAX_PIXELS,
    .fallback = 0,
    .advanced = TRUE },
};

static const DifParam depth_params[] = {
  COMMON_PARAMS,
  { .name  = "depth-layer",
    .type  = DIF_PARAM_BOOL,
    .label = N_ ("Add a depth la_yer"),
    .blurb = N_ ("Adds the depth that was estimated as one more layer, hidden: white is near") },
};

static gboolean
has_row (const char *task, const char *name)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      if (g_str_equal (rows[i].name, name))
        return TRUE;
    }
  return FALSE;
}

gboolean
dif_region_is_for (const char *task)
{
  return has_row (task, "image");
}

const DifParam *
dif_region_params (const char *task, guint *n)
{
  *n = 0;
  if (! dif_region_is_for (task))
    return plain_params;
  if (has_row (task, "mask"))
    {
      *n = G_N_ELEMENTS (mask_params);
      return mask_params;
    }
  if (has_row (task, "depth"))
    {
      *n = G_N_ELEMENTS (depth_params);
      return depth_params;
    }
  *n = G_N_ELEMENTS (plain_params);
  return plain_params;
}

gboolean
dif_region_is_layer_row (const DifParam *row)
{
  return row->type == DIF_PARAM_IMAGE && ! g_str_equal (row->name, "image") &&
         ! g_str_equal (row->name, "mask");
}

/* The crop is made on the canvas, where the result is placed without loss. */
gboolean
dif_region_replaces (const DifParam *row)
{
  return g_str_equal (row->name, "padding-mask-crop");
}

gboolean
dif_region_is_place_row (const DifParam *row)
{
  static const char *const names[] = { "source", "padding", "context-area", "square", NULL };

  return g_strv_contains (names, row->name);
}

void
dif_region_free (DifRegion *region)
{
  if (region == NULL)
    return;
  g_clear_object (&region->selection);
  g_free (region->cover);
  g_free (region);
}

/* A whole number, or 0 where the task lacks it. */
static gboolean
read_number (GimpProcedureConfig *config, const char *task, const char *name, int *number,
             GError **error)
{
  guint           n    = 0;
  const DifParam *rows = dif_region_params (task, &n);
  double          value;

  for (guint i = 0; i < n; i++)
    {
      if (! g_str_equal (rows[i].name, name))
        continue;
      value   = dif_arguments_number (G_OBJECT (config), name);
      *number = (int) value;
      if (dif_param_allows (&rows[i], value))
        return TRUE;
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: expected a whole number from %.0f to %.0f, found %g", name, rows[i].min,
                   rows[i].max, value);
      return FALSE;
    }
  *number = 0;
  return TRUE;
}

/* Whether to look at the layer alone. */
static gboolean
read_source (GimpProcedureConfig *config, GimpLayer *layer, gboolean *is_layer, GError **error)
{
  g_autofree char *word = NULL;

  g_object_get (config, "source", &word, NULL);
  if (word == NULL || ! g_strv_contains (sources, word))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "source: expected one of visible, layer, found \"%s\"",
                   word != NULL ? word : "");
      return FALSE;
    }
  *is_layer = g_str_equal (word, "layer");
  if (*is_layer && layer == NULL)
    {
      g_set_error_literal (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                           _ ("No layer is selected: select one, or start from what is visible."));
      return FALSE;
    }
  return TRUE;
}

/* The selection's values there, in their own format, so that they are copied as they are. */
static GeglBuffer *
copy_selection (GimpImage *image, const DifRect *area, GError **error)
{
  GimpSelection         *selection = gimp_image_get_selection (image);
  g_autoptr (GeglBuffer) values    = NULL;
  GeglBuffer            *copy;
  GeglRectangle          part = { area->x, area->y, area->width, area->height };

  if (selection != NULL)
    values = gimp_drawable_get_buffer (GIMP_DRAWABLE (selection));
  if (values == NULL)
    {
      dif_canvas_set_error (_ ("GIMP could not read the selection: %s"), error);
      return NULL;
    }
  copy = gegl_buffer_new (&part, gegl_buffer_get_format (values));
  gegl_buffer_copy (values, &part, GEGL_ABYSS_NONE, copy, &part);
  return copy;
}

static gboolean
shares (const DifRect *a, const DifRect *b)
{
  DifRect both;

  return dif_geometry_intersect (a, b, &both);
}

/* What the user marked for the model to see, if anything: an empty rectangle otherwise. */
static gboolean
read_context_area (GimpProcedureConfig *config, GimpImage *image, DifRect *area, GError **error)
{
  g_autoptr (GimpDrawable) drawable = NULL;
  g_autofree char         *own      = NULL;

  *area = (DifRect) { 0 };
  g_object_get (config, "context-area", &drawable, NULL);
  if (drawable == NULL)
    return TRUE;
  if (! dif_canvas_check_item (image, GIMP_ITEM (drawable), "context-area", error) ||
      ! dif_source_marked (drawable, area, error))
    return FALSE;
  if (area->width > 0)
    return TRUE;
  own = gimp_item_get_name (GIMP_ITEM (drawable));
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               _ ("context-area: expected a channel or layer that marks something, found \"%s\", "
                  "which is empty"),
               own);
  return FALSE;
}

static void
set_size (DifPlacement *placement, DifRequest *rq)
{
  if (dif_request_has (rq, "width"))
    placement->width = (int) dif_request_number (rq, "width");
  if (dif_request_has (rq, "height"))
    placement->height = (int) dif_request_number (rq, "height");
}

/* Where everything was. */
static gboolean
restore_placement (DifRegion *region, const DifSavedRegion *saved, DifRequest *rq,
                   DifPlacement *placement,
                   GError      **error)
{
  int native = dif_size_native (dif_request_model (rq), error);

  if (native == 0)
    return FALSE;
  *placement = (DifPlacement) { saved->target, saved->context, saved->context.width,
                                saved->context.height };
  dif_geometry_fit (native, &placement->width, &placement->height);
  set_size (placement, rq);
  region->above     = saved->above;
  region->context   = saved->context;
  region->target    = saved->target;
  region->selection = saved->selection != NULL ? g_object_ref (saved->selection) : NULL;
  return TRUE;
}

/* Where everything is, and how large the picture is to be. */
static gboolean
place (DifRegion *region, GimpImage *image, const Numbers *numbers, GimpProcedureConfig *config,
       const DifHints *hints, DifRequest *rq, DifPlacement *placement, GError **error)
{
  DifRect         bounds, selection, seen;
  gboolean        is_selected = dif_source_selection (image, &selection);
  DifGeometrySpec spec        = { .padding = numbers->padding };

  g_object_get (config, "square", &spec.is_square, NULL);
  spec.native = dif_size_native (dif_request_model (rq), error);
  if (spec.native == 0 || ! read_context_area (config, image, &seen, error))
    return FALSE;
  spec.selection = is_selected ? &selection : NULL;
  spec.seen      = seen.width > 0 ? &seen : NULL;
  if (hints != NULL && hints->seen != NULL)
    spec.seen = hints->seen;
  dif_source_bounds (image, region->source, &bounds);
  /* A layer is painted beyond its edges, but not from nowhere. */
  if (region->source != NULL && region->has_mask && is_selected && shares (&bounds, &selection))
    dif_geometry_unite (&bounds, &selection, &bounds);
  if (! dif_geometry_compute (&bounds, &spec, placement))
    {
      g_set_error_literal (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                           _ ("Nothing that could be repainted lies in the selection."));
      return FALSE;
    }
  set_size (placement, rq);
  dif_geometry_limit (hints != NULL ? hints->side : 0, &placement->width, &placement->height);
  region->context = placement->context;
  region->target  = placement->target;
  if (is_selected)
    region->selection = copy_selection (image, &region->context, error);
  return ! is_selected || region->selection != NULL;
}

/* What the user named a layer for, if anything. */
static gboolean
set_layer_row (GimpImage *image, const DifPlacement *to, GimpProcedureConfig *config,
               const DifParam *row, DifRequest *rq, GError **error)
{
  g_autoptr (GimpDrawable) drawable = NULL;
  g_autoptr (DifImage)     picture  = NULL;
  g_autofree char         *own      = NULL;
  DifRect                  bounds   = { 0 };

  g_object_get (config, row->name, &drawable, NULL);
  if (drawable == NULL)
    return TRUE;
  if (! dif_canvas_check_item (image, GIMP_ITEM (drawable), row->name, error))
    return FALSE;
  if (! dif_projection_reach (drawable, &bounds) || ! shares (&bounds, &to->context))
    {
      own = gimp_item_get_name (GIMP_ITEM (drawable));
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   _ ("%s: expected a layer that reaches into the area to draw, found \"%s\", "
                      "which lies beside it"),
                   row->name, own);
      return FALSE;
    }
  picture = dif_source_gray (drawable, &to->context, to->width, to->height, error);
  return picture != NULL && dif_request_set_image (rq, row->name, picture, error);
}

static DifImage *
mask_of (DifRegion *region, const Numbers *numbers, const DifPlacement *to, DifRequest *rq,
         GError **error)
{
  DifMaskShape shape = { (guint) numbers->grow, (guint) numbers->blur,
                         dif_request_number (rq, "differential") != 0.0 };

  return dif_source_mask (region->selection, &shape, to->width, to->height, error);
}

/* What fades away is drawn with partial strength. */
static gboolean
set_mask (DifRegion *region, const Numbers *numbers, const DifPlacement *to, DifRequest *rq,
          GError **error)
{
  g_autoptr (DifImage) mask = mask_of (region, numbers, to, rq, error);

  return mask != NULL && dif_request_set_image (rq, "mask", mask, error) &&
         (numbers->blur == 0 || dif_request_set_number (rq, "differential", 1.0, error));
}

static gboolean
set_pictures (DifRegion *region, GimpImage *image, GimpImage *visible, const Numbers *numbers,
              const DifPlacement *to, GimpProcedureConfig *config, DifRequest *rq, GError **error)
{
  guint                n       = 0;
  const DifParam      *rows    = dif_task_params (dif_request_task (rq), &n);
  g_autoptr (DifImage) picture = NULL;
  const DifRect       *area    = &to->context;
  gboolean             extends = region->has_mask;

  picture =
      region->source != NULL
          ? dif_source_layer (region->source, area, to->width, to->height, extends, error)
          : dif_source_visible (visible, area, to->width, to->height, extends, error);
  if (picture == NULL || ! dif_request_set_image (rq, "image", picture, error))
    return FALSE;
  if (region->has_mask && ! set_mask (region, numbers, to, rq, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      if (dif_region_is_layer_row (&rows[i]) &&
          ! set_layer_row (image, to, config, &rows[i], rq, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_numbers (GimpProcedureConfig *config, const char *task, Numbers *numbers, GError **error)
{
  return read_number (config, task, "padding", &numbers->padding, error) &&
         read_number (config, task, "feather", &numbers->feather, error) &&
         read_number (config, task, "grow", &numbers->grow, error) &&
         read_number (config, task, "blur", &numbers->blur, error);
}

/* A region that knows what the arguments say, and not yet where it is. */
static DifRegion *
begin (GimpLayer *layer, GimpProcedureConfig *config, DifRequest *rq, Numbers *numbers,
       GError **error)
{
  g_autoptr (DifRegion) region   = g_new0 (DifRegion, 1);
  const char           *task     = dif_request_task (rq);
  gboolean              is_layer = FALSE;

  if (! read_source (config, layer, &is_layer, error) ||
      ! read_numbers (config, task, numbers, error))
    return NULL;
  region->source   = is_layer ? layer : NULL;
  region->has_mask = has_row (task, "mask");
  region->feather  = (guint) numbers->feather;
  if (has_row (task, "depth"))
    g_object_get (config, "depth-layer", &region->has_depth, NULL);
  region->above = region->source;
  return g_steal_pointer (&region);
}

DifRegion *
dif_region_new (GimpImage *image, GimpLayer *layer, GimpProcedureConfig *config,
                const DifSavedRegion *saved, const DifHints *hints, DifRequest *rq, GError **error)
{
  Numbers               numbers = { 0 };
  g_autoptr (DifRegion) region  = begin (layer, config, rq, &numbers, error);
  GimpImage            *visible = saved != NULL ? saved->visible : image;
  DifPlacement          placement;
  gboolean              is_placed;

  if (region == NULL)
    return NULL;
  is_placed = saved != NULL
                  ? restore_placement (region, saved, rq, &placement, error)
                  : place (region, image, &numbers, config, hints, rq, &placement, error);
  if (! is_placed ||
      ! set_pictures (region, image, visible, &numbers, &placement, config, rq, error))
    return NULL;
  region->has_mask |= region->selection != NULL;
  if (region->selection != NULL && region->feather > 0 &&
      (region->cover = dif_source_cover (visible, &region->context, error)) == NULL)
    return NULL;
  return g_steal_pointer (&region);
}

DifRegion *
dif_region_locate (GimpImage *image, GimpLayer *layer, GimpProcedureConfig *config,
                   const DifHints *hints, DifRequest *rq, DifPlacement *placement,
                   DifImage **denoise, GError **error)
{
  Numbers               numbers = { 0 };
  g_autoptr (DifRegion) region  = begin (layer, config, rq, &numbers, error);

  *denoise = NULL;
  if (region == NULL || ! place (region, image, &numbers, config, hints, rq, placement, error))
    return NULL;
  if (region->has_mask &&
      (*denoise = mask_of (region, &numbers, placement, rq, error)) == NULL)
    return NULL;
  region->has_mask |= region->selection != NULL;
  return g_steal_pointer (&region);
}
