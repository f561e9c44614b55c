/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job-queue.h - what is to be drawn, one job after the other.
 *
 * Knows neither GTK nor GIMP.  A job holds everything as it was when it was
 * queued: which image, the pictures it starts from, and all settings.
 */
#ifndef DIF_UI_JOB_QUEUE_H
#define DIF_UI_JOB_QUEUE_H

#include "ui/host.h"
#include "ui/intent.h"

G_BEGIN_DECLS

/**
 * DifUiJobState:
 * @DIF_UI_JOB_WAITING: others come first
 * @DIF_UI_JOB_RUNNING: it is being drawn
 * @DIF_UI_JOB_DONE: its pictures are there
 * @DIF_UI_JOB_FAILED: its error says why
 * @DIF_UI_JOB_CANCELLED: nobody wants it any more
 *
 * What has become of a job.
 */
typedef enum
{
  DIF_UI_JOB_WAITING,
  DIF_UI_JOB_RUNNING,
  DIF_UI_JOB_DONE,
  DIF_UI_JOB_FAILED,
  DIF_UI_JOB_CANCELLED
} DifUiJobState;

/**
 * DifUiJob:
 * @id: counts up from 1
 * @name: unique among all that were ever queued
 * @image: which image of the host
 * @image_key: the image's name that outlives the host's session
 * @verb: what it does
 * @strength: how much of a picture is replaced
 * @prompt: as it is shown
 * @drawing: what is drawn, and where it goes
 * @settings: JSON text of all settings
 * @is_live: whether the next change of the canvas makes it obsolete
 * @state: what has become of it
 * @progress: how far it is, while it runs
 * @preview: (nullable): what can be seen of its first picture yet
 * @error: (nullable): why it failed
 * @user_data: whatever its owner wants to remember
 * @user_free: (nullable): frees @user_data
 *
 * A job, counted by references.
 */
typedef struct
{
  guint          id;
  char          *name;
  int            image;
  char          *image_key;
  DifUiVerb      verb;
  double         strength;
  char          *prompt;
  DifUiDrawing  *drawing;
  char          *settings;
  gboolean       is_live;
  DifUiJobState  state;
  DifProgress    progress;
  DifImage      *preview;
  GError        *error;
  gpointer       user_data;
  GDestroyNotify user_free;
} DifUiJob;

/**
 * dif_ui_job_new:
 * @image: of the host
 * @image_key: its lasting name
 * @drawing: (transfer full): what to draw
 *
 * Returns: (transfer full): a job; everything else is the caller's to fill in
 */
DifUiJob *dif_ui_job_new (int image, const char *image_key, DifUiDrawing *drawing);

/**
 * dif_ui_job_ref: dif_ui_job_unref:
 * @job: a job
 *
 * Returns: (transfer full): @job
 */
DifUiJob *dif_ui_job_ref (DifUiJob *job);
void      dif_ui_job_unref (DifUiJob *job);

/** DifUiQueue: jobs in the order in which they are drawn, the one that runs first. */
typedef struct _DifUiQueue DifUiQueue;

/**
 * DifUiQueueEvents:
 * @changed: a job came, went, moved or has another state
 * @progress: a job that runs is farther, or has another preview
 * @done: a job's pictures are there
 * @failed: a job's error says why there are none
 *
 * What a queue tells, on the main context.
 */
typedef struct
{
  void (*changed) (DifUiQueue *queue, gpointer user_data);
  void (*progress) (DifUiQueue *queue, DifUiJob *job, gpointer user_data);
  void (*done) (DifUiQueue *queue, DifUiJob *job, DifResult *result, gpointer user_data);
  void (*failed) (DifUiQueue *queue, DifUiJob *job, gpointer user_data);
} DifUiQueueEvents;

/**
 * dif_ui_queue_new:
 * @runner: who draws
 * @events: who is told
 * @user_data: for @events
 *
 * Returns: (transfer full): an empty queue
 */
DifUiQueue *dif_ui_queue_new (const DifUiRunner *runner, const DifUiQueueEvents *events,
                              gpointer user_data);

/**
 * dif_ui_queue_free:
 * @queue: (nullable) (transfer full): a queue, whose jobs are cancelled; nobody is told
 */
void dif_ui_queue_free (DifUiQueue *queue);

/**
 * dif_ui_queue_add:
 * @queue: a queue
 * @job: a job that waits
 *
 * Puts it last.  One that is live takes the place of one that was, and gives way to any
 * other.
 */
void dif_ui_queue_add (DifUiQueue *queue, DifUiJob *job);

/**
 * dif_ui_queue_jobs:
 * @queue: a queue
 *
 * Returns: (transfer none) (element-type DifUiJob): those that run or wait
 */
GPtrArray *dif_ui_queue_jobs (DifUiQueue *queue);

/**
 * dif_ui_queue_running:
 * @queue: a queue
 *
 * Returns: (transfer none) (nullable): the job that is being drawn and is not cancelled
 */
DifUiJob *dif_ui_queue_running (DifUiQueue *queue);

/**
 * dif_ui_queue_move:
 * @queue: a queue
 * @job: one of its jobs that waits
 * @by: places, backwards if negative; it never passes the one that runs
 */
void dif_ui_queue_move (DifUiQueue *queue, DifUiJob *job, int by);

/**
 * dif_ui_queue_cancel:
 * @queue: a queue
 * @job: any job
 *
 * At once for whoever looks; the next one begins when the runner has let go of it.
 */
void dif_ui_queue_cancel (DifUiQueue *queue, DifUiJob *job);

/**
 * dif_ui_queue_cancel_all:
 * @queue: a queue
 */
void dif_ui_queue_cancel_all (DifUiQueue *queue);

/**
 * dif_ui_queue_cancel_live:
 * @queue: a queue, whose live job is cancelled, if there is one
 */
void dif_ui_queue_cancel_live (DifUiQueue *queue);

G_END_DECLS

#endif /* DIF_UI_JOB_QUEUE_H */
