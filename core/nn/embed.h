/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embed.h - a timestep as waves. */
#ifndef DIF_NN_EMBED_H
#define DIF_NN_EMBED_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_timestep_embedding:
 * @out: (array length=dim): the waves
 * @dim: width; an odd one ends in a zero
 * @timestep: may be fractional
 * @flip_sin_to_cos: cosines first
 * @shift: diffusers' downscale_freq_shift: 0 for SD, 1 for DDPM's models
 *
 * Source: Vaswani et al. 2017; diffusers get_timestep_embedding.
 */
void dif_timestep_embedding (float *out, guint dim, double timestep, gboolean flip_sin_to_cos,
                             float shift);

G_END_DECLS

#endif /* DIF_NN_EMBED_H */
