/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline.c - loading a model's parts, and a run from request to result.
 *
 * Invariant: a run has its own context, scheduler and random numbers; what it
 * took is given back whether it succeeds, fails or is cancelled.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "pipelines/task.h"

struct _DifPipeline
{
  DifCheckpoint *checkpoint;
  DifBackend    *backend;
  DifDtype       dtype;
  DifTokenizer  *tokenizer;
  DifClipText   *text;
  DifUnet       *unet;
  DifVae        *vae;
  DifUnet2d     *unet2d; /* instead of the four above */
  DifStore      *stores[3];
  DifJson       *scheduler_config;
  char          *scheduler_class;
  DifJson       *presets; /* dif.json: the checkpoint's own defaults; may be NULL */
  DifDumpFunc    dump;
  gpointer       dump_data;
  DifProfileFunc profile;
  gpointer       profile_data;
  double         load_seconds;
};

/* ---- loading ---- */

typedef struct
{
  DifPipeline    *pipe;
  DifProgressFunc progress;
  gpointer        user_data;
  GCancellable   *cancellable;
  guint           done;
} Load;

#define N_PARTS 4

static void
report_part (Load *load)
{
  DifProgress p = { .stage = "load", .step = load->done, .n_steps = N_PARTS, .seconds_left = -1 };

  p.fraction = (double) load->done++ / N_PARTS;
  if (load->progress)
    load->progress (&p, load->user_data);
}

/* Loads one network: config, weights, model.  Its store goes to stores[@at]. */
static gpointer
load_model (Load *load, const char *part, const char *expected, guint at, GError **error)
{
  DifPipeline           *pipe  = load->pipe;
  const char            *klass = dif_checkpoint_part_class (pipe->checkpoint, part);
  const DifModelClass   *model_class;
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  DifLoader             *loader;
  gpointer               model;

  report_part (load);
  model_class = klass ? dif_model_class_find (klass) : NULL;
  if (! model_class || strcmp (model_class->class_name, expected) != 0)
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS,
                   "%s: %s: expected a %s, found %s", dif_checkpoint_path (pipe->checkpoint), part,
                   expected, klass ? klass : "none");
      return NULL;
    }
  config = dif_checkpoint_config (pipe->checkpoint, part, error);
  if (! config)
    return NULL;
  weights = dif_checkpoint_weights (pipe->checkpoint, part, error);
  if (! weights)
    return NULL;
  loader           = dif_loader_new (weights, pipe->backend, pipe->dtype, load->cancellable);
  model            = model_class->load (config, loader, error);
  pipe->stores[at] = dif_loader_finish (loader, model ? error : NULL);
  if (model && ! pipe->stores[at])
    g_clear_pointer (&model, model_class->free);
  if (! model)
    g_prefix_error (error, "%s: ", dif_checkpoint_path (pipe->checkpoint));
  return model;
}

/* What the U-Net is made for; 0 if its channels fit nothing known. */
static DifUnetKind
unet_kind (DifPipeline *pipe)
{
  guint latent, in;

  if (pipe->unet2d)
    return DIF_UNET_UNCONDITIONAL;
  latent = dif_vae_latent_channels (pipe->vae);
  in     = dif_unet_in_channels (pipe->unet);
  return in == latent           ? DIF_UNET_PLAIN
         : in == latent + 1     ? DIF_UNET_DEPTH
         : in == 2 * latent + 1 ? DIF_UNET_INPAINT
                                : 0;
}

/* The parts must fit each other, or ops would fail later with less to say. */
static gboolean
check_fit (DifPipeline *pipe, GError **error)
{
  const char *path   = dif_checkpoint_path (pipe->checkpoint);
  guint       latent = dif_vae_latent_channels (pipe->vae);

  if (dif_clip_text_width (pipe->text) != dif_unet_cross_dim (pipe->unet))
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                   "%s: unet: expected a cross_attention_dim of the text encoder's %u, found %u",
                   path, dif_clip_text_width (pipe->text), dif_unet_cross_dim (pipe->unet));
      return FALSE;
    }
  if (! unet_kind (pipe) || dif_unet_out_channels (pipe->unet) != latent)
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                   "%s: unet: expected %u (plain), %u (depth) or %u (inpainting) channels in and "
                   "%u out, found %u and %u",
                   path, latent, latent + 1, 2 * latent + 1, latent,
                   dif_unet_in_channels (pipe->unet), dif_unet_out_channels (pipe->unet));
      return FALSE;
    }
  if (dif_tokenizer_max_length (pipe->tokenizer) > dif_clip_text_max_length (pipe->text))
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                   "%s: tokenizer: expected at most %u tokens, found a model_max_length of %u",
                   path, dif_clip_text_max_length (pipe->text),
                   dif_tokenizer_max_length (pipe->tokenizer));
      return FALSE;
    }
  return TRUE;
}

static gboolean
choose_dtype (DifPipeline *pipe, const char *name, GError **error)
{
  const DifBackendClass *klass = pipe->backend->klass;

  if (! name || strcmp (name, "auto") == 0)
    pipe->dtype = klass->best_dtype (pipe->backend);
  else if (! dif_dtype_from_name (name, &pipe->dtype) || pipe->dtype > DIF_F16)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "dtype: expected auto, f32, bf16 or f16, found \"%s\"", name);
      return FALSE;
    }
  if (! klass->supports (pipe->backend, pipe->dtype))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                   "dtype: the device %s does not compute in %s here", klass->name,
                   dif_dtype_name (pipe->dtype));
      return FALSE;
    }
  return TRUE;
}

static gboolean
load_scheduler (DifPipeline *pipe, GError **error)
{
  const char              *klass = dif_checkpoint_part_class (pipe->checkpoint, "scheduler");
  g_autoptr (DifScheduler) probe = NULL;

  if (! klass)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected a scheduler, found none", dif_checkpoint_path (pipe->checkpoint));
      return FALSE;
    }
  pipe->scheduler_config = dif_checkpoint_config (pipe->checkpoint, "scheduler", error);
  if (! pipe->scheduler_config)
    return FALSE;
  pipe->scheduler_class = g_strdup (klass);
  probe                 = dif_pipeline_scheduler (pipe, NULL, error);
  return probe != NULL;
}

static gboolean
load_presets (DifPipeline *pipe, GError **error)
{
  g_autofree char *path =
      g_build_filename (dif_checkpoint_path (pipe->checkpoint), "dif.json", NULL);

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  pipe->presets = dif_json_load (path, error);
  return pipe->presets != NULL;
}

/* diffusers' classes whose parts are a text encoder, a U-Net and a VAE */
static const char *const pipeline_classes[] = { "StableDiffusionPipeline",
                                                "StableDiffusionImg2ImgPipeline",
                                                "StableDiffusionInpaintPipeline", NULL };

/* those that have a UNet2DModel and a scheduler alone */
static const char *const unconditional_classes[] = { "DDPMPipeline", "DDIMPipeline", "PNDMPipeline",
                                                     NULL };

static gboolean
load_parts (Load *load, GError **error)
{
  DifPipeline     *pipe   = load->pipe;
  g_autofree char *folder = NULL;
  const char      *klass  = dif_checkpoint_pipeline_class (pipe->checkpoint);

  if (! g_strv_contains (pipeline_classes, klass) &&
      ! g_strv_contains (unconditional_classes, klass))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) pipeline_classes);
      g_autofree char *more  = g_strjoinv (", ", (char **) unconditional_classes);

      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected one of %s, %s, found a %s", dif_checkpoint_path (pipe->checkpoint),
                   known, more, klass);
      return FALSE;
    }
  if (! load_scheduler (pipe, error) || ! load_presets (pipe, error))
    return FALSE;
  if (g_strv_contains (unconditional_classes, klass))
    return (pipe->unet2d = load_model (load, "unet", "UNet2DModel", 1, error)) != NULL;
  folder          = dif_checkpoint_part_folder (pipe->checkpoint, "tokenizer");
  pipe->tokenizer = dif_tokenizer_load (folder, error);
  return pipe->tokenizer &&
         (pipe->text = load_model (load, "text_encoder", "CLIPTextModel", 0, error)) &&
         (pipe->unet = load_model (load, "unet", "UNet2DConditionModel", 1, error)) &&
         (pipe->vae = load_model (load, "vae", "AutoencoderKL", 2, error)) &&
         check_fit (pipe, error);
}

DifPipeline *
dif_pipeline_load (const char *model, const char *device, const char *dtype,
                   DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (DifPipeline) pipe  = g_new0 (DifPipeline, 1);
  g_autofree char        *path  = dif_catalog_resolve (model, error);
  gint64                  start = g_get_monotonic_time ();
  Load                    load  = { pipe, progress, user_data, cancellable, 0 };

  if (! path)
    return NULL;
  pipe->checkpoint = dif_checkpoint_open (path, error);
  if (! pipe->checkpoint)
    return NULL;
  pipe->backend = dif_backend_open (device, error);
  if (! pipe->backend || ! choose_dtype (pipe, dtype, error) || ! load_parts (&load, error))
    return NULL;
  report_part (&load);
  pipe->load_seconds = (double) (g_get_monotonic_time () - start) * 1e-6;
  return g_steal_pointer (&pipe);
}

void
dif_pipeline_free (DifPipeline *pipe)
{
  if (! pipe)
    return;
  dif_clip_text_free (pipe->text);
  dif_unet_free (pipe->unet);
  dif_vae_free (pipe->vae);
  dif_unet2d_free (pipe->unet2d);
  for (guint i = 0; i < G_N_ELEMENTS (pipe->stores); i++)
    dif_store_free (pipe->stores[i]);
  dif_tokenizer_free (pipe->tokenizer);
  dif_json_unref (pipe->scheduler_config);
  dif_json_unref (pipe->presets);
  g_free (pipe->scheduler_class);
  dif_checkpoint_free (pipe->checkpoint);
  dif_backend_unref (pipe->backend);
  g_free (pipe);
}

/* ---- parts ---- */

DifCheckpoint *
dif_pipeline_checkpoint (DifPipeline *pipe)
{
  return pipe->checkpoint;
}

DifBackend *
dif_pipeline_backend (DifPipeline *pipe)
{
  return pipe->backend;
}

DifDtype
dif_pipeline_dtype (DifPipeline *pipe)
{
  return pipe->dtype;
}

gsize
dif_pipeline_weight_bytes (DifPipeline *pipe)
{
  gsize total = 0;

  for (guint i = 0; i < G_N_ELEMENTS (pipe->stores); i++)
    total += dif_store_bytes (pipe->stores[i]);
  return total;
}

DifTokenizer *
dif_pipeline_tokenizer (DifPipeline *pipe)
{
  return pipe->tokenizer;
}

DifClipText *
dif_pipeline_text_encoder (DifPipeline *pipe)
{
  return pipe->text;
}

DifUnet *
dif_pipeline_unet (DifPipeline *pipe)
{
  return pipe->unet;
}

DifVae *
dif_pipeline_vae (DifPipeline *pipe)
{
  return pipe->vae;
}

DifUnet2d *
dif_pipeline_unet2d (DifPipeline *pipe)
{
  return pipe->unet2d;
}

void
dif_pipeline_set_dump (DifPipeline *pipe, DifDumpFunc func, gpointer user_data)
{
  pipe->dump      = func;
  pipe->dump_data = user_data;
}

void
dif_pipeline_set_profile (DifPipeline *pipe, DifProfileFunc func, gpointer user_data)
{
  pipe->profile      = func;
  pipe->profile_data = user_data;
}

DifScheduler *
dif_pipeline_scheduler (DifPipeline *pipe, const char *class_name, GError **error)
{
  g_autoptr (DifScheduler) own =
      dif_scheduler_new (pipe->scheduler_class, pipe->scheduler_config, error);
  g_autoptr (DifJson) config = NULL;

  if (! own)
    return NULL;
  /* the reference patches the scheduler it is built with; another class is
   * then made from the patched config */
  if (! pipe->unet2d)
    dif_scheduler_patch_for_pipeline (own);
  if (! class_name)
    return g_steal_pointer (&own);
  config = dif_scheduler_config (own);
  return dif_scheduler_new (class_name, config, error);
}

/* ---- a run ---- */

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
  DifUnetKind kind = unet_kind (run->pipe);

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
  for (guint i = 0; i < task->n_params; i++)
    if (task->params[i].required && ! dif_request_image (run->rq, task->params[i].name))
      {
        g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_MISSING_INPUT,
                     "%s: expected an image, found none", task->params[i].name);
        return FALSE;
      }
  return TRUE;
}

/* What sizes must be multiples of. */
static guint
size_unit (DifPipeline *pipe)
{
  return pipe->vae ? dif_vae_factor (pipe->vae) : 1;
}

/* diffusers' default number of steps: all of them for DDPM's own pipeline */
static double
default_steps (DifPipeline *pipe)
{
  return strcmp (dif_checkpoint_pipeline_class (pipe->checkpoint), "DDPMPipeline") == 0 ? 1000 : 50;
}

/* Where nothing else is said: the picture's size, rounded down to what the
 * VAE can make, or what the U-Net was trained for. */
static void
default_size (DifRun *run, const DifTaskClass *task, double *width, double *height)
{
  guint factor = size_unit (run->pipe);

  *width = *height = run->pipe->unet2d ? dif_unet2d_sample_size (run->pipe->unet2d)
                                       : dif_unet_sample_size (run->pipe->unet) * factor;
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

  if (! check_task (run, task, error))
    return FALSE;
  default_size (run, task, &width, &height);
  if (dif_request_has (run->rq, "width"))
    width = dif_request_number (run->rq, "width");
  if (dif_request_has (run->rq, "height"))
    height = dif_request_number (run->rq, "height");
  run->guidance = pipe->unet2d ? 0 : effective (run, "guidance-scale", 7.5);
  run->n_steps  = (guint) effective (run, "steps", default_steps (pipe));
  run->n_images = (guint) dif_request_number (run->rq, "num-images");
  if (! check_size ("width", width, factor, error) ||
      ! check_size ("height", height, factor, error))
    return FALSE;
  run->width     = (guint) width;
  run->height    = (guint) height;
  run->scheduler = dif_pipeline_scheduler (pipe, name && *name ? name : NULL, error);
  if (! run->scheduler || ! apply_scheduler_settings (run, error))
    return FALSE;
  run->seed = dif_request_number (run->rq, "seed") < 0
                  ? g_random_int ()
                  : (guint64) dif_request_number (run->rq, "seed");
  run->rng  = dif_rng_new (run->seed);
  return TRUE;
}

static char *
make_recipe (DifRun *run, guint i)
{
  g_autoptr (DifJson) json   = dif_request_to_json (run->rq);
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  g_autofree char    *name   = g_path_get_basename (dif_checkpoint_path (run->pipe->checkpoint));
  const char         *model  = dif_request_text (run->rq, "model");

  dif_json_set_string (json, "program", "gimp-diffusion");
  dif_json_set_string (json, "version", DIF_VERSION);
  dif_json_set_string (json, "model", model && *model ? model : name);
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
  dif_json_set_double (json, "num-images", run->n_images);
  dif_json_set_double (json, "index", i);
  dif_json_set_string (json, "scheduler", dif_scheduler_class_name (run->scheduler));
  dif_json_set_copy (json, "scheduler-config", config);
  dif_json_set_string (json, "device", run->pipe->backend->klass->name);
  dif_json_set_string (json, "dtype", dif_dtype_name (run->pipe->dtype));
  return dif_json_to_string (json, FALSE);
}

static void
dump_image (DifRun *run, DifResult *result)
{
  gsize             W = run->width, H = run->height, each = W * H * 3;
  DifShape          shape  = DIF_SHAPE (run->n_images, 3, H, W);
  g_autofree float *planar = g_try_new (float, each * run->n_images);

  if (! planar)
    return;
  for (guint n = 0; n < run->n_images; n++)
    for (gsize p = 0; p < W * H; p++)
      for (gsize c = 0; c < 3; c++)
        planar[n * each + c * W * H + p] = dif_result_pixels (result, n)[p * 3 + c];
  run->pipe->dump ("image", &shape, planar, run->pipe->dump_data);
}

/* From about [-1, 1] to [0, 1], as diffusers' postprocess; FALSE at a NaN,
 * which no clamp catches and which would be drawn as black. */
static gboolean
to_unit_range (float *pixels, gsize n)
{
  for (gsize k = 0; k < n; k++)
    {
      if (isnan (pixels[k]))
        return FALSE;
      pixels[k] = CLAMP (pixels[k] * 0.5f + 0.5f, 0, 1);
    }
  return TRUE;
}

static DifResult *
collect (DifRun *run, DifTensor *image)
{
  gsize             each   = (gsize) run->width * run->height * 3;
  g_autofree float *pixels = g_try_new (float, each * run->n_images);
  DifResult        *result;

  if (! pixels)
    {
      dif_context_fail (run->cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                              "out of memory: %u pictures of %u x %u pixels",
                                              run->n_images, run->width, run->height));
      return NULL;
    }
  if (! dif_download (run->cx, image, pixels))
    return NULL;
  if (! to_unit_range (pixels, each * run->n_images))
    {
      dif_context_fail (
          run->cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                                "%s: expected a picture of finite numbers, found NaN: the weights "
                                "are damaged or do not bear computing in %s",
                                dif_checkpoint_path (run->pipe->checkpoint),
                                dif_dtype_name (run->pipe->dtype)));
      return NULL;
    }
  result = dif_result_new (run->n_images, run->width, run->height, run->seed);
  for (guint i = 0; i < run->n_images; i++)
    {
      g_autofree char *recipe = make_recipe (run, i);

      dif_result_fill (result, i, pixels + i * each, recipe);
    }
  dif_result_set_warning (result, run->warning->len ? run->warning->str : NULL);
  if (run->pipe->dump)
    dump_image (run, result);
  return result;
}

static void
run_clear (DifRun *run)
{
  /* the context last: tensors that others hold may still refer to it */
  dif_scheduler_free (run->scheduler);
  dif_rng_free (run->rng);
  dif_context_free (run->cx);
  g_string_free (run->warning, TRUE);
}

DifResult *
dif_pipeline_run (DifPipeline *pipe, DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                  GCancellable *cancellable, GError **error)
{
  const DifTaskClass *task   = dif_task_find (dif_request_task (rq));
  DifRun              run    = { .pipe = pipe, .rq = rq, .progress = progress };
  DifResult          *result = NULL;

  run.progress_data = user_data;
  run.started       = g_get_monotonic_time ();
  run.warning       = g_string_new (NULL);
  run.cx            = dif_context_new (pipe->backend, pipe->dtype);
  dif_context_set_cancellable (run.cx, cancellable);
  dif_context_set_dump (run.cx, pipe->dump, pipe->dump_data);
  dif_context_set_profile (run.cx, pipe->profile, pipe->profile_data);
  if (prepare (&run, task, error))
    {
      if (pipe->profile)
        pipe->profile ("stage:load", pipe->load_seconds, 0, 0, pipe->profile_data);
      result = collect (&run, task->run (&run));
      if (! dif_context_finish (run.cx, error))
        g_clear_pointer (&result, dif_result_free);
    }
  run_clear (&run);
  return result;
}
