/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter-results.c - results: kept, shown in their place, and put on the canvas when asked. */
#include "config.h"

#include <string.h>

#include "ui/keepsake.h"
#include "ui/painter-private.h"
#include "ui/settings.h"

#include <glib/gi18n-lib.h>

#define REFINE_US 250000               /* between two writes into a layer, in microseconds */
#define MAX_FRESH (256u * 1024 * 1024) /* bytes of pixels that stay in memory */

/* ---- showing ---- */

/* The pixels as they were drawn; of a result of before, as they are on disk. */
static DifImage *
pixels_of (DifUiPainter *painter, DifUiResult *result, GError **error)
{
  if (result->pixels != NULL)
    return dif_image_ref (result->pixels);
  return dif_ui_history_load (painter->history, result->entry->id, error);
}

void
dif_ui_painter_show_result (DifUiPainter *painter, DifUiResult *result)
{
  DifUiCanvasView     *canvas  = DIF_UI_CANVAS_VIEW (painter->canvas);
  g_autoptr (DifImage) picture = NULL;
  DifUiEntry          *entry;
  DifUiRect            area;
  gboolean             is_here;

  if (painter->is_closing)
    return;
  is_here = result != NULL && g_strcmp0 (result->entry->image_key, painter->image_key) == 0;
  gtk_widget_set_sensitive (painter->apply, is_here);
  gtk_widget_set_sensitive (painter->discard, result != NULL);
  gtk_widget_set_sensitive (painter->vary, is_here);
  if (is_here && (picture = pixels_of (painter, result, NULL)) != NULL)
    {
      entry = result->entry;
      area  = (DifUiRect) { entry->x, entry->y, entry->area_width, entry->area_height };
      dif_ui_canvas_view_set_picture (
          canvas, picture, &area,
          result->job != NULL ? result->job->drawing->composite : NULL);
    }
  else
    dif_ui_canvas_view_set_picture (canvas, NULL, NULL, NULL);
}

static void
on_show (DifUiResult *result, gpointer user_data)
{
  dif_ui_painter_show_result (user_data, result);
}

static GdkPixbuf *
thumbnail_of (DifUiResult *result, int side, gpointer user_data)
{
  DifUiPainter         *painter = user_data;
  g_autofree char      *path    = NULL;
  g_autoptr (GdkPixbuf) whole   = NULL;
  double                scale;

  if (result->pixels == NULL)
    {
      path = dif_ui_history_path (painter->history, result->entry->id);
      return gdk_pixbuf_new_from_file_at_scale (path, side, side, TRUE, NULL);
    }
  whole = dif_ui_picture_to_pixbuf (result->pixels);
  if (whole == NULL)
    return NULL;
  scale = (double) side / MAX (gdk_pixbuf_get_width (whole), gdk_pixbuf_get_height (whole));
  return gdk_pixbuf_scale_simple (whole, MAX ((int) (gdk_pixbuf_get_width (whole) * scale), 1),
                                  MAX ((int) (gdk_pixbuf_get_height (whole) * scale), 1),
                                  GDK_INTERP_BILINEAR);
}

static char *
path_of (DifUiResult *result, gpointer user_data)
{
  DifUiPainter *painter = user_data;
  char         *path    = dif_ui_history_path (painter->history, result->entry->id);

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    g_clear_pointer (&path, g_free);
  return path;
}

/* ---- what is done with one ---- */

static int
layer_of (DifUiPainter *painter, const char *job)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (painter->layers, job));
}

/* Puts a result into the layer that was applied for its job; where there is none, one comes
 * if somebody asked for it, and only then. */
static void
apply (DifUiPainter *painter, DifUiResult *result, gboolean may_insert)
{
  g_autoptr (GError)   error   = NULL;
  g_autoptr (DifImage) pixels  = pixels_of (painter, result, &error);
  DifUiGift            gift    = { .pixels = pixels,
                                   .recipe = result->entry->recipe,
                                   .safety = result->entry->safety };
  int                  layer   = layer_of (painter, result->entry->job);
  gboolean             is_here = g_strcmp0 (result->entry->image_key, painter->image_key) == 0;

  if (result->job != NULL)
    gift.place = result->job->drawing->place;
  if (pixels == NULL || ! is_here ||
      (layer != 0 &&
       painter->host->write (painter->host->data, painter->image, layer, &gift, &error)))
    {
      dif_ui_painter_say (painter, error != NULL ? error->message : NULL);
      return;
    }
  g_clear_error (&error);
  layer = may_insert
              ? painter->host->apply (painter->host->data, painter->image, &gift, &error)
              : 0;
  g_hash_table_replace (painter->layers, g_strdup (result->entry->job), GINT_TO_POINTER (layer));
  dif_ui_painter_say (painter, error != NULL ? error->message : NULL);
}

/* The last few results stay with the image; nothing else of it changes. */
static void
keep (DifUiPainter *painter, int image, const char *image_key)
{
  g_autoptr (GBytes) bytes = dif_ui_keepsake_new (painter->history, image_key);

  painter->host->keep (painter->host->data, image, bytes);
}

static void
discard (DifUiPainter *painter, DifUiResult *result)
{
  GList *fresh = g_queue_find (&painter->fresh, result);

  dif_ui_result_ref (result);
  if (fresh != NULL)
    {
      g_queue_delete_link (&painter->fresh, fresh);
      dif_ui_result_unref (result);
    }
  dif_ui_history_remove (painter->history, result->entry->id);
  if (g_strcmp0 (result->entry->image_key, painter->image_key) == 0)
    keep (painter, painter->image, painter->image_key);
  dif_ui_results_strip_remove (painter->strip, result);
  dif_ui_result_unref (result);
}

static void
use_settings (DifUiPainter *painter, DifUiResult *result)
{
  dif_ui_settings_from_json (painter->settings, result->entry->settings);
}

/* The same settings with other seeds. */
static void
vary (DifUiPainter *painter, DifUiResult *result)
{
  use_settings (painter, result);
  dif_ui_settings_reset (painter->settings, "seed");
  dif_ui_painter_generate (painter);
}

static void
on_command (DifUiResult *result, DifUiResultCommand command, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  switch (command)
    {
    case DIF_UI_RESULT_APPLY:
      apply (painter, result, TRUE);
      break;
    case DIF_UI_RESULT_DISCARD:
      discard (painter, result);
      break;
    case DIF_UI_RESULT_USE_SETTINGS:
      use_settings (painter, result);
      break;
    case DIF_UI_RESULT_USE_SEED:
      dif_ui_settings_set_number (painter->settings, "seed", (double) result->entry->seed);
      break;
    case DIF_UI_RESULT_VARY:
      vary (painter, result);
      break;
    }
}

static const DifUiResultsEvents events = { on_show, on_command, thumbnail_of, path_of };

/* What is being drawn, as far as it is: from then on progress goes into that layer. */
static void
apply_preview (DifUiPainter *painter, DifUiJob *job)
{
  g_autoptr (GError) error = NULL;
  DifUiGift          gift  = { job->preview, "", job->drawing->place, DIF_SAFETY_UNCHECKED };
  int                layer = layer_of (painter, job->name);

  if (job->preview == NULL || job->image != painter->image || layer != 0)
    return;
  layer = painter->host->apply (painter->host->data, painter->image, &gift, &error);
  g_hash_table_replace (painter->layers, g_strdup (job->name), GINT_TO_POINTER (layer));
  dif_ui_painter_say (painter, error != NULL ? error->message : NULL);
}

/* A layer that was applied for a job shows how far it is; one that was removed stays so. */
void
dif_ui_painter_refine_layer (DifUiPainter *painter, DifUiJob *job)
{
  DifUiGift gift  = { job->preview, "", job->drawing->place, DIF_SAFETY_UNCHECKED };
  int       layer = layer_of (painter, job->name);
  gint64    now   = g_get_monotonic_time ();

  if (layer == 0 || job->preview == NULL || now < painter->refined + REFINE_US)
    return;
  painter->refined = now;
  painter->host->write (painter->host->data, job->image, layer, &gift, NULL);
}

void
dif_ui_painter_command (DifUiPainter *painter, DifUiResultCommand command)
{
  DifUiResult *result = dif_ui_results_strip_current (painter->strip);
  DifUiJob    *job    = dif_ui_queue_running (painter->queue);

  if (result != NULL)
    on_command (result, command, painter);
  else if (job != NULL && command == DIF_UI_RESULT_APPLY)
    apply_preview (painter, job);
}

/* ---- results come ---- */

GtkWidget *
dif_ui_painter_new_strip (DifUiPainter *painter)
{
  return dif_ui_results_strip_new (&events, painter);
}

void
dif_ui_painter_fill_strip (DifUiPainter *painter)
{
  GPtrArray *entries = dif_ui_history_entries (painter->history);

  for (guint i = 0; i < entries->len; i++)
    {
      DifUiResult *result = dif_ui_result_new (dif_ui_entry_copy (entries->pdata[i]), NULL, NULL);

      dif_ui_results_strip_add (painter->strip, result);
      dif_ui_result_unref (result);
    }
}

/* A result that came with an image, unless it is known already. */
static void
take_kept (DifUiEntry *entry, DifImage *picture, gpointer user_data)
{
  DifUiPainter *painter = user_data;
  DifUiResult  *result  = dif_ui_result_new (entry, picture, NULL);

  if (dif_ui_results_strip_find (painter->strip, entry->job, entry->index) == NULL)
    dif_ui_results_strip_add (painter->strip, result);
  dif_ui_result_unref (result);
}

void
dif_ui_painter_take_keepsake (DifUiPainter *painter)
{
  g_autoptr (GBytes) bytes = NULL;

  if (painter->image_key != NULL)
    bytes = painter->host->kept (painter->host->data, painter->image);
  if (bytes != NULL)
    dif_ui_keepsake_foreach (bytes, painter->image_key, take_kept, painter);
}

static DifUiEntry *
new_entry (DifUiJob *job, DifResult *result, guint i, const char *recipe, gint64 time)
{
  DifUiEntry *entry = g_new0 (DifUiEntry, 1);

  entry->image_key   = g_strdup (job->image_key);
  entry->job         = g_strdup (job->name);
  entry->index       = dif_result_index (result, i);
  entry->time        = time;
  entry->verb        = g_strdup (dif_ui_intent_word (job->verb));
  entry->prompt      = g_strdup (job->prompt);
  entry->seed        = dif_result_seed (result);
  entry->width       = dif_result_width (result);
  entry->height      = dif_result_height (result);
  entry->x           = job->drawing->context.x;
  entry->y           = job->drawing->context.y;
  entry->area_width  = job->drawing->context.width;
  entry->area_height = job->drawing->context.height;
  entry->safety      = dif_result_safety (result, i);
  entry->recipe      = g_strdup (recipe);
  entry->settings    = g_strdup (job->settings);
  return entry;
}

/* Pixels as they were drawn, and the places of their jobs, take memory: of older results what
 * is on disk will do. */
static void
limit_fresh (DifUiPainter *painter)
{
  gsize sum = 0;

  for (GList *l = painter->fresh.head, *next; l != NULL; l = next)
    {
      DifUiResult *result = l->data;

      next = l->next;
      sum += (gsize) result->entry->width * result->entry->height * 3 * sizeof (float);
      if (sum < MAX_FRESH)
        continue;
      g_clear_pointer (&result->pixels, dif_image_unref);
      g_clear_pointer (&result->job, dif_ui_job_unref);
      g_queue_delete_link (&painter->fresh, l);
      dif_ui_result_unref (result);
    }
}

static void
add_result (DifUiPainter *painter, DifUiJob *job, DifUiEntry *entry, DifImage *picture)
{
  g_autoptr (GError) error   = NULL;
  gboolean           is_kept = dif_ui_history_add (painter->history, entry, picture, &error);
  DifUiResult       *result  = dif_ui_result_new (entry, picture, job);

  if (! is_kept)
    dif_ui_painter_say (painter, error->message);
  dif_ui_results_strip_add (painter->strip, result);
  if (is_kept)
    g_queue_push_head (&painter->fresh, dif_ui_result_ref (result));
  dif_ui_result_unref (result);
  limit_fresh (painter);
}

void
dif_ui_painter_take_result (DifUiPainter *painter, DifUiJob *job, DifResult *result)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv)     recipes =
      painter->host->recipes (painter->host->data, job->drawing, result, &error);
  gint64       now   = g_get_real_time ();
  DifUiResult *first = NULL;

  if (recipes == NULL)
    {
      dif_ui_painter_say (painter, error->message);
      return;
    }
  if (dif_result_warning (result) != NULL)
    dif_ui_painter_say (painter, dif_result_warning (result));
  for (guint i = 0; i < dif_result_n_images (result); i++)
    {
      g_autoptr (DifImage) picture = dif_image_new (dif_result_width (result),
                                                    dif_result_height (result), 3,
                                                    dif_result_pixels (result, i));

      if (picture != NULL)
        add_result (painter, job, new_entry (job, result, i, recipes[i], now), picture);
    }
  keep (painter, job->image, job->image_key);
  if (job->image != painter->image)
    return;
  first = dif_ui_results_strip_find (painter->strip, job->name, dif_result_index (result, 0));
  dif_ui_results_strip_choose (painter->strip, first);
  if (first != NULL && layer_of (painter, job->name) != 0)
    apply (painter, first, FALSE);
}
