/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cards.c - a dif-cuda.so whose four cards are the device that DIF_TEST_CARDS names.
 *
 * Only cards share a batch; so that sharing is tested where there are none.
 */
#include <gmodule.h>

#include "dif-parts.h"

G_MODULE_EXPORT const DifBackendClass *dif_backend_module (void);

static DifBackend *
open_card (const char *options, GError **error)
{
  if (options && g_strcmp0 (options, "0") && g_strcmp0 (options, "1") && g_strcmp0 (options, "2") &&
      g_strcmp0 (options, "3"))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected a card's number, 0 to 3, found \"%s\"", options);
      return NULL;
    }
  return dif_backend_open (g_getenv ("DIF_TEST_CARDS"), error);
}

static char **
list (GError **error)
{
  return g_strsplit ("0 1 2 3", " ", -1);
}

static const DifBackendClass klass = {
  .api  = DIF_BACKEND_API,
  .name = "cuda",
  .open = open_card,
  .list = list,
};

const DifBackendClass *
dif_backend_module (void)
{
  return &klass;
}
