/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-private.h - a loaded model, as its runs see it. */
#ifndef DIF_RUN_PIPELINE_PRIVATE_H
#define DIF_RUN_PIPELINE_PRIVATE_H

#include "formats/checkpoint.h"
#include "formats/embedding.h"
#include "formats/lora.h"
#include "models/clip-processor.h"
#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "models/safety-checker.h"
#include "run/family.h"
#include "models/clip-text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "schedulers/scheduler.h"
#include "tensor/context.h"
#include "text/bpe.h"

G_BEGIN_DECLS

/**
 * DifDenoiser:
 * @klass: what is asked of it
 * @model: the network
 * @info: what it says of itself
 */
typedef struct
{
  const DifDenoiserClass *klass;
  gpointer                model;
  DifDenoiserInfo         info;
} DifDenoiser;

struct _DifPipeline
{
  DifCheckpoint *checkpoint;
  DifBackend    *backend;
  DifDtype       dtype;

  /* what was asked for, to load it again elsewhere */
  char    *place; /* one of several devices, such as "cuda:1"; NULL for one */
  char    *asked_dtype;
  char   **asked_loras, **asked_embeddings;
  gboolean may_turn;        /* "auto", and not on the CPU already */
  gboolean fits_less;       /* the last run for which there was no room: a smaller one would fit */
  char    *detour;          /* why "auto" computes on the CPU; may be NULL */
  gboolean is_detour_usual; /* for want of any card or driver */

  const DifFamilyClass    *family;
  const DifFamilyPipeline *kind;        /* which of the family's pipelines it was saved from */
  gpointer                 family_data; /* of read_index; may be NULL */
  DifTokenizer            *tokenizer;
  DifClipText             *text;       /* NULL for SDXL's refiner */
  DifTokenizer            *tokenizer2; /* these two: SDXL only */
  DifClipText             *text2;
  DifDenoiser              denoiser;
  DifVae                  *vae;             /* NULL where pictures are denoised themselves */
  DifDpt                  *depth;           /* of a depth2img model; may be NULL */
  DifDptProcessor          depth_processor; /* where there is @depth */
  DifStore                *stores[DIF_N_ROLES];
  DifDtype                 encoder_dtype, decoder_dtype; /* of the VAE's halves */
  DifLoraSet              *loras;                        /* while loading */
  DifEmbeddingSet         *embeddings;                   /* while loading */
  GChecksum               *sum;                          /* while loading */
  char                    *fingerprint;                  /* of the checkpoint */
  /* fingerprints, a line each; NULL without */
  char *lora_prints, *embedding_prints;

  /* loaded by the first run that looks; NULL until then */
  DifSafetyChecker *safety;
  DifClipProcessor *safety_processor;
  DifStore         *safety_store;
  DifJson          *scheduler_config;
  char             *scheduler_class;
  DifJson          *presets; /* dif.json: the checkpoint's own defaults; may be NULL */
  DifDumpFunc       dump;
  gpointer          dump_data;
  DifProfileFunc    profile;
  gpointer          profile_data;
  DifPreviewFunc    preview;
  gpointer          preview_data;
  guint             preview_ms;
  double            load_seconds;
  GPtrArray        *others; /* of DifPipeline: the model on further devices; NULL without */
};

G_END_DECLS

#endif /* DIF_RUN_PIPELINE_PRIVATE_H */
