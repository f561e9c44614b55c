/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job-queue.c - see job-queue.h.
 *
 * Invariant: `current` is what the runner has in hand, cancelled or not, and NULL when
 * it has nothing; `jobs` is what people see: a cancelled job is not in it.
 */
#include "config.h"

#include "ui/job-queue.h"

struct _DifUiQueue
{
  guint                   n_refs; /* one more while something runs */
  const DifUiRunner      *runner;
  const DifUiQueueEvents *events; /* NULL once it was freed */
  gpointer                user_data;
  GPtrArray              *jobs;
  DifUiJob               *current;
  GCancellable           *cancellable;
};

/* A job with its references. */
typedef struct
{
  DifUiJob job;
  guint    n_refs;
} Counted;

DifUiJob *
dif_ui_job_new (int image, const char *image_key, DifUiDrawing *drawing)
{
  static guint last    = 0;
  Counted     *counted = g_new0 (Counted, 1);
  DifUiJob    *job     = &counted->job;

  counted->n_refs = 1;
  job->id         = ++last;
  job->name       = g_uuid_string_random ();
  job->image      = image;
  job->image_key  = g_strdup (image_key);
  job->strength   = 1.0;
  job->drawing    = drawing;
  job->progress   = (DifProgress) { "wait", 0, 1, 0.0, -1.0, -1.0 };
  return job;
}

DifUiJob *
dif_ui_job_ref (DifUiJob *job)
{
  ((Counted *) job)->n_refs++;
  return job;
}

void
dif_ui_job_unref (DifUiJob *job)
{
  if (--((Counted *) job)->n_refs > 0)
    return;
  if (job->user_free != NULL)
    job->user_free (job->user_data);
  dif_ui_drawing_free (job->drawing);
  dif_image_unref (job->preview);
  g_clear_error (&job->error);
  g_free (job->name);
  g_free (job->image_key);
  g_free (job->prompt);
  g_free (job->settings);
  g_free (job);
}

DifUiQueue *
dif_ui_queue_new (const DifUiRunner *runner, const DifUiQueueEvents *events, gpointer user_data)
{
  DifUiQueue *queue = g_new0 (DifUiQueue, 1);

  queue->n_refs    = 1;
  queue->runner    = runner;
  queue->events    = events;
  queue->user_data = user_data;
  queue->jobs      = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_ui_job_unref);
  return queue;
}

static void
release (DifUiQueue *queue)
{
  if (--queue->n_refs > 0)
    return;
  g_ptr_array_unref (queue->jobs);
  g_free (queue);
}

static void
tell_changed (DifUiQueue *queue)
{
  if (queue->events != NULL)
    queue->events->changed (queue, queue->user_data);
}

static void
on_progress (const DifProgress *progress, gpointer user_data)
{
  DifUiQueue *queue = user_data;
  DifUiJob   *job   = queue->current;

  if (job == NULL || job->state != DIF_UI_JOB_RUNNING || queue->events == NULL)
    return;
  job->progress       = *progress;
  job->progress.stage = g_intern_string (progress->stage);
  queue->events->progress (queue, job, queue->user_data);
}

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  DifUiQueue *queue = user_data;
  DifUiJob   *job   = queue->current;

  if (job == NULL || job->state != DIF_UI_JOB_RUNNING || queue->events == NULL)
    return;
  dif_image_unref (job->preview);
  job->preview = dif_image_new_8bit (preview->width, preview->height, 3, preview->pixels,
                                     (gsize) preview->width * 3, 3);
  queue->events->progress (queue, job, queue->user_data);
}

static void begin_next (DifUiQueue *queue);

/* Takes @failure. */
static void
finish (DifUiQueue *queue, DifUiJob *job, DifResult *result, GError *failure)
{
  if (job->state == DIF_UI_JOB_CANCELLED)
    {
      g_clear_error (&failure);
      return;
    }
  job->state = result != NULL ? DIF_UI_JOB_DONE : DIF_UI_JOB_FAILED;
  job->error = failure;
  g_ptr_array_remove (queue->jobs, job);
  if (queue->events == NULL)
    return;
  if (result != NULL)
    queue->events->done (queue, job, result, queue->user_data);
  else
    queue->events->failed (queue, job, queue->user_data);
}

static void
on_finished (GObject *source, GAsyncResult *answer, gpointer user_data)
{
  DifUiQueue           *queue   = user_data;
  GError               *failure = NULL;
  g_autoptr (DifResult) result  = queue->runner->finish (answer, &failure);
  DifUiJob             *job     = g_steal_pointer (&queue->current);

  g_clear_object (&queue->cancellable);
  finish (queue, job, result, failure);
  dif_ui_job_unref (job);
  begin_next (queue);
  tell_changed (queue);
  release (queue);
}

static void
begin_next (DifUiQueue *queue)
{
  DifWatch  watch = { on_progress, on_preview, DIF_PREVIEW_MS, queue };
  DifUiJob *job;

  if (queue->current != NULL || queue->jobs->len == 0 || queue->events == NULL)
    return;
  job                = g_ptr_array_index (queue->jobs, 0);
  job->state         = DIF_UI_JOB_RUNNING;
  queue->current     = dif_ui_job_ref (job);
  queue->cancellable = g_cancellable_new ();
  queue->n_refs++;
  queue->runner->run (job->drawing->rq, &watch, queue->cancellable, on_finished, queue);
}

void
dif_ui_queue_add (DifUiQueue *queue, DifUiJob *job)
{
  dif_ui_queue_cancel_live (queue);
  g_ptr_array_add (queue->jobs, dif_ui_job_ref (job));
  begin_next (queue);
  tell_changed (queue);
}

GPtrArray *
dif_ui_queue_jobs (DifUiQueue *queue)
{
  return queue->jobs;
}

DifUiJob *
dif_ui_queue_running (DifUiQueue *queue)
{
  return queue->current != NULL && queue->current->state == DIF_UI_JOB_RUNNING ? queue->current
                                                                               : NULL;
}

void
dif_ui_queue_move (DifUiQueue *queue, DifUiJob *job, int by)
{
  guint first = dif_ui_queue_running (queue) != NULL ? 1 : 0;
  guint from  = 0;
  int   to;

  if (job->state != DIF_UI_JOB_WAITING || ! g_ptr_array_find (queue->jobs, job, &from))
    return;
  to = CLAMP ((int) from + by, (int) first, (int) queue->jobs->len - 1);
  g_ptr_array_insert (queue->jobs, to, g_ptr_array_steal_index (queue->jobs, from));
  tell_changed (queue);
}

/* Returns: whether there was something to cancel */
static gboolean
cancel (DifUiQueue *queue, DifUiJob *job)
{
  if (job->state != DIF_UI_JOB_WAITING && job->state != DIF_UI_JOB_RUNNING)
    return FALSE;
  job->state = DIF_UI_JOB_CANCELLED;
  if (queue->current == job)
    g_cancellable_cancel (queue->cancellable);
  g_ptr_array_remove (queue->jobs, job);
  return TRUE;
}

void
dif_ui_queue_cancel (DifUiQueue *queue, DifUiJob *job)
{
  if (cancel (queue, job))
    tell_changed (queue);
}

void
dif_ui_queue_cancel_all (DifUiQueue *queue)
{
  if (queue->jobs->len == 0)
    return;
  while (queue->jobs->len > 0)
    cancel (queue, g_ptr_array_index (queue->jobs, queue->jobs->len - 1));
  tell_changed (queue);
}

void
dif_ui_queue_cancel_live (DifUiQueue *queue)
{
  for (guint i = queue->jobs->len; i-- > 0;)
    {
      DifUiJob *job = g_ptr_array_index (queue->jobs, i);

      if (job->is_live)
        cancel (queue, job);
    }
}

void
dif_ui_queue_free (DifUiQueue *queue)
{
  if (queue == NULL)
    return;
  queue->events = NULL;
  dif_ui_queue_cancel_all (queue);
  release (queue);
}
