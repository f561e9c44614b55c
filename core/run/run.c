/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* run.c - what all parts of a run need: guidance or not, warnings, failures. */
#include "run/run.h"

#include "base/error.h"
#include "run/pipeline-private.h"

const DifPart *
dif_run_part (DifRun *run, DifRole role)
{
  DifPipeline *pipe  = run->pipe;
  DifPart     *part  = &pipe->parts[role];
  gint64       start = g_get_monotonic_time ();
  GError      *error = NULL;

  if (part->model)
    return part;
  if (dif_context_failed (run->cx))
    return NULL;
  if (! pipe->need (pipe, role, run->cancellable, &error))
    {
      dif_context_fail (run->cx, error);
      return NULL;
    }
  dif_context_profile (run->cx, "stage:load", start, 0, 0);
  return part;
}

gboolean
dif_run_guided (DifRun *run)
{
  return run->spec->guidance > 1 && ! dif_pipeline_denoiser (run->pipe)->takes_guidance;
}

void
dif_run_report (DifRun *run, DifStage stage, guint step, guint n_steps)
{
  if (! dif_context_failed (run->cx))
    dif_work_report (&run->work, stage, step, n_steps);
}

void
dif_run_warn (DifRun *run, const char *format, ...)
{
  GString *warning = run->report.warning;
  va_list  args;

  if (warning->len)
    g_string_append (warning, "; ");
  va_start (args, format);
  g_string_append_vprintf (warning, format, args);
  va_end (args);
}

DifTensor *
dif_run_out_of_memory (DifRun *run, const char *doing)
{
  return dif_context_fail (run->cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                                 "out of memory while %s", doing));
}
