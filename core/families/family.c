/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* family.c - the table of families.
 *
 * Source: signatures and constructors of diffusers' pipelines.
 */
#include "config.h"

#include "run/family.h"

static const char *const sd[] = { "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                                  "StableDiffusionInpaintPipeline", NULL };

static const char *const depth[] = { "StableDiffusionDepth2ImgPipeline", NULL };

static const char *const lcm[] = { "LatentConsistencyModelPipeline",
                                   "LatentConsistencyModelImg2ImgPipeline", NULL };

static const char *const sdxl[] = { "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline",
                                    "StableDiffusionXLInpaintPipeline", NULL };

/* DDPM's own pipeline makes every step it was trained for */
static const char *const ddpm[] = { "DDPMPipeline", NULL };

static const char *const unconditional[] = { "DDIMPipeline", "PNDMPipeline", NULL };

static const DifFamily families[] = {
  { DIF_FAMILY_SD, sd, TRUE, 50, 7.5, 7.5, 0.8, 1 },
  { DIF_FAMILY_SD, depth, FALSE, 50, 7.5, 7.5, 0.8, 1 },
  { DIF_FAMILY_LCM, lcm, FALSE, 4, 8.5, 8.5, 0.8, 1 },
  { DIF_FAMILY_SDXL, sdxl, FALSE, 50, 5, 7.5, 0.3, 0.9999 },
  { DIF_FAMILY_UNCONDITIONAL, ddpm, FALSE, 1000, 0, 0, 0, 0 },
  { DIF_FAMILY_UNCONDITIONAL, unconditional, FALSE, 50, 0, 0, 0, 0 },
};

const DifFamily *
_dif_family_find (const char *pipeline)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_strv_contains (families[i].pipelines, pipeline))
      return &families[i];
  return NULL;
}

char *
_dif_family_known (void)
{
  GString *known = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (guint j = 0; families[i].pipelines[j]; j++)
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", families[i].pipelines[j]);
  return g_string_free (known, FALSE);
}
