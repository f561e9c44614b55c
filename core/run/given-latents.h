/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* given-latents.h - latents of another run, to start from instead of a picture. */
#ifndef DIF_RUN_GIVEN_LATENTS_H
#define DIF_RUN_GIVEN_LATENTS_H

#include "run/run.h"

G_BEGIN_DECLS

/**
 * dif_run_read_latents:
 * @run: a run
 * @error: return location
 *
 * Reads the file that "latents" names, if the task has it and it is given, into
 * the run: its tensor `latents`, else `latents.N` of the greatest N, as dumps
 * have them.
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR MISSING_KEY;
 * DIF_REQUEST_ERROR BAD_SIZE: of other than four dimensions.
 *
 * Returns: FALSE on error
 */
gboolean dif_run_read_latents (DifRun *run, GError **error);

/**
 * dif_run_latents_size:
 * @run: a run that was given latents
 * @width: (out): of the pictures that they become, in pixels
 * @height: (out): of the pictures that they become, in pixels
 */
void dif_run_latents_size (DifRun *run, double *width, double *height);

/**
 * dif_run_check_latents:
 * @run: a run that was given latents
 * @spec: what the run will have
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_SIZE: they are of another number, size or
 * dtype.
 *
 * Returns: FALSE on error
 */
gboolean dif_run_check_latents (DifRun *run, const DifRunSpec *spec, GError **error);

/**
 * dif_run_given_latents:
 * @run: a run with latents that fit
 *
 * Returns: `[n_images, h, w, C]` f32; the context fails if not all are finite
 */
DifTensor *dif_run_given_latents (DifRun *run);

G_END_DECLS

#endif /* DIF_RUN_GIVEN_LATENTS_H */
