/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* overlay.h - changing weights that are prepared already, and taking the changes off again.
 *
 * A low-rank change is computed beside the weight, which stays as it is
 * (DifSide); where that would take too long, and for any other change, the
 * weight alone is prepared again from the file's changed tensors.  Which of the
 * two it is depends on the changes and on the file, never on what was laid over
 * before: the same changes always give the same numbers.
 */
#ifndef DIF_TENSOR_OVERLAY_H
#define DIF_TENSOR_OVERLAY_H

#include "tensor/loader.h"

G_BEGIN_DECLS

/**
 * DifChange:
 * @DIF_CHANGE_NONE: none
 * @DIF_CHANGE_LOW_RANK: the product of two factors is added, or, to a bias, a vector
 * @DIF_CHANGE_ANY: any other
 *
 * What becomes of a tensor; the greater covers the lesser.
 */
typedef enum
{
  DIF_CHANGE_NONE,
  DIF_CHANGE_LOW_RANK,
  DIF_CHANGE_ANY
} DifChange;

/**
 * DifOverlay:
 * @change: what becomes of the tensor of that full name, and of a low-rank
 *   change of a weight the sum of the ranks
 * @factors: fills in @down `[rank, n_columns]` and @up `[n_rows, rank]`, which
 *   holds how strong the change is; both are zeros before
 * @patch: changes a tensor's numbers in any way; also makes the vector that is
 *   added to a bias, of a tensor of zeros
 * @user_data: for all of them
 *
 * Changes of a part's tensors.
 */
typedef struct
{
  DifChange (*change) (const char *name, gsize *rank, gpointer user_data);
  gboolean (*factors) (const char *name, gsize rank, gsize n_rows, gsize n_columns, float *down,
                       float *up, gpointer user_data, GError **error);
  DifPatchFunc patch;
  gpointer     user_data;
} DifOverlay;

/**
 * dif_store_lay_over:
 * @store: a part's weights
 * @weights: the tensors that they were prepared from
 * @overlay: (nullable): what is laid over them from now on, in place of what
 *   was; NULL takes it off
 * @cancellable: (nullable): checked at every weight
 * @error: return location
 *
 * Reads and prepares no weight but those that are changed, or were.  After a
 * failure some have the changes before and some have these; the next call puts
 * all of them right.
 *
 * Errors: DIF_BACKEND_ERROR; G_IO_ERROR_CANCELLED; those of the loader and of
 * @overlay's functions.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_store_lay_over (DifStore *store, DifWeights *weights,
                                     const DifOverlay *overlay,
                                     GCancellable *cancellable, GError **error);

G_END_DECLS

#endif /* DIF_TENSOR_OVERLAY_H */
