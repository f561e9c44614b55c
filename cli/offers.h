/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* offers.h - the curated list of models, data/models.json. */
#ifndef DIF_CLI_OFFERS_H
#define DIF_CLI_OFFERS_H

#include "dif.h"

G_BEGIN_DECLS

/* An entry; strings are owned by the document @list. */
typedef struct
{
  const char *name, *title, *purpose, *kind, *family, *repository, *file, *license, *conditions;
  guint64     bytes;  /* to be fetched, about */
  guint64     memory; /* taken at least when it draws, 0 if it is not known */
} CliOffer;

/* Loads the list.  Errors: those of dif_json_load(), DIF_FORMAT_ERROR. */
GArray *cli_offers_load (DifJson **list, GError **error);

/* Prints it, and what of it fits this machine. */
void cli_offers_print (const GArray *offers);

G_END_DECLS

#endif /* DIF_CLI_OFFERS_H */
