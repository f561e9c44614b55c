/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* depth.h - depth maps: their size and their range. */
#ifndef DIF_TASKS_DEPTH_H
#define DIF_TASKS_DEPTH_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_depth_resize:
 * @depth: (array): `[height, width]`
 * @height: rows of @depth
 * @width: columns of @depth
 * @new_height: rows wanted
 * @new_width: columns wanted
 *
 * Bicubic with a = -0.75 over 4 x 4 pixels whatever the scale, edges repeated.
 *
 * Source: torch interpolate, mode bicubic, align_corners false.
 *
 * Returns: (transfer full) (nullable): `[new_height, new_width]`, in about
 * @depth's range; NULL if memory runs out
 */
float *dif_depth_resize (const float *depth, gsize height, gsize width, gsize new_height,
                         gsize new_width);

/**
 * dif_depth_normalize:
 * @depth: (array length=n): changed in place
 * @n: count, at least 1
 * @lo: what the least becomes
 * @hi: what the greatest becomes
 *
 * A flat map, for which diffusers computes 0 / 0, becomes the middle of the
 * range: nothing is nearer than anything else.
 *
 * Returns: FALSE, @depth unchanged, if a number is not finite
 */
gboolean dif_depth_normalize (float *depth, gsize n, float lo, float hi);

G_END_DECLS

#endif /* DIF_TASKS_DEPTH_H */
