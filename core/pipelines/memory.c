/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* memory.c - what a run takes of a device, found out before it begins.
 *
 * The task itself runs once on a device in name only (the plan slot of
 * tensor/backend.h), so that no second description of a network can disagree
 * with the first.  The loop is cut to a few calls.
 */
#include "base/error.h"
#include "pipelines/pipelines-private.h"

/* What the pictures' verdicts take as well. */
static void
plan_verdicts (DifRun *run)
{
  gsize             n      = (gsize) run->spec->n_images * run->report.width * run->report.height;
  g_autofree float *pixels = g_try_new0 (float, 3 * n);

  /* a task may have asked already */
  if (pixels && ! run->report.verdicts && ! dif_context_failed (run->cx))
    _dif_run_judge (run, pixels, run->report.width, run->report.height);
}

/* Bytes that the run of @like takes beside the weights, were it of @extent. */
static gboolean
plan (DifRun *like, const DifExtent *extent, gsize *bytes, GError **error)
{
  DifPipeline           *pipe    = like->pipe;
  const DifBackendClass *klass   = pipe->backend->klass;
  g_autoptr (DifBackend) nowhere = klass->plan (pipe->backend);
  DifRunSpec             spec    = { .is_plan     = TRUE,
                                     .seed        = like->spec->seed,
                                     .first_image = like->spec->first_image,
                                     .n_images    = extent->n_images };
  DifRun                 run;
  gboolean               ok;

  ok = _dif_run_open (&run, &spec, pipe, like->rq, nowhere, like->cancellable, error);
  if (ok)
    {
      /* not the request's: what is looked for may be less than was asked for */
      run.report.width = spec.width = extent->width;
      run.report.height = spec.height = extent->height;
      spec.task->run (&run);
      plan_verdicts (&run);
      ok = dif_context_finish (run.cx, error);
    }
  _dif_run_clear (&run);
  *bytes = nowhere->klass->planned (nowhere);
  return ok;
}

static gboolean
fits (DifRun *run, const DifExtent *extent, gsize room)
{
  gsize bytes = 0;

  return plan (run, extent, &bytes, NULL) && bytes <= room;
}

/* Fewer pictures at a time, or smaller ones; NULL if nothing helps. */
static char *
what_fits (DifRun *run, gsize room)
{
  const DifAutoencoderInfo *vae  = dif_pipeline_autoencoder (run->pipe);
  DifExtent                 less = { run->spec->n_images, run->spec->width, run->spec->height };
  guint                     unit = vae ? vae->factor : 1;

  while (less.n_images > 1)
    {
      less.n_images--;
      if (fits (run, &less, room))
        return g_strdup_printf ("%u at a time", less.n_images);
    }
  for (guint eighths = 7; vae && eighths; eighths--)
    {
      less.width  = run->spec->width * eighths / 8 / unit * unit;
      less.height = run->spec->height * eighths / 8 / unit * unit;
      if (less.width && less.height && fits (run, &less, room))
        return g_strdup_printf ("%u x %u pixels", less.width, less.height);
    }
  return NULL;
}

gboolean
_dif_run_make_room (DifRun *run, GError **error)
{
  DifBackend            *be    = run->pipe->backend;
  const DifBackendClass *klass = be->klass;
  DifExtent              asked = { run->spec->n_images, run->spec->width, run->spec->height };
  gsize                  bytes = 0, room = 0;
  g_autoptr (GError)     full = NULL;
  g_autofree char       *less = NULL;

  if (! klass->plan)
    return TRUE;
  if (! plan (run, &asked, &bytes, error))
    return FALSE;
  if (klass->reserve (be, bytes, &room, &full))
    return TRUE;
  if (! g_error_matches (full, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY) || room >= bytes)
    {
      g_propagate_error (error, g_steal_pointer (&full));
      return FALSE;
    }
  less                 = what_fits (run, room);
  run->pipe->fits_less = less != NULL;
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "device %s: out of memory for %u x %u x %u pixels: %s; %s%s", klass->name,
               run->spec->n_images, run->spec->width, run->spec->height, full->message,
               less ? "what would fit: " : "nothing smaller would fit", less ? less : "");
  return FALSE;
}
