/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* draw.c - a run on one device, from request to result.
 *
 * Invariant: a run has its own context, scheduler and random numbers; what it
 * took is given back whether it succeeds, fails or is cancelled.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "run/pipeline-private.h"

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
                       "scheduler-set: expected KEY=VALUE, found \"%s\"", settings[i]);
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
               "%s: expected a multiple of %u, found %.0f", name, factor, value);
  return FALSE;
}

/* The task must suit the U-Net, and every picture it needs must be there. */
static gboolean
check_task (DifRun *run, const DifTaskClass *task, GError **error)
{
  DifUnetKind     kind = _dif_pipeline_unet_kind (run->pipe);
  const DifParam *missing;

  if (run->pipe->wants_score && strcmp (task->name, "txt2img") == 0)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: txt2img needs another kind of model: this one refines pictures "
                   "(requires_aesthetics_score) and is made for img2img",
                   dif_checkpoint_path (run->pipe->checkpoint));
      return FALSE;
    }
  if (! (task->kinds & kind))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: %s needs another kind of model: this one's U-Net has %u input channels and "
                   "is made for %s",
                   dif_checkpoint_path (run->pipe->checkpoint), task->name,
                   run->pipe->unet2d ? dif_unet2d_channels (run->pipe->unet2d)
                                     : dif_unet_in_channels (run->pipe->unet),
                   kind == DIF_UNET_INPAINT         ? "inpaint"
                   : kind == DIF_UNET_DEPTH         ? "depth2img"
                   : kind == DIF_UNET_UNCONDITIONAL ? "unconditional"
                                                    : "txt2img, img2img and inpaint");
      return FALSE;
    }
  missing = dif_request_missing (run->rq);
  if (missing)
    g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                 "%s: expected an image, found none", missing->name);
  return missing == NULL;
}

/* What sizes must be multiples of. */
static guint
size_unit (DifPipeline *pipe)
{
  return pipe->vae ? dif_vae_factor (pipe->vae) : 1;
}

/* Parameters of SDXL's pipelines, which those of other families lack. */
static gboolean
check_sdxl_params (DifRun *run, GError **error)
{
  static const char *const texts[]   = { "prompt-2", "negative-prompt-2" };
  static const char *const numbers[] = {
    "denoising-start", "denoising-end", "aesthetic-score", "negative-aesthetic-score",
    "original-width", "original-height", "crop-left", "crop-top",
    "target-width", "target-height"
  };
  DifRequest *rq    = run->rq;
  const char *alien = NULL;
  double      start = dif_request_number (rq, "denoising-start"),
         end        = dif_request_number (rq, "denoising-end");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (dif_request_has (rq, texts[i]) && *dif_request_text (rq, texts[i]))
      alien = texts[i];
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (dif_request_has (rq, numbers[i]))
      alien = numbers[i];
  if (alien && run->pipe->family->kind != DIF_FAMILY_SDXL)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: expected a model of SDXL's family, found a %s", alien,
                   dif_checkpoint_pipeline_class (run->pipe->checkpoint));
      return FALSE;
    }
  if (start > 0 && end > 0 && start >= end)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "denoising-start: expected less than denoising-end (%g), found %g", end, start);
      return FALSE;
    }
  return TRUE;
}

/* What the model's family has where neither the request nor the checkpoint
 * says anything. */
static void
read_numbers (DifRun *run, const DifTaskClass *task)
{
  const DifFamily *family  = run->pipe->family;
  gboolean         inpaint = strcmp (task->name, "inpaint") == 0;

  run->guidance = effective (run, "guidance-scale",
                             inpaint ? family->guidance_inpaint : family->guidance);
  run->strength =
      effective (run, "strength", inpaint ? family->strength_inpaint : family->strength);
  run->n_steps = (guint) effective (run, "steps", family->steps);
  run->batch   = (guint) dif_request_number (run->rq, "num-images");
  if (! run->n_images)
    run->n_images = run->batch;
  if (run->pipe->unet2d)
    run->guidance = 0;
}

/* Where nothing else is said: the latents' size, or the picture's, rounded down
 * to what the VAE can make, or what the U-Net was trained for. */
static void
default_size (DifRun *run, const DifTaskClass *task, double *width, double *height)
{
  guint factor = size_unit (run->pipe);

  *width = *height = run->pipe->unet2d ? dif_unet2d_sample_size (run->pipe->unet2d)
                                       : dif_unet_sample_size (run->pipe->unet) * factor;
  if (run->latents)
    {
      _dif_run_latents_size (run, width, height);
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

static gboolean
prepare (DifRun *run, const DifTaskClass *task, GError **error)
{
  DifPipeline *pipe   = run->pipe;
  const char  *name   = dif_request_text (run->rq, "scheduler");
  guint        factor = size_unit (pipe);
  double       width, height;

  if (! check_task (run, task, error) || ! check_sdxl_params (run, error) ||
      ! _dif_run_read_latents (run, error))
    return FALSE;
  default_size (run, task, &width, &height);
  if (dif_request_has (run->rq, "width"))
    width = dif_request_number (run->rq, "width");
  if (dif_request_has (run->rq, "height"))
    height = dif_request_number (run->rq, "height");
  read_numbers (run, task);
  if (! check_size ("width", width, factor, error) ||
      ! check_size ("height", height, factor, error))
    return FALSE;
  run->width         = (guint) width;
  run->height        = (guint) height;
  run->result_width  = run->width;
  run->result_height = run->height;
  if (run->latents && ! _dif_run_check_latents (run, error))
    return FALSE;
  run->scheduler = dif_pipeline_scheduler (pipe, name && *name ? name : NULL, error);
  if (! run->scheduler || ! apply_scheduler_settings (run, error))
    return FALSE;
  if (! _dif_run_prepare_safety (run, error))
    return FALSE;
  run->rng = strcmp (dif_request_text (run->rq, "generator"), "torch-cuda") == 0
                 ? dif_rng_new_torch_cuda (run->seed)
                 : dif_rng_new (run->seed);
  if (run->n_images < run->batch)
    dif_rng_set_share (run->rng, run->first_image, run->batch);
  return TRUE;
}

static char *
make_recipe (DifRun *run, guint i, DifSafety safety)
{
  g_autoptr (DifJson) json   = dif_request_to_json (run->rq);
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  g_autofree char    *name   = g_path_get_basename (dif_checkpoint_path (run->pipe->checkpoint));
  const char         *model  = dif_request_text (run->rq, "model");

  dif_json_set_string (json, "program", "gimp-diffusion");
  dif_json_set_string (json, "version", DIF_VERSION);
  dif_json_set_string (json, "model", model && *model ? model : name);
  dif_json_set_string (json, "model-fingerprint", run->pipe->fingerprint);
  if (run->pipe->extras_fingerprint)
    dif_json_set_string (json, "extras-fingerprint", run->pipe->extras_fingerprint);
  if (! run->pipe->unet2d)
    {
      dif_json_set_string (json, "prompt", dif_request_text (run->rq, "prompt"));
      dif_json_set_string (json, "negative-prompt", dif_request_text (run->rq, "negative-prompt"));
      dif_json_set_double (json, "guidance-scale", run->guidance);
      dif_json_set_double (json, "width", run->width);
      dif_json_set_double (json, "height", run->height);
    }
  dif_json_set_double (json, "seed", (double) run->seed);
  dif_json_set_double (json, "steps", run->n_steps);
  if (run->latents || dif_request_image (run->rq, "image"))
    dif_json_set_double (json, "strength", run->strength);
  dif_json_set_double (json, "num-images", run->batch);
  dif_json_set_double (json, "index", run->first_image + i);
  dif_json_set_string (json, "scheduler", dif_scheduler_class_name (run->scheduler));
  dif_json_set_copy (json, "scheduler-config", config);
  if (safety != DIF_SAFETY_UNCHECKED)
    {
      dif_json_set_string (json, "safety-checker", run->safety);
      dif_json_set_bool (json, "nsfw", safety == DIF_SAFETY_FLAGGED);
    }
  dif_json_set_string (json, "device", run->pipe->backend->klass->name);
  dif_json_set_string (json, "dtype", dif_dtype_name (run->pipe->dtype));
  return dif_json_to_string (json, FALSE);
}

static void
dump_image (DifRun *run, DifResult *result)
{
  guint             N = dif_result_n_images (result);
  gsize             W = run->result_width, H = run->result_height, each = W * H * 3;
  DifShape          shape  = DIF_SHAPE (N, 3, H, W);
  g_autofree float *planar = g_try_new (float, each *N);

  if (! planar)
    return;
  for (guint n = 0; n < N; n++)
    for (gsize p = 0; p < W * H; p++)
      for (gsize c = 0; c < 3; c++)
        planar[n * each + c * W * H + p] = dif_result_pixels (result, n)[p * 3 + c];
  run->pipe->dump ("image", &shape, planar, run->pipe->dump_data);
}

static gboolean
fail_pixels (DifRun *run, guint width, guint height, gboolean is_nan)
{
  GError *error = NULL;

  if (is_nan)
    g_set_error (&error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                 "%s: expected a picture of finite numbers, found NaN: the weights are damaged or "
                 "do not bear computing in %s",
                 dif_checkpoint_path (run->pipe->checkpoint), dif_dtype_name (run->pipe->dtype));
  else
    g_set_error (&error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                 "out of memory: %u pictures of %u x %u pixels", run->n_images, width, height);
  dif_context_fail (run->cx, error);
  return FALSE;
}

float *
dif_run_pixels (DifRun *run, DifTensor *image)
{
  gsize n                  = dif_tensor_count (image);
  guint height             = (guint) dif_tensor_dim (image, 1),
        width              = (guint) dif_tensor_dim (image, 2);
  g_autofree float *pixels = g_try_new (float, MAX (n, 1));

  if (! pixels)
    fail_pixels (run, width, height, FALSE);
  if (! pixels || ! dif_download (run->cx, image, pixels))
    return NULL;
  for (gsize k = 0; k < n; k++)
    {
      if (isnan (pixels[k]))
        {
          fail_pixels (run, width, height, TRUE);
          return NULL;
        }
      pixels[k] = CLAMP (pixels[k] * 0.5f + 0.5f, 0, 1);
    }
  return g_steal_pointer (&pixels);
}

/* The pictures that may be shown, which may be none. */
static DifResult *
sift (DifRun *run, const float *pixels)
{
  const DifSafety *verdicts = run->verdicts;
  gsize            each     = (gsize) run->result_width * run->result_height * 3;
  gboolean         block    = strcmp (run->safety, "block") == 0;
  guint            kept = 0, at = 0;
  DifResult       *result;

  for (guint i = 0; i < run->n_images; i++)
    kept += ! block || verdicts[i] != DIF_SAFETY_FLAGGED;
  result = dif_result_new (kept, run->result_width, run->result_height, run->seed);
  dif_result_set_n_withheld (result, run->n_images - kept);
  for (guint i = 0; i < run->n_images; i++)
    if (! block || verdicts[i] != DIF_SAFETY_FLAGGED)
      {
        g_autofree char *recipe = make_recipe (run, i, verdicts[i]);

        dif_result_fill (result, at, pixels + i * each, recipe);
        dif_result_set_verdict (result, at++, run->first_image + i, verdicts[i]);
      }
  return result;
}

static void
keep_depth (DifRun *run, DifResult *result)
{
  DifImage *depth = run->depth ? dif_image_new (run->width, run->height, 1, run->depth) : NULL;

  if (! depth)
    return;
  dif_result_set_plane (result, "depth", depth);
  dif_image_unref (depth);
}

static DifResult *
collect (DifRun *run, DifTensor *image)
{
  g_autofree float *pixels = dif_run_pixels (run, image);
  DifResult        *result;

  if (! pixels)
    return NULL;
  if (! run->verdicts)
    dif_run_judge (run, pixels, run->result_width, run->result_height);
  if (dif_context_failed (run->cx))
    return NULL;
  result = sift (run, pixels);
  dif_result_set_warning (result, run->warning->len ? run->warning->str : NULL);
  keep_depth (run, result);
  if (run->pipe->dump && dif_result_n_images (result))
    dump_image (run, result);
  return result;
}

gboolean
_dif_run_open (DifRun *run, DifPipeline *pipe, DifRequest *rq, DifBackend *backend,
               GCancellable *cancellable, GError **error)
{
  run->pipe        = pipe;
  run->rq          = rq;
  run->started     = g_get_monotonic_time ();
  run->warning     = g_string_new (NULL);
  run->cancellable = cancellable;
  run->cx          = dif_context_new (backend, pipe->dtype);
  dif_context_set_cancellable (run->cx, cancellable);
  return prepare (run, dif_task_find (dif_request_task (rq)), error);
}

void
_dif_run_clear (DifRun *run)
{
  /* the context last: tensors that others hold may still refer to it */
  dif_scheduler_free (run->scheduler);
  dif_rng_free (run->rng);
  dif_context_free (run->cx);
  g_string_free (run->warning, TRUE);
  g_free (run->verdicts);
  dif_weights_free (run->latents);
  g_free (run->depth);
}

DifResult *
_dif_pipeline_draw (DifPipeline *pipe, DifRequest *rq, const DifShare *share,
                    DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                    GError **error)
{
  const DifTaskClass *task   = dif_task_find (dif_request_task (rq));
  DifRun              run    = { .progress      = progress,
                                 .progress_data = user_data,
                                 .seed          = share->seed,
                                 .first_image   = share->first,
                                 .n_images      = share->n };
  DifResult          *result = NULL;

  if (_dif_run_open (&run, pipe, rq, pipe->backend, cancellable, error) &&
      _dif_run_make_room (&run, error))
    {
      dif_context_set_dump (run.cx, pipe->dump, pipe->dump_data);
      dif_context_set_profile (run.cx, pipe->profile, pipe->profile_data);
      if (pipe->profile)
        pipe->profile ("stage:load", pipe->load_seconds, 0, 0, pipe->profile_data);
      if (pipe->detour && ! pipe->is_detour_usual)
        g_string_append_printf (run.warning, "%s%s", run.warning->len ? "; " : "", pipe->detour);
      result = collect (&run, task->run (&run));
      if (! dif_context_finish (run.cx, error))
        g_clear_pointer (&result, dif_result_free);
    }
  _dif_run_clear (&run);
  return result;
}
