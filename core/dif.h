/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dif.h - libdif: diffusion models in C.
 *
 * What programs include that have pictures drawn; start at pipelines/pipeline.h.
 * Whoever builds a denoising loop by hand includes dif-parts.h.
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
#include "base/new-file.h"
#include "base/params.h"
#include "base/progress.h"
#include "formats/catalog.h"
#include "formats/checkpoint.h"
#include "formats/fingerprint.h"
#include "formats/safetensors.h"
#include "pipelines/adapters.h"
#include "pipelines/open-checkpoint.h"
#include "pipelines/pipeline.h"
#include "pipelines/presets.h"
#include "pipelines/requests.h"
#include "pipelines/vocabulary.h"
#include "run/request.h"
#include "run/safety.h"
#include "tasks/tasks.h"
#include "text/prompt-weights.h"
#include "text/tokenizer.h"

#endif /* DIF_H */
