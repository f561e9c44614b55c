/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* image-fit.h - pictures brought to a size with their aspect ratio kept, and
 * put back where they were cut from.
 *
 * Source: diffusers VaeImageProcessor, which has Pillow do it in 8 bits.
 */
#ifndef DIF_BASE_IMAGE_FIT_H
#define DIF_BASE_IMAGE_FIT_H

#include "base/image.h"

G_BEGIN_DECLS

/**
 * DifCrop:
 * @x: first column
 * @y: first row
 * @width: columns
 * @height: rows
 *
 * A part of a picture.
 */
typedef struct
{
  guint x, y, width, height;
} DifCrop;

/**
 * dif_crop_around:
 * @gray: a mask of one channel; what is not 0 is meant
 * @width: of what will be drawn
 * @height: of what will be drawn
 * @padding: pixels around
 * @crop: (out): inside @gray
 *
 * What is meant and its surroundings, made as wide or as high as the aspect
 * ratio of @width to @height asks for, as far as the mask reaches.
 *
 * Source: get_crop_region.
 *
 * Returns: FALSE if the mask is 0 throughout
 */
DIF_API gboolean dif_crop_around (DifImage *gray, guint width, guint height, guint padding,
                                  DifCrop *crop);

/**
 * dif_image_fit_inside:
 * @image: an image
 * @width: wanted
 * @height: wanted
 *
 * The whole image (Lanczos), with its border drawn out to the sides where it is
 * too small.
 *
 * Source: resize_mode "fill".
 *
 * Returns: (transfer full) (nullable): NULL if memory runs out
 */
DIF_API DifImage *dif_image_fit_inside (DifImage *image, guint width, guint height);

/**
 * dif_image_fit_over:
 * @image: an image
 * @width: wanted
 * @height: wanted
 *
 * As much of the middle of the image (Lanczos) as there is room for.
 *
 * Source: resize_mode "crop".
 *
 * Returns: (transfer full) (nullable): NULL if memory runs out
 */
DIF_API DifImage *dif_image_fit_over (DifImage *image, guint width, guint height);

/**
 * dif_image_put_back:
 * @image: the whole picture, of three channels
 * @gray: its mask, of one channel: white takes @part, black keeps @image
 * @part: of three channels and @crop's size
 * @crop: where @part belongs
 *
 * Source: apply_overlay.  Where the mask is black, pixels are @image's own.
 *
 * Returns: (transfer full) (nullable): NULL if memory runs out
 */
DIF_API DifImage *dif_image_put_back (DifImage *image, DifImage *gray, DifImage *part,
                                      const DifCrop *crop);

G_END_DECLS

#endif /* DIF_BASE_IMAGE_FIT_H */
