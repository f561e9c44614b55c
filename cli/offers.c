/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* offers.c - the curated list of models: names, purposes, conditions, memory. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "offers.h"

#define MAX_BYTES ((gint64) 1 << 50)

static void
read_offer (DifJson *entry, CliOffer *offer)
{
  DifJson *memory = dif_json_member (entry, "memory");

  offer->name       = dif_json_string (entry, "name", "");
  offer->title      = dif_json_string (entry, "title", offer->name);
  offer->purpose    = dif_json_string (entry, "for", "");
  offer->kind       = dif_json_string (entry, "kind", "models");
  offer->family     = dif_json_string (entry, "family", "");
  offer->repository = dif_json_string (entry, "repository", "");
  offer->file       = dif_json_string (entry, "file", NULL);
  offer->license    = dif_json_string (entry, "license", "");
  offer->conditions = dif_json_string (entry, "conditions", "");
  offer->bytes      = (guint64) dif_json_int (entry, "bytes", 0, 0, MAX_BYTES);
  for (guint i = 0; memory && i < dif_json_length (memory); i++)
    {
      guint64 bytes = (guint64) dif_json_value_int (dif_json_at (memory, i), 0, MAX_BYTES);

      offer->memory = offer->memory ? MIN (offer->memory, bytes) : bytes;
    }
}

GArray *
cli_offers_load (DifJson **list, GError **error)
{
  g_autofree char   *path   = dif_catalog_find_data ("models.json");
  g_autoptr (GArray) offers = g_array_new (FALSE, TRUE, sizeof (CliOffer));
  DifJson           *models;

  if (! path)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "models.json: expected the list of models among the installed data, found none");
      return NULL;
    }
  *list = dif_json_load (path, error);
  if (! *list)
    return NULL;
  models = dif_json_member (*list, "models");
  for (guint i = 0; models && i < dif_json_length (models); i++)
    {
      CliOffer offer = { 0 };

      read_offer (dif_json_at (models, i), &offer);
      g_array_append_val (offers, offer);
    }
  return dif_json_finish (*list, error) ? g_steal_pointer (&offers) : NULL;
}

static guint64
machine_memory (void)
{
  long pages = sysconf (_SC_PHYS_PAGES), size = sysconf (_SC_PAGESIZE);

  return pages > 0 && size > 0 ? (guint64) pages * (guint64) size : 0;
}

void
cli_offers_print (const GArray *offers)
{
  guint64 memory = machine_memory ();

  for (guint i = 0; i < offers->len; i++)
    {
      const CliOffer  *offer  = &g_array_index (offers, CliOffer, i);
      g_autofree char *bytes  = g_format_size (offer->bytes);
      g_autofree char *needed = g_format_size (offer->memory);

      printf ("%s%s: %s\n    %s\n    %s, about %s\n", i ? "\n" : "", offer->name, offer->title,
              offer->purpose, offer->repository, bytes);
      if (offer->memory)
        printf ("    draws in %s of memory at the least%s\n", needed,
                memory && memory < offer->memory ? ", more than this machine has" : "");
      printf ("    %s: %s\n", offer->license, offer->conditions);
    }
}
