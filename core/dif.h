/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dif.h - libdif: Stable Diffusion in C.
 *
 * The one header that programs include.  Start at pipelines/pipeline.h; the
 * parts below it are for denoising loops by hand.
 */
#ifndef DIF_H
#define DIF_H

#include "dif-types.h"

#include "base/error.h"
#include "base/fill.h"
#include "base/hub-cache.h"
#include "base/image-fit.h"
#include "base/image.h"
#include "base/json.h"
#include "base/params.h"
#include "base/progress.h"
#include "base/rng.h"
#include "families/templates.h"
#include "formats/catalog.h"
#include "formats/checkpoint.h"
#include "formats/embedding.h"
#include "formats/fingerprint.h"
#include "formats/gguf.h"
#include "formats/lora.h"
#include "formats/safetensors.h"
#include "models/clip-processor.h"
#include "models/clip-text.h"
#include "models/clip-vision.h"
#include "models/denoiser.h"
#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "models/model.h"
#include "models/safety-checker.h"
#include "models/unet.h"
#include "models/unet2d.h"
#include "models/vae.h"
#include "pipelines/open-checkpoint.h"
#include "pipelines/pipeline.h"
#include "pipelines/presets.h"
#include "pipelines/requests.h"
#include "pipelines/vocabulary.h"
#include "run/request.h"
#include "run/safety.h"
#include "run/template.h"
#include "schedulers/scheduler.h"
#include "tasks/tasks.h"
#include "tensor/backend.h"
#include "tensor/context.h"
#include "tensor/graph.h"
#include "tensor/host-array.h"
#include "tensor/loader.h"
#include "tensor/ops.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"
#include "tensor/weights.h"
#include "text/bpe.h"
#include "text/import.h"
#include "text/prompt-weights.h"

#endif /* DIF_H */
