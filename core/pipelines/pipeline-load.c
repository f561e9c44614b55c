/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-load.c - loading a model's parts, and the parts of a loaded model. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "pipelines/pipeline-private.h"

typedef struct
{
  DifPipeline    *pipe;
  DifProgressFunc progress;
  gpointer        user_data;
  GCancellable   *cancellable;
  guint           done, n_parts;
} Load;

/* Where the depth estimator's weights go.  It computes in f32 always: it runs
 * once, and its map is stretched to the whole range. */
#define DEPTH_STORE 3

static void
report_part (Load *load)
{
  DifProgress p = { .stage = "load", .step = load->done, .seconds_left = -1 };

  p.n_steps  = load->n_parts;
  p.fraction = (double) load->done++ / load->n_parts;
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
  DifDtype               dtype;
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
  dtype            = at == DEPTH_STORE ? DIF_F32 : pipe->dtype;
  loader           = dif_loader_new (weights, pipe->backend, dtype, load->cancellable);
  model            = model_class->load (config, loader, error);
  pipe->stores[at] = dif_loader_finish (loader, model ? error : NULL);
  if (model && ! pipe->stores[at])
    g_clear_pointer (&model, model_class->free);
  if (! model)
    g_prefix_error (error, "%s: ", dif_checkpoint_path (pipe->checkpoint));
  return model;
}

DifUnetKind
_dif_pipeline_unet_kind (DifPipeline *pipe)
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
  if (! _dif_pipeline_unet_kind (pipe) || dif_unet_out_channels (pipe->unet) != latent)
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
                                                "StableDiffusionInpaintPipeline",
                                                "StableDiffusionDepth2ImgPipeline", NULL };

/* those that have a UNet2DModel and a scheduler alone */
static const char *const unconditional_classes[] = { "DDPMPipeline", "DDIMPipeline", "PNDMPipeline",
                                                     NULL };

/* A model without an estimator draws from depth images alone. */
static gboolean
load_depth (Load *load, GError **error)
{
  DifPipeline        *pipe   = load->pipe;
  const char         *klass  = dif_checkpoint_part_class (pipe->checkpoint, "depth_estimator");
  g_autoptr (DifJson) config = NULL;

  if (! klass)
    return TRUE;
  load->n_parts++;
  config = dif_checkpoint_config (pipe->checkpoint, "feature_extractor", error);
  return config && dif_dpt_processor_read (&pipe->depth_processor, config, error) &&
         (pipe->depth = load_model (load, "depth_estimator", "DPTForDepthEstimation", DEPTH_STORE,
                                    error));
}

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
         load_depth (load, error) && check_fit (pipe, error);
}

DifPipeline *
dif_pipeline_load (const char *model, const char *device, const char *dtype,
                   DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (DifPipeline) pipe  = g_new0 (DifPipeline, 1);
  g_autofree char        *path  = dif_catalog_resolve (model, error);
  gint64                  start = g_get_monotonic_time ();
  Load                    load  = { pipe, progress, user_data, cancellable, 0, 3 };

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
  dif_dpt_free (pipe->depth);
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
  /* the reference patches the scheduler it is built with, except in depth2img;
   * another class is then made from the patched config */
  if (! pipe->unet2d && ! (pipe->unet && _dif_pipeline_unet_kind (pipe) == DIF_UNET_DEPTH))
    dif_scheduler_patch_for_pipeline (own);
  if (! class_name)
    return g_steal_pointer (&own);
  config = dif_scheduler_config (own);
  return dif_scheduler_new (class_name, config, error);
}
