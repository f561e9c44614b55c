/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-private.h - a loaded model, inside pipelines/. */
#ifndef DIF_RUN_PIPELINE_PRIVATE_H
#define DIF_RUN_PIPELINE_PRIVATE_H

#include "formats/embedding.h"
#include "formats/lora.h"
#include "models/clip-processor.h"
#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "models/safety-checker.h"
#include "run/family.h"
#include "run/task.h"

G_BEGIN_DECLS

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
  char    *detour;          /* why "auto" computes on the CPU; may be NULL */
  gboolean is_detour_usual; /* for want of any card or driver */

  const DifFamily *family;
  DifTokenizer    *tokenizer;
  DifClipText     *text;       /* NULL for SDXL's refiner */
  DifTokenizer    *tokenizer2; /* these two: SDXL only */
  DifClipText     *text2;
  DifUnet         *unet;
  DifVae          *vae;
  DifUnet2d       *unet2d;          /* instead of all above */
  DifDpt          *depth;           /* of a depth2img model; may be NULL */
  DifDptProcessor  depth_processor; /* where there is @depth */
  DifStore        *stores[5];
  DifDtype         encoder_dtype, decoder_dtype; /* of the VAE's halves */
  gboolean         zeros_for_empty;              /* force_zeros_for_empty_prompt */
  gboolean         wants_score;                  /* requires_aesthetics_score */
  DifLoraSet      *loras;                        /* while loading */
  DifEmbeddingSet *embeddings;                   /* while loading */
  GChecksum       *sum;                          /* while loading */
  char            *fingerprint;                  /* of the checkpoint */
  char            *extras_fingerprint;           /* of LoRAs and embeddings; NULL without */

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
  double            load_seconds;
  GPtrArray        *others; /* of DifPipeline: the model on further devices; NULL without */
};

/**
 * DifShare:
 * @seed: of the whole batch
 * @first: first picture, of the batch's
 * @n: pictures
 *
 * What one device draws of a batch.
 */
typedef struct
{
  guint64 seed;
  guint   first, n;
} DifShare;

/**
 * _dif_pipeline_unet_kind:
 * @pipe: a pipeline
 *
 * Returns: what the U-Net is made for, read off its input channels; 0 if they
 * fit nothing known
 */
DifUnetKind _dif_pipeline_unet_kind (DifPipeline *pipe);

/**
 * _dif_run_prepare_safety:
 * @run: a run
 * @error: return location
 *
 * Settles the run's policy on pictures not safe for work and loads the model's
 * safety checker if it is needed and not there yet, so that a run fails before
 * it draws.  Where nothing was asked for, a checker that cannot be loaded is a
 * warning.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: "block", and the model ships no safety
 * checker; those of loading.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_prepare_safety (DifRun *run, GError **error);

/**
 * _dif_run_read_latents:
 * @run: a run
 * @error: return location
 *
 * Reads the file that "latents" names, if the task has it and it is given, into
 * the run: its tensor `latents`, else `latents.N` of the greatest N, as dumps
 * have them.
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR MISSING_KEY;
 * DIF_REQUEST_ERROR BAD_SIZE: of other than four dimensions.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_read_latents (DifRun *run, GError **error);

/**
 * _dif_run_latents_size:
 * @run: a run that was given latents
 * @width: (out): of the pictures that they become, in pixels
 * @height: (out): of the pictures that they become, in pixels
 */
void _dif_run_latents_size (DifRun *run, double *width, double *height);

/**
 * _dif_run_check_latents:
 * @run: a run that was given latents and knows its size
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_SIZE: they are of another number, size or
 * dtype.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_check_latents (DifRun *run, GError **error);

/**
 * _dif_run_given_latents:
 * @run: a run with latents that fit
 *
 * Returns: `[n_images, h, w, C]` f32; the context fails if not all are finite
 */
DifTensor *_dif_run_given_latents (DifRun *run);

/**
 * _dif_pipeline_safety_free:
 * @pipe: a pipeline, whose safety checker is freed
 */
void _dif_pipeline_safety_free (DifPipeline *pipe);

/**
 * _dif_pipeline_turn_to_cpu:
 * @pipe: a pipeline
 * @why: (inout): a failure; cleared if the pipeline is on the CPU now, else
 *   kept or replaced by what loading there says
 * @progress: (nullable): told how far loading is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 *
 * After a failure of the device that "auto" chose: loads everything again on
 * the CPU.  Parts that callers hold are gone then.
 *
 * Returns: whether it did; a failure that is not the device's is left alone
 */
gboolean _dif_pipeline_turn_to_cpu (DifPipeline *pipe, GError **why, DifProgressFunc progress,
                                    gpointer user_data, GCancellable *cancellable);

/**
 * _dif_pipeline_draw:
 * @pipe: a pipeline
 * @rq: a request
 * @share: what to draw of it
 * @progress: (nullable): told how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * dif_pipeline_run() on the pipeline's own device.
 *
 * Returns: (transfer full) (nullable): the pictures that may be shown: none, if
 * the safety checker withholds all; the warning has the reason
 */
DifResult *_dif_pipeline_draw (DifPipeline *pipe, DifRequest *rq, const DifShare *share,
                               DifProgressFunc progress, gpointer user_data,
                               GCancellable *cancellable, GError **error);

/**
 * _dif_result_join:
 * @parts: (array length=n): results of one batch, in its order
 * @n: how many, at least one
 *
 * Returns: (transfer full): all their pictures; a warning that several have is
 * there once, planes are the first's
 */
DifResult *_dif_result_join (DifResult *const *parts, guint n);

/**
 * _dif_run_open:
 * @run: zeroed but for progress, seed and share
 * @pipe: a pipeline
 * @rq: a request
 * @backend: the pipeline's, or one that plans for it
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Checks the request against the model and readies the run; to be undone by
 * _dif_run_clear() whether it succeeds or not.
 *
 * Errors: those of dif_pipeline_run() that come before the first op.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_open (DifRun *run, DifPipeline *pipe, DifRequest *rq, DifBackend *backend,
                        GCancellable *cancellable, GError **error);

/**
 * _dif_run_clear:
 * @run: a run; what it took is given back
 */
void _dif_run_clear (DifRun *run);

/**
 * _dif_run_make_room:
 * @run: an open run
 * @error: return location
 *
 * On a device that can tell: finds out what the run will take and makes room
 * for it, before anything is computed.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY: what is needed, what there is, and
 * what would fit.
 *
 * Returns: FALSE on error
 */
gboolean _dif_run_make_room (DifRun *run, GError **error);

/**
 * _dif_run_part_begin:
 * @run: a run whose scheduler has timesteps
 * @start: part of the way that lies behind, above 0 and below 1
 *
 * Returns: the first call to make; that of n_calls if none is left
 */
guint _dif_run_part_begin (DifRun *run, double start);

G_END_DECLS

#endif /* DIF_RUN_PIPELINE_PRIVATE_H */
