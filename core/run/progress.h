/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* progress.h - how far a run is, by the work of its stages.
 *
 * The only place that knows how much a stage weighs.
 */
#ifndef DIF_RUN_PROGRESS_H
#define DIF_RUN_PROGRESS_H

#include "base/progress.h"

G_BEGIN_DECLS

/**
 * DifStage:
 * @DIF_STAGE_PROMPT: prompts become conditioning
 * @DIF_STAGE_PICTURE: a picture becomes latents
 * @DIF_STAGE_DENOISE: the loop
 * @DIF_STAGE_DECODE: latents become pictures
 * @DIF_N_STAGES: how many there are
 *
 * The stages of a run, in the order of their work.
 */
typedef enum
{
  DIF_STAGE_PROMPT,
  DIF_STAGE_PICTURE,
  DIF_STAGE_DENOISE,
  DIF_STAGE_DECODE,
  DIF_N_STAGES
} DifStage;

/**
 * DifWork:
 * @func: (nullable): called with how far it is
 * @user_data: for @func
 * @started: g_get_monotonic_time(), microseconds
 * @of: work of every stage, in calls of the denoiser; 0 for one that is left out
 * @done: work done in all
 * @loop_began: when the loop began, or its second step, whose time tells more
 * @loop_steps: steps that were done by then
 * @step_seconds: what a step takes; negative when unknown
 *
 * The work of a run.
 */
typedef struct
{
  DifProgressFunc func;
  gpointer        user_data;
  gint64          started;
  double          of[DIF_N_STAGES], done;
  gint64          loop_began;
  guint           loop_steps;
  double          step_seconds;
} DifWork;

/**
 * dif_work_begin:
 * @work: filled
 * @func: (nullable): called with how far it is
 * @user_data: for @func
 *
 * The clock starts; nothing is expected yet.
 */
void dif_work_begin (DifWork *work, DifProgressFunc func, gpointer user_data);

/**
 * dif_work_expect:
 * @work: work
 * @stage: a stage that the run will have
 * @n: how often: calls of the denoiser; 1 for other stages
 */
void dif_work_expect (DifWork *work, DifStage stage, guint n);

/**
 * dif_work_report:
 * @work: work
 * @stage: the stage it is in
 * @step: done of it
 * @n_steps: to be done of it
 *
 * Tells @func.  The fraction never falls.
 */
void dif_work_report (DifWork *work, DifStage stage, guint step, guint n_steps);

G_END_DECLS

#endif /* DIF_RUN_PROGRESS_H */
