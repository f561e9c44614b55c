/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* warm.h - pipelines that stay loaded between runs.
 *
 * The next run uses one again if it asks for the same model, device, dtype,
 * LoRAs and embeddings and none of their files has changed meanwhile.  Those not
 * used for longest go when their weights are more than the budget together, and
 * when a new one would not fit in the memory there is.  Of those on a card only
 * one is kept: what the card has left is for drawing.
 */
#ifndef DIF_ENGINE_WARM_H
#define DIF_ENGINE_WARM_H

#include "dif.h"

G_BEGIN_DECLS

/** DifWarm: the loaded pipelines; runs are one thread's at a time, the rest is any thread's. */
typedef struct _DifWarm DifWarm;

/**
 * dif_warm_parse_budget:
 * @text: (nullable): bytes, with K, M, G or T behind for powers of 1024, or a
 *   share of the machine's memory such as "50%"; NULL and "" are 50 %
 * @bytes: (out): how many that are
 * @error: return location
 *
 * Errors: G_IO_ERROR INVALID_ARGUMENT.
 *
 * Returns: FALSE on error
 */
gboolean dif_warm_parse_budget (const char *text, guint64 *bytes, GError **error);

/**
 * dif_warm_new:
 * @budget: bytes of weights to keep; the model of the last run is kept whatever
 *   it takes
 *
 * Returns: (transfer full): with nothing loaded
 */
DifWarm *dif_warm_new (guint64 budget);

/**
 * dif_warm_free:
 * @warm: (nullable) (transfer full): unloads all
 */
void dif_warm_free (DifWarm *warm);

/**
 * dif_warm_run:
 * @warm: what is loaded
 * @rq: a request; its "model" is a path
 * @watch: who is told how far loading and drawing are, as one whole, and shown what
 *   the pictures are becoming
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Errors: those of dif_pipeline_load() and dif_pipeline_run().
 *
 * Returns: (transfer full) (nullable): the pictures
 */
DifResult *dif_warm_run (DifWarm *warm, DifRequest *rq, const DifWatch *watch,
                         GCancellable *cancellable, GError **error);

/**
 * dif_warm_unload:
 * @warm: what is loaded
 * @answer: an object that gets "models", how many go, and their "weight_bytes"
 *
 * Lets go of all models: of that of a run as soon as the run is over.  May be
 * called from any thread.
 */
void dif_warm_unload (DifWarm *warm, DifJson *answer);

/**
 * dif_warm_describe:
 * @warm: what is loaded
 * @status: an object that gets "loads", "memory_budget", "weight_bytes" of all,
 *   "models", an array of objects with "model", "device", "dtype",
 *   "weight_bytes" and "idle_seconds", last used first, and "model", "device" and
 *   "dtype" of the first of them; "model" is null when nothing is loaded
 *
 * "device" is the one that computes, whatever was asked for.  May be called from
 * any thread.
 */
void dif_warm_describe (DifWarm *warm, DifJson *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifWarm, dif_warm_free)

G_END_DECLS

#endif /* DIF_ENGINE_WARM_H */
