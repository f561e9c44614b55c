/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window-host.c - see window-host.h. */
#include "config.h"

#include "engine/client.h"
#include "plugin/arguments.h"
#include "plugin/canvas.h"
#include "plugin/drawing.h"
#include "plugin/recipe.h"
#include "plugin/run.h"
#include "plugin/source.h"
#include "plugin/window-host.h"
#include "ui/intent.h"
#include "ui/settings.h"

#include <glib/gi18n-lib.h>

#define IMAGE_PARASITE   "gimp-diffusion-image"
#define RESULTS_PARASITE "gimp-diffusion-results"
#define GLANCE           128 /* what is compared, pixels of the longer side */

/* ---- images ---- */

static int *
images (gpointer data)
{
  g_autofree GimpImage **list = gimp_get_images ();
  GArray                *ids  = g_array_new (TRUE, TRUE, sizeof (int));

  for (guint i = 0; list != NULL && list[i] != NULL; i++)
    {
      int id = gimp_image_get_id (list[i]);

      g_array_append_val (ids, id);
    }
  return (int *) (gpointer) g_array_free (ids, FALSE);
}

static char *
name (gpointer data, int id)
{
  GimpImage *image = gimp_image_get_by_id (id);

  return image != NULL && gimp_image_is_valid (image) ? gimp_image_get_name (image) : NULL;
}

static GimpImage *
find_image (int id, GError **error)
{
  GimpImage *image = gimp_image_get_by_id (id);

  if (image != NULL && gimp_image_is_valid (image))
    return image;
  g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0, _ ("The image was closed."));
  return NULL;
}

/* How opaque a thumbnail is, one byte a pixel; NULL where all of it is. */
static guint8 *
alpha_of (GBytes *pixels, int bpp)
{
  gsize         n    = g_bytes_get_size (pixels) / (gsize) bpp;
  const guint8 *from = g_bytes_get_data (pixels, NULL);
  guint8       *alpha;

  if (bpp != 2 && bpp != 4)
    return NULL;
  alpha = g_new (guint8, n);
  for (gsize i = 0; i < n; i++)
    alpha[i] = from[i * (gsize) bpp + (gsize) bpp - 1];
  return alpha;
}

static double
cover_of (GBytes *seen, int bpp, GBytes *selected)
{
  g_autofree guint8 *alpha = alpha_of (seen, bpp);
  gsize              n     = g_bytes_get_size (seen) / (gsize) bpp;

  if (alpha == NULL)
    return 1.0;
  /* Thumbnails of image and selection have the same proportions, and so the same size. */
  return dif_ui_intent_cover (
      alpha,
      selected != NULL && g_bytes_get_size (selected) == n ? g_bytes_get_data (selected, NULL)
                                                           : NULL,
      n);
}

/* What is selected beyond the canvas cannot be: selections end with it. */
static gboolean
look (gpointer data, int id, DifUiLook *look)
{
  GimpImage         *image = find_image (id, NULL);
  g_autoptr (GBytes) seen = NULL, selected = NULL;
  int                width = GLANCE, height = GLANCE, bpp = 0, selected_bpp = 0;
  int                selected_width = GLANCE, selected_height = GLANCE;
  DifRect            bounds = { 0 };

  if (image == NULL)
    return FALSE;
  look->width       = gimp_image_get_width (image);
  look->height      = gimp_image_get_height (image);
  look->is_selected = dif_source_selection (image, &bounds);
  look->selection   = (DifUiRect) { bounds.x, bounds.y, bounds.width, bounds.height };
  seen              = gimp_image_get_thumbnail_data (image, &width, &height, &bpp);
  if (look->is_selected)
    selected = gimp_drawable_get_thumbnail_data (
        GIMP_DRAWABLE (gimp_image_get_selection (image)), GLANCE, GLANCE, &selected_width,
        &selected_height, &selected_bpp);
  look->stamp = seen != NULL ? g_bytes_hash (seen) : 1;
  if (selected != NULL)
    look->stamp = look->stamp * 31 + g_bytes_hash (selected);
  look->cover = seen != NULL && bpp > 0 ? cover_of (seen, bpp, selected) : 1.0;
  return TRUE;
}

static char *
parasite_text (GimpImage *image, const char *word)
{
  GimpParasite *parasite = gimp_image_get_parasite (image, word);
  const char   *bytes;
  guint32       size = 0;
  char         *text;

  if (parasite == NULL)
    return NULL;
  bytes = gimp_parasite_get_data (parasite, &size);
  text  = g_strndup (bytes, size);
  gimp_parasite_free (parasite);
  return text;
}

static void
attach (GimpImage *image, const char *word, gconstpointer bytes, gsize n)
{
  GimpParasite *parasite =
      gimp_parasite_new (word, GIMP_PARASITE_PERSISTENT, (guint32) n, bytes);

  gimp_image_attach_parasite (image, parasite);
  gimp_parasite_free (parasite);
}

static char *
key (gpointer data, int id, gboolean make)
{
  GimpImage *image = find_image (id, NULL);
  char      *text  = image != NULL ? parasite_text (image, IMAGE_PARASITE) : NULL;

  if (text != NULL && g_uuid_string_is_valid (text))
    return text;
  g_clear_pointer (&text, g_free);
  if (image != NULL && make)
    {
      text = g_uuid_string_random ();
      attach (image, IMAGE_PARASITE, text, strlen (text));
    }
  return text;
}

static GdkPixbuf *
thumbnail (gpointer data, int id, int side)
{
  GimpImage *image = find_image (id, NULL);

  return image != NULL ? gimp_image_get_thumbnail (image, side, side, GIMP_PIXBUF_KEEP_ALPHA)
                       : NULL;
}

static const DifParam *
params (gpointer data, const char *task, guint *n)
{
  return dif_region_params (task, n);
}

/* ---- arguments ---- */

static void
copy_row (GObject *settings, const DifParam *row, GObject *config)
{
  g_autofree char *text  = NULL;
  gboolean         is_on = FALSE;

  if (! dif_arguments_has (config, row->name) ||
      g_object_class_find_property (G_OBJECT_GET_CLASS (settings), row->name) == NULL)
    return;
  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      dif_arguments_set_number (config, row->name, dif_ui_settings_number (settings, row->name));
      break;
    case DIF_PARAM_BOOL:
      g_object_get (settings, row->name, &is_on, NULL);
      g_object_set (config, row->name, is_on, NULL);
      break;
    case DIF_PARAM_IMAGE:
      break;
    default:
      text = dif_ui_settings_text (settings, row->name);
      g_object_set (config, row->name, text, NULL);
      break;
    }
}

/* The arguments of the task's procedure, as the settings have them. */
static GimpProcedureConfig *
make_config (GimpPlugIn *plug_in, const DifUiWish *wish)
{
  g_autofree char          *procedure_name = g_strconcat (DIF_PROCEDURE_PREFIX, wish->task, NULL);
  g_autoptr (GimpProcedure) procedure =
      gimp_image_procedure_new (plug_in, procedure_name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                dif_run_procedure, (gpointer) wish->task, NULL);
  GimpProcedureConfig *config;

  dif_arguments_add (procedure, wish->task);
  config = gimp_procedure_create_config (procedure);
  for (guint more = 0; more < 2; more++)
    {
      guint           n    = 0;
      const DifParam *rows = more ? dif_region_params (wish->task, &n)
                                  : dif_task_params (wish->task, &n);

      for (guint i = 0; i < n; i++)
        copy_row (wish->settings, &rows[i], G_OBJECT (config));
    }
  return config;
}

/* ---- plans and drawings ---- */

static GimpLayer *
selected_layer (GimpImage *image)
{
  GimpLayer *layer = NULL;

  dif_run_find_layer (image, NULL, &layer, NULL);
  return layer;
}

static DifUiRect
to_ui (const DifRect *rect)
{
  return (DifUiRect) { rect->x, rect->y, rect->width, rect->height };
}

static void
make_hints (const DifUiWish *wish, DifRect *seen, DifHints *hints)
{
  *hints = (DifHints) { .side = wish->side };
  if (wish->seen == NULL)
    return;
  *seen       = (DifRect) { wish->seen->x, wish->seen->y, wish->seen->width, wish->seen->height };
  hints->seen = seen;
}

static gboolean
plan (gpointer data, const DifUiWish *wish, DifUiPlan *plan, GError **error)
{
  GimpImage                      *image  = find_image (wish->image, error);
  g_autoptr (GimpProcedureConfig) config = NULL;
  DifPlacement                    placement;
  DifHints                        hints;
  DifRect                         seen;

  if (image == NULL || ! dif_canvas_check (image, error))
    return FALSE;
  config = make_config (data, wish);
  make_hints (wish, &seen, &hints);
  if (! dif_drawing_plan (image, selected_layer (image), wish->task, config, &hints, &placement,
                          &plan->denoise, &plan->composite, error))
    return FALSE;
  plan->context = to_ui (&placement.context);
  plan->target  = to_ui (&placement.target);
  plan->width   = placement.width;
  plan->height  = placement.height;
  return TRUE;
}

static DifUiDrawing *
gather (gpointer data, const DifUiWish *wish, GError **error)
{
  GimpImage                      *image  = find_image (wish->image, error);
  g_autoptr (GimpProcedureConfig) config = NULL;
  DifDrawing                     *drawing;
  DifUiDrawing                   *shown;
  DifHints                        hints;
  DifRect                         seen;
  DifImage                       *before;

  if (image == NULL || ! dif_canvas_check (image, error))
    return NULL;
  config = make_config (data, wish);
  make_hints (wish, &seen, &hints);
  drawing = dif_drawing_new (image, selected_layer (image), wish->task, config, NULL, &hints,
                             error);
  if (drawing == NULL)
    return NULL;
  shown             = g_new0 (DifUiDrawing, 1);
  shown->task       = drawing->task;
  shown->rq         = dif_request_copy (drawing->rq);
  shown->place      = drawing;
  shown->place_free = (GDestroyNotify) dif_drawing_free;
  if (drawing->region == NULL)
    {
      shown->context = to_ui (&drawing->area);
      return shown;
    }
  shown->context = to_ui (&drawing->region->context);
  before         = dif_request_image (drawing->rq, "image");
  shown->before  = dif_image_ref (before);
  if (drawing->region->selection != NULL)
    shown->composite =
        dif_source_shown (drawing->region->selection, drawing->region->feather,
                          (int) dif_image_width (before), (int) dif_image_height (before));
  return shown;
}

static char **
recipes (gpointer data, DifUiDrawing *drawing, DifResult *result, GError **error)
{
  return dif_drawing_recipes (drawing->place, result, error);
}

/* ---- onto the canvas ---- */

static DifResult *
result_of (const DifUiGift *gift, guint64 seed)
{
  DifResult *result = dif_result_new (1, dif_image_width (gift->pixels),
                                      dif_image_height (gift->pixels), seed);

  if (result == NULL)
    return NULL;
  dif_result_fill (result, 0, dif_image_pixels (gift->pixels), gift->recipe);
  dif_result_set_verdict (result, 0, 0, gift->safety);
  return result;
}

static GimpLayer *
put (GimpImage *image, const DifUiGift *gift, DifInsertion *insertion, const char *layer_name,
     GError **error)
{
  g_autoptr (DifResult)  result  = result_of (gift, 0);
  char                  *texts[] = { (char *) gift->recipe, NULL };
  g_autofree GimpLayer **layers  = NULL;

  if (result == NULL)
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                           "out of memory: a picture");
      return NULL;
    }
  insertion->recipes = texts;
  layers             = dif_canvas_add_pictures (image, result, insertion, layer_name, error);
  return layers != NULL ? layers[0] : NULL;
}

/* A result of before: where it goes stands in its recipe. */
static GimpLayer *
put_by_recipe (GimpImage *image, const DifUiGift *gift, GError **error)
{
  g_autoptr (DifJson) recipe = dif_recipe_parse (gift->recipe, strlen (gift->recipe), "", error);
  g_autofree char    *text   = NULL;
  DifInsertion        insertion;
  GimpLayer          *layer;

  if (recipe == NULL || ! dif_drawing_spot_of_recipe (recipe, image, &insertion, error))
    return NULL;
  text  = dif_canvas_layer_name (dif_json_string (recipe, "prompt", ""), _ ("Diffusion"));
  layer = put (image, gift, &insertion, text, error);
  dif_drawing_clear_spot (&insertion);
  return layer;
}

static int
apply (gpointer data, int id, const DifUiGift *gift, GError **error)
{
  GimpImage       *image = find_image (id, error);
  g_autofree char *text  = NULL;
  GimpLayer       *layer;
  DifInsertion     insertion;

  if (image == NULL || ! dif_canvas_check (image, error))
    return 0;
  if (gift->place != NULL)
    {
      dif_drawing_spot (gift->place, &insertion);
      insertion.has_depth = FALSE;
      text                = dif_drawing_layer_name (gift->place);
      layer               = put (image, gift, &insertion, text, error);
    }
  else
    layer = put_by_recipe (image, gift, error);
  gimp_displays_flush ();
  return layer != NULL ? gimp_item_get_id (GIMP_ITEM (layer)) : 0;
}

static gboolean
write_layer (gpointer data, int id, int layer_id, const DifUiGift *gift, GError **error)
{
  GimpImage *image = find_image (id, error);
  GimpItem  *item  = image != NULL ? gimp_item_get_by_id (layer_id) : NULL;
  gboolean   is_done;

  if (image == NULL)
    return FALSE;
  if (item == NULL || ! gimp_item_is_valid (item) || ! GIMP_IS_LAYER (item) ||
      gimp_item_get_image (item) != image)
    {
      g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0, _ ("The layer was removed."));
      return FALSE;
    }
  is_done = dif_canvas_write_picture (GIMP_LAYER (item), gift->pixels, gift->recipe, error);
  gimp_displays_flush ();
  return is_done;
}

/* ---- what stays with the image ---- */

static void
keep (gpointer data, int id, GBytes *bytes)
{
  GimpImage *image = find_image (id, NULL);

  if (image == NULL)
    return;
  if (bytes != NULL)
    attach (image, RESULTS_PARASITE, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  else
    gimp_image_detach_parasite (image, RESULTS_PARASITE);
}

static GBytes *
kept (gpointer data, int id)
{
  GimpImage    *image    = find_image (id, NULL);
  GimpParasite *parasite = image != NULL ? gimp_image_get_parasite (image, RESULTS_PARASITE)
                                         : NULL;
  guint32       size     = 0;
  gconstpointer from;
  GBytes       *bytes;

  if (parasite == NULL)
    return NULL;
  from  = gimp_parasite_get_data (parasite, &size);
  bytes = g_bytes_new (from, size);
  gimp_parasite_free (parasite);
  return bytes;
}

void
dif_window_host_init (DifUiHost *host, GimpPlugIn *plug_in)
{
  *host = (DifUiHost) { .data      = plug_in,
                        .runner    = { dif_engine_run_async, dif_engine_run_finish },
                        .images    = images,
                        .name      = name,
                        .look      = look,
                        .key       = key,
                        .thumbnail = thumbnail,
                        .params    = params,
                        .plan      = plan,
                        .gather    = gather,
                        .recipes   = recipes,
                        .apply     = apply,
                        .write     = write_layer,
                        .keep      = keep,
                        .kept      = kept };
}
