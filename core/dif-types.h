/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dif-types.h - the names every other header needs.
 *
 * Opaque types and enumerations only; includes nothing but GLib, so that any
 * core header can be read (and compiled) by itself.
 */
#ifndef DIF_TYPES_H
#define DIF_TYPES_H

#include "dif-types.h"

#include <gio/gio.h>
#include <glib-object.h>

/**
 * DIF_API:
 *
 * What programs may call; all else of libdif is hidden from them.
 */
#define DIF_API __attribute__ ((visibility ("default")))

G_BEGIN_DECLS

/* base/ */
typedef struct _DifImage DifImage;
typedef struct _DifJson  DifJson;
typedef struct _DifRng   DifRng;

/* tensor/ */
typedef struct _DifTensor       DifTensor;
typedef struct _DifContext      DifContext;
typedef struct _DifBackend      DifBackend;
typedef struct _DifBackendClass DifBackendClass;
typedef struct _DifWeights      DifWeights;
typedef struct _DifLoader       DifLoader;
typedef struct _DifStore        DifStore;
typedef struct _DifLinear       DifLinear;
typedef struct _DifConv         DifConv;
typedef struct _DifNorm         DifNorm;
typedef struct _DifTable        DifTable;

/* formats/, text/ */
typedef struct _DifCheckpoint DifCheckpoint;
typedef struct _DifTokenizer  DifTokenizer;

/* models/ */
typedef struct _DifAutoencoderClass DifAutoencoderClass;
typedef struct _DifClipProcessor    DifClipProcessor;
typedef struct _DifClipText         DifClipText;
typedef struct _DifClipVision       DifClipVision;
typedef struct _DifDenoiserClass    DifDenoiserClass;
typedef struct _DifDpt              DifDpt;
typedef struct _DifFlux             DifFlux;
typedef struct _DifFlux2            DifFlux2;
typedef struct _DifQwen3            DifQwen3;
typedef struct _DifSafetyChecker    DifSafetyChecker;
typedef struct _DifSd3              DifSd3;
typedef struct _DifT5               DifT5;
typedef struct _DifTextEncoderClass DifTextEncoderClass;
typedef struct _DifUnet             DifUnet;
typedef struct _DifUnet2d           DifUnet2d;
typedef struct _DifVae              DifVae;
typedef struct _DifZimage           DifZimage;

/* schedulers/ */
typedef struct _DifScheduler      DifScheduler;
typedef struct _DifSchedulerClass DifSchedulerClass;

/* run/ */
typedef struct _DifFamilyClass  DifFamilyClass;
typedef struct _DifSingleFamily DifSingleFamily;
typedef struct _DifRequest      DifRequest;
typedef struct _DifTaskClass    DifTaskClass;

/* pipelines/ */
typedef struct _DifPipeline DifPipeline;
typedef struct _DifResult   DifResult;

/**
 * DifDtype:
 * @DIF_F32: IEEE single
 * @DIF_BF16: the upper half of an IEEE single
 * @DIF_F16: IEEE half
 * @DIF_I32: 32-bit signed
 * @DIF_I64: 64-bit signed
 *
 * Element types of tensors.  Activations are floating; integers are ids.
 */
typedef enum
{
  DIF_F32,
  DIF_BF16,
  DIF_F16,
  DIF_I32,
  DIF_I64
} DifDtype;

/**
 * DifAct:
 * @DIF_ACT_NONE: x
 * @DIF_ACT_SILU: x * sigmoid (x)
 * @DIF_ACT_GELU: x * Phi (x), by erf
 * @DIF_ACT_QUICK_GELU: x * sigmoid (1.702 x), OpenAI CLIP's
 * @DIF_ACT_RELU: max (x, 0)
 * @DIF_ACT_GELU_TANH: x * (1 + tanh (sqrt (2 / pi) (x + 0.044715 x^3))) / 2
 * @DIF_ACT_TANH: tanh (x)
 * @DIF_ACT_SIGMOID: 1 / (1 + exp (-x))
 * @DIF_ACT_LEAKY_RELU: x, or 0.2 x where that is negative, ESRGAN's
 *
 * Element-wise non-linearities, fused into the op that produces x where a
 * backend can.
 */
typedef enum
{
  DIF_ACT_NONE,
  DIF_ACT_SILU,
  DIF_ACT_GELU,
  DIF_ACT_QUICK_GELU,
  DIF_ACT_RELU,
  DIF_ACT_GELU_TANH,
  DIF_ACT_TANH,
  DIF_ACT_SIGMOID,
  DIF_ACT_LEAKY_RELU
} DifAct;

G_END_DECLS

#endif /* DIF_TYPES_H */
