/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* resample.h - what models do with the pixels of a picture, by dif_gather().
 *
 * Errors are those of ops.h.
 */
#ifndef DIF_TENSOR_RESAMPLE_H
#define DIF_TENSOR_RESAMPLE_H

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_resize_bilinear:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @height: H', at least 1
 * @width: W', at least 1
 * @align_corners: whether corner pixels' centres coincide, rather than the
 *   pictures' corners
 *
 * Source: torch interpolate, mode bilinear, without antialiasing.
 *
 * Returns: `[N, H', W', C]`; @x itself if it has that size
 */
DifTensor *dif_resize_bilinear (DifContext *cx, DifTensor *x, gsize height, gsize width,
                                gboolean align_corners);

/**
 * dif_max_pool:
 * @cx: a context
 * @x: `[N, H, W, C]`
 * @k: side of the window
 * @spec: stride, and rows and columns of zeros around @x, which count as pixels
 *
 * Source: torch max_pool2d of a zero-padded picture.
 *
 * Returns: `[N, H', W', C]`, sizes as for a convolution
 */
DifTensor *dif_max_pool (DifContext *cx, DifTensor *x, guint k, const DifConvSpec *spec);

/**
 * dif_pixel_shuffle:
 * @cx: a context
 * @x: `[N, H, W, k k C]`: rows, then columns of a pixel's square, then channels
 * @k: side of the square
 *
 * Behind a product this is torch's ConvTranspose2d with a stride of its side.
 *
 * Returns: `[N, k H, k W, C]`
 */
DifTensor *dif_pixel_shuffle (DifContext *cx, DifTensor *x, guint k);

/**
 * dif_repeat_row:
 * @cx: a context
 * @x: `[N, R, C]`
 * @row: which, below R
 * @count: how often
 *
 * Returns: `[N, count, C]`
 */
DifTensor *dif_repeat_row (DifContext *cx, DifTensor *x, gsize row, gsize count);

G_END_DECLS

#endif /* DIF_TENSOR_RESAMPLE_H */
