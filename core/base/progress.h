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
 * @step_seconds: what a step of "denoise" takes, in seconds; negative when unknown
 */
typedef struct
{
  const char *stage;
  guint       step;
  guint       n_steps;
  double      fraction;
  double      seconds_left;
  double      step_seconds;
} DifProgress;

/**
 * DifProgressFunc:
 * @progress: valid during the call
 * @user_data: as given
 *
 * Called on the thread that computes, at every change; must be quick.
 */
typedef void (*DifProgressFunc) (const DifProgress *progress, gpointer user_data);

/**
 * DifPreview:
 * @step: calls of the denoiser after which it is what is to be expected, from 1
 * @n_steps: of all
 * @n_images: pictures
 * @width: of each, in pixels: as many as its latents have, or the picture where there
 *   are none
 * @height: of each
 * @pixels: `[n_images, height, width, 3]`, R'G'B' (sRGB curve), valid during the call
 *
 * What a run's pictures are becoming, about.
 */
typedef struct
{
  guint         step, n_steps;
  guint         n_images, width, height;
  const guint8 *pixels;
} DifPreview;

/**
 * DifPreviewFunc:
 * @preview: valid during the call
 * @user_data: as given
 *
 * Called on the thread that computes; must be quick.
 */
typedef void (*DifPreviewFunc) (const DifPreview *preview, gpointer user_data);

/** DIF_PREVIEW_MS: a time between two previews that nobody sees as jerking. */
#define DIF_PREVIEW_MS 100u

/**
 * DifWatch:
 * @progress: (nullable): called with how far it is
 * @preview: (nullable): shown what the pictures are becoming
 * @preview_ms: least time between two previews, in milliseconds; those that come sooner
 *   are not made
 * @user_data: for both
 *
 * Who is told how a run gets on.
 */
typedef struct
{
  DifProgressFunc progress;
  DifPreviewFunc  preview;
  guint           preview_ms;
  gpointer        user_data;
} DifWatch;

G_END_DECLS

#endif /* DIF_BASE_PROGRESS_H */
