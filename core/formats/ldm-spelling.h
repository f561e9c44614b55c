/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-spelling.h - the many ways in which programs write the original names.
 *
 * Names only: every spelling that other programs read is brought to the one
 * that ldm-keys.h knows, before anybody looks at a file.
 */
#ifndef DIF_FORMATS_LDM_SPELLING_H
#define DIF_FORMATS_LDM_SPELLING_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifLdmSpelling:
 * @one_encoder: names of SGM ("conditioner."), but for a checkpoint with the
 *   one text encoder of SD 1 or 2
 *
 * What all names of a file say together.
 */
typedef struct
{
  gboolean one_encoder;
} DifLdmSpelling;

/**
 * dif_ldm_spelling_of:
 * @names: (element-type utf8): names of a file's tensors
 *
 * Returns: how they are to be read
 */
DifLdmSpelling dif_ldm_spelling_of (GPtrArray *names);

/**
 * dif_ldm_respell:
 * @spelling: of the file
 * @name: a tensor's name
 *
 * Sources: AUTOMATIC1111, sd_models.py (text encoders without `text_model.`);
 * ComfyUI, supported_models.py, sd.py (SD 2 under SGM's names, encoders under
 * their own); stable-diffusion.cpp, name_conversion.cpp (prefixes, quant_conv
 * inside the halves); diffusers, single_file_utils.py (`vae.`).
 *
 * Returns: (transfer full): the name as Stability wrote it
 */
char *dif_ldm_respell (const DifLdmSpelling *spelling, const char *name);

G_END_DECLS

#endif /* DIF_FORMATS_LDM_SPELLING_H */
