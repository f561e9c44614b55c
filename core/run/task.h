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
#include "run/latents.h"
#include "run/param-rows.h"
#include "run/prompt.h"
#include "run/run.h"
#include "run/timesteps.h"

G_BEGIN_DECLS

/**
 * DifUnetKind:
 * @DIF_UNET_PLAIN: sees the latents alone
 * @DIF_UNET_INPAINT: sees a mask and a masked picture as well (9 channels)
 * @DIF_UNET_DEPTH: sees depth as well (5 channels)
 * @DIF_UNET_UNCONDITIONAL: sees a picture and no prompt (UNet2DModel)
 *
 * What a U-Net is made for, read off its input channels.
 */
typedef enum
{
  DIF_UNET_PLAIN   = 1 << 0,
  DIF_UNET_INPAINT = 1 << 1,
  DIF_UNET_DEPTH   = 1 << 2,

  DIF_UNET_UNCONDITIONAL = 1 << 3
} DifUnetKind;

/**
 * DifTaskClass:
 * @name: "txt2img"
 * @label: for menus, translatable
 * @blurb: one sentence, translatable
 * @params: (array length=n_params): its parameters
 * @n_params: how many
 * @kinds: the kinds of U-Net it can use
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
  DifUnetKind     kinds;
  DifTensor *(*run) (DifRun *run);
};

G_END_DECLS

#endif /* DIF_RUN_TASK_H */
