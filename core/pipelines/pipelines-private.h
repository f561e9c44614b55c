/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipelines-private.h - what the files of pipelines/ ask of each other. */
#ifndef DIF_PIPELINES_PIPELINES_PRIVATE_H
#define DIF_PIPELINES_PIPELINES_PRIVATE_H

#include "pipelines/pipeline.h"
#include "run/pipeline-private.h"
#include "run/task.h"

G_BEGIN_DECLS

/**
 * DifShare:
 * @seed: of the whole batch
 * @first: first picture, of the batch's
 * @n: pictures
 *
 * What one device draws of a batch.
 */
typedef struct
{
  guint64 seed;
  guint   first, n;
} DifShare;

/**
 * DifPartLoad:
 * @pipe: a pipeline with a checkpoint, a backend, a family and what is laid over it
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @done: parts that are loaded
 * @n_parts: of all
 *
 * Loading in progress.
 */
typedef struct
{
  DifPipeline    *pipe;
  DifProgressFunc progress;
  gpointer        user_data;
  GCancellable   *cancellable;
  guint           done, n_parts;
} DifPartLoad;

/**
 * _dif_part_load_report:
 * @load: loading, of which one part more is done
 */
void _dif_part_load_report (DifPartLoad *load);

/**
 * _dif_pipeline_load_parts:
 * @load: loading that has not begun
 * @error: return location
 *
 * Returns: FALSE on error; what was loaded stays
 */
gboolean _dif_pipeline_load_parts (DifPartLoad *load, GError **error);

/**
 * DifPartFunc:
 * @name: a part, as the checkpoint calls it
 * @store: (nullable): its weights, if it is loaded
 * @user_data: as given
 * @error: return location
 *
 * Returns: FALSE on error
 */
typedef gboolean (*DifPartFunc) (const char *name, DifStore *store, gpointer user_data,
                                 GError **error);

/**
 * _dif_pipeline_each_part:
 * @pipe: a pipeline
 * @func: called for every part that adapters change and that is loaded or
 *   can be again, in the family's order
 * @user_data: for @func
 * @error: return location
 *
 * Returns: FALSE once @func did
 */
gboolean _dif_pipeline_each_part (DifPipeline *pipe, DifPartFunc func, gpointer user_data,
                                  GError **error);

/**
 * _dif_part_load:
 * @pipe: a pipeline
 * @role: of a part of it that is not loaded
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * The `need` of DifPipeline: loads the part.  Where the pipeline has that, others go
 * first, but text encoders stay together, and the files must be those that were there
 * when the model was loaded.
 *
 * Errors: those of loading; DIF_FORMAT_ERROR BAD_VALUE: the files are others.
 *
 * Returns: FALSE on error, the part not loaded
 */
gboolean _dif_part_load (DifPipeline *pipe, DifRole role, GCancellable *cancellable,
                         GError **error);

/**
 * _dif_pipeline_release:
 * @pipe: a pipeline with `need`, whose networks and weights are freed until they are
 *   needed again
 */
void _dif_pipeline_release (DifPipeline *pipe);

/**
 * _dif_pipeline_free_parts:
 * @pipe: a pipeline, whose parts are freed
 */
void _dif_pipeline_free_parts (DifPipeline *pipe);

/**
 * _dif_run_prepare_safety:
 * @run: a run
 * @policy: (out): "off", "warn" or "block"
 * @error: return location
 *
 * Settles the run's policy on pictures not safe for work and loads the model's
 * safety checker if it is needed and not there yet, so that a run fails before
 * it draws.  Where nothing was asked for, a checker that cannot be loaded is a
 * warning.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: "block", and the model ships no safety
 * checker; those of loading.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_prepare_safety (DifRun *run, const char **policy, GError **error);

/**
 * _dif_run_judge: the `judge` of DifRun.
 * @run: a run, not judged yet
 * @pixels: `[n_images, height, width, 3]`, in [0, 1]
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 */
void _dif_run_judge (DifRun *run, const float *pixels, guint width, guint height);

/**
 * _dif_run_recipe:
 * @run: a run
 * @i: which of its pictures
 * @safety: the verdict on it
 *
 * Returns: (transfer full): JSON text, as dif_result_recipe() has it
 */
char *_dif_run_recipe (DifRun *run, guint i, DifSafety safety);

/**
 * _dif_part_clear:
 * @part: a part, which is freed and there no more
 */
void _dif_part_clear (DifPart *part);

/**
 * _dif_pipeline_fall_back_to_cpu:
 * @pipe: a pipeline
 * @why: (inout): a failure; cleared if the pipeline is on the CPU now, else
 *   kept or replaced by what loading there says
 * @progress: (nullable): called with how far loading is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 *
 * After a failure of the device that "auto" chose: loads everything again on
 * the CPU, and has the pipeline be that.  Parts that callers hold are gone then.
 * Where loading fails or is cancelled, the pipeline is as it was.
 *
 * Returns: whether it did; a failure that is not the device's is left alone, also
 * that of a run for which there was no room where a smaller one would fit
 */
gboolean _dif_pipeline_fall_back_to_cpu (DifPipeline *pipe, GError **why, DifProgressFunc progress,
                                         gpointer user_data, GCancellable *cancellable);

/**
 * _dif_pipeline_draw:
 * @pipe: a pipeline
 * @rq: a request
 * @share: what to draw of it
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * dif_pipeline_run() on the pipeline's own device.
 *
 * Returns: (transfer full) (nullable): the pictures that may be shown: none, if
 * the safety checker withholds all; the warning has the reason
 */
DifResult *_dif_pipeline_draw (DifPipeline *pipe, DifRequest *rq, const DifShare *share,
                               DifProgressFunc progress, gpointer user_data,
                               GCancellable *cancellable, GError **error);

/**
 * _dif_result_join:
 * @parts: (array length=n): results of one batch, in its order
 * @n: how many, at least one
 *
 * Returns: (transfer full) (nullable): all their pictures, NULL for want of memory;
 * a warning that several have is
 * there once, planes are the first's
 */
DifResult *_dif_result_join (DifResult *const *parts, guint n);

/**
 * _dif_run_open:
 * @run: filled
 * @spec: seed and share are there, the rest is settled; to outlive @run
 * @pipe: a pipeline
 * @rq: a request
 * @backend: the pipeline's, or one that plans for it
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Checks the request against the model and readies the run; to be undone by
 * _dif_run_clear() whether it succeeds or not.
 *
 * Errors: those of dif_pipeline_run() that come before the first op.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_open (DifRun *run, DifRunSpec *spec, DifPipeline *pipe, DifRequest *rq,
                        DifBackend *backend, GCancellable *cancellable, GError **error);

/**
 * _dif_run_clear:
 * @run: a run; what it took is given back
 */
void _dif_run_clear (DifRun *run);

/**
 * _dif_run_make_room:
 * @run: an open run
 * @error: return location
 *
 * On a device that can tell: finds out what the run will take and makes room
 * for it, before anything is computed.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY: what is needed, what there is, and
 * what would fit.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_make_room (DifRun *run, GError **error);

G_END_DECLS

#endif /* DIF_PIPELINES_PIPELINES_PRIVATE_H */
