/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* templates.c - the templates of all families. */
#include "families/templates.h"

#include <string.h>

#include "families/families.h"

const DifTemplate *
dif_template_find (const char *name)
{
  const DifFamilyClass *const *all = dif_family_list ();

  for (guint i = 0; all[i]; i++)
    for (guint j = 0; j < all[i]->n_templates; j++)
      if (strcmp (all[i]->templates[j].name, name) == 0)
        return &all[i]->templates[j];
  return NULL;
}

char *
dif_template_known (void)
{
  const DifFamilyClass *const *all   = dif_family_list ();
  GString                     *known = g_string_new (NULL);

  for (guint i = 0; all[i]; i++)
    for (guint j = 0; j < all[i]->n_templates; j++)
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", all[i]->templates[j].name);
  return g_string_free (known, FALSE);
}
