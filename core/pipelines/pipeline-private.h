/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-private.h - a loaded model, inside pipelines/. */
#ifndef DIF_PIPELINES_PIPELINE_PRIVATE_H
#define DIF_PIPELINES_PIPELINE_PRIVATE_H

#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "pipelines/task.h"

G_BEGIN_DECLS

struct _DifPipeline
{
  DifCheckpoint  *checkpoint;
  DifBackend     *backend;
  DifDtype        dtype;
  DifTokenizer   *tokenizer;
  DifClipText    *text;
  DifUnet        *unet;
  DifVae         *vae;
  DifUnet2d      *unet2d; /* instead of the four above */
  DifDpt         *depth;  /* of a depth2img model; may be NULL */
  DifStore       *stores[4];
  DifJson        *scheduler_config;
  DifDptProcessor depth_processor; /* where there is @depth */
  char           *scheduler_class;
  DifJson        *presets; /* dif.json: the checkpoint's own defaults; may be NULL */
  DifDumpFunc     dump;
  gpointer        dump_data;
  DifProfileFunc  profile;
  gpointer        profile_data;
  double          load_seconds;
};

/**
 * _dif_pipeline_unet_kind:
 * @pipe: a pipeline
 *
 * Returns: what the U-Net is made for, read off its input channels; 0 if they
 * fit nothing known
 */
DifUnetKind _dif_pipeline_unet_kind (DifPipeline *pipe);

G_END_DECLS

#endif /* DIF_PIPELINES_PIPELINE_PRIVATE_H */
