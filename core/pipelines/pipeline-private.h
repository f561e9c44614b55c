/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-private.h - a loaded model, inside pipelines/. */
#ifndef DIF_PIPELINES_PIPELINE_PRIVATE_H
#define DIF_PIPELINES_PIPELINE_PRIVATE_H

#include "pipelines/family.h"
#include "pipelines/task.h"

G_BEGIN_DECLS

struct _DifPipeline
{
  DifCheckpoint *checkpoint;
  DifBackend    *backend;
  DifDtype       dtype;

  const DifFamily *family;
  DifTokenizer    *tokenizer;
  DifClipText     *text;       /* NULL for SDXL's refiner */
  DifTokenizer    *tokenizer2; /* these two: SDXL only */
  DifClipText     *text2;
  DifUnet         *unet;
  DifVae          *vae;
  DifUnet2d       *unet2d; /* instead of all above */
  DifStore        *stores[4];
  DifDtype         encoder_dtype, decoder_dtype; /* of the VAE's halves */
  gboolean         zeros_for_empty;              /* force_zeros_for_empty_prompt */
  gboolean         wants_score;                  /* requires_aesthetics_score */

  DifJson       *scheduler_config;
  char          *scheduler_class;
  DifJson       *presets; /* dif.json: the checkpoint's own defaults; may be NULL */
  DifDumpFunc    dump;
  gpointer       dump_data;
  DifProfileFunc profile;
  gpointer       profile_data;
  double         load_seconds;
};

/**
 * _dif_pipeline_unet_kind:
 * @pipe: a pipeline
 *
 * Returns: what the U-Net is made for, read off its input channels; 0 if they
 * fit nothing known
 */
DifUnetKind _dif_pipeline_unet_kind (DifPipeline *pipe);

/**
 * _dif_run_part_begin:
 * @run: a run whose scheduler has timesteps
 * @start: part of the way that lies behind, above 0 and below 1
 *
 * Returns: the first call to make; that of n_calls if none is left
 */
guint _dif_run_part_begin (DifRun *run, double start);

G_END_DECLS

#endif /* DIF_PIPELINES_PIPELINE_PRIVATE_H */
