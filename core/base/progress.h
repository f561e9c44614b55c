/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* progress.h - how a long call tells how far it is. */
#ifndef DIF_BASE_PROGRESS_H
#define DIF_BASE_PROGRESS_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifProgress:
 * @stage: "load", "encode", "denoise" or "decode"
 * @step: steps done in this stage, 0 to @n_steps
 * @n_steps: steps of this stage, at least 1
 * @fraction: of the whole call, 0 to 1, never falling
 * @seconds_left: estimate for the whole call, in seconds; negative when unknown
 */
typedef struct
{
  const char *stage;
  guint       step;
  guint       n_steps;
  double      fraction;
  double      seconds_left;
} DifProgress;

/**
 * DifProgressFunc:
 * @progress: valid during the call
 * @user_data: as given
 *
 * Called on the thread that computes, at every change; must be quick.
 */
typedef void (*DifProgressFunc) (const DifProgress *progress, gpointer user_data);

G_END_DECLS

#endif /* DIF_BASE_PROGRESS_H */
