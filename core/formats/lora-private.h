/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-private.h - a LoRA's modules, for lora.c and lora-merge.c. */
#ifndef DIF_FORMATS_LORA_PRIVATE_H
#define DIF_FORMATS_LORA_PRIVATE_H

#include "formats/lora.h"

G_BEGIN_DECLS

/**
 * DifLoraModule:
 * @key: as the file spells it
 * @part: the part it changes
 * @name: canonical name without ".weight", or what kohya's scripts make of it
 * @flat: whether @name has underscores for dots
 * @down: `[rank, in]` or `[rank, in, kh, kw]`
 * @up: `[out, rank]` or `[out, rank, 1, 1]`
 * @mid: `[rank, rank, kh, kw]`, or no data
 * @alpha: (nullable): one number; NULL if the file states none beside it
 * @scale: what the product is multiplied by: alpha / rank, 1 without an alpha
 * @bound: whether the tensor it changes has been found
 */
typedef struct
{
  char               *key;
  const char         *part;
  char               *name;
  gboolean            flat;
  DifHostArray        down, up, mid;
  const DifHostArray *alpha;
  double              scale;
  gboolean            bound;
} DifLoraModule;

struct _DifLora
{
  char       *path;
  DifWeights *tensors; /* as spelled */
  GPtrArray  *modules; /* of DifLoraModule, in order of their keys */
};

/**
 * _dif_lora_rank:
 * @m: a module
 *
 * Returns: its rank
 */
gsize _dif_lora_rank (const DifLoraModule *m);

G_END_DECLS

#endif /* DIF_FORMATS_LORA_PRIVATE_H */
