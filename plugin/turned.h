/* SPDX-License-Identifier: GPL-3.0-or-later */
/* turned.h - whether a mask is another one, flipped or turned.
 *
 * Pure arithmetic: knows no GIMP.  When a canvas is flipped, so are its layer masks,
 * and nothing else tells.
 */
#ifndef DIF_PLUGIN_TURNED_H
#define DIF_PLUGIN_TURNED_H

#include <glib.h>

G_BEGIN_DECLS

/** DIF_TURNED_GRID: masks are compared at as many points, each way. */
#define DIF_TURNED_GRID 128

/**
 * dif_turned_point:
 * @i: below %DIF_TURNED_GRID
 * @length: pixels that there are
 *
 * Returns: the pixel to compare at; that of the mirrored point is mirrored
 */
guint dif_turned_point (guint i, guint length);

/**
 * dif_turned_is:
 * @then: `[grid, grid]` in [0, 1]: what it was
 * @now: `[grid, grid]` in [0, 1]: what it is
 * @is_square: whether a quarter turn keeps the shape
 *
 * A mask that was painted on, or whose edge was softened, is not turned: it is still
 * nearest to what it was.
 *
 * Returns: whether @now is clearly one of the mirror images or turns of @then rather
 * than @then
 */
gboolean dif_turned_is (const float *then, const float *now, gboolean is_square);

G_END_DECLS

#endif /* DIF_PLUGIN_TURNED_H */
