/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* client.h - running requests in dif-engine, where models stay loaded.
 *
 * Knows nothing of GIMP.  The engine is started when it is needed; where that
 * is not possible the calling process computes by itself, so that a run never
 * fails for want of an engine.
 *
 * Environment: DIF_ENGINE is the engine's path, "none" for computing in this
 * process; DIF_ENGINE_IDLE_SECONDS is how long an engine started from here
 * stays without work, DIF_ENGINE_MEMORY what it keeps loaded at most
 * (dif_warm_parse_budget()).
 */
#ifndef DIF_ENGINE_CLIENT_H
#define DIF_ENGINE_CLIENT_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_engine_run_async:
 * @rq: a request; may be changed or freed when this returns
 * @watch: (nullable): copied.  Told how far it is; the stage may also be "wait" while
 *   other clients' runs are ahead, as many as n_steps says.  Shown what the pictures are
 *   becoming, if its preview is not NULL; dif_pipeline_set_preview() says when that is
 *   possible
 * @cancellable: (nullable): to give up; also from another thread
 * @callback: called once
 * @user_data: for @callback
 *
 * Does not wait: everything is told on the thread's default main context at the
 * time of the call.  The model's name is resolved in this process, so that the
 * caller's environment counts.
 *
 * Cancelling is a message to the engine, which keeps its models and answers at once,
 * while it lets go of the run; the call ends with the answer, or two seconds later.
 * Runs of several processes take turns.
 */
void dif_engine_run_async (DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data);

/**
 * dif_engine_run_finish:
 * @result: what the callback got
 * @error: return location
 *
 * Errors: those of dif_catalog_resolve(), dif_pipeline_load() and
 * dif_pipeline_run(); DIF_BACKEND_ERROR FAILED when the engine dies;
 * DIF_FORMAT_ERROR when it says what makes no sense; G_IO_ERROR CANCELLED.
 *
 * Returns: (transfer full) (nullable): the pictures
 */
DifResult *dif_engine_run_finish (GAsyncResult *result, GError **error);

/**
 * dif_engine_run:
 * @rq: a request
 * @progress: (nullable): called on the calling thread, as for dif_engine_run_async()
 * @user_data: for @progress
 * @cancellable: (nullable): to give up; also from another thread
 * @error: return location
 *
 * dif_engine_run_async() for those who wait; nothing else happens on the calling
 * thread meanwhile.
 *
 * Errors: those of dif_engine_run_finish().
 *
 * Returns: (transfer full) (nullable): the pictures
 */
DifResult *dif_engine_run (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                           GCancellable *cancellable, GError **error);

/**
 * dif_engine_status:
 * @error: return location
 *
 * Starts nothing.
 *
 * Errors: G_IO_ERROR NOT_FOUND when no engine is running.
 *
 * Returns: (transfer full) (nullable): an object with "pid", "version", "jobs",
 * "done", "clients", "idle_seconds", "uptime_seconds" and the members of
 * dif_warm_describe()
 */
DifJson *dif_engine_status (GError **error);

/**
 * dif_engine_unload:
 * @error: return location
 *
 * Has the engine let go of its models; that of a run goes when the run is over.
 *
 * Errors: G_IO_ERROR NOT_FOUND when no engine is running, others.
 *
 * Returns: (transfer full) (nullable): an object with "models", how many they
 * were, and their "weight_bytes"
 */
DifJson *dif_engine_unload (GError **error);

/** DifEngineHow: how dif_engine_quit() had its way. */
typedef enum
{
  DIF_ENGINE_ENDED_NONE,       /* no engine was running */
  DIF_ENGINE_ENDED_ASKED,      /* it said goodbye */
  DIF_ENGINE_ENDED_TERMINATED, /* it did not answer, and ended on SIGTERM */
  DIF_ENGINE_ENDED_KILLED      /* nor on that */
} DifEngineHow;

/** DifEngineEnd: what became of an engine; @pid is 0 unless it needed a signal. */
typedef struct
{
  int          pid;
  DifEngineHow how;
} DifEngineEnd;

/**
 * dif_engine_quit:
 * @end: (nullable) (out): what became of it
 * @error: return location
 *
 * Ends the engine, whatever it is doing; returns when it is out of reach.  One that does
 * not answer within three seconds, because it is stopped or hangs, is ended by signals.
 *
 * Errors: those of dif_reach_end(), others of G_IO_ERROR; none when no engine is running.
 *
 * Returns: FALSE on error
 */
gboolean dif_engine_quit (DifEngineEnd *end, GError **error);

G_END_DECLS

#endif /* DIF_ENGINE_CLIENT_H */
