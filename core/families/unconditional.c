/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unconditional.c - models without a prompt: a UNet2DModel on the picture itself. */
#include "run/family.h"

/* DDPM's own pipeline makes every step it was trained for */
static const DifFamilyPipeline pipelines[] = {
  { "DDPMPipeline", 1000, FALSE },
  { "DDIMPipeline", 50, FALSE },
  { "PNDMPipeline", 50, FALSE },
};

static const DifPartSpec parts[] = {
  { "unet", "UNet2DModel", DIF_ROLE_DENOISER, DIF_STAGE_DENOISE },
};

static guint
can (DifPipeline *pipe)
{
  return DIF_CAN_UNCONDITIONAL;
}

const DifFamilyClass dif_family_unconditional = {
  .name        = "unconditional",
  .label       = "unconditional",
  .pipelines   = pipelines,
  .n_pipelines = G_N_ELEMENTS (pipelines),
  .parts       = parts,
  .n_parts     = G_N_ELEMENTS (parts),
  .can         = can,
};
