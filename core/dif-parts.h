/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dif-parts.h - the parts of which pipelines are built: tensors, files, networks,
 * schedulers, tokenizers.
 *
 * A loop by hand takes them from a loaded pipeline (dif_pipeline_part()) or loads them itself.
 */
#ifndef DIF_PARTS_H
#define DIF_PARTS_H

#include "dif.h"

#include "base/file.h"
#include "base/rng.h"
#include "families/templates.h"
#include "formats/embedding.h"
#include "formats/gguf.h"
#include "formats/lora.h"
#include "models/autoencoder.h"
#include "models/clip-processor.h"
#include "models/clip-text.h"
#include "models/clip-vision.h"
#include "models/denoiser.h"
#include "models/dpt-processor.h"
#include "models/dpt.h"
#include "models/flux.h"
#include "models/flux2.h"
#include "models/model.h"
#include "models/qwen3.h"
#include "models/safety-checker.h"
#include "models/sd3.h"
#include "models/t5.h"
#include "models/text-encoder.h"
#include "models/unet.h"
#include "models/unet2d.h"
#include "models/vae.h"
#include "models/zimage.h"
#include "run/template.h"
#include "schedulers/scheduler.h"
#include "tensor/backend.h"
#include "tensor/context.h"
#include "tensor/graph.h"
#include "tensor/host-array.h"
#include "tensor/loader.h"
#include "tensor/ops-attention.h"
#include "tensor/ops-elementwise.h"
#include "tensor/ops-move.h"
#include "tensor/ops-norm.h"
#include "tensor/ops-product.h"
#include "tensor/ops.h"
#include "tensor/overlay.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"
#include "tensor/weights.h"
#include "text/chat.h"
#include "text/import.h"

#endif /* DIF_PARTS_H */
