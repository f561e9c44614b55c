/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mask.h - the two masks that a selection gives.
 *
 * Pure arithmetic: knows no GIMP.  The model gets whole latent pixels of 8 x 8 pixels,
 * which is how it sees masks anyway, or how strongly to draw in each of them;
 * the layer gets the selection's own values.
 */
#ifndef DIF_PLUGIN_MASK_H
#define DIF_PLUGIN_MASK_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * DIF_MASK_LEAST: fainter pixels count as not selected: half a step of 8 bit.
 * In floating point GIMP's feathering leaves traces all over the canvas.
 */
#define DIF_MASK_LEAST (1.0f / 512.0f)

/** DifLatentMask: the model's mask while rows of the selection come in. */
typedef struct _DifLatentMask DifLatentMask;

/**
 * dif_latent_mask_new:
 * @width: of the selection's rows, in canvas pixels
 * @height: how many rows will come
 * @grow: canvas pixels around selected ones that are repainted as well
 * @mask_width: of the mask, in pixels of the model's picture, a multiple of 8
 * @mask_height: of the mask, a multiple of 8
 * @is_soft: whether the selection's values are how strongly to draw; otherwise
 *   what is selected at all is drawn
 *
 * Returns: (transfer full): with nothing selected
 */
DifLatentMask *dif_latent_mask_new (guint width, guint height, guint grow, guint mask_width,
                                    guint mask_height, gboolean is_soft);

/**
 * dif_latent_mask_free:
 * @latents: (nullable) (transfer full): a mask in the making
 */
void dif_latent_mask_free (DifLatentMask *latents);

/**
 * dif_latent_mask_add_row:
 * @latents: a mask in the making
 * @y: the row
 * @values: (array): its values; %DIF_MASK_LEAST and more is selected
 */
void dif_latent_mask_add_row (DifLatentMask *latents, guint y, const float *values);

/**
 * dif_latent_mask_to_image:
 * @latents: a mask in the making
 *
 * Returns: (transfer full) (nullable): one channel: in every latent pixel the greatest
 * strength of the selected pixels, grown, that touch it, 1 unless soft; else 0;
 * NULL if memory runs out
 */
DifImage *dif_latent_mask_to_image (DifLatentMask *latents);

/**
 * dif_mask_fade:
 * @mask: one channel
 * @radius: in pixels of @mask
 *
 * Blurs the edge outwards, the reverse of dif_mask_feather(): no value becomes
 * less, and a pixel farther than two @radius from every greater value keeps its
 * own.
 *
 * Returns: (transfer full) (nullable): NULL if memory runs out
 */
DifImage *dif_mask_fade (DifImage *mask, guint radius);

/**
 * dif_mask_feather:
 * @values: `[height, width]` in [0, 1], changed in place
 * @width: columns
 * @height: rows
 * @radius: in pixels
 *
 * Blurs the edge inwards: what is 0 stays 0, and a pixel farther than @radius
 * from every smaller value keeps its own.  Beyond its edges the mask goes on
 * as it ends.
 *
 * Returns: FALSE if memory runs out, @values unchanged
 */
gboolean dif_mask_feather (float *values, guint width, guint height, guint radius);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifLatentMask, dif_latent_mask_free)

G_END_DECLS

#endif /* DIF_PLUGIN_MASK_H */
