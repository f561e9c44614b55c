/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter-live.c - live painting: drawn again whenever canvas, prompt or settings change.
 *
 * Small and in few steps; a change aborts what is being drawn.  What comes is shown and
 * not kept: the button draws it well.
 */
#include "config.h"

#include "ui/painter-private.h"
#include "ui/settings.h"

#define LIVE_SIDE  384
#define LIVE_STEPS 8
#define LIVE_MS    60 /* between two glances at the canvas */

/* What a live drawing depends on. */
static guint
state_of (DifUiPainter *painter)
{
  g_autofree char *settings = dif_ui_settings_to_json (painter->settings);

  return g_str_hash (settings) ^ painter->look.stamp ^ (guint) painter->image * 2654435761u;
}

static void
set_number_if_default (GObject *settings, const char *name, double number)
{
  if (dif_ui_settings_is_default (settings, name))
    dif_ui_settings_set_number (settings, name, number);
}

void
dif_ui_painter_make_live (GObject *settings, guint seed)
{
  set_number_if_default (settings, "steps", LIVE_STEPS);
  set_number_if_default (settings, "seed", seed);
  dif_ui_settings_reset (settings, "num-images");
  dif_ui_settings_reset (settings, "width");
  dif_ui_settings_reset (settings, "height");
}

static gboolean
on_glance (gpointer user_data)
{
  DifUiPainter *painter = user_data;
  GPtrArray    *jobs    = dif_ui_queue_jobs (painter->queue);
  guint         now;

  dif_ui_painter_glance (painter);
  now = state_of (painter);
  if (now == painter->live_state || painter->image == 0)
    return G_SOURCE_CONTINUE;
  /* What was asked for by hand goes first. */
  if (jobs->len > 0 && ! ((DifUiJob *) g_ptr_array_index (jobs, 0))->is_live)
    return G_SOURCE_CONTINUE;
  painter->live_state = now;
  painter->live_begun = g_get_monotonic_time ();
  dif_ui_painter_draw (painter, LIVE_SIDE);
  return G_SOURCE_CONTINUE;
}

void
dif_ui_painter_set_live (DifUiPainter *painter, gboolean is_live)
{
  if (is_live == (painter->live != 0))
    return;
  if (is_live)
    {
      painter->live_seed  = g_random_int ();
      painter->live_state = 0;
      painter->live       = g_timeout_add (LIVE_MS, on_glance, painter);
      return;
    }
  g_clear_handle_id (&painter->live, g_source_remove);
  dif_ui_queue_cancel_live (painter->queue);
  dif_ui_painter_show_result (painter, dif_ui_results_strip_current (painter->strip));
}

void
dif_ui_painter_take_live (DifUiPainter *painter, DifUiJob *job, DifResult *result)
{
  g_autoptr (DifImage) picture = dif_image_new (dif_result_width (result),
                                                dif_result_height (result), 3,
                                                dif_result_pixels (result, 0));

  g_debug ("live: %.3f s from the change to the picture",
           (double) (g_get_monotonic_time () - painter->live_begun) / G_USEC_PER_SEC);
  gtk_widget_set_sensitive (painter->apply, FALSE);
  if (picture != NULL && job->image == painter->image)
    dif_ui_canvas_view_set_picture (DIF_UI_CANVAS_VIEW (painter->canvas), picture,
                                    &job->drawing->context, job->drawing->composite);
}
