/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embed.h - sinusoidal embeddings of a timestep. */
#ifndef DIF_NN_EMBED_H
#define DIF_NN_EMBED_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_timestep_embedding:
 * @out: (array length=dim): the sinusoids
 * @dim: width; an odd one ends in a zero
 * @timestep: may be fractional
 * @flip_sin_to_cos: cosines first
 * @shift: diffusers' downscale_freq_shift: 0 for SD, 1 for DDPM's models
 *
 * Source: Vaswani et al. 2017; diffusers get_timestep_embedding.
 */
void dif_timestep_embedding (float *out, guint dim, double timestep, gboolean flip_sin_to_cos,
                             float shift);

/**
 * dif_guidance_embedding:
 * @out: (array length=dim): the sinusoids, sines first
 * @dim: width, at least 4; an odd one ends in a zero
 * @scale: guidance scale
 *
 * Guidance as an input of a distilled U-Net, in place of a second evaluation.
 *
 * Source: Meng et al. 2022; diffusers get_guidance_scale_embedding.
 */
void dif_guidance_embedding (float *out, guint dim, double scale);

G_END_DECLS

#endif /* DIF_NN_EMBED_H */
