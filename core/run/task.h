/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* task.h - what a task is, and all that it draws with.
 *
 * A task is a `const DifTaskClass` in one file plus one word in
 * core/tasks/meson.build: its parameters, and what it does before, inside
 * and after the one denoising loop (denoise.h).
 */
#ifndef DIF_RUN_TASK_H
#define DIF_RUN_TASK_H

#include "run/decode.h"
#include "run/denoise.h"
#include "run/family.h"
#include "run/latents.h"
#include "run/param-rows.h"
#include "run/prompt.h"
#include "run/run.h"
#include "run/timesteps.h"

G_BEGIN_DECLS

/**
 * DifTaskClass:
 * @name: "txt2img"
 * @label: for menus, translatable
 * @blurb: one sentence, translatable
 * @params: (array length=n_params): its parameters
 * @n_params: how many
 * @needs: what a model must be able to do
 * @run: draws `[n_images, H, W, 3]` f32, about [-1, 1], of the run's result
 *   size; errors stay in the run's context
 */
struct _DifTaskClass
{
  const char     *name;
  const char     *label;
  const char     *blurb;
  const DifParam *params;
  guint           n_params;
  DifAbility      needs;
  DifTensor *(*run) (DifRun *run);
};

G_END_DECLS

#endif /* DIF_RUN_TASK_H */
