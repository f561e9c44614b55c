/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* family.h - which of diffusers' pipelines draw with a model, inside
 * pipelines/.
 *
 * The task is the same for every family; the family decides which parts a
 * model has, how it is told of the prompt, and what counts where nothing is
 * said.
 */
#ifndef DIF_RUN_FAMILY_H
#define DIF_RUN_FAMILY_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifFamilyKind:
 * @DIF_FAMILY_SD: one text encoder (Stable Diffusion 1.x, 2.x, Turbo)
 * @DIF_FAMILY_LCM: the same, distilled: told the guidance scale
 * @DIF_FAMILY_SDXL: two text encoders, or the second alone, and sizes
 * @DIF_FAMILY_UNCONDITIONAL: a UNet2DModel, without a prompt
 */
typedef enum
{
  DIF_FAMILY_SD,
  DIF_FAMILY_LCM,
  DIF_FAMILY_SDXL,
  DIF_FAMILY_UNCONDITIONAL
} DifFamilyKind;

/**
 * DifFamily:
 * @kind: which
 * @pipelines: (array zero-terminated=1): diffusers' class names
 * @patches_scheduler: whether the pipeline edits the config of the scheduler
 *   that it is built with
 * @steps: default number of steps
 * @guidance: default guidance scale
 * @guidance_inpaint: that of inpainting
 * @strength: default strength
 * @strength_inpaint: that of inpainting
 */
typedef struct
{
  DifFamilyKind      kind;
  const char *const *pipelines;
  gboolean           patches_scheduler;
  guint              steps;
  double             guidance, guidance_inpaint, strength, strength_inpaint;
} DifFamily;

/**
 * _dif_family_find:
 * @pipeline: diffusers' class name, of model_index.json
 *
 * Returns: (transfer none) (nullable): its family
 */
const DifFamily *_dif_family_find (const char *pipeline);

/**
 * _dif_family_known:
 *
 * Returns: (transfer full): all class names, separated by commas
 */
char *_dif_family_known (void);

G_END_DECLS

#endif /* DIF_RUN_FAMILY_H */
