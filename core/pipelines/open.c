/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* open.c - a run is made ready: the request meets the model.
 *
 * Invariant: a run has its own context, scheduler and random numbers; what it
 * took is given back whether it succeeds, fails or is cancelled.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "families/families.h"
#include "pipelines/pipelines-private.h"
#include "pipelines/presets.h"
#include "run/given-latents.h"

#include <glib/gi18n-lib.h>

/* A number: the request's, else the checkpoint's own, else @fallback. */
static double
effective (DifRun *run, const char *name, double fallback)
{
  DifJson *presets = run->pipe->presets;

  if (dif_request_has (run->rq, name))
    return dif_request_number (run->rq, name);
  return presets ? dif_json_double (presets, name, fallback) : fallback;
}

static gboolean
apply_scheduler_settings (DifRun *run, GError **error)
{
  const char *const *settings = dif_request_list (run->rq, "scheduler-set");

  for (guint i = 0; settings[i]; i++)
    {
      g_auto (GStrv) pair = g_strsplit (settings[i], "=", 2);

      if (! pair[0] || ! pair[1])
        {
          g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                       _ ("scheduler-set: expected KEY=VALUE, found \"%s\""), settings[i]);
          return FALSE;
        }
      if (! dif_scheduler_set_key (run->scheduler, pair[0], pair[1], error))
        {
          g_prefix_error (error, "scheduler-set: ");
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
check_size (const char *name, double value, guint factor, GError **error)
{
  if (value >= factor && fmod (value, factor) == 0)
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE,
               _ ("%s: expected a multiple of %u, found %.0f"), name, factor, value);
  return FALSE;
}

/* The tasks that a model can do: "a, b". */
static char *
made_for (guint can)
{
  const char *const *names = dif_task_names ();
  GString           *list  = g_string_new (NULL);

  for (guint i = 0; names[i]; i++)
    if (dif_task_find (names[i])->needs & can)
      g_string_append_printf (list, "%s%s", list->len ? ", " : "", names[i]);
  return g_string_free (list, FALSE);
}

/* Sizes that nobody gave are the picture's. */
static gboolean
check_image_size (DifRun *run, double width, double height, guint factor, GError **error)
{
  gboolean  is_narrow = width < factor && ! dif_request_has (run->rq, "width");
  gboolean  is_low    = height < factor && ! dif_request_has (run->rq, "height");
  DifImage *image     = is_narrow || is_low ? dif_request_image (run->rq, "image") : NULL;

  if (! image)
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE,
               _ ("image: expected at least %u x %u pixels, found %u x %u"), factor, factor,
               dif_image_width (image), dif_image_height (image));
  return FALSE;
}

/* The model must be able to do the task, and every picture it needs must be
 * there. */
static gboolean
check_task (DifRun *run, const DifTaskClass *task, GError **error)
{
  guint           can = run->pipe->family->can (run->pipe);
  const DifParam *missing;

  if (! (task->needs & can))
    {
      g_autofree char *tasks = made_for (can);

      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: %s needs another kind of model: this one is made for %s",
                   dif_checkpoint_path (run->pipe->checkpoint), task->name, tasks);
      return FALSE;
    }
  missing = dif_request_missing (run->rq);
  if (missing)
    g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                 _ ("%s: expected an image, found none"), missing->name);
  return missing == NULL;
}

/* What sizes must be multiples of. */
static guint
size_unit (DifPipeline *pipe)
{
  const DifAutoencoderInfo *vae = dif_pipeline_autoencoder (pipe);

  return vae ? vae->factor : 1;
}

/* Whether the request says something for a row. */
static gboolean
is_set (DifRequest *rq, const DifParam *row)
{
  gboolean    is_text = row->type == DIF_PARAM_STRING || row->type == DIF_PARAM_CHOICE;
  const char *text    = is_text ? dif_request_text (rq, row->name) : NULL;

  return dif_request_has (rq, row->name) && (! is_text || (text && *text));
}

/* Parameters that the model's family does not have must not be set. */
static gboolean
check_rows (DifRun *run, GError **error)
{
  DifPipeline    *pipe = run->pipe;
  const DifParam *rows;
  guint           n;

  rows = dif_task_params (dif_request_task (run->rq), &n);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *expected = NULL;

      if (! rows[i].families || ! is_set (run->rq, &rows[i]) ||
          g_strv_contains (rows[i].families, pipe->family->name))
        continue;
      expected = dif_param_families (&rows[i]);
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   _ ("%s: expected a model of %s's family, found a %s"), rows[i].name, expected,
                   dif_checkpoint_pipeline_class (pipe->checkpoint));
      return FALSE;
    }
  return ! pipe->family->check_run || pipe->family->check_run (run, error);
}

/* What the model's family has where neither the request nor the checkpoint
 * says anything. */
static void
read_numbers (DifRun *run, DifRunSpec *spec, const DifTaskClass *task)
{
  const DifFamilyClass *family = run->pipe->family;
  const DifDefaults    *d      = &family->defaults;

  if (task->needs == DIF_CAN_INPAINT)
    d = &family->inpaint;
  spec->guidance = effective (run, "guidance-scale", d->guidance);
  spec->strength = effective (run, "strength", d->strength);
  spec->n_steps  = (guint) effective (run, "steps", run->pipe->kind->steps);
  spec->batch    = (guint) dif_request_number (run->rq, "num-images");
  if (! spec->n_images)
    spec->n_images = spec->batch;
  if (! family->encode)
    spec->guidance = 0;
}

/* Where nothing else is said: the latents' size, or the picture's, rounded down
 * to what the autoencoder can make, or what the denoiser was trained for. */
static void
default_size (DifRun *run, const DifTaskClass *task, double *width, double *height)
{
  guint factor = size_unit (run->pipe);

  *width = *height = dif_pipeline_denoiser (run->pipe)->sample_size * factor;
  if (run->latents)
    {
      dif_run_latents_size (run, width, height);
      return;
    }
  for (guint i = 0; i < task->n_params; i++)
    if (strcmp (task->params[i].name, "image") == 0)
      {
        DifImage *image = dif_request_image (run->rq, "image");

        *width  = dif_image_width (image) / factor * factor;
        *height = dif_image_height (image) / factor * factor;
      }
}

/* Settles @spec, of which seed and share are there, and makes what works. */
static gboolean
prepare (DifRun *run, DifRunSpec *spec, const DifTaskClass *task, GError **error)
{
  DifPipeline *pipe   = run->pipe;
  const char  *name   = dif_request_text (run->rq, "scheduler");
  guint        factor = size_unit (pipe);
  double       width, height;

  spec->task = task;
  if (! check_task (run, task, error) || ! check_rows (run, error) ||
      ! dif_run_read_latents (run, error))
    return FALSE;
  default_size (run, task, &width, &height);
  if (dif_request_has (run->rq, "width"))
    width = dif_request_number (run->rq, "width");
  if (dif_request_has (run->rq, "height"))
    height = dif_request_number (run->rq, "height");
  read_numbers (run, spec, task);
  if (! check_image_size (run, width, height, factor, error) ||
      ! check_size ("width", width, factor, error) ||
      ! check_size ("height", height, factor, error))
    return FALSE;
  spec->width  = (guint) width;
  spec->height = (guint) height;
  if (run->latents && ! dif_run_check_latents (run, spec, error))
    return FALSE;
  run->scheduler = dif_pipeline_scheduler (pipe, name && *name ? name : NULL, error);
  if (! run->scheduler || ! apply_scheduler_settings (run, error))
    return FALSE;
  if (! _dif_run_prepare_safety (run, &spec->safety, error))
    return FALSE;
  run->rng = strcmp (dif_request_text (run->rq, "generator"), "torch-cuda") == 0
                 ? dif_rng_new_torch_cuda (spec->seed)
                 : dif_rng_new (spec->seed);
  if (spec->n_images < spec->batch)
    dif_rng_set_share (run->rng, spec->first_image, spec->batch);
  return TRUE;
}

/* The model's own colors count, else its family's; a picture has its own. */
static DifPreviewer *
make_previewer (DifPipeline *pipe)
{
  float        rows[DIF_PRESETS_MAX_COLORS][3];
  DifLatentRgb colors = { dif_presets_colors (pipe->presets, rows), rows };

  if (! pipe->preview)
    return NULL;
  if (! colors.n_channels && dif_pipeline_autoencoder (pipe) && pipe->family->colors)
    colors = *pipe->family->colors;
  if (! colors.n_channels && dif_pipeline_autoencoder (pipe))
    return NULL;
  return dif_previewer_new (colors.n_channels ? &colors : NULL, pipe->preview, pipe->preview_data,
                            pipe->preview_ms);
}

gboolean
_dif_run_open (DifRun *run, DifRunSpec *spec, DifPipeline *pipe, DifRequest *rq,
               DifBackend *backend, GCancellable *cancellable, GError **error)
{
  *run = (DifRun) { .spec           = spec,
                    .pipe           = pipe,
                    .rq             = rq,
                    .judge          = _dif_run_judge,
                    .cancellable    = cancellable,
                    .previewer      = make_previewer (pipe),
                    .report.warning = g_string_new (NULL),
                    .cx             = dif_context_new (backend, pipe->dtype) };
  dif_work_begin (&run->work, NULL, NULL);
  if (dif_pipeline_autoencoder (pipe))
    dif_work_expect (&run->work, DIF_STAGE_DECODE, 1);
  dif_context_set_cancellable (run->cx, cancellable);
  if (! prepare (run, spec, dif_task_find (dif_request_task (rq)), error))
    return FALSE;
  run->report.width  = spec->width;
  run->report.height = spec->height;
  return TRUE;
}

void
_dif_run_clear (DifRun *run)
{
  /* the context last: tensors that others hold may still refer to it */
  dif_conditioning_clear (&run->conditioning);
  dif_scheduler_free (run->scheduler);
  dif_rng_free (run->rng);
  dif_previewer_free (run->previewer);
  dif_context_free (run->cx);
  g_string_free (run->report.warning, TRUE);
  g_free (run->report.verdicts);
  dif_weights_free (run->latents);
  g_free (run->report.depth);
}
