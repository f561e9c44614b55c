/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* templates.h - the list of templates: models to be made with random weights. */
#ifndef DIF_FAMILIES_TEMPLATES_H
#define DIF_FAMILIES_TEMPLATES_H

#include "run/template.h"

G_BEGIN_DECLS

/**
 * dif_template_find:
 * @name: such as "sd15"
 *
 * Returns: (transfer none) (nullable): the template
 */
DIF_API const DifTemplate *dif_template_find (const char *name);

/**
 * dif_template_known:
 *
 * Returns: (transfer full): all names, separated by commas
 */
DIF_API char *dif_template_known (void);

G_END_DECLS

#endif /* DIF_FAMILIES_TEMPLATES_H */
