/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* set-adapters.c - other adapters for a pipeline that is loaded.
 *
 * Everything that can be wrong with them is found before a weight is touched.
 */
#include "config.h"

#include "base/error.h"
#include "pipelines/adapters-private.h"
#include "pipelines/pipelines-private.h"

/* One exchange. */
typedef struct
{
  DifPipeline  *pipe;
  DifAdapters  *adapters;
  GHashTable   *weights; /* part's name -> DifWeights: the files, mapped again */
  GCancellable *cancellable;
} Exchange;

static gboolean
bind_part (const char *name, DifStore *store, gpointer data, GError **error)
{
  Exchange      *x    = data;
  DifAdapterPart part = { .name = name, .weights = g_hash_table_lookup (x->weights, name) };

  if (! part.weights)
    {
      part.weights = dif_checkpoint_weights (x->pipe->checkpoint, name, error);
      if (part.weights)
        g_hash_table_insert (x->weights, g_strdup (name), part.weights);
    }
  return part.weights && _dif_adapters_bind (x->adapters, &part, error);
}

static gboolean
lay_part (const char *name, DifStore *store, gpointer data, GError **error)
{
  Exchange      *x    = data;
  DifAdapterPart part = { .name        = name,
                          .weights     = g_hash_table_lookup (x->weights, name),
                          .store       = store,
                          .cancellable = x->cancellable };

  return bind_part (name, store, data, error) && _dif_adapters_lay_over (x->adapters, &part, error);
}

/* Lays @adapters over; what does not fit is an error before anything has changed. */
static gboolean
lay (DifPipeline *pipe, DifAdapters *adapters, GCancellable *cancellable, gboolean *touched,
     GError **error)
{
  g_autoptr (GHashTable) weights = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                          (GDestroyNotify) dif_weights_free);
  Exchange               x       = { pipe, adapters, weights, cancellable };

  if (! _dif_adapters_open (adapters, error) ||
      ! _dif_pipeline_each_part (pipe, bind_part, &x, error) ||
      ! _dif_adapters_finish (adapters, TRUE, error))
    return FALSE;
  /* parts that come and go come back with them */
  if (pipe->need)
    {
      _dif_pipeline_release (pipe);
      return TRUE;
    }
  *touched = TRUE;
  if (! _dif_pipeline_each_part (pipe, lay_part, &x, error))
    return FALSE;
  _dif_adapters_close (adapters);
  return TRUE;
}

/* The same on one device. */
static gboolean
exchange (DifPipeline *pipe, DifRequest *rq, GCancellable *cancellable, GError **error)
{
  DifAdapters *next    = _dif_adapters_new (rq);
  gboolean     touched = FALSE, ignored;

  if (lay (pipe, next, cancellable, &touched, error))
    {
      _dif_adapters_take_fixed (next, pipe->adapters);
      _dif_adapters_free (pipe->adapters);
      pipe->adapters = next;
      pipe->is_mixed = FALSE;
      return TRUE;
    }
  _dif_adapters_free (next);
  if (touched)
    pipe->is_mixed = ! lay (pipe, pipe->adapters, NULL, &ignored, NULL);
  return FALSE;
}

gboolean
dif_pipeline_set_adapters (DifPipeline *pipe, DifRequest *rq, GCancellable *cancellable,
                           GError **error)
{
  g_autofree char *fixed = dif_adapters_key (rq, FALSE), *live = dif_adapters_key (rq, TRUE);
  gboolean         ok;

  if (g_strcmp0 (fixed, _dif_adapters_key (pipe->adapters, FALSE)) != 0)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "expected the embeddings that %s was loaded with, found others",
                   dif_checkpoint_path (pipe->checkpoint));
      return FALSE;
    }
  if (! pipe->is_mixed && g_strcmp0 (live, _dif_adapters_key (pipe->adapters, TRUE)) == 0)
    return TRUE;
  ok = exchange (pipe, rq, cancellable, error);
  for (guint i = 0; ok && pipe->others && i < pipe->others->len; i++)
    {
      ok             = exchange (pipe->others->pdata[i], rq, cancellable, error);
      pipe->is_mixed = ! ok;
    }
  return ok;
}
