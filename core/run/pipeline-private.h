/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-private.h - a loaded model, as its runs see it. */
#ifndef DIF_RUN_PIPELINE_PRIVATE_H
#define DIF_RUN_PIPELINE_PRIVATE_H

#include "formats/checkpoint.h"
#include "models/autoencoder.h"
#include "models/model.h"
#include "models/text-encoder.h"
#include "run/family.h"
#include "schedulers/scheduler.h"
#include "tensor/context.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

/** DIF_N_TEXT_ROLES: text encoders of a model, at most; their roles come first. */
#define DIF_N_TEXT_ROLES 2

/**
 * DifPart:
 * @spec: (nullable): what the family says of it; NULL for a role that the model has
 *   no part for
 * @folder: (nullable): where it is among the checkpoint's parts
 * @klass: its network
 * @model: (nullable): the network; NULL where it is not loaded: then all but @store is
 *   known nevertheless
 * @store: (nullable): its weights
 * @print: (nullable): fingerprint of its files, for a part that comes and goes
 * @tokenizer: (nullable): a text encoder's
 * @processor: (nullable): what brings images into its form
 * @free_processor: frees @processor
 * @dtype: what it computes in; an autoencoder, when it encodes
 * @decoder_dtype: what an autoencoder decodes in
 * @info: what the network says of itself, by its role
 *
 * A part of a loaded model.
 */
typedef struct
{
  const DifPartSpec   *spec;
  const char          *folder;
  const DifModelClass *klass;
  gpointer             model;
  DifStore            *store;
  char                *print;
  DifTokenizer        *tokenizer;
  gpointer             processor;
  GDestroyNotify       free_processor;
  DifDtype             dtype, decoder_dtype;
  union
  {
    DifTextEncoderInfo text;
    DifDenoiserInfo    denoiser;
    DifAutoencoderInfo autoencoder;
  } info;
} DifPart;

/** DifAdapters: what is laid over a pipeline's model (pipelines/adapters-private.h). */
typedef struct _DifAdapters DifAdapters;

struct _DifPipeline
{
  DifCheckpoint *checkpoint;
  DifBackend    *backend;
  DifDtype       dtype;

  /* what was asked for, to load it again elsewhere */
  char    *place; /* one of several devices, such as "cuda:1"; NULL for one */
  char    *asked_dtype;
  gboolean low_memory;        /* parts come when they are needed and go afterwards */
  gboolean may_fall_back;     /* "auto", and not on the CPU already */
  gboolean fits_less;         /* the last run had no room: a smaller one would fit */
  char    *fallback;          /* why "auto" computes on the CPU; may be NULL */
  gboolean is_fallback_usual; /* for want of any card or driver */

  const DifFamilyClass    *family;
  const DifFamilyPipeline *kind;        /* which of the family's pipelines it was saved from */
  gpointer                 family_data; /* of read_index; may be NULL */
  DifPart                  parts[DIF_N_ROLES];
  /* loads a part and lets those go that are not needed beside it; NULL where all stay */
  gboolean (*need) (DifPipeline *pipe, DifRole role, GCancellable *cancellable, GError **error);
  DifAdapters *adapters;
  gboolean     is_mixed;    /* adapters were exchanged in part: nothing can be drawn */
  GChecksum   *sum;         /* while loading */
  char        *fingerprint; /* of the checkpoint */

  DifJson       *scheduler_config;
  char          *scheduler_class;
  DifJson       *presets; /* dif.json: the checkpoint's own defaults; may be NULL */
  DifDumpFunc    dump;
  gpointer       dump_data;
  DifProfileFunc profile;
  gpointer       profile_data;
  DifPreviewFunc preview;
  gpointer       preview_data;
  guint          preview_ms;
  double         load_seconds;
  GPtrArray     *others; /* of DifPipeline: the model on further devices; NULL without */
};

/**
 * dif_pipeline_denoiser:
 * @pipe: a loaded model
 *
 * Returns: what its denoiser says of itself
 */
static inline const DifDenoiserInfo *
dif_pipeline_denoiser (const DifPipeline *pipe)
{
  return &pipe->parts[DIF_ROLE_DENOISER].info.denoiser;
}

/**
 * dif_pipeline_autoencoder:
 * @pipe: a loaded model
 *
 * Returns: (nullable): what its autoencoder says of itself; NULL where images are
 * denoised themselves
 */
static inline const DifAutoencoderInfo *
dif_pipeline_autoencoder (const DifPipeline *pipe)
{
  const DifPart *part = &pipe->parts[DIF_ROLE_AUTOENCODER];

  return part->spec ? &part->info.autoencoder : NULL;
}

/**
 * dif_run_part:
 * @run: a run
 * @role: what it needs now, of a model that has it
 *
 * Loads the part if it is not there.  What was returned for another role may be gone
 * then, but that text encoders stay together.
 *
 * Returns: (transfer none) (nullable): the part, with its network; NULL after a failure,
 * which is the context's
 */
const DifPart *dif_run_part (DifRun *run, DifRole role);

/**
 * dif_pipeline_text_encoder:
 * @pipe: a loaded model
 * @i: which, below DIF_N_TEXT_ROLES
 *
 * Returns: (nullable): what it says of itself; NULL for one that the model lacks
 */
static inline const DifTextEncoderInfo *
dif_pipeline_text_encoder (const DifPipeline *pipe, guint i)
{
  const DifPart *part = &pipe->parts[DIF_ROLE_TEXT + i];

  return part->spec ? &part->info.text : NULL;
}

G_END_DECLS

#endif /* DIF_RUN_PIPELINE_PRIVATE_H */
