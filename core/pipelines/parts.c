/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* parts.c - a model's parts, by its family's list. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "formats/fingerprint.h"
#include "models/model.h"
#include "pipelines/pipelines-private.h"
#include "pipelines/vocabulary.h"

void
_dif_part_load_report (DifPartLoad *load)
{
  DifProgress p = { .stage = "load", .step = load->done, .seconds_left = -1, .step_seconds = -1 };

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
  gboolean upcast = force_upcast && pipe->family->upcasts;

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

/* What the request adds to the part: words to a text encoder and its tokenizer,
 * LoRAs to any. */
static gboolean
add_extras (DifPipeline *pipe, const char *part, DifTokenizer *tokenizer, DifWeights *weights,
            DifJson *config, GError **error)
{
  if (tokenizer && ! dif_embedding_set_apply (pipe->embeddings, part, weights, config, learn_word,
                                              tokenizer, error))
    return FALSE;
  return dif_lora_set_bind (pipe->loras, part, weights, error);
}

/* Where a part of a role is kept. */
static gpointer *
place_of (DifPipeline *pipe, DifRole role)
{
  switch (role)
    {
    case DIF_ROLE_TEXT:
      return (gpointer *) &pipe->text;
    case DIF_ROLE_TEXT_2:
      return (gpointer *) &pipe->text2;
    case DIF_ROLE_AUTOENCODER:
      return (gpointer *) &pipe->vae;
    case DIF_ROLE_DEPTH:
      return (gpointer *) &pipe->depth;
    default:
      return &pipe->denoiser.model;
    }
}

static DifTokenizer **
tokenizer_of (DifPipeline *pipe, DifRole role)
{
  return role == DIF_ROLE_TEXT_2 ? &pipe->tokenizer2 : &pipe->tokenizer;
}

/* Whether the part is that of @spec under its other name. */
static gboolean
is_aliased (DifPipeline *pipe, const DifPartSpec *spec)
{
  return spec->alias && ! dif_checkpoint_part_class (pipe->checkpoint, spec->name) &&
         g_strcmp0 (dif_checkpoint_part_class (pipe->checkpoint, spec->alias), spec->klass) == 0;
}

/* Whether the model has the part; an optional one may be there under a name that
 * another part of the model has as its alias. */
static gboolean
is_there (DifPipeline *pipe, const DifPartSpec *spec)
{
  const DifFamilyClass *family = pipe->family;

  if (! spec->optional)
    return TRUE;
  for (guint i = 0; i < family->n_parts; i++)
    if (is_aliased (pipe, &family->parts[i]) &&
        strcmp (family->parts[i].alias, spec->name) == 0)
      return FALSE;
  return dif_checkpoint_part_class (pipe->checkpoint, spec->name) != NULL;
}

/* The class of the part named @name, which must be that of @spec. */
static const DifModelClass *
class_of (DifPipeline *pipe, const DifPartSpec *spec, const char *name, GError **error)
{
  const char          *klass = dif_checkpoint_part_class (pipe->checkpoint, name);
  const DifModelClass *model = klass ? dif_model_class_find (klass) : NULL;

  if (model && strcmp (model->class_name, spec->klass) == 0)
    return model;
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS,
               "%s: %s: expected a %s, found %s", dif_checkpoint_path (pipe->checkpoint), name,
               spec->klass, klass ? klass : "none");
  return NULL;
}

/* What the network of a part computes in.  A depth estimator computes in f32
 * always: it runs once, and its map is stretched to the whole range. */
static DifDtype
dtype_of (DifPipeline *pipe, const DifPartSpec *spec)
{
  return spec->role == DIF_ROLE_DEPTH ? DIF_F32 : pipe->dtype;
}

/* Loads one network: config, weights, model. */
static gboolean
load_model (DifPartLoad *load, const DifPartSpec *spec, const char *name, GError **error)
{
  DifPipeline           *pipe  = load->pipe;
  gpointer              *place = place_of (pipe, spec->role);
  DifTokenizer          *words = spec->tokenizer ? *tokenizer_of (pipe, spec->role) : NULL;
  const DifModelClass   *klass;
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  DifLoader             *loader;
  DifOverlay             overlay;

  _dif_part_load_report (load);
  klass  = class_of (pipe, spec, name, error);
  config = klass ? dif_checkpoint_config (pipe->checkpoint, name, error) : NULL;
  if (! config)
    return FALSE;
  weights = dif_checkpoint_weights (pipe->checkpoint, name, error);
  if (weights)
    dif_fingerprint_add (pipe->sum, name, config, weights);
  if (! weights || ! add_extras (pipe, name, words, weights, config, error))
    return FALSE;
  loader = dif_loader_new (weights, pipe->backend, dtype_of (pipe, spec), load->cancellable);
  if (spec->role == DIF_ROLE_AUTOENCODER)
    set_vae_dtypes (pipe, loader, dif_json_bool (config, "force_upcast", TRUE));
  *place                   = klass->load (config, loader, error);
  pipe->stores[spec->role] = dif_loader_finish (loader, *place ? error : NULL);
  overlay                  = dif_lora_set_overlay (pipe->loras);
  if (*place && ! (pipe->stores[spec->role] &&
                   dif_store_lay_over (pipe->stores[spec->role], weights, &overlay,
                                       load->cancellable, error)))
    g_clear_pointer (place, klass->free);
  if (! *place)
    g_prefix_error (error, "%s: ", dif_checkpoint_path (pipe->checkpoint));
  else if (spec->role == DIF_ROLE_DENOISER)
    {
      pipe->denoiser.klass = klass->denoiser;
      klass->denoiser->info (*place, &pipe->denoiser.info);
    }
  return *place != NULL;
}

static gboolean
load_part (DifPartLoad *load, const DifPartSpec *spec, GError **error)
{
  DifPipeline *pipe      = load->pipe;
  gboolean     aliased   = is_aliased (pipe, spec);
  const char  *tokenizer = aliased ? spec->alias_tokenizer : spec->tokenizer;

  if (tokenizer)
    {
      DifTokenizer **words = tokenizer_of (pipe, spec->role);

      *words = dif_vocabulary_load (pipe->checkpoint, tokenizer, error);
      if (! *words)
        return FALSE;
    }
  if (spec->role == DIF_ROLE_DEPTH)
    {
      g_autoptr (DifJson) config =
          dif_checkpoint_config (pipe->checkpoint, "feature_extractor", error);

      if (! config || ! dif_dpt_processor_read (&pipe->depth_processor, config, error))
        return FALSE;
    }
  return load_model (load, spec, aliased ? spec->alias : spec->name, error);
}

gboolean
_dif_pipeline_load_parts (DifPartLoad *load, GError **error)
{
  DifPipeline          *pipe   = load->pipe;
  const DifFamilyClass *family = pipe->family;

  DifJson *index = dif_checkpoint_index (pipe->checkpoint);

  if (family->read_index)
    pipe->family_data = family->read_index (index);
  if (! dif_json_finish (index, error))
    return FALSE;
  for (guint i = 0; i < family->n_parts; i++)
    load->n_parts += is_there (pipe, &family->parts[i]);
  for (guint i = 0; i < family->n_parts; i++)
    {
      const DifPartSpec *spec = &family->parts[i];

      /* text encoders come first; words that none of them took are told before the rest */
      if (spec->role == DIF_ROLE_DENOISER && ! dif_embedding_set_finish (pipe->embeddings, error))
        return FALSE;
      if (is_there (pipe, spec) && ! load_part (load, spec, error))
        return FALSE;
    }
  return dif_lora_set_finish (pipe->loras, error) &&
         (! family->check || family->check (pipe, error));
}

void
_dif_pipeline_free_parts (DifPipeline *pipe)
{
  for (guint i = 0; pipe->family && i < pipe->family->n_parts; i++)
    {
      const DifPartSpec *spec = &pipe->family->parts[i];

      g_clear_pointer (place_of (pipe, spec->role), dif_model_class_find (spec->klass)->free);
      g_clear_pointer (&pipe->stores[spec->role], dif_store_free);
    }
  g_clear_pointer (&pipe->tokenizer, dif_tokenizer_free);
  g_clear_pointer (&pipe->tokenizer2, dif_tokenizer_free);
}

gpointer
dif_pipeline_part (DifPipeline *pipe, const char *name, const char *class_name)
{
  for (guint i = 0; i < pipe->family->n_parts; i++)
    {
      const DifPartSpec *spec = &pipe->family->parts[i];

      if (strcmp (spec->name, name) == 0)
        return strcmp (spec->klass, class_name) == 0 ? *place_of (pipe, spec->role) : NULL;
      if (spec->tokenizer && strcmp (spec->tokenizer, name) == 0)
        return strcmp (class_name, "CLIPTokenizer") == 0 ? *tokenizer_of (pipe, spec->role) : NULL;
    }
  return NULL;
}
