/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tensor.h - an array on a backend.
 *
 * Images are [N, H, W, C] (channels last), tokens [N, T, C]: the same memory
 * when T = H * W.  A slice of channels or of tokens is a view whose rows lie
 * apart (dif_tensor_slice()); all else is contiguous.  A tensor returned by an
 * op belongs to the context's current scope; dif_tensor_ref() makes it outlive
 * it.  The inert tensor, which ops on a failed context return, has no
 * dimensions and no data.
 */
#ifndef DIF_TENSOR_TENSOR_H
#define DIF_TENSOR_TENSOR_H

#include "tensor/shape.h"

G_BEGIN_DECLS

/**
 * DifTensor:
 * @shape: dimensions
 * @dtype: element type
 * @data: the elements, in the backend's memory; for cpu and ref a host
 *   pointer, 64-byte aligned unless the tensor is a slice
 * @bytes: of its elements, without what may lie between them
 * @item: elements from one item (of the first dimension) to the next
 * @row: elements from one row (the last dimension) to the next of an item
 *
 * The fields are read-only outside tensor/.
 */
struct _DifTensor
{
  DifShape    shape;
  DifDtype    dtype;
  gpointer    data;
  gsize       bytes;
  gsize       item, row;
  DifBackend *backend;
  DifTensor  *base; /* keeps the memory of a view alive; NULL if it owns */
  gint        ref_count;
};

/**
 * dif_tensor_ref:
 * @t: a tensor
 *
 * Returns: (transfer full): @t
 */
DIF_API DifTensor *dif_tensor_ref (DifTensor *t);

/**
 * dif_tensor_unref:
 * @t: (nullable) (transfer full): a tensor; the last reference frees its memory
 */
DIF_API void dif_tensor_unref (DifTensor *t);

/**
 * dif_tensor_dim:
 * @t: a tensor
 * @i: which dimension; negative counts from the last, -1 being the last
 *
 * Returns: the dimension, or 0 if @t is inert or has no such dimension
 */
DIF_API gsize dif_tensor_dim (const DifTensor *t, int i);

/**
 * dif_tensor_count:
 * @t: a tensor
 *
 * Returns: number of elements; 0 for the inert tensor
 */
DIF_API gsize dif_tensor_count (const DifTensor *t);

/**
 * dif_tensor_new:
 * @backend: where it lives
 * @dtype: element type
 * @shape: dimensions, all positive
 * @error: return location
 *
 * The memory is not initialised.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: (transfer full) (nullable): a tensor
 */
DIF_API DifTensor *dif_tensor_new (DifBackend *backend, DifDtype dtype, const DifShape *shape,
                                   GError **error);

/**
 * dif_tensor_view:
 * @base: a tensor
 * @offset: first element of the view
 * @shape: dimensions of the view; @offset + its count must lie inside @base
 *
 * Returns: (transfer full): shares @base's memory
 */
DIF_API DifTensor *dif_tensor_view (DifTensor *base, gsize offset, const DifShape *shape);

/**
 * dif_tensor_slice:
 * @base: a tensor
 * @offset: element of @base's memory, counted from its first, where the view begins
 * @shape: dimensions of the view, at least one
 * @item: elements from item to item
 * @row: elements from row to row inside an item; not read if an item is a row
 *
 * A view whose rows lie apart.  What dif_tensor_span() says must lie inside
 * the span of @base.
 *
 * Returns: (transfer full): shares @base's memory
 */
DIF_API DifTensor *dif_tensor_slice (DifTensor *base, gsize offset, const DifShape *shape,
                                     gsize item,
                                     gsize row);

/**
 * dif_tensor_rows:
 * @t: a tensor that is not inert
 *
 * Returns: rows of the last dimension in an item of the first: 1 for two dimensions
 */
DIF_API gsize dif_tensor_rows (const DifTensor *t);

/**
 * dif_tensor_row_at:
 * @t: a tensor
 * @per_item: dif_tensor_rows()
 * @r: a row, counted through all items
 *
 * Returns: the element where row @r begins
 */
static inline gsize
dif_tensor_row_at (const DifTensor *t, gsize per_item, gsize r)
{
  return r / per_item * t->item + r % per_item * t->row;
}

/**
 * dif_tensor_span:
 * @t: a tensor that is not inert
 *
 * Returns: elements from its first to its last, both counted
 */
DIF_API gsize dif_tensor_span (const DifTensor *t);

/**
 * dif_tensor_is_contiguous:
 * @t: a tensor
 *
 * Returns: whether nothing lies between its elements
 */
DIF_API gboolean dif_tensor_is_contiguous (const DifTensor *t);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifTensor, dif_tensor_unref)

G_END_DECLS

#endif /* DIF_TENSOR_TENSOR_H */
