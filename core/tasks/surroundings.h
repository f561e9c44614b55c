/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* surroundings.h - how a part of a picture that is repainted begins, and how
 * its colors are made to suit what lies around it.
 */
#ifndef DIF_TASKS_SURROUNDINGS_H
#define DIF_TASKS_SURROUNDINGS_H

#include <glib.h>

G_BEGIN_DECLS

/** dif_fill_choices: words for dif_surroundings_fill(), "keep" first. */
extern const char *const dif_fill_choices[];

/** dif_match_choices: words for dif_surroundings_match(), "off" first. */
extern const char *const dif_match_choices[];

/**
 * dif_surroundings_fill:
 * @picture: `[height, width, 3]` in [-1, 1], changed where @known is 0
 * @width: columns
 * @height: rows
 * @known: `[height, width]`: 0 for what is repainted
 * @how: "keep", "blurred" (the colors without the shapes), "border" (what lies
 *   around it goes on), "neutral" (gray) or "noise" (nothing here: the latents
 *   begin as noise alone)
 *
 * Returns: FALSE if memory runs out
 */
gboolean dif_surroundings_fill (float *picture, guint width, guint height, const guint8 *known,
                                const char *how);

/**
 * dif_surroundings_match:
 * @drawn: `[height, width, 3]`, about [-1, 1], changed
 * @picture: `[height, width, 3]` in [-1, 1], what it is drawn over
 * @width: columns
 * @height: rows
 * @known: `[height, width]`: 0 for what is repainted
 * @how: "off", "colors" (mean and deviation of every channel, as they are where
 *   both pictures should be the same) or "seamless" (what differs there is taken
 *   away everywhere, laid smoothly through what is repainted)
 *
 * Changes nothing if nothing is known.
 *
 * Source: for "colors" Reinhard et al. 2001, "Color Transfer between Images", in
 * R'G'B'; for "seamless" Pérez, Gangnet and Blake 2003, "Poisson Image Editing".
 *
 * Returns: FALSE if memory runs out
 */
gboolean dif_surroundings_match (float *drawn, const float *picture, guint width, guint height,
                                 const guint8 *known, const char *how);

G_END_DECLS

#endif /* DIF_TASKS_SURROUNDINGS_H */
