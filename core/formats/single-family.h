/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single-family.h - what a family of models knows of its single files.
 *
 * core/families/ fills it; single-file.c asks it, and knows no family.
 */
#ifndef DIF_FORMATS_SINGLE_FAMILY_H
#define DIF_FORMATS_SINGLE_FAMILY_H

#include "base/json.h"
#include "formats/ldm-keys.h"

G_BEGIN_DECLS

/**
 * DifSingleHeader:
 * @shapes: tensors of parts that some family knows, and `global_step`, as
 *   Stability would have spelled their names; of `global_step` alone the value
 * @names: (element-type utf8): names of all tensors, as the file spells them
 * @layout: what block numbers mean, where there is a U-Net
 *
 * What a file shows before any weight is read.
 */
typedef struct
{
  DifWeights  *shapes;
  GPtrArray   *names;
  DifLdmLayout layout;
} DifSingleHeader;

/**
 * DifSingleKind:
 * @label: for people: "Stable Diffusion 2.x inpainting"
 * @pipeline: diffusers' class of its pipeline
 * @index: members of its model_index.json but for `_class_name`, as JSON
 * @scheduler: its scheduler's config, as JSON
 * @vae: members of the autoencoder's config that shapes do not tell, as JSON
 * @sample_size: sides of a picture's latents
 * @head_dim: channels of an attention's head; 0: eight heads everywhere
 *
 * One published kind of checkpoint: what shapes do not tell, as in its folder.
 */
typedef struct
{
  const char *label, *pipeline;
  const char *index, *scheduler, *vae;
  guint       sample_size, head_dim;
} DifSingleKind;

/**
 * DifSingleFamily:
 * @label: (nullable): for people, in "expected a checkpoint of …": "Stable Diffusion
 *   1.x, 2.x"; NULL for what another one's includes
 * @keys: where parts are in a file and how their tensors are called
 * @detect: which of its kinds a file is; NULL if it is none.  Families are asked
 *   from the last of their list on until one claims the file: one that was made from
 *   another stands behind it.  One that knows what a file is instead sets @stranger, and
 *   nobody else is asked
 * @config: what the config of a part of the index would say.  Errors:
 *   G_FILE_ERROR NOMEM
 *
 * A family's single files.
 */
struct _DifSingleFamily
{
  const char       *label;
  const DifLdmKeys *keys;
  const DifSingleKind *(*detect) (const DifSingleHeader *header, const char **stranger);
  DifJson *(*config) (const DifLdmKeys *keys, const DifSingleKind *kind,
                      const DifSingleHeader *header, const char *part, const char *name,
                      GError **error);
};

G_END_DECLS

#endif /* DIF_FORMATS_SINGLE_FAMILY_H */
