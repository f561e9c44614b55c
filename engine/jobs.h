/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* jobs.h - runs wait in a queue; one thread computes them one at a time.
 *
 * Those who ask take turns: of the runs that wait, one of whoever was served longest
 * ago is next, the first that he asked for.
 *
 * Everything but the computing happens on the thread of the default main
 * context, callbacks included.
 */
#ifndef DIF_ENGINE_JOBS_H
#define DIF_ENGINE_JOBS_H

#include "engine/warm.h"

G_BEGIN_DECLS

/** DifJobs: the queue and its thread. */
typedef struct _DifJobs DifJobs;

/** DifJob: one run. */
typedef struct _DifJob DifJob;

/**
 * DifJobEvents:
 * @progress: how far it is; stage "wait" while others are ahead, as many as n_steps says
 * @preview: what its pictures are becoming
 * @finished: one of @result (transfer full) and @failure is set; @job is gone afterwards
 */
typedef struct
{
  void (*progress) (DifJob *job, const DifProgress *progress, gpointer user_data);
  void (*preview) (DifJob *job, const DifPreview *preview, gpointer user_data);
  void (*finished) (DifJob *job, DifResult *result, const GError *failure, gpointer user_data);
} DifJobEvents;

/**
 * dif_jobs_new:
 * @warm: what computes; outlives the queue
 *
 * Returns: (transfer full): an empty queue
 */
DifJobs *dif_jobs_new (DifWarm *warm);

/**
 * dif_jobs_free:
 * @jobs: (nullable) (transfer full): cancels everything without a callback, and
 *   waits for the thread
 */
void dif_jobs_free (DifJobs *jobs);

/**
 * dif_jobs_add:
 * @jobs: a queue
 * @owner: who asks: any number, the same for all that he asks for
 * @rq: (transfer full): what to run
 * @preview_ms: least time between two previews, in milliseconds; 0 for none
 * @events: whom to tell, never before this returns
 * @user_data: for @events
 *
 * Returns: (transfer none): the run, valid until it is finished or cancelled
 */
DifJob *dif_jobs_add (DifJobs *jobs, gint64 owner, DifRequest *rq, guint preview_ms,
                      const DifJobEvents *events, gpointer user_data);

/**
 * dif_jobs_cancel:
 * @jobs: a queue
 * @job: (transfer full): a run; no callback comes any more
 */
void dif_jobs_cancel (DifJobs *jobs, DifJob *job);

/**
 * dif_jobs_interrupt:
 * @jobs: a queue
 * @job: a run
 *
 * As dif_jobs_cancel(), but its end is told: at once, although the thread may be busy
 * with it for some moments.
 */
void dif_jobs_interrupt (DifJobs *jobs, DifJob *job);

/**
 * dif_jobs_count:
 * @jobs: a queue
 *
 * Returns: runs that compute or wait
 */
guint dif_jobs_count (DifJobs *jobs);

G_END_DECLS

#endif /* DIF_ENGINE_JOBS_H */
