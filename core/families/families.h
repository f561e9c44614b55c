/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* families.h - the list of families. */
#ifndef DIF_FAMILIES_FAMILIES_H
#define DIF_FAMILIES_FAMILIES_H

#include "run/family.h"

G_BEGIN_DECLS

/**
 * dif_family_list:
 *
 * Returns: (transfer none) (array zero-terminated=1): all of them
 */
const DifFamilyClass *const *dif_family_list (void);

/**
 * dif_family_singles:
 *
 * Returns: (transfer none) (array zero-terminated=1): what they know of single files
 */
const DifSingleFamily *const *dif_family_singles (void);

/**
 * dif_family_of_checkpoint:
 * @c: a model on disk
 * @pipeline: (out) (optional): the family's entry for its pipeline
 *
 * Returns: (transfer none) (nullable): its family
 */
const DifFamilyClass *dif_family_of_checkpoint (DifCheckpoint            *c,
                                                const DifFamilyPipeline **pipeline);

/**
 * dif_family_known:
 *
 * Returns: (transfer full): all class names of pipelines, separated by commas
 */
char *dif_family_known (void);

G_END_DECLS

#endif /* DIF_FAMILIES_FAMILIES_H */
