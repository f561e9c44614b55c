/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* client.h - running requests in dif-engine, where the model stays loaded.
 *
 * Knows nothing of GIMP.  The engine is started when it is needed; where that
 * is not possible the calling process computes by itself, so that a run never
 * fails for want of an engine.
 *
 * Environment: DIF_ENGINE is the engine's path, "none" for computing in this
 * process; DIF_ENGINE_IDLE_SECONDS is how long an engine started from here
 * stays without work.
 */
#ifndef DIF_ENGINE_CLIENT_H
#define DIF_ENGINE_CLIENT_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_engine_run:
 * @rq: a request
 * @progress: (nullable): called on the calling thread; its stage may also be
 *   "wait" while other clients' runs are ahead, as many as n_steps says
 * @user_data: for @progress
 * @cancellable: (nullable): to give up; also from another thread
 * @error: return location
 *
 * Resolves the model's name here, so that the caller's environment counts.
 * Cancelling leaves the engine and its model as they are.
 *
 * Errors: those of dif_catalog_resolve(), dif_pipeline_load() and
 * dif_pipeline_run(); DIF_BACKEND_ERROR FAILED when the engine dies.
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
 * Returns: (transfer full) (nullable): an object with "pid", "version", "model"
 * (null when none is loaded), "device", "dtype", "weight_bytes" (of device
 * memory), "loads", "jobs", "done", "clients", "idle_seconds" and
 * "uptime_seconds"
 */
DifJson *dif_engine_status (GError **error);

/**
 * dif_engine_quit:
 * @error: return location
 *
 * Ends the engine, whatever it is doing; returns when it is out of reach.
 *
 * Errors: G_IO_ERROR; none when no engine is running.
 *
 * Returns: FALSE on error
 */
gboolean dif_engine_quit (GError **error);

G_END_DECLS

#endif /* DIF_ENGINE_CLIENT_H */
