/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* timesteps.h - which calls of the scheduler a run makes. */
#ifndef DIF_RUN_TIMESTEPS_H
#define DIF_RUN_TIMESTEPS_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_begin_from_noise:
 * @run: a run
 *
 * Sets the timesteps; the context fails if that is not possible.
 */
void dif_run_begin_from_noise (DifRun *run);

/**
 * dif_run_begin_from_image:
 * @run: a run
 *
 * Sets the timesteps and skips the first of them as "strength" or
 * "denoising-start" says (diffusers' get_timesteps).
 *
 * Returns: the first call to make; the context fails if none is left
 */
guint dif_run_begin_from_image (DifRun *run);

/**
 * dif_run_end:
 * @run: a run whose scheduler has timesteps
 * @first: the first call to make
 *
 * Returns: the first call not to make any more, as "denoising-end" says
 */
guint dif_run_end (DifRun *run, guint first);

/**
 * dif_run_starts_noised:
 * @run: a run
 *
 * Returns: whether its picture has noise in it already ("denoising-start")
 */
gboolean dif_run_starts_noised (DifRun *run);

G_END_DECLS

#endif /* DIF_RUN_TIMESTEPS_H */
