/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* image.h - pictures given to a task, and resizing them as Pillow does.
 *
 * Knows no file format.  Values are R'G'B' (sRGB curve) or gray in [0, 1].
 * An image remembers whether all its values are multiples of 1/255: those are
 * resized in Pillow's 8-bit arithmetic, so that a picture read from a file
 * gives bit for bit what diffusers sees; others in floating point.
 */
#ifndef DIF_BASE_IMAGE_H
#define DIF_BASE_IMAGE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_IMAGE_MAX_SIDE: wider or higher images are refused by front ends, in pixels. */
#define DIF_IMAGE_MAX_SIDE 32768

/**
 * DifFilter:
 * @DIF_FILTER_NEAREST: no interpolation
 * @DIF_FILTER_BILINEAR: triangle, support 1
 * @DIF_FILTER_BICUBIC: a = -0.5, support 2
 * @DIF_FILTER_LANCZOS: Lanczos-3, support 3
 *
 * Pillow's resampling filters; all but the first widen when shrinking.
 */
typedef enum
{
  DIF_FILTER_NEAREST,
  DIF_FILTER_BILINEAR,
  DIF_FILTER_BICUBIC,
  DIF_FILTER_LANCZOS
} DifFilter;

/**
 * dif_image_new:
 * @width: pixels, at least 1
 * @height: pixels, at least 1
 * @channels: 1 (gray) or 3 (R'G'B')
 * @pixels: (nullable): `[height, width, channels]`, copied; NULL for black
 *
 * Values outside [0, 1] are clamped; NaN becomes 0.
 *
 * Returns: (transfer full) (nullable): an image; NULL if memory runs out
 */
DIF_API DifImage *dif_image_new (guint width, guint height, guint channels, const float *pixels);

/**
 * dif_image_new_8bit:
 * @width: pixels, at least 1
 * @height: pixels, at least 1
 * @channels: 1 or 3
 * @pixels: rows of @channels bytes a pixel
 * @stride: bytes from one row to the next
 * @pixel_stride: bytes from one pixel to the next, at least @channels; what
 *   lies between (an alpha channel) is skipped
 *
 * Returns: (transfer full) (nullable): an image; NULL if memory runs out
 */
DIF_API DifImage *dif_image_new_8bit (guint width, guint height, guint channels,
                                      const guint8 *pixels,
                                      gsize stride, guint pixel_stride);

/**
 * dif_image_ref:
 * @image: an image; it is never changed once made
 *
 * Returns: (transfer full): @image
 */
DIF_API DifImage *dif_image_ref (DifImage *image);

/**
 * dif_image_unref:
 * @image: (nullable) (transfer full): an image
 */
DIF_API void dif_image_unref (DifImage *image);

/**
 * dif_image_width: dif_image_height: dif_image_channels:
 * @image: an image
 *
 * Returns: its size in pixels; 1 or 3 channels
 */
DIF_API guint dif_image_width (DifImage *image);
DIF_API guint dif_image_height (DifImage *image);
DIF_API guint dif_image_channels (DifImage *image);

/**
 * dif_image_is_8bit:
 * @image: an image
 *
 * Returns: whether all its values are multiples of 1/255
 */
DIF_API gboolean dif_image_is_8bit (DifImage *image);

/**
 * dif_image_pixels:
 * @image: an image
 *
 * Returns: (transfer none): `[height, width, channels]`, in [0, 1]
 */
DIF_API const float *dif_image_pixels (DifImage *image);

/**
 * dif_image_resize:
 * @image: an image
 * @width: new width
 * @height: new height
 * @filter: how
 *
 * One pass for each direction, in the order that Pillow 13 takes (earlier ones
 * always began with rows); 8-bit images are rounded after each, as its
 * Image.resize does.
 *
 * Returns: (transfer full) (nullable): @image itself if it has that size;
 * NULL if memory runs out
 */
DIF_API DifImage *dif_image_resize (DifImage *image, guint width, guint height, DifFilter filter);

/**
 * dif_image_crop:
 * @image: an image
 * @x: first column
 * @y: first row
 * @width: columns, inside the image
 * @height: rows, inside the image
 *
 * Returns: (transfer full) (nullable): the part; NULL if memory runs out
 */
DIF_API DifImage *dif_image_crop (DifImage *image, guint x, guint y, guint width, guint height);

/**
 * dif_image_to_gray:
 * @image: an image
 *
 * Pillow's conversion to "L": (19595 R + 38470 G + 7471 B + 32768) >> 16 for
 * 8-bit images, the same weights otherwise.
 *
 * Returns: (transfer full) (nullable): one channel; NULL if memory runs out
 */
DIF_API DifImage *dif_image_to_gray (DifImage *image);

/**
 * dif_image_to_rgb:
 * @image: an image
 *
 * Returns: (transfer full) (nullable): three channels; NULL if memory runs out
 */
DIF_API DifImage *dif_image_to_rgb (DifImage *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifImage, dif_image_unref)

G_END_DECLS

#endif /* DIF_BASE_IMAGE_H */
