/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resources.h - the models, LoRAs and embeddings of a recipe: what of them is installed.
 *
 * Knows no GIMP.  A recipe names them; it never says where they are.  One is taken
 * if it is installed under the recipe's name and has the recipe's fingerprint.
 */
#ifndef DIF_PLUGIN_RESOURCES_H
#define DIF_PLUGIN_RESOURCES_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifResourceState:
 * @DIF_RESOURCE_INSTALLED: by its name, with its fingerprint
 * @DIF_RESOURCE_FOUND: an older recipe has a path; what is installed has its
 *   fingerprint
 * @DIF_RESOURCE_OTHER: by its name, with another fingerprint
 * @DIF_RESOURCE_UNKNOWN: not installed
 * @DIF_RESOURCE_PATH: a path, which nobody looked at
 */
typedef enum
{
  DIF_RESOURCE_INSTALLED,
  DIF_RESOURCE_FOUND,
  DIF_RESOURCE_OTHER,
  DIF_RESOURCE_UNKNOWN,
  DIF_RESOURCE_PATH
} DifResourceState;

/**
 * DifResource:
 * @row: the parameter that names it: "model" or an adapter's, such as "lora"
 * @name: as the recipe has it
 * @rest: (nullable): what follows its name behind a colon
 * @print: its fingerprint in the recipe; "" for none
 * @found: (nullable): the name of what is installed, where that is to be taken
 * @found_print: (nullable): its fingerprint
 * @state: what it is
 */
typedef struct
{
  const char      *row;
  char            *name, *rest, *print, *found, *found_print;
  DifResourceState state;
} DifResource;

/**
 * dif_resource_is_row:
 * @row: a parameter
 *
 * Returns: whether it names resources
 */
gboolean dif_resource_is_row (const DifParam *row);

/**
 * dif_resources_read:
 * @recipe: a recipe that was checked
 * @given: (array zero-terminated=1): parameters not to look at, because the user
 *   said what they are
 *
 * Opens what is installed and nothing else.
 *
 * Returns: (transfer full) (element-type DifResource): in the recipe's order
 */
GPtrArray *dif_resources_read (DifJson *recipe, const char *const *given);

/**
 * dif_resource_is_sure:
 * @r: a resource
 *
 * Returns: whether it is the one that the recipe was drawn with
 */
gboolean dif_resource_is_sure (const DifResource *r);

/**
 * dif_resource_problem:
 * @r: one that is not dif_resource_is_sure()
 *
 * Returns: (transfer full): one line: what was expected, and what was found
 */
char *dif_resource_problem (const DifResource *r);

/**
 * dif_resources_value:
 * @resources: (element-type DifResource): of dif_resources_read()
 * @row: "model" or an adapter's, such as "lora"
 *
 * Returns: (transfer full): the argument of that name: all that could be found, and
 * what is a path as that path; "" for nothing
 */
char *dif_resources_value (GPtrArray *resources, const char *row);

G_END_DECLS

#endif /* DIF_PLUGIN_RESOURCES_H */
