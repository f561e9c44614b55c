/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* jobs.c - the queue of runs and the thread that computes them.
 *
 * Invariant: `running` is the one job that the thread has; a job is freed on the
 * main thread, after the thread handed it back.
 */
#include "config.h"

#include "engine/jobs.h"
#include "engine/news.h"

struct _DifJob
{
  DifJobs            *jobs;
  const DifJobEvents *events; /* NULL once cancelled */
  gpointer            user_data;
  gint64              owner;
  DifRequest         *rq;
  GCancellable       *cancellable;
  DifResult          *result;
  GError             *failure;

  DifNews *news;
};

struct _DifJobs
{
  DifWarm     *warm;
  GThread     *thread;
  GAsyncQueue *to_thread; /* of DifJob; `jobs` itself ends the thread */
  GQueue       waiting;   /* in the order in which they are to run */
  GHashTable  *served;    /* owner -> number of the turn in which he was served last */
  guint        turn;
  DifJob      *running;
  guint        report_source;
};

static void
job_free (DifJob *job)
{
  dif_request_free (job->rq);
  dif_result_free (job->result);
  g_clear_error (&job->failure);
  g_object_unref (job->cancellable);
  dif_news_free (job->news);
  g_free (job);
}

static void
on_progress (const DifProgress *progress, gpointer user_data)
{
  DifJob *job = user_data;

  if (job->events != NULL)
    job->events->progress (job, progress, job->user_data);
}

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  DifJob *job = user_data;

  if (job->events != NULL)
    job->events->preview (job, preview, job->user_data);
}

static void
tell_waiting (DifJobs *jobs)
{
  guint ahead = jobs->running != NULL ? 1 : 0;

  for (GList *link = jobs->waiting.head; link != NULL; link = link->next, ahead++)
    {
      DifJob     *job  = link->data;
      DifProgress wait = { "wait", 0, MAX (ahead, 1), 0.0, -1.0, -1.0 };

      job->events->progress (job, &wait, job->user_data);
    }
}

/* Brings those that wait into the order in which they are to run: round by round, one
 * of each owner, who was served longest ago first. */
static void
sort_waiting (DifJobs *jobs)
{
  g_autoptr (GHashTable) turns = g_hash_table_new_similar (jobs->served);
  GQueue                 from  = jobs->waiting;
  guint                  turn  = jobs->turn;
  GHashTableIter         iter;
  gpointer               owner, served;

  g_hash_table_iter_init (&iter, jobs->served);
  while (g_hash_table_iter_next (&iter, &owner, &served))
    g_hash_table_insert (turns, g_memdup2 (owner, sizeof (gint64)), served);
  g_queue_init (&jobs->waiting);
  while (from.length > 0)
    {
      GList *next  = NULL;
      guint  least = G_MAXUINT;

      for (GList *link = from.head; link != NULL; link = link->next)
        {
          guint at = GPOINTER_TO_UINT (g_hash_table_lookup (turns,
                                                            &((DifJob *) link->data)->owner));

          if (at < least)
            {
              least = at;
              next  = link;
            }
        }
      g_queue_unlink (&from, next);
      g_queue_push_tail_link (&jobs->waiting, next);
      g_hash_table_insert (turns, g_memdup2 (&((DifJob *) next->data)->owner, sizeof (gint64)),
                           GUINT_TO_POINTER (++turn));
    }
}

/* Who has nothing left to wait for is forgotten: he is new when he comes again. */
static void
forget_served (DifJobs *jobs)
{
  if (jobs->running == NULL && jobs->waiting.length == 0)
    {
      g_hash_table_remove_all (jobs->served);
      jobs->turn = 0;
    }
}

static void
start_next (DifJobs *jobs)
{
  if (jobs->running == NULL && jobs->waiting.length > 0)
    {
      jobs->running = g_queue_pop_head (&jobs->waiting);
      g_hash_table_insert (jobs->served, g_memdup2 (&jobs->running->owner, sizeof (gint64)),
                           GUINT_TO_POINTER (++jobs->turn));
      g_async_queue_push (jobs->to_thread, jobs->running);
    }
  forget_served (jobs);
}

static gboolean
take_back (gpointer user_data)
{
  DifJob  *job  = user_data;
  DifJobs *jobs = job->jobs;

  jobs->running = NULL;
  if (job->events != NULL)
    job->events->finished (job, g_steal_pointer (&job->result), job->failure, job->user_data);
  job_free (job);
  start_next (jobs);
  tell_waiting (jobs);
  return G_SOURCE_REMOVE;
}

static gpointer
compute (gpointer user_data)
{
  DifJobs *jobs = user_data;
  gpointer next;

  while ((next = g_async_queue_pop (jobs->to_thread)) != jobs)
    {
      DifJob  *job   = next;
      DifWatch watch = dif_news_watch (job->news);

      if (! g_cancellable_set_error_if_cancelled (job->cancellable, &job->failure))
        job->result = dif_warm_run (jobs->warm, job->rq, &watch, job->cancellable, &job->failure);
      g_idle_add_full (G_PRIORITY_DEFAULT, take_back, job, NULL);
    }
  return NULL;
}

static gboolean
on_tell_waiting (gpointer user_data)
{
  DifJobs *jobs = user_data;

  jobs->report_source = 0;
  tell_waiting (jobs);
  return G_SOURCE_REMOVE;
}

DifJobs *
dif_jobs_new (DifWarm *warm)
{
  DifJobs *jobs = g_new0 (DifJobs, 1);

  jobs->warm      = warm;
  jobs->to_thread = g_async_queue_new ();
  g_queue_init (&jobs->waiting);
  jobs->served = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  jobs->thread = g_thread_new ("compute", compute, jobs);
  return jobs;
}

void
dif_jobs_free (DifJobs *jobs)
{
  DifJob *job;

  if (jobs == NULL)
    return;
  g_clear_handle_id (&jobs->report_source, g_source_remove);
  while ((job = g_queue_pop_head (&jobs->waiting)) != NULL)
    job_free (job);
  job = jobs->running;
  if (job != NULL)
    dif_jobs_cancel (jobs, job);
  g_async_queue_push (jobs->to_thread, jobs);
  g_thread_join (jobs->thread);
  if (job != NULL)
    {
      while (g_idle_remove_by_data (job))
        ;
      job_free (job);
    }
  g_async_queue_unref (jobs->to_thread);
  g_hash_table_unref (jobs->served);
  g_free (jobs);
}

DifJob *
dif_jobs_add (DifJobs *jobs, gint64 owner, DifRequest *rq, guint preview_ms,
              const DifJobEvents *events,
              gpointer            user_data)
{
  DifJob  *job   = g_new0 (DifJob, 1);
  DifWatch watch = { on_progress, preview_ms != 0 ? on_preview : NULL, preview_ms, job };

  job->jobs        = jobs;
  job->events      = events;
  job->user_data   = user_data;
  job->owner       = owner;
  job->rq          = rq;
  job->cancellable = g_cancellable_new ();
  job->news        = dif_news_new (NULL, &watch);
  g_queue_push_tail (&jobs->waiting, job);
  sort_waiting (jobs);
  start_next (jobs);
  if (jobs->running != job && jobs->report_source == 0)
    jobs->report_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_tell_waiting, jobs, NULL);
  return job;
}

void
dif_jobs_cancel (DifJobs *jobs, DifJob *job)
{
  job->events = NULL;
  g_cancellable_cancel (job->cancellable);
  if (job != jobs->running)
    {
      g_queue_remove (&jobs->waiting, job);
      job_free (job);
    }
}

void
dif_jobs_interrupt (DifJobs *jobs, DifJob *job)
{
  const DifJobEvents *events    = job->events;
  gpointer            user_data = job->user_data;
  g_autoptr (GError)  failure   = NULL;

  g_cancellable_cancel (job->cancellable);
  g_cancellable_set_error_if_cancelled (job->cancellable, &failure);
  events->finished (job, NULL, failure, user_data);
  dif_jobs_cancel (jobs, job);
  tell_waiting (jobs);
}

guint
dif_jobs_count (DifJobs *jobs)
{
  return jobs->waiting.length + (jobs->running != NULL ? 1 : 0);
}
