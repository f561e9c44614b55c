/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* loader-private.h - what a store remembers of its weights, to prepare one again. */
#ifndef DIF_TENSOR_LOADER_PRIVATE_H
#define DIF_TENSOR_LOADER_PRIVATE_H

#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifStoreItem:
 * @spec: what was wanted; its names are full, and the store's own
 * @dtype: what it was prepared for
 * @weight: the DifLinear, DifConv, DifNorm or DifTable
 * @prepared: the backend's, as @weight has it
 * @bytes: memory that takes
 * @side_bytes: memory of what is beside it
 * @merged: whether it was prepared from changed tensors
 */
typedef struct
{
  DifWeightSpec spec;
  DifDtype      dtype;
  gpointer      weight, prepared;
  gsize         bytes, side_bytes;
  gboolean      merged;
} DifStoreItem;

struct _DifStore
{
  DifBackend *backend;
  GArray     *items; /* of DifStoreItem */
  gsize       bytes;
};

/**
 * _dif_loader_prepare:
 * @l: a loader
 * @store: whose item it is
 * @item: a weight; what was prepared of it before is freed once there is the new
 *
 * Returns: FALSE, and nothing changed, after a failure or in a dry run
 */
gboolean _dif_loader_prepare (DifLoader *l, DifStore *store, DifStoreItem *item);

/**
 * _dif_store_set_side:
 * @store: a store
 * @item: one of its weights
 * @side: (nullable) (transfer full): what is beside it from now on; the one before is freed
 * @bytes: memory it takes
 */
void _dif_store_set_side (DifStore *store, DifStoreItem *item, DifSide *side, gsize bytes);

G_END_DECLS

#endif /* DIF_TENSOR_LOADER_PRIVATE_H */
