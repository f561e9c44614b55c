/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-move.h - ops that move elements and compute little.
 *
 * What holds for all ops stands in ops.h.
 */
#ifndef DIF_TENSOR_OPS_MOVE_H
#define DIF_TENSOR_OPS_MOVE_H

#include "tensor/backend.h"
#include "tensor/context.h"

G_BEGIN_DECLS

/**
 * dif_concat:
 * @cx: a context
 * @a: `[.., Ca]`
 * @b: `[.., Cb]`, other dimensions as @a's
 *
 * Returns: `[.., Ca + Cb]`
 */
DIF_API DifTensor *dif_concat (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_concat_batch:
 * @cx: a context
 * @a: `[Na, ..]`
 * @b: `[Nb, ..]`, other dimensions as @a's
 *
 * Returns: `[Na + Nb, ..]`
 */
DIF_API DifTensor *dif_concat_batch (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_repeat_batch:
 * @cx: a context
 * @one: `[1, ..]`
 * @n: how often, at least once
 *
 * Returns: `[n, ..]`
 */
DIF_API DifTensor *dif_repeat_batch (DifContext *cx, DifTensor *one, guint n);

/**
 * dif_slice_batch:
 * @cx: a context
 * @x: `[N, ..]`
 * @first: first item
 * @count: items, @first + @count at most N
 *
 * Returns: `[count, ..]`, a view
 */
DIF_API DifTensor *dif_slice_batch (DifContext *cx, DifTensor *x, gsize first, gsize count);

/**
 * dif_slice_tokens:
 * @cx: a context
 * @x: `[N, T, C]`, may be a view
 * @first: first token
 * @count: tokens, @first + @count at most T
 *
 * Returns: `[N, count, C]`, a view
 */
DIF_API DifTensor *dif_slice_tokens (DifContext *cx, DifTensor *x, gsize first, gsize count);

/**
 * dif_slice_channels:
 * @cx: a context
 * @x: `[N, .., C]`, may be a view
 * @first: first channel
 * @count: channels, @first + @count at most C
 *
 * Returns: `[N, .., count]`, a view
 */
DIF_API DifTensor *dif_slice_channels (DifContext *cx, DifTensor *x, gsize first, gsize count);

/**
 * dif_contiguous:
 * @cx: a context
 * @x: any shape
 *
 * What ops do themselves to views that they do not take.
 *
 * Returns: @x itself unless it is a view whose rows lie apart
 */
DIF_API DifTensor *dif_contiguous (DifContext *cx, DifTensor *x);

/**
 * dif_permute:
 * @cx: a context
 * @x: any shape
 * @p: how it is read, inside its span
 * @shape: of the result, with as many elements as @p reads
 *
 * Transpositions, patches, repetitions.
 *
 * Returns: a tensor of @shape
 */
DIF_API DifTensor *dif_permute (DifContext *cx, DifTensor *x, const DifPermutation *p,
                                DifShape shape);

/**
 * dif_patchify: dif_unpatchify:
 * @cx: a context
 * @x: `[N, p H, p W, C]`, or `[N, H, W, p p C]` for the way back
 * @p: side of a patch
 * @channels_first: whether a patch's channels are C times p p (FLUX), rather than
 *   p p times C (Z-Image, SD 3)
 *
 * Returns: `[N, H, W, p p C]`, or `[N, p H, p W, C]`
 */
DIF_API DifTensor *dif_patchify (DifContext *cx, DifTensor *x, guint p, gboolean channels_first);
DIF_API DifTensor *dif_unpatchify (DifContext *cx, DifTensor *x, guint p, gboolean channels_first);

/**
 * dif_concat_tokens:
 * @cx: a context
 * @a: `[N, Ta, C]`
 * @b: `[N, Tb, C]`
 *
 * Returns: `[N, Ta + Tb, C]`
 */
DIF_API DifTensor *dif_concat_tokens (DifContext *cx, DifTensor *a, DifTensor *b);

/**
 * dif_reshape:
 * @cx: a context
 * @x: any shape
 * @shape: another with as many elements
 *
 * Returns: a view
 */
DIF_API DifTensor *dif_reshape (DifContext *cx, DifTensor *x, DifShape shape);

/**
 * dif_upsample_nearest:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @height: H', at least 1
 * @width: W', at least 1
 *
 * Source: torch interpolate, mode nearest.
 *
 * Returns: `[N, H', W', C]`
 */
DIF_API DifTensor *dif_upsample_nearest (DifContext *cx, DifTensor *x, gsize height, gsize width);

/**
 * dif_gather:
 * @cx: a context
 * @x: `[N, .., C]`, taken as `[N, R, C]`
 * @g: which rows make which; one not below R fails with SHAPE
 *
 * Returns: `[N, n_out, C]`
 */
DIF_API DifTensor *dif_gather (DifContext *cx, DifTensor *x, const DifGather *g);

/**
 * dif_embed:
 * @cx: a context
 * @table: `[rows, D]`
 * @ids: (array length=n): row numbers; one out of range fails with SHAPE
 * @n: count
 *
 * Returns: `[n, D]`
 */
DIF_API DifTensor *dif_embed (DifContext *cx, const DifTable *table, const gint32 *ids, gsize n);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_MOVE_H */
