/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* timesteps.c - which calls of the scheduler a run makes: all of them, those
 * that the strength of a picture leaves, or a part of the way.
 *
 * Source: diffusers get_timesteps of its img2img and inpainting pipelines;
 * denoising_start and denoising_end of StableDiffusionXLImg2ImgPipeline.
 */
#include "run/timesteps.h"

#include <math.h>

#include "base/error.h"
#include "run/pipeline-private.h"
#include "run/task.h"

/* ---- a part of the way ---- */

/* The first timestep that is behind @part of the way, rounded half to even. */
static double
cutoff (DifRun *run, double part)
{
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  double              n      = dif_json_double (config, "num_train_timesteps", 1000);

  return rint (n - part * n);
}

/* The first call to make where @start of the way lies behind; n_calls if none
 * is left. */
static guint
part_begin (DifRun *run, double start)
{
  double limit = cutoff (run, start);
  guint  n = dif_scheduler_n_calls (run->scheduler), left = 0;

  for (guint i = 0; i < n; i++)
    left += dif_scheduler_timestep (run->scheduler, i) < limit;
  /* not between the two halves of a step */
  if (dif_scheduler_order (run->scheduler) == 2 && left % 2 == 0)
    left++;
  return n - MIN (left, n);
}

guint
dif_run_end (DifRun *run, guint first)
{
  double part  = dif_request_number (run->rq, "denoising-end");
  double limit = part > 0 && part < 1 ? cutoff (run, part) : -G_MAXDOUBLE;
  guint  n = dif_scheduler_n_calls (run->scheduler), end = first;

  for (guint i = first; i < n; i++)
    end += dif_scheduler_timestep (run->scheduler, i) >= limit;
  return end;
}

gboolean
dif_run_starts_noised (DifRun *run)
{
  double start = dif_request_number (run->rq, "denoising-start");

  return start > 0 && start < 1;
}

/* ---- where to begin ---- */

/* Timesteps of the whole way; FALSE, and the context failed, without them. */
static gboolean
set_timesteps (DifRun *run)
{
  GError *error = NULL;

  if (dif_scheduler_set_timesteps (run->scheduler, run->spec->n_steps, &error))
    return TRUE;
  dif_context_fail (run->cx, error);
  return FALSE;
}

void
dif_run_begin_from_noise (DifRun *run)
{
  if (! set_timesteps (run))
    return;
  if (run->pipe->family->begins_at_first)
    dif_scheduler_set_begin (run->scheduler, 0);
  dif_work_expect (&run->work, DIF_STAGE_DENOISE, dif_run_end (run, 0));
}

static guint
nothing_left (DifRun *run, const char *name, double found)
{
  dif_context_fail (run->cx, g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                                          "%s: expected a value that leaves one of %u steps to "
                                          "make, found %g",
                                          name, run->spec->n_steps, found));
  return 0;
}

/* All steps over a shorter way. */
static guint
begin_shortened (DifRun *run)
{
  GError *error = NULL;

  if (! dif_scheduler_set_strength (run->scheduler, run->spec->strength, &error) ||
      ! dif_scheduler_set_timesteps (run->scheduler, run->spec->n_steps, &error))
    dif_context_fail (run->cx, error);
  else
    dif_work_expect (&run->work, DIF_STAGE_DENOISE, dif_scheduler_n_calls (run->scheduler));
  return 0;
}

guint
dif_run_begin_from_image (DifRun *run)
{
  double start = dif_request_number (run->rq, "denoising-start");
  guint  steps = run->spec->n_steps;
  guint  n     = (guint) MIN ((double) (int) (steps * run->spec->strength), steps);
  guint  first = (steps - n) * dif_scheduler_order (run->scheduler), end;

  if (run->pipe->family->shortens && run->spec->task->needs == DIF_CAN_IMG2IMG)
    return begin_shortened (run);
  if (! dif_run_starts_noised (run) && ! n)
    return nothing_left (run, "strength", run->spec->strength);
  if (! set_timesteps (run))
    return 0;
  if (dif_run_starts_noised (run))
    first = part_begin (run, start);
  end = dif_run_end (run, first);
  if (end == first)
    return nothing_left (run, dif_run_starts_noised (run) ? "denoising-start" : "denoising-end",
                         dif_run_starts_noised (run)
                             ? start
                             : dif_request_number (run->rq, "denoising-end"));
  dif_scheduler_set_begin (run->scheduler, first);
  dif_work_expect (&run->work, DIF_STAGE_DENOISE, end - first);
  return first;
}
