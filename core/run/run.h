/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* run.h - one run in progress: what was settled, what works, what comes out.
 *
 * A run is opened by pipelines/draw.c and handed to a task, which draws with
 * the functions of the headers beside this one.
 */
#ifndef DIF_RUN_RUN_H
#define DIF_RUN_RUN_H

#include "base/rng.h"
#include "models/denoiser.h"
#include "run/progress.h"
#include "run/request.h"
#include "run/safety.h"
#include "schedulers/scheduler.h"
#include "tensor/context.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

typedef struct _DifRun DifRun;

/** DifPreviewer: shows what the pictures are becoming: preview.h. */
typedef struct _DifPreviewer DifPreviewer;

/**
 * DifExtent:
 * @n_images: pictures
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 *
 * How much is drawn at once.
 */
typedef struct
{
  guint n_images, width, height;
} DifExtent;

/**
 * DifRunSpec:
 * @task: what is drawn
 * @seed: what the run's numbers are made from
 * @n_images: pictures of this run
 * @first_image: the first of them, of the batch's
 * @batch: pictures asked for; those that are not this run's are drawn by other
 *   devices
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 * @n_steps: steps asked for
 * @guidance: guidance scale
 * @strength: how much of a picture is repainted
 * @safety: policy on pictures not safe for work: "off", "warn" or "block"
 * @is_plan: nothing is computed: pipelines/memory.c looks what it takes
 *
 * The numbers of a run, settled from request, checkpoint and family while it is
 * opened and constant from then on.
 */
typedef struct
{
  const DifTaskClass *task;
  guint64             seed;
  guint               n_images, first_image, batch;
  guint               width, height, n_steps;
  double              guidance, strength;
  const char         *safety;
  gboolean            is_plan;
} DifRunSpec;

/**
 * DifRunReport:
 * @width: of what the task hands back, in pixels; the run's unless a task
 *   changes it
 * @height: of what the task hands back, in pixels
 * @warning: for people; empty if there is nothing to say
 * @verdicts: (array length=n_images) (nullable): of the safety checker; NULL
 *   until it was asked
 * @depth: (nullable): estimated: `[height, width]` of the run, in [0, 1]
 *
 * What comes out of a run beside its pictures.
 */
typedef struct
{
  guint      width, height;
  GString   *warning;
  DifSafety *verdicts;
  float     *depth;
} DifRunReport;

/**
 * DifRun:
 * @spec: what was settled
 * @pipe: the model
 * @rq: what is asked for
 * @cx: the run's own context
 * @scheduler: the run's own scheduler, timesteps set by the task
 * @rng: the run's numbers
 * @conditioning: what dif_run_condition() made
 * @latents: (nullable): `latents`, from a file, to start from instead of "image"
 * @judge: has the safety checker look at `[n_images, height, width, 3]` in
 *   [0, 1], if the policy says so, sets the report's verdicts and says in its
 *   warning what was found.  For tasks whose result is more than what was drawn;
 *   the others' results are judged when they are collected.  Errors stay in @cx
 * @work: how far it is
 * @previewer: (nullable): shows what its pictures are becoming
 * @cancellable: (nullable): to give up
 * @report: what comes out
 *
 * One run in progress, owned by whoever opened it.
 */
struct _DifRun
{
  const DifRunSpec *spec;
  DifPipeline      *pipe;
  DifRequest       *rq;
  DifContext       *cx;
  DifScheduler     *scheduler;
  DifRng           *rng;
  DifConditioning   conditioning;
  DifWeights       *latents;
  void (*judge) (DifRun *run, const float *pixels, guint width, guint height);
  DifWork       work;
  DifPreviewer *previewer;
  GCancellable *cancellable;
  DifRunReport  report;
};

/**
 * dif_run_guided:
 * @run: a run
 *
 * Returns: whether the denoiser is asked twice a step: guidance scale above 1,
 * which is not an input of it
 */
gboolean dif_run_guided (DifRun *run);

/**
 * dif_run_report:
 * @run: a run
 * @stage: the stage it is in
 * @step: done of it
 * @n_steps: to be done of it
 *
 * dif_work_report(), unless the run has failed.
 */
void dif_run_report (DifRun *run, DifStage stage, guint step, guint n_steps);

/**
 * dif_run_warn:
 * @run: a run
 * @format: printf() format of something the user should know
 * @...: its arguments
 */
void dif_run_warn (DifRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * dif_run_out_of_memory:
 * @run: a run
 * @doing: what memory was wanted for, such as "preparing the mask"
 *
 * Returns: an inert tensor; the context failed
 */
DifTensor *dif_run_out_of_memory (DifRun *run, const char *doing);

G_END_DECLS

#endif /* DIF_RUN_RUN_H */
