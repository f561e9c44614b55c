/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fill.h - places of a picture filled from what lies around them. */
#ifndef DIF_BASE_FILL_H
#define DIF_BASE_FILL_H

#include "dif-types.h"

#include <glib.h>

G_BEGIN_DECLS

/**
 * dif_fill_smoothly:
 * @values: `[height, width, channels]`, changed where @known is 0
 * @width: columns
 * @height: rows
 * @channels: values a place
 * @known: `[height, width]`: not 0 where @values are to be kept
 *
 * Lays a membrane over the unknown places: Laplace's equation with the known
 * ones as its boundary and free ends at the picture's edges, from coarse to
 * fine.  No value lies outside the range of the known ones.
 *
 * Source: Pérez, Gangnet and Blake 2003, "Poisson Image Editing", eq. (2).
 *
 * Returns: FALSE if memory runs out, @values unchanged; TRUE otherwise, with
 * nothing changed if nothing is known
 */
DIF_API gboolean dif_fill_smoothly (float *values, guint width, guint height, guint channels,
                                    const guint8 *known);

/**
 * dif_fill_means:
 * @from: @n values @from_step apart, of at most 1000 either way
 * @from_step: in values
 * @to: @n places @to_step apart, none of them in @from
 * @to_step: in values
 * @n: how many, at least 1
 * @radius: in values
 *
 * Each place gets the mean of the values within @radius of its own; beyond its
 * ends the line goes on as it ends.  The running sum is of whole numbers, 2^-32
 * each, so that nothing is left of what has passed: zeros give zero.
 */
DIF_API void dif_fill_means (const float *from, gsize from_step, float *to, gsize to_step, guint n,
                             guint radius);

/**
 * dif_fill_blurred:
 * @values: `[height, width, channels]`, changed where @known is 0
 * @width: columns
 * @height: rows
 * @channels: values a place
 * @known: `[height, width]`: not 0 where @values are to be kept
 * @radius: in pixels
 *
 * Unknown places get the mean of everything around them, known or not: three
 * means over @radius each way, one after the other, which is nearly a Gaussian
 * of deviation @radius.  Beyond its edges the picture goes on as it ends.
 *
 * Returns: FALSE if memory runs out, @values unchanged
 */
DIF_API gboolean dif_fill_blurred (float *values, guint width, guint height, guint channels,
                                   const guint8 *known, guint radius);

G_END_DECLS

#endif /* DIF_BASE_FILL_H */
