/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* adapters-private.h - the adapters of one pipeline, as loading sees them. */
#ifndef DIF_PIPELINES_ADAPTERS_PRIVATE_H
#define DIF_PIPELINES_ADAPTERS_PRIVATE_H

#include "base/json.h"
#include "pipelines/adapters.h"
#include "run/pipeline-private.h"

G_BEGIN_DECLS

/**
 * _dif_adapters_new:
 * @rq: (nullable): a request, whose adapters are meant; NULL for none
 *
 * Returns: (transfer full): adapters, of which no file is open
 */
DifAdapters *_dif_adapters_new (DifRequest *rq);

/**
 * _dif_adapters_copy:
 * @a: adapters
 *
 * Returns: (transfer full): the same ones, of which no file is open
 */
DifAdapters *_dif_adapters_copy (const DifAdapters *a);

/**
 * _dif_adapters_free:
 * @a: (nullable) (transfer full): adapters
 */
void _dif_adapters_free (DifAdapters *a);

/**
 * _dif_adapters_open:
 * @a: adapters
 * @error: return location
 *
 * Opens the files, and takes their fingerprints.
 *
 * Errors: of the kinds' files and the catalog.
 *
 * Returns: FALSE on error
 */
gboolean _dif_adapters_open (DifAdapters *a, GError **error);

/**
 * _dif_adapters_close:
 * @a: (nullable): adapters, which are laid over; their files are not needed any more
 */
void _dif_adapters_close (DifAdapters *a);

/**
 * DifAdapterPart:
 * @name: the part, such as "unet"
 * @tokenizer: (nullable): a text encoder's
 * @weights: its tensors
 * @config: (nullable): its config, while it is loaded
 * @store: (nullable): its weights, once they are prepared
 * @cancellable: (nullable): to give up
 * @is_back: whether it was loaded before, so that @tokenizer knows the words
 *
 * A part that adapters change.
 */
typedef struct
{
  const char   *name;
  DifTokenizer *tokenizer;
  DifWeights   *weights;
  DifJson      *config;
  DifStore     *store;
  GCancellable *cancellable;
  gboolean      is_back;
} DifAdapterPart;

/**
 * _dif_adapters_bind:
 * @a: open adapters
 * @part: a part, before it is prepared or, of live kinds, at any time
 * @error: return location
 *
 * Finds what changes the part and, where there is a config, has the kinds that are
 * not live change tensors, config and tokenizer.
 *
 * Errors: of the kinds: what does not fit.
 *
 * Returns: FALSE on error
 */
gboolean _dif_adapters_bind (DifAdapters *a, const DifAdapterPart *part, GError **error);

/**
 * _dif_adapters_lay_over:
 * @a: adapters bound to @part
 * @part: a part with a store
 * @error: return location
 *
 * Lays the live kinds over the part's weights, in place of what was before.
 *
 * Returns: FALSE on error
 */
gboolean _dif_adapters_lay_over (DifAdapters *a, const DifAdapterPart *part, GError **error);

/**
 * _dif_adapters_finish:
 * @a: adapters
 * @is_live: which kinds: those that are not are finished after the text encoders
 * @error: return location
 *
 * Returns: FALSE if there is something that no part took
 */
gboolean _dif_adapters_finish (DifAdapters *a, gboolean is_live, GError **error);

/**
 * _dif_adapters_have:
 * @a: adapters
 * @option: a kind's
 *
 * Returns: whether there are any of the kind
 */
gboolean _dif_adapters_have (const DifAdapters *a, const char *option);

/**
 * _dif_adapters_prints:
 * @a: adapters
 * @i: a kind's number
 *
 * Returns: (transfer none) (nullable): fingerprints of those of the kind, a line each
 */
const char *_dif_adapters_prints (const DifAdapters *a, guint i);

/**
 * _dif_adapters_key:
 * @a: adapters
 * @is_live: of which kinds
 *
 * Returns: (transfer none): dif_adapters_key() of the request they were made of
 */
const char *_dif_adapters_key (const DifAdapters *a, gboolean is_live);

/**
 * _dif_adapters_take_fixed:
 * @a: adapters that are to take the place of @from
 * @from: those before
 *
 * Moves over what was found of the kinds that are not live, which stay as they are.
 */
void _dif_adapters_take_fixed (DifAdapters *a, DifAdapters *from);

G_END_DECLS

#endif /* DIF_PIPELINES_ADAPTERS_PRIVATE_H */
