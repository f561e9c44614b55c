/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* warm.h - a pipeline that stays loaded between runs.
 *
 * Holds one model at most.  The next run uses it again if it asks for the same
 * model, device, dtype, LoRAs and embeddings and none of their files has changed
 * meanwhile.
 */
#ifndef DIF_ENGINE_WARM_H
#define DIF_ENGINE_WARM_H

#include "dif.h"

G_BEGIN_DECLS

/** DifWarm: the loaded pipeline; used by one thread at a time, but for dif_warm_describe(). */
typedef struct _DifWarm DifWarm;

/**
 * dif_warm_new:
 *
 * Returns: (transfer full): with nothing loaded
 */
DifWarm *dif_warm_new (void);

/**
 * dif_warm_free:
 * @warm: (nullable) (transfer full): unloads it
 */
void dif_warm_free (DifWarm *warm);

/**
 * dif_warm_run:
 * @warm: a warm pipeline
 * @rq: a request; its "model" is a path
 * @progress: (nullable): told how far loading and drawing are, as one whole
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Errors: those of dif_pipeline_load() and dif_pipeline_run().
 *
 * Returns: (transfer full) (nullable): the pictures
 */
DifResult *dif_warm_run (DifWarm *warm, DifRequest *rq, DifProgressFunc progress,
                         gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * dif_warm_describe:
 * @warm: a warm pipeline
 * @status: an object that gets "model", "device", "dtype", "weight_bytes" and
 *   "loads"; "model" is null when nothing is loaded
 *
 * May be called from any thread.
 */
void dif_warm_describe (DifWarm *warm, DifJson *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifWarm, dif_warm_free)

G_END_DECLS

#endif /* DIF_ENGINE_WARM_H */
