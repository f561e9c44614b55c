/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* progress.c - how far a run is, by the work of its stages. */
#include "run/progress.h"

/* The least work after which the time that is left is guessed: the first calls
 * also pay for preparing kernels. */
#define TELLING 2.0

/* What people are told, and the work of doing it once, in calls of the
 * denoiser. */
static const struct
{
  const char *name;
  double      weight;
} stages[DIF_N_STAGES] = {
  [DIF_STAGE_PROMPT]  = { "encode", 0.5 },
  [DIF_STAGE_PICTURE] = { "encode", 1.0 },
  [DIF_STAGE_DENOISE] = { "denoise", 1.0 },
  [DIF_STAGE_DECODE]  = { "decode", 1.5 },
};

void
dif_work_begin (DifWork *work, DifProgressFunc func, gpointer user_data)
{
  *work = (DifWork) { .func         = func,
                      .user_data    = user_data,
                      .started      = g_get_monotonic_time (),
                      .step_seconds = -1 };
}

void
dif_work_expect (DifWork *work, DifStage stage, guint n)
{
  work->of[stage] = stages[stage].weight * n;
}

/* The first call also pays for preparing kernels: as soon as there is a second, it
 * does not count. */
static void
time_step (DifWork *work, guint step)
{
  gint64 now = g_get_monotonic_time ();

  if (step > work->loop_steps)
    work->step_seconds = (double) (now - work->loop_began) * 1e-6 / (step - work->loop_steps);
  if (step <= 1)
    {
      work->loop_began = now;
      work->loop_steps = step;
    }
}

void
dif_work_report (DifWork *work, DifStage stage, guint step, guint n_steps)
{
  double      elapsed = (double) (g_get_monotonic_time () - work->started) * 1e-6;
  double      total = 0, before = 0;
  DifProgress p = { .step = step, .n_steps = n_steps, .seconds_left = -1 };

  if (stage == DIF_STAGE_DENOISE)
    time_step (work, step);

  for (guint i = 0; i < DIF_N_STAGES; i++)
    {
      before += i < stage ? work->of[i] : 0;
      total += work->of[i];
    }
  work->done     = MAX (work->done, before + work->of[stage] * step / MAX (n_steps, 1));
  p.stage        = stages[stage].name;
  p.fraction     = total > 0 ? MIN (work->done / total, 1) : 0;
  p.step_seconds = work->step_seconds;
  if (work->done >= TELLING && work->step_seconds >= 0)
    p.seconds_left = work->step_seconds * (total - work->done);
  else if (work->done >= TELLING)
    p.seconds_left = elapsed / work->done * (total - work->done);
  if (work->func)
    work->func (&p, work->user_data);
}
