/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* draw.c - a run on one device, from request to result. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "pipelines/adapters-private.h"
#include "pipelines/pipelines-private.h"
#include "pipelines/presets.h"

static void
dump_image (DifRun *run, DifResult *result)
{
  guint             N = dif_result_n_images (result);
  gsize             W = run->report.width, H = run->report.height, each = W * H * 3;
  DifShape          shape  = DIF_SHAPE (N, 3, H, W);
  g_autofree float *planar = g_try_new (float, each *N);

  if (! planar)
    {
      dif_run_out_of_memory (run, "the dump of the pictures");
      return;
    }
  for (guint n = 0; n < N; n++)
    for (gsize p = 0; p < W * H; p++)
      for (gsize c = 0; c < 3; c++)
        planar[n * each + c * W * H + p] = dif_result_pixels (result, n)[p * 3 + c];
  run->pipe->dump ("image", &shape, planar, run->pipe->dump_data);
}

/* The pictures that may be shown, which may be none. */
static DifResult *
apply_verdicts (DifRun *run, const float *pixels)
{
  const DifSafety *verdicts = run->report.verdicts;
  gsize            each     = (gsize) run->report.width * run->report.height * 3;
  gboolean         block    = strcmp (run->spec->safety, "block") == 0;
  guint            kept = 0, at = 0;
  DifResult       *result;

  for (guint i = 0; i < run->spec->n_images; i++)
    kept += ! block || verdicts[i] != DIF_SAFETY_FLAGGED;
  result = dif_result_new (kept, run->report.width, run->report.height, run->spec->seed);
  if (! result)
    {
      dif_run_out_of_memory (run, "keeping the pictures");
      return NULL;
    }
  dif_result_set_n_withheld (result, run->spec->n_images - kept);
  for (guint i = 0; i < run->spec->n_images; i++)
    if (! block || verdicts[i] != DIF_SAFETY_FLAGGED)
      {
        g_autofree char *recipe = _dif_run_recipe (run, i, verdicts[i]);

        dif_result_fill (result, at, pixels + i * each, recipe);
        dif_result_set_verdict (result, at++, run->spec->first_image + i, verdicts[i]);
      }
  return result;
}

static void
keep_depth (DifRun *run, DifResult *result)
{
  const DifRunSpec *spec = run->spec;
  DifImage         *depth;

  if (! run->report.depth)
    return;
  depth = dif_image_new (spec->width, spec->height, 1, run->report.depth);
  if (depth)
    dif_result_set_plane (result, "depth", depth);
  else
    dif_run_out_of_memory (run, "keeping the depth map");
  g_clear_pointer (&depth, dif_image_unref);
}

static DifResult *
collect (DifRun *run, DifTensor *image)
{
  g_autofree float *pixels = dif_run_pixels (run, image);
  DifResult        *result;

  if (! pixels)
    return NULL;
  if (! run->report.verdicts)
    _dif_run_judge (run, pixels, run->report.width, run->report.height);
  if (dif_context_failed (run->cx))
    return NULL;
  result = apply_verdicts (run, pixels);
  if (! result)
    return NULL;
  dif_result_set_warning (result, run->report.warning->len ? run->report.warning->str : NULL);
  keep_depth (run, result);
  if (run->pipe->dump && dif_result_n_images (result))
    dump_image (run, result);
  return result;
}

/* A model that knows few words names those that it does not know: it would draw something
 * else without a word.  Textual-inversion words are on nobody's list. */
static void
warn_of_words (DifRun *run)
{
  DifPipeline     *pipe    = run->pipe;
  const char      *about   = dif_presets_about (pipe->presets);
  g_autofree char *name    = NULL;
  g_autofree char *unknown = NULL;

  if (! _dif_adapters_have (pipe->adapters, "embedding"))
    unknown = dif_presets_unknown_words (pipe->presets, dif_request_text (run->rq, "prompt"));
  if (! unknown)
    return;
  name = dif_catalog_name_of (dif_checkpoint_path (pipe->checkpoint));
  dif_run_warn (run, "words that %s does not know: %s%s%s", name, unknown, about ? ". " : "",
                about ? about : "");
}

DifResult *
_dif_pipeline_draw (DifPipeline *pipe, DifRequest *rq, const DifShare *share,
                    DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                    GError **error)
{
  const DifTaskClass *task   = dif_task_find (dif_request_task (rq));
  DifRunSpec          spec   = { .seed        = share->seed,
                                 .first_image = share->first,
                                 .n_images    = share->n };
  DifResult          *result = NULL;
  DifRun              run;

  if (_dif_run_open (&run, &spec, pipe, rq, pipe->backend, cancellable, error) &&
      _dif_run_make_room (&run, error))
    {
      dif_work_begin (&run.work, progress, user_data);
      dif_context_set_dump (run.cx, pipe->dump, pipe->dump_data);
      dif_context_set_profile (run.cx, pipe->profile, pipe->profile_data);
      if (pipe->profile)
        pipe->profile ("stage:load", pipe->load_seconds, 0, 0, pipe->profile_data);
      if (pipe->fallback && ! pipe->is_fallback_usual)
        dif_run_warn (&run, "%s", pipe->fallback);
      warn_of_words (&run);
      result = collect (&run, task->run (&run));
      if (! dif_context_finish (run.cx, error))
        g_clear_pointer (&result, dif_result_free);
    }
  _dif_run_clear (&run);
  return result;
}
