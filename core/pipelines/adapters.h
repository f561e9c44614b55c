/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* adapters.h - what is laid over a model: the kinds, and where they are named.
 *
 * All kinds are one table.  Whoever resolves what a request names, writes it
 * to a recipe or finds it again, and whoever keeps models loaded, goes through
 * the table and knows no kind.
 */
#ifndef DIF_PIPELINES_ADAPTERS_H
#define DIF_PIPELINES_ADAPTERS_H

#include "run/request.h"

G_BEGIN_DECLS

/**
 * DifAdapterKind:
 * @option: the list of a request that names them, FILE or FILE:REST each, such as "lora"
 * @folder: the catalog's folder of installed ones, such as "loras"
 * @prints: a recipe's member with their fingerprints, a line each, such as
 *   "lora-fingerprints"
 * @is_live: whether dif_pipeline_set_adapters() changes them; if not, the model
 *   is loaded with them
 *
 * A kind of adapter.
 */
typedef struct
{
  const char *option, *folder, *prints;
  gboolean    is_live;
} DifAdapterKind;

/**
 * dif_adapter_kind:
 * @i: its number
 *
 * Returns: (transfer none) (nullable): the kind; NULL behind the last
 */
DIF_API const DifAdapterKind *dif_adapter_kind (guint i);

/**
 * dif_adapters_key:
 * @rq: a request
 * @is_live: of which kinds
 *
 * Tells adapters apart: their files, the state of these on disk, and what follows
 * their names.
 *
 * Returns: (transfer full): some text; "" where @rq names none
 */
DIF_API char *dif_adapters_key (DifRequest *rq, gboolean is_live);

G_END_DECLS

#endif /* DIF_PIPELINES_ADAPTERS_H */
