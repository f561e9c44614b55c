/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-load.c - loading a model's parts, and the parts of a loaded model. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "formats/fingerprint.h"
#include "pipelines/pipelines-private.h"
#include "pipelines/presets.h"
#include "pipelines/vocabulary.h"

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
#define DEPTH_STORE 4

static void
report_part (Load *load)
{
  DifProgress p = { .stage = "load", .step = load->done, .seconds_left = -1 };

  p.n_steps  = load->n_parts;
  p.fraction = (double) load->done++ / load->n_parts;
  if (load->progress)
    load->progress (&p, load->user_data);
}

/* diffusers computes SDXL's VAE in f32 where it would overflow in f16; it
 * encodes in f32 whatever the rest computes in. */
static void
set_vae_dtypes (DifPipeline *pipe, DifLoader *loader, gboolean force_upcast)
{
  gboolean upcast = force_upcast && pipe->family->kind == DIF_FAMILY_SDXL;

  pipe->encoder_dtype = upcast ? DIF_F32 : pipe->dtype;
  pipe->decoder_dtype = upcast && pipe->dtype == DIF_F16 ? DIF_F32 : pipe->dtype;
  dif_loader_set_dtype_of (loader, "encoder.", pipe->encoder_dtype);
  dif_loader_set_dtype_of (loader, "quant_conv.", pipe->encoder_dtype);
  dif_loader_set_dtype_of (loader, "decoder.", pipe->decoder_dtype);
  dif_loader_set_dtype_of (loader, "post_quant_conv.", pipe->decoder_dtype);
}

static gboolean
learn_word (const char *token, guint first, guint n, gpointer tokenizer, GError **error)
{
  return dif_tokenizer_learn (tokenizer, token, first, n, error);
}

/* What the request adds to the part: words to a text encoder, LoRAs to any.
 * An encoder's tokenizer is loaded before it; the refiner's is the second even
 * where its encoder is called the first. */
static gboolean
add_extras (DifPipeline *pipe, const char *part, DifWeights *weights, DifJson *config,
            GError **error)
{
  gboolean      second    = strcmp (part, "text_encoder_2") == 0 || ! pipe->tokenizer;
  DifTokenizer *tokenizer = second ? pipe->tokenizer2 : pipe->tokenizer;

  if (g_str_has_prefix (part, "text_encoder") &&
      ! dif_embedding_set_apply (pipe->embeddings, part, weights, config, learn_word, tokenizer,
                                 error))
    return FALSE;
  return dif_lora_set_bind (pipe->loras, part, weights, error);
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
  if (weights)
    dif_fingerprint_add (pipe->sum, part, config, weights);
  if (! weights || ! add_extras (pipe, part, weights, config, error))
    return NULL;
  dtype  = at == DEPTH_STORE ? DIF_F32 : pipe->dtype;
  loader = dif_loader_new (weights, pipe->backend, dtype, load->cancellable);
  dif_loader_set_patch (loader, dif_lora_set_patch, pipe->loras);
  if (strcmp (part, "vae") == 0)
    set_vae_dtypes (pipe, loader, dif_json_bool (config, "force_upcast", TRUE));
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

static gboolean
misfit (DifPipeline *pipe, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
misfit (DifPipeline *pipe, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list          args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE, "%s: %s",
               dif_checkpoint_path (pipe->checkpoint), message);
  return FALSE;
}

static gboolean
check_tokenizer (DifPipeline *pipe, const char *name, DifTokenizer *tok, DifClipText *text,
                 GError **error)
{
  if (! text || dif_tokenizer_max_length (tok) <= dif_clip_text_max_length (text))
    return TRUE;
  return misfit (pipe, error, "%s: expected at most %u tokens, found a model_max_length of %u",
                 name, dif_clip_text_max_length (text), dif_tokenizer_max_length (tok));
}

/* What the U-Net is told beside the prompt's tokens. */
static gboolean
check_added (DifPipeline *pipe, GError **error)
{
  guint added = dif_unet_added_dim (pipe->unet), size = dif_unet_size_dim (pipe->unet);
  guint n = pipe->wants_score ? 5 : 6, pooled;

  if (pipe->family->kind == DIF_FAMILY_LCM && ! dif_unet_guidance_dim (pipe->unet))
    return misfit (pipe, error, "unet: time_cond_proj_dim: expected a number, found null");
  if (pipe->family->kind != DIF_FAMILY_SDXL)
    return ! added || misfit (pipe, error,
                              "unet: addition_embed_type: expected null for a %s, found "
                              "\"text_time\"",
                              dif_checkpoint_pipeline_class (pipe->checkpoint));
  pooled = dif_clip_text_pooled_width (pipe->text2);
  if (! added)
    return misfit (pipe, error,
                   "unet: addition_embed_type: expected \"text_time\", found null");
  if (added == pooled + n * size)
    return TRUE;
  return misfit (pipe, error,
                 "unet: projection_class_embeddings_input_dim: expected the text encoder's %u and "
                 "%u sizes of %u%s, %u in all, found %u",
                 pooled, n, size, pipe->wants_score ? " (requires_aesthetics_score)" : "",
                 pooled + n * size, added);
}

/* Statistics of latents are SDXL's. */
static gboolean
check_vae (DifPipeline *pipe, GError **error)
{
  if (pipe->family->kind == DIF_FAMILY_SDXL || ! dif_vae_has_statistics (pipe->vae))
    return TRUE;
  return misfit (pipe, error, "vae: latents_mean: expected null for a %s, found a value",
                 dif_checkpoint_pipeline_class (pipe->checkpoint));
}

/* The parts must fit each other, or ops would fail later with less to say. */
static gboolean
check_fit (DifPipeline *pipe, GError **error)
{
  guint latent = dif_vae_latent_channels (pipe->vae), width;

  width = (pipe->text ? dif_clip_text_width (pipe->text) : 0) +
          (pipe->text2 ? dif_clip_text_width (pipe->text2) : 0);
  if (width != dif_unet_cross_dim (pipe->unet))
    return misfit (pipe, error,
                   "unet: expected a cross_attention_dim of the text encoder's %u, found %u", width,
                   dif_unet_cross_dim (pipe->unet));
  if (! _dif_pipeline_unet_kind (pipe) || dif_unet_out_channels (pipe->unet) != latent)
    return misfit (pipe, error,
                   "unet: expected %u (plain), %u (depth) or %u (inpainting) channels in and "
                   "%u out, found %u and %u",
                   latent, latent + 1, 2 * latent + 1, latent, dif_unet_in_channels (pipe->unet),
                   dif_unet_out_channels (pipe->unet));
  if (pipe->text && pipe->text2 &&
      dif_tokenizer_max_length (pipe->tokenizer) != dif_tokenizer_max_length (pipe->tokenizer2))
    return misfit (pipe, error,
                   "tokenizer_2: expected the first tokenizer's model_max_length of %u, found %u",
                   dif_tokenizer_max_length (pipe->tokenizer),
                   dif_tokenizer_max_length (pipe->tokenizer2));
  return check_tokenizer (pipe, "tokenizer", pipe->tokenizer, pipe->text, error) &&
         check_tokenizer (pipe, "tokenizer_2", pipe->tokenizer2, pipe->text2, error) &&
         check_added (pipe, error) && check_vae (pipe, error);
}

static gboolean
choose_dtype (DifPipeline *pipe, const char *name, GError **error)
{
  const DifBackendClass *klass = pipe->backend->klass;

  if (! name || strcmp (name, "auto") == 0)
    pipe->dtype = klass->best_dtype (pipe->backend);
  else if (! dif_dtype_from_name (name, &pipe->dtype) || ! dif_dtype_is_float (pipe->dtype))
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
  dif_fingerprint_add (pipe->sum, klass, pipe->scheduler_config, NULL);
  pipe->scheduler_class = g_strdup (klass);
  probe                 = dif_pipeline_scheduler (pipe, NULL, error);
  return probe != NULL;
}

/* Stable Diffusion and LCM: one text encoder. */
static gboolean
load_text (Load *load, GError **error)
{
  DifPipeline *pipe = load->pipe;

  return (pipe->tokenizer = dif_vocabulary_load (pipe->checkpoint, "tokenizer", error)) &&
         (pipe->text = load_model (load, "text_encoder", "CLIPTextModel", 0, error));
}

/* SDXL: two, or the second alone; a refiner saved without the second's name
 * has it under the first's. */
static gboolean
load_two_texts (Load *load, GError **error)
{
  DifPipeline *pipe     = load->pipe;
  const char  *klass    = dif_checkpoint_part_class (pipe->checkpoint, "text_encoder");
  gboolean     is_alone = ! dif_checkpoint_part_class (pipe->checkpoint, "text_encoder_2") &&
                      g_strcmp0 (klass, "CLIPTextModelWithProjection") == 0;
  const char *words = is_alone ? "tokenizer" : "tokenizer_2";

  if (klass && ! is_alone && ! load_text (load, error))
    return FALSE;
  return (pipe->tokenizer2 = dif_vocabulary_load (pipe->checkpoint, words, error)) &&
         (pipe->text2 = load_model (load, is_alone ? "text_encoder" : "text_encoder_2",
                                    "CLIPTextModelWithProjection", 3, error));
}

/* A model without an estimator draws from depth images alone. */
static gboolean
load_depth (Load *load, GError **error)
{
  DifPipeline        *pipe   = load->pipe;
  const char         *klass  = dif_checkpoint_part_class (pipe->checkpoint, "depth_estimator");
  g_autoptr (DifJson) config = NULL;

  if (! klass)
    return TRUE;
  config = dif_checkpoint_config (pipe->checkpoint, "feature_extractor", error);
  return config && dif_dpt_processor_read (&pipe->depth_processor, config, error) &&
         (pipe->depth = load_model (load, "depth_estimator", "DPTForDepthEstimation", DEPTH_STORE,
                                    error));
}

static gboolean
load_parts (Load *load, GError **error)
{
  DifPipeline *pipe  = load->pipe;
  const char  *klass = dif_checkpoint_pipeline_class (pipe->checkpoint);
  DifJson     *index = dif_checkpoint_index (pipe->checkpoint);

  pipe->family = _dif_family_find (klass);
  if (! pipe->family)
    {
      g_autofree char *known = _dif_family_known ();

      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected one of %s, found a %s", dif_checkpoint_path (pipe->checkpoint),
                   known, klass);
      return FALSE;
    }
  if (! load_scheduler (pipe, error) ||
      ! dif_presets_load (pipe->checkpoint, &pipe->presets, error))
    return FALSE;
  if (pipe->family->kind == DIF_FAMILY_UNCONDITIONAL)
    return (pipe->unet2d = load_model (load, "unet", "UNet2DModel", 1, error)) != NULL;
  if (pipe->family->kind == DIF_FAMILY_SDXL)
    {
      pipe->zeros_for_empty = dif_json_bool (index, "force_zeros_for_empty_prompt", TRUE);
      pipe->wants_score     = dif_json_bool (index, "requires_aesthetics_score", FALSE);
      if (! dif_json_finish (index, error))
        return FALSE;
    }
  return (pipe->family->kind == DIF_FAMILY_SDXL ? load_two_texts (load, error)
                                                : load_text (load, error)) &&
         dif_embedding_set_finish (pipe->embeddings, error) &&
         (pipe->unet = load_model (load, "unet", "UNet2DConditionModel", 1, error)) &&
         (pipe->vae = load_model (load, "vae", "AutoencoderKL", 2, error)) &&
         load_depth (load, error) && dif_lora_set_finish (pipe->loras, error) &&
         check_fit (pipe, error);
}

static guint
count_networks (DifCheckpoint *checkpoint)
{
  static const char *const parts[] = { "text_encoder", "text_encoder_2", "unet", "vae",
                                       "depth_estimator" };
  guint                    n       = 0;

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    n += dif_checkpoint_part_class (checkpoint, parts[i]) != NULL;
  return MAX (n, 1);
}

/* ---- where ---- */

/* Everything that a device holds, and the device. */
static void
unload (DifPipeline *pipe)
{
  g_clear_pointer (&pipe->text, dif_clip_text_free);
  g_clear_pointer (&pipe->text2, dif_clip_text_free);
  g_clear_pointer (&pipe->unet, dif_unet_free);
  g_clear_pointer (&pipe->vae, dif_vae_free);
  g_clear_pointer (&pipe->unet2d, dif_unet2d_free);
  g_clear_pointer (&pipe->depth, dif_dpt_free);
  _dif_pipeline_safety_free (pipe);
  for (guint i = 0; i < G_N_ELEMENTS (pipe->stores); i++)
    g_clear_pointer (&pipe->stores[i], dif_store_free);
  g_clear_pointer (&pipe->tokenizer, dif_tokenizer_free);
  g_clear_pointer (&pipe->tokenizer2, dif_tokenizer_free);
  g_clear_pointer (&pipe->loras, dif_lora_set_free);
  g_clear_pointer (&pipe->embeddings, dif_embedding_set_free);
  g_clear_pointer (&pipe->sum, g_checksum_free);
  g_clear_pointer (&pipe->scheduler_config, dif_json_unref);
  g_clear_pointer (&pipe->presets, dif_json_unref);
  g_clear_pointer (&pipe->scheduler_class, g_free);
  g_clear_pointer (&pipe->backend, dif_backend_unref);
  g_clear_pointer (&pipe->others, g_ptr_array_unref);
}

/* Fingerprints of the files in the list, a line each; NULL for none. */
static gboolean
fingerprint_list (char **list, const char *kind, char **prints, GError **error)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  g_clear_pointer (prints, g_free);
  for (guint i = 0; list && list[i]; i++)
    {
      g_autofree char *rest  = NULL;
      g_autofree char *file  = dif_catalog_split_spec (list[i], &rest);
      g_autofree char *path  = dif_catalog_resolve_file (kind, file, error);
      g_autofree char *print = path ? dif_fingerprint_of_file (path, error) : NULL;

      if (! print)
        return FALSE;
      g_string_append_printf (lines, "%s%s", lines->len ? "\n" : "", print);
    }
  if (lines->len)
    *prints = g_strdup (lines->str);
  return TRUE;
}

static gboolean
fingerprint_extras (DifPipeline *pipe, GError **error)
{
  return fingerprint_list (pipe->asked_loras, "loras", &pipe->lora_prints, error) &&
         fingerprint_list (pipe->asked_embeddings, "embeddings", &pipe->embedding_prints, error);
}

/* Loads everything on @device. */
static gboolean
load_on (DifPipeline *pipe, const char *device, DifProgressFunc progress, gpointer user_data,
         GCancellable *cancellable, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  Load   load  = { pipe, progress, user_data, cancellable, 0, count_networks (pipe->checkpoint) };

  pipe->loras = dif_lora_set_new ((const char *const *) pipe->asked_loras, error);
  if (pipe->loras)
    pipe->embeddings =
        dif_embedding_set_new ((const char *const *) pipe->asked_embeddings, error);
  pipe->backend = pipe->embeddings ? dif_backend_open (device, error) : NULL;
  pipe->sum     = g_checksum_new (G_CHECKSUM_SHA256);
  if (! pipe->backend || ! fingerprint_extras (pipe, error) ||
      ! choose_dtype (pipe, pipe->asked_dtype, error) || ! load_parts (&load, error))
    return FALSE;
  /* merged and learned: the files are not needed any more */
  g_clear_pointer (&pipe->loras, dif_lora_set_free);
  g_clear_pointer (&pipe->embeddings, dif_embedding_set_free);
  g_free (pipe->fingerprint);
  pipe->fingerprint = g_strdup (g_checksum_get_string (pipe->sum));
  g_clear_pointer (&pipe->sum, g_checksum_free);
  report_part (&load);
  pipe->load_seconds = (double) (g_get_monotonic_time () - start) * 1e-6;
  return TRUE;
}

/* Whether the device is to blame, so that another may do.  A run that is too large
 * for it, where a smaller one would fit, is not its fault. */
static gboolean
is_of_device (DifPipeline *pipe, const GError *error)
{
  if (g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY) &&
      pipe->fits_less)
    return FALSE;
  return error->domain == DIF_BACKEND_ERROR && error->code != DIF_BACKEND_ERROR_UNSUPPORTED &&
         error->code != DIF_BACKEND_ERROR_FAILED;
}

/* A pipeline of the same model and files, with nothing loaded. */
static DifPipeline *
new_like (DifPipeline *pipe, GError **error)
{
  g_autoptr (DifPipeline) other = g_new0 (DifPipeline, 1);

  other->checkpoint = dif_checkpoint_open (dif_checkpoint_path (pipe->checkpoint), error);
  if (! other->checkpoint)
    return NULL;
  other->asked_dtype      = g_strdup (pipe->asked_dtype);
  other->asked_loras      = g_strdupv (pipe->asked_loras);
  other->asked_embeddings = g_strdupv (pipe->asked_embeddings);
  other->dump             = pipe->dump;
  other->dump_data        = pipe->dump_data;
  other->profile          = pipe->profile;
  other->profile_data     = pipe->profile_data;
  return g_steal_pointer (&other);
}

/* The pipeline changes only once another is there to take its place: a cancel while
 * that is loaded, or a failure, leaves it as it was. */
gboolean
_dif_pipeline_turn_to_cpu (DifPipeline *pipe, GError **why, DifProgressFunc progress,
                           gpointer user_data, GCancellable *cancellable)
{
  g_autoptr (DifPipeline) other = NULL;
  g_autoptr (GError)      first = NULL;
  DifPipeline             before;

  if (! pipe->may_turn || ! is_of_device (pipe, *why))
    return FALSE;
  first = g_steal_pointer (why);
  other = new_like (pipe, why);
  if (! other || ! load_on (other, "cpu", progress, user_data, cancellable, why))
    return FALSE;
  other->is_detour_usual = g_error_matches (first, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_ABSENT);
  other->detour          = g_strdup_printf ("%s; computing on the CPU instead", first->message);
  before                 = *pipe;
  *pipe                  = *other;
  *other                 = before;
  return TRUE;
}

/* What is loaded besides the checkpoint. */
typedef struct
{
  const char *const *loras, *const *embeddings;
} Extras;

/* The model on one device. */
static DifPipeline *
load_one (const char *model, const char *device, const char *dtype, const Extras *extras,
          DifProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_autoptr (DifPipeline) pipe = g_new0 (DifPipeline, 1);
  g_autofree char        *path = dif_catalog_resolve (model, error);
  GError                 *why  = NULL;
  gboolean                ok;

  if (! path)
    return NULL;
  pipe->checkpoint = dif_checkpoint_open (path, error);
  if (! pipe->checkpoint)
    return NULL;
  pipe->asked_dtype      = g_strdup (dtype);
  pipe->asked_loras      = g_strdupv ((char **) extras->loras);
  pipe->asked_embeddings = g_strdupv ((char **) extras->embeddings);
  pipe->may_turn         = strcmp (device, "auto") == 0;

  ok = load_on (pipe, pipe->may_turn ? "cuda" : device, progress, user_data, cancellable, &why);
  if (! ok)
    {
      /* what the card holds of it, in host memory too, would be in the way */
      unload (pipe);
      ok = _dif_pipeline_turn_to_cpu (pipe, &why, progress, user_data, cancellable);
    }
  if (ok)
    return g_steal_pointer (&pipe);
  g_propagate_error (error, why);
  return NULL;
}

/* The model on one of several devices, loaded by a thread of its own. */
typedef struct
{
  const char   *model, *device, *dtype;
  const Extras *extras;
  GCancellable *cancellable;
  GThread      *thread;
  DifPipeline  *pipe;
  GError       *error;
} Place;

static gpointer
load_place (gpointer data)
{
  Place *p = data;

  p->pipe = load_one (p->model, p->device, p->dtype, p->extras, NULL, NULL, p->cancellable,
                      &p->error);
  return NULL;
}

/* All of them behind the first, or NULL and the first failure. */
static DifPipeline *
gather_places (Place *places, guint n, GError **error)
{
  DifPipeline *first = places[0].pipe;
  guint        bad   = 0;

  while (bad < n && places[bad].pipe)
    bad++;
  if (bad < n)
    g_propagate_prefixed_error (error, g_steal_pointer (&places[bad].error), "%s: ",
                                places[bad].device);
  for (guint i = 0; i < n; i++)
    {
      g_clear_error (&places[i].error);
      if (bad < n)
        dif_pipeline_free (places[i].pipe);
      else
        places[i].pipe->place = g_strdup (places[i].device);
    }
  if (bad < n)
    return NULL;
  first->others = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_pipeline_free);
  for (guint i = 1; i < n; i++)
    g_ptr_array_add (first->others, places[i].pipe);
  return first;
}

static DifPipeline *
load_pipeline (const char *model, const char *device, const char *dtype, const Extras *extras,
               DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
               GError **error)
{
  g_auto (GStrv)    devices = dif_backend_list (device, error);
  guint             n       = devices ? g_strv_length (devices) : 0;
  g_autofree Place *places  = g_new0 (Place, n + 1);

  if (n <= 1)
    return n ? load_one (model, devices[0], dtype, extras, progress, user_data, cancellable, error)
             : NULL;
  for (guint i = 0; i < n; i++)
    {
      places[i] = (Place) { model, devices[i], dtype, extras, cancellable, NULL, NULL, NULL };
      if (i)
        places[i].thread =
            g_thread_try_new ("dif-load", load_place, &places[i], &places[i].error);
    }
  places[0].pipe = load_one (model, devices[0], dtype, extras, progress, user_data, cancellable,
                             &places[0].error);
  for (guint i = 1; i < n; i++)
    if (places[i].thread)
      g_thread_join (places[i].thread);
  return gather_places (places, n, error);
}

DifPipeline *
dif_pipeline_load (const char *model, const char *device, const char *dtype,
                   DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                   GError **error)
{
  Extras none = { NULL, NULL };

  return load_pipeline (model, device, dtype, &none, progress, user_data, cancellable, error);
}

DifPipeline *
dif_pipeline_load_for (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                       GCancellable *cancellable, GError **error)
{
  Extras extras = { dif_request_list (rq, "lora"), dif_request_list (rq, "embedding") };

  return load_pipeline (dif_request_model (rq), dif_request_text (rq, "device"),
                        dif_request_text (rq, "dtype"), &extras, progress, user_data, cancellable,
                        error);
}

void
dif_pipeline_free (DifPipeline *pipe)
{
  if (! pipe)
    return;
  unload (pipe);
  g_free (pipe->place);
  g_free (pipe->asked_dtype);
  g_strfreev (pipe->asked_loras);
  g_strfreev (pipe->asked_embeddings);
  g_free (pipe->detour);
  g_free (pipe->fingerprint);
  g_free (pipe->lora_prints);
  g_free (pipe->embedding_prints);
  dif_checkpoint_free (pipe->checkpoint);
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

const char *
dif_pipeline_detour (DifPipeline *pipe)
{
  return pipe->is_detour_usual ? NULL : pipe->detour;
}

DifDtype
dif_pipeline_dtype (DifPipeline *pipe)
{
  return pipe->dtype;
}

const char *
dif_pipeline_about (DifPipeline *pipe)
{
  return dif_presets_about (pipe->presets);
}

gsize
dif_pipeline_weight_bytes (DifPipeline *pipe)
{
  gsize total = dif_store_bytes (pipe->safety_store);

  for (guint i = 0; i < G_N_ELEMENTS (pipe->stores); i++)
    total += dif_store_bytes (pipe->stores[i]);
  for (guint i = 0; pipe->others && i < pipe->others->len; i++)
    total += dif_pipeline_weight_bytes (pipe->others->pdata[i]);
  return total;
}

DifTokenizer *
dif_pipeline_tokenizer (DifPipeline *pipe)
{
  return pipe->tokenizer;
}

DifTokenizer *
dif_pipeline_tokenizer_2 (DifPipeline *pipe)
{
  return pipe->tokenizer2;
}

DifClipText *
dif_pipeline_text_encoder (DifPipeline *pipe)
{
  return pipe->text;
}

DifClipText *
dif_pipeline_text_encoder_2 (DifPipeline *pipe)
{
  return pipe->text2;
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
  /* the reference patches the scheduler it is built with, except in SDXL and
   * depth2img; another class is then made from the patched config */
  if (pipe->family->patches_scheduler)
    dif_scheduler_patch_for_pipeline (own);
  if (! class_name)
    return g_steal_pointer (&own);
  config = dif_scheduler_config (own);
  return dif_scheduler_new (class_name, config, error);
}
