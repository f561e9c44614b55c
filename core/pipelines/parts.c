/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* parts.c - a model's parts, by its family's list. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "formats/fingerprint.h"
#include "models/dpt-processor.h"
#include "pipelines/adapters-private.h"
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
set_dtypes (DifPipeline *pipe, DifPart *part, DifJson *config, DifLoader *loader)
{
  const DifAutoencoderClass *klass = part->klass->autoencoder;
  gboolean                   upcast;

  if (! klass)
    return;
  upcast              = klass->overflows (config) && pipe->family->upcasts;
  part->dtype         = upcast ? DIF_F32 : pipe->dtype;
  part->decoder_dtype = upcast && pipe->dtype == DIF_F16 ? DIF_F32 : pipe->dtype;
  for (guint i = 0; klass->encoder_names[i]; i++)
    dif_loader_set_dtype_of (loader, klass->encoder_names[i], part->dtype);
  for (guint i = 0; klass->decoder_names[i]; i++)
    dif_loader_set_dtype_of (loader, klass->decoder_names[i], part->decoder_dtype);
}

/* Whether the files are those that were there when the model was loaded; the first
 * time, remembers them. */
static gboolean
check_files (DifPipeline *pipe, DifPart *part, DifJson *config, DifWeights *weights,
             GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  dif_fingerprint_add (sum, part->folder, config, weights);
  if (! part->print)
    part->print = g_strdup (g_checksum_get_string (sum));
  if (strcmp (part->print, g_checksum_get_string (sum)) == 0)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
               "%s: %s: expected the weights that were there when the model was loaded, found "
               "others",
               dif_checkpoint_path (pipe->checkpoint), part->folder);
  return FALSE;
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

/* What a loaded network says of itself. */
static void
read_info (DifPart *part)
{
  if (part->klass->text_encoder)
    part->klass->text_encoder->info (part->model, &part->info.text);
  else if (part->klass->denoiser)
    part->klass->denoiser->info (part->model, &part->info.denoiser);
  else if (part->klass->autoencoder)
    part->klass->autoencoder->info (part->model, &part->info.autoencoder);
}

static void
free_network (DifPart *part)
{
  if (part->model)
    part->klass->free (part->model);
  part->model = NULL;
  g_clear_pointer (&part->store, dif_store_free);
}

/* Has the device prepare @weights, or, without, just asks the network what it is. */
static gboolean
make_network (DifPipeline *pipe, DifPart *part, DifJson *config, DifWeights *weights,
              GCancellable *cancellable, GError **error)
{
  DifLoader *loader;

  part->dtype = dtype_of (pipe, part->spec);
  loader      = dif_loader_new (weights, pipe->backend, part->dtype, cancellable);
  set_dtypes (pipe, part, config, loader);
  part->model = part->klass->load (config, loader, error);
  part->store = dif_loader_finish (loader, part->model ? error : NULL);
  if (! part->model || ! part->store)
    return FALSE;
  read_info (part);
  return TRUE;
}

/* Reads config and weights; a part of a model that is short of memory is loaded when it
 * is needed, @is_needed. */
static gboolean
load_model (DifPipeline *pipe, DifPart *part, gboolean is_needed, GCancellable *cancellable,
            GError **error)
{
  gboolean               adapts  = part->spec->role != DIF_ROLE_SAFETY, ok;
  g_autoptr (DifJson)    config  = dif_checkpoint_config (pipe->checkpoint, part->folder, error);
  g_autoptr (DifWeights) weights = NULL;
  DifAdapterPart         over    = { .name        = part->folder,
                                     .tokenizer   = part->tokenizer,
                                     .config      = config,
                                     .cancellable = cancellable,
                                     .is_back     = part->print != NULL };

  weights = config ? dif_checkpoint_weights (pipe->checkpoint, part->folder, error) : NULL;
  if (weights && pipe->sum)
    dif_fingerprint_add (pipe->sum, part->folder, config, weights);
  over.weights = weights;
  if (! weights || (pipe->need && ! check_files (pipe, part, config, weights, error)) ||
      (adapts && ! _dif_adapters_bind (pipe->adapters, &over, error)))
    return FALSE;
  ok         = make_network (pipe, part, config, is_needed ? weights : NULL, cancellable, error);
  over.store = part->store;
  if (ok && is_needed && adapts)
    ok = _dif_adapters_lay_over (pipe->adapters, &over, error);
  if (! ok)
    g_prefix_error (error, "%s: ", dif_checkpoint_path (pipe->checkpoint));
  if (! ok || ! is_needed)
    free_network (part);
  return ok;
}

void
_dif_pipeline_release (DifPipeline *pipe)
{
  for (guint i = 0; i < DIF_N_ROLES; i++)
    free_network (&pipe->parts[i]);
}

gboolean
_dif_part_load (DifPipeline *pipe, DifRole role, GCancellable *cancellable, GError **error)
{
  gboolean is_text = role < DIF_ROLE_TEXT + DIF_N_TEXT_ROLES;

  for (guint i = 0; pipe->need && i < DIF_N_ROLES; i++)
    if (i != role && ! (is_text && i < DIF_ROLE_TEXT + DIF_N_TEXT_ROLES))
      free_network (&pipe->parts[i]);
  return load_model (pipe, &pipe->parts[role], TRUE, cancellable, error);
}

/* A depth estimator sees images as its processor makes them. */
static gboolean
load_processor (DifPipeline *pipe, DifPart *part, GError **error)
{
  g_autoptr (DifJson) config = dif_checkpoint_config (pipe->checkpoint, "feature_extractor", error);

  if (! config)
    return FALSE;
  part->processor      = g_new0 (DifDptProcessor, 1);
  part->free_processor = g_free;
  return dif_dpt_processor_read (part->processor, config, error);
}

static gboolean
load_part (DifPartLoad *load, const DifPartSpec *spec, GError **error)
{
  DifPipeline *pipe      = load->pipe;
  DifPart     *part      = &pipe->parts[spec->role];
  gboolean     aliased   = is_aliased (pipe, spec);
  const char  *tokenizer = aliased ? spec->alias_tokenizer : spec->tokenizer;

  part->spec   = spec;
  part->folder = aliased ? spec->alias : spec->name;
  if (tokenizer)
    {
      part->tokenizer = dif_vocabulary_load (pipe->checkpoint, tokenizer, error);
      if (! part->tokenizer)
        return FALSE;
    }
  _dif_part_load_report (load);
  part->klass = class_of (pipe, spec, part->folder, error);
  return part->klass && (spec->role != DIF_ROLE_DEPTH || load_processor (pipe, part, error)) &&
         load_model (pipe, part, ! pipe->need, load->cancellable, error);
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
      if (spec->role == DIF_ROLE_DENOISER && ! _dif_adapters_finish (pipe->adapters, FALSE, error))
        return FALSE;
      if (is_there (pipe, spec) && ! load_part (load, spec, error))
        return FALSE;
    }
  return _dif_adapters_finish (pipe->adapters, TRUE, error) &&
         (! family->check || family->check (pipe, error));
}

gboolean
_dif_pipeline_each_part (DifPipeline *pipe, DifPartFunc func, gpointer user_data, GError **error)
{
  for (guint i = 0; i < DIF_N_ROLES; i++)
    {
      const DifPart *part    = &pipe->parts[i];
      gboolean       changes = i != DIF_ROLE_SAFETY && (part->store || (part->spec && pipe->need));

      if (changes && ! func (part->folder, part->store, user_data, error))
        return FALSE;
    }
  return TRUE;
}

void
_dif_part_clear (DifPart *part)
{
  free_network (part);
  g_free (part->print);
  if (part->tokenizer)
    dif_tokenizer_free (part->tokenizer);
  if (part->processor)
    part->free_processor (part->processor);
  *part = (DifPart) { NULL };
}

void
_dif_pipeline_free_parts (DifPipeline *pipe)
{
  for (guint i = 0; i < DIF_N_ROLES; i++)
    _dif_part_clear (&pipe->parts[i]);
}

gpointer
dif_pipeline_part (DifPipeline *pipe, const char *name, const char *class_name)
{
  for (guint i = 0; i < DIF_N_ROLES; i++)
    {
      const DifPart     *part = &pipe->parts[i];
      const DifPartSpec *spec = part->spec;

      if (spec && strcmp (spec->name, name) == 0)
        return strcmp (spec->klass, class_name) == 0 ? part->model : NULL;
      if (spec && g_strcmp0 (spec->tokenizer, name) == 0)
        return strcmp (class_name, "CLIPTokenizer") == 0 ? part->tokenizer : NULL;
    }
  return NULL;
}
