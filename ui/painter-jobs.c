/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter-jobs.c - from the button to the queue, and what the queue tells. */
#include "config.h"

#include "ui/mnemonics.h"
#include "ui/painter-private.h"
#include "ui/progress-text.h"
#include "ui/queue-list.h"
#include "ui/settings.h"
#include "ui/style-row.h"

#include <glib/gi18n-lib.h>

/* What the removal of something begins from, and how much of that is left. */
#define REMOVE_FILL     "border"
#define REMOVE_STRENGTH 0.9

/* ---- what the queue tells ---- */

static void
show_count (DifUiPainter *painter)
{
  guint            n   = dif_ui_queue_jobs (painter->queue)->len;
  g_autofree char *tab = n > 0 ? g_strdup_printf (_ ("_Queue (%u)"), n) : g_strdup (_ ("_Queue"));

  if (n == painter->n_shown)
    return;
  painter->n_shown = n;
  gtk_label_set_text_with_mnemonic (GTK_LABEL (painter->queue_tab), tab);
  dif_ui_mnemonics_settle (gtk_widget_get_toplevel (painter->root));
}

void
dif_ui_painter_show_progress (DifUiPainter *painter)
{
  DifUiJob        *job  = dif_ui_queue_running (painter->queue);
  g_autofree char *text = NULL;

  gtk_widget_set_visible (painter->progress_box, job != NULL);
  show_count (painter);
  if (job == NULL)
    return;
  text = dif_ui_progress_text (&job->progress);
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (painter->progress), job->progress.fraction);
  gtk_progress_bar_set_text (GTK_PROGRESS_BAR (painter->progress), text);
  if (job->image != painter->image || job->preview == NULL)
    return;
  gtk_widget_set_sensitive (painter->apply, TRUE);
  if (dif_ui_results_strip_current (painter->strip) == NULL)
    dif_ui_canvas_view_set_picture (DIF_UI_CANVAS_VIEW (painter->canvas), job->preview,
                                    &job->drawing->context, job->drawing->composite);
}

static void
on_changed (DifUiQueue *queue, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  dif_ui_queue_list_update (painter->queue_list);
  dif_ui_painter_show_progress (painter);
  if (dif_ui_queue_running (queue) == NULL && painter->live == 0)
    dif_ui_painter_show_result (painter, dif_ui_results_strip_current (painter->strip));
}

static void
on_progress (DifUiQueue *queue, DifUiJob *job, gpointer user_data)
{
  dif_ui_painter_show_progress (user_data);
  dif_ui_painter_refine_layer (user_data, job);
}

static void
on_done (DifUiQueue *queue, DifUiJob *job, DifResult *result, gpointer user_data)
{
  if (job->is_live)
    dif_ui_painter_take_live (user_data, job, result);
  else
    dif_ui_painter_take_result (user_data, job, result);
}

static void
on_failed (DifUiQueue *queue, DifUiJob *job, gpointer user_data)
{
  dif_ui_painter_say (user_data, job->error->message);
}

static const DifUiQueueEvents events = { on_changed, on_progress, on_done, on_failed };

void
dif_ui_painter_start_queue (DifUiPainter *painter)
{
  painter->queue = dif_ui_queue_new (&painter->host->runner, &events, painter);
}

/* ---- from the button to the queue ---- */

/* What an earlier model was given must not make this one refuse. */
static void
forget_hidden (DifUiPainter *painter, GObject *settings, const char *task)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      if (! dif_ui_model_allows (painter->model, &rows[i]))
        dif_ui_settings_reset (settings, rows[i].name);
    }
}

/* Settings for this verb, which the painter need not set by hand. */
static void
adjust (GObject *settings, DifUiVerb verb, const DifUiFacts *facts)
{
  dif_ui_settings_set_number (settings, "strength", facts->strength);
  if (verb == DIF_UI_REMOVE && dif_ui_settings_is_default (settings, "fill"))
    {
      dif_ui_settings_set_text (settings, "fill", REMOVE_FILL);
      dif_ui_settings_set_number (settings, "strength", MIN (facts->strength, REMOVE_STRENGTH));
    }
}

static DifUiJob *
new_job (DifUiPainter *painter, DifUiVerb verb, const DifUiFacts *facts, const char *task,
         int live_side, GError **error)
{
  g_autoptr (GObject) settings = dif_ui_settings_copy (painter->settings);
  DifUiWish           wish     = { .image    = painter->image,
                                   .task     = task,
                                   .settings = settings,
                                   .seen     = painter->has_seen ? &painter->seen : NULL,
                                   .side     = live_side };
  DifUiDrawing       *drawing;
  DifUiJob           *job;

  dif_ui_style_row_frame (painter->style, settings);
  forget_hidden (painter, settings, task);
  adjust (settings, verb, facts);
  if (live_side > 0)
    dif_ui_painter_make_live (settings, painter->live_seed);
  drawing = painter->host->gather (painter->host->data, &wish, error);
  if (drawing == NULL)
    return NULL;
  if (live_side == 0)
    dif_ui_painter_take_key (painter, TRUE);
  job           = dif_ui_job_new (painter->image, painter->image_key, drawing);
  job->verb     = verb;
  job->strength = facts->strength;
  job->is_live  = live_side > 0;
  job->prompt   = dif_ui_settings_text (painter->settings, "prompt");
  job->settings = dif_ui_settings_to_json (painter->settings);
  return job;
}

void
dif_ui_painter_draw (DifUiPainter *painter, int live_side)
{
  g_autoptr (GError) error  = NULL;
  const char        *reason = NULL, *task;
  DifUiFacts         facts;
  DifUiVerb          verb;
  DifUiJob          *job;

  dif_ui_painter_facts (painter, &facts);
  verb = dif_ui_painter_verb (painter, &facts);
  task = dif_ui_intent_task (verb, &facts, &reason);
  if (painter->image == 0)
    reason = _ ("No image is open.");
  if (painter->image == 0 || task == NULL)
    {
      dif_ui_painter_say (painter, reason);
      return;
    }
  job = new_job (painter, verb, &facts, task, live_side, &error);
  dif_ui_painter_say (painter, error != NULL ? error->message : NULL);
  if (job == NULL)
    return;
  dif_ui_queue_add (painter->queue, job);
  dif_ui_job_unref (job);
}

void
dif_ui_painter_generate (DifUiPainter *painter)
{
  g_autofree char *prompt = dif_ui_settings_text (painter->settings, "prompt");

  dif_ui_painter_poll (painter);
  dif_ui_store_add_prompt (painter->store, prompt);
  dif_ui_results_strip_choose (painter->strip, NULL);
  dif_ui_painter_draw (painter, 0);
}
