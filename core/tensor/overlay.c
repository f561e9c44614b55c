/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* overlay.c - see overlay.h.
 *
 * The changes of the weights that make one (q, k and v; several LoRAs) become
 * one pair of factors: the downs one below the other, the ups side by side in
 * the rows of their own weight.
 */
#include "tensor/overlay.h"

#include <string.h>

#include "base/error.h"
#include "tensor/loader-private.h"

/* A change is computed beside a weight if that takes at most 1 / SIDE_COST of the weight's
 * own multiply-adds. */
#define SIDE_COST 1

/* One call. */
typedef struct
{
  DifStore         *store;
  DifWeights       *weights;
  const DifOverlay *overlay;
  GCancellable     *cancellable;
} Laying;

/* What a weight's change comes to. */
typedef struct
{
  DifChange change;
  gsize     rank[DIF_MAX_STACK], total;
  gsize     n_rows, n_columns; /* of each of the weights that make one, as stored */
  guint     n;
  gboolean  biased;
} Plan;

static DifChange
ask (const Laying *y, const char *name, const char *end, gsize *rank)
{
  g_autofree char *full = g_strconcat (name, end, NULL);

  *rank = 0;
  return y->overlay ? y->overlay->change (full, rank, y->overlay->user_data) : DIF_CHANGE_NONE;
}

/* Whether a weight is kept in an encoding that a merged one would lose. */
static gboolean
is_encoded (const Laying *y, const DifWeightSpec *s)
{
  g_autofree char    *full  = g_strconcat (s->names[0], ".weight", NULL);
  const DifHostArray *found = dif_weights_lookup (y->weights, full);

  return found && ! dif_host_is_plain (found, NULL);
}

static void
make_plan (const Laying *y, const DifWeightSpec *s, Plan *p)
{
  gboolean is_table = s->kind == DIF_WEIGHT_TABLE;
  gsize    unused;

  memset (p, 0, sizeof *p);
  p->n_rows    = s->n_stored ? s->n_stored : s->n_out;
  p->n_columns = s->n_in * (s->kind == DIF_WEIGHT_CONV ? (gsize) s->k * s->k : 1);
  for (; p->n < DIF_MAX_STACK && s->names[p->n]; p->n++)
    {
      DifChange w = ask (y, s->names[p->n], is_table ? "" : ".weight", &p->rank[p->n]);
      DifChange b = is_table ? DIF_CHANGE_NONE : ask (y, s->names[p->n], ".bias", &unused);

      p->change = MAX (p->change, MAX (w, b));
      p->biased = p->biased || b != DIF_CHANGE_NONE;
      p->total += p->rank[p->n];
    }
  if (p->change != DIF_CHANGE_LOW_RANK)
    return;
  if (p->total == 0 || s->form != DIF_FORM_AS_STORED ||
      (s->kind != DIF_WEIGHT_LINEAR && s->kind != DIF_WEIGHT_CONV) ||
      (SIDE_COST * p->total * (p->n_columns + p->n * s->n_out) >
           p->n_columns * p->n * s->n_out &&
       ! is_encoded (y, s)))
    p->change = DIF_CHANGE_ANY;
}

/* ---- beside ---- */

/* The numbers of a side path, on the host. */
typedef struct
{
  float *down; /* [total, n_columns] */
  float *up;   /* [n * n_out, total] */
  float *bias; /* [n * n_out] or NULL */
} Factors;

static void
factors_clear (Factors *f)
{
  g_free (f->down);
  g_free (f->up);
  g_free (f->bias);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Factors, factors_clear)

static float *
zeros (gsize n, gsize m)
{
  gsize size;

  return g_size_checked_mul (&size, n, m) ? g_try_new0 (float, MAX (size, 1)) : NULL;
}

/* What the changes of weight @i add to its bias, taken from a tensor of zeros. */
static gboolean
add_bias (const Laying *y, const DifWeightSpec *s, const Plan *p, guint i, Factors *f,
          GError **error)
{
  g_autofree char   *full  = g_strconcat (s->names[i], ".bias", NULL);
  g_autofree float  *none  = zeros (p->n_rows, 1);
  DifHostArray       array = { .shape = DIF_SHAPE (p->n_rows), .data = none };
  g_autoptr (GBytes) owner = NULL;

  if (! none ||
      ! y->overlay->patch (full, &array, &owner, y->overlay->user_data, error))
    return none != NULL;
  memcpy (f->bias + i * s->n_out, (const float *) array.data + s->first,
          s->n_out * sizeof *f->bias);
  return TRUE;
}

/* The factors of weight @i, to their place. */
static gboolean
add_factors (const Laying *y, const DifWeightSpec *s, const Plan *p, guint i, gsize at, Factors *f,
             GError **error)
{
  g_autofree char  *full = g_strconcat (s->names[i], ".weight", NULL);
  gsize             rank = p->rank[i];
  g_autofree float *up   = zeros (p->n_rows, rank);

  if (! up || ! y->overlay->factors (full, rank, p->n_rows, p->n_columns,
                                     f->down + at * p->n_columns, up, y->overlay->user_data, error))
    return FALSE;
  for (gsize row = 0; row < s->n_out; row++)
    memcpy (f->up + (i * s->n_out + row) * p->total + at, up + (s->first + row) * rank,
            rank * sizeof *up);
  return TRUE;
}

static gboolean
make_factors (const Laying *y, const DifWeightSpec *s, const Plan *p, Factors *f, GError **error)
{
  gsize    at = 0;
  gboolean ok;

  f->down = zeros (p->total, p->n_columns);
  f->up   = zeros (p->n * s->n_out, p->total);
  f->bias = p->biased ? zeros (p->n * s->n_out, 1) : NULL;
  ok      = f->down && f->up && (f->bias || ! p->biased);
  for (guint i = 0; ok && i < p->n; i++)
    {
      ok = (! p->rank[i] || add_factors (y, s, p, i, at, f, error)) &&
           (! p->biased || add_bias (y, s, p, i, f, error));
      at += p->rank[i];
    }
  if (! ok && error && ! *error)
    g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                 "%s: no memory for a low-rank change", s->names[0]);
  return ok;
}

/* Has the device prepare both. */
static DifSide *
prepare_side (DifStore *store, const DifStoreItem *item, const Plan *p, const Factors *f,
              gsize *bytes, GError **error)
{
  const DifWeightSpec   *s    = &item->spec;
  DifBackend            *be   = store->backend;
  const DifBackendClass *k    = be->klass;
  gboolean               conv = s->kind == DIF_WEIGHT_CONV;
  DifSide               *side = g_new0 (DifSide, 1);
  DifHostArray           down = { .shape = DIF_SHAPE (p->total, s->n_in), .data = f->down };
  DifHostArray           up   = { .shape = DIF_SHAPE (p->n * s->n_out, p->total), .data = f->up };
  DifHostArray           bias = { .shape = DIF_SHAPE (p->n * s->n_out), .data = f->bias };
  DifHostArray           none = { .shape = DIF_SHAPE (p->total) };
  gsize                  more = 0;

  side->rank = p->total;
  side->area = conv ? (gsize) s->k * s->k : 1;
  if (conv)
    down.shape = DIF_SHAPE (p->total, s->n_in, s->k, s->k);
  side->down = conv ? k->conv_new (be, item->dtype, &down, &none, &s->conv, bytes, error)
                    : k->linear_new (be, item->dtype, &down, &none, bytes, error);
  if (side->down)
    side->up = k->linear_new (be, item->dtype, &up, &bias, &more, error);
  *bytes += more;
  if (side->up)
    return side;
  if (side->down)
    (conv ? k->conv_free : k->linear_free) (be, side->down);
  g_free (side);
  return NULL;
}

static gboolean
lay_beside (const Laying *y, DifStoreItem *item, const Plan *p, GError **error)
{
  g_auto (Factors) f     = { NULL, NULL, NULL };
  gsize            bytes = 0;
  DifSide         *side  = NULL;

  if (make_factors (y, &item->spec, p, &f, error))
    side = prepare_side (y->store, item, p, &f, &bytes, error);
  if (side)
    _dif_store_set_side (y->store, item, side, bytes);
  return side != NULL;
}

/* ---- in place ---- */

/* Prepares the weight again: from the file's tensors, changed if it is to be merged. */
static gboolean
prepare_again (const Laying *y, DifStoreItem *item, gboolean merged, GError **error)
{
  DifLoader           *l      = dif_loader_new (y->weights, y->store->backend, item->dtype,
                                                y->cancellable);
  g_autoptr (DifStore) unused = NULL;
  gboolean             ok;

  if (merged)
    dif_loader_set_patch (l, y->overlay->patch, y->overlay->user_data);
  ok     = _dif_loader_prepare (l, y->store, item);
  unused = dif_loader_finish (l, error);
  if (ok)
    item->merged = merged;
  return ok;
}

static gboolean
lay_one (const Laying *y, DifStoreItem *item, GError **error)
{
  Plan     p;
  gboolean merged;

  make_plan (y, &item->spec, &p);
  merged = p.change == DIF_CHANGE_ANY;
  if (p.change != DIF_CHANGE_LOW_RANK)
    _dif_store_set_side (y->store, item, NULL, 0);
  if ((merged || item->merged) && ! prepare_again (y, item, merged, error))
    return FALSE;
  return p.change != DIF_CHANGE_LOW_RANK || lay_beside (y, item, &p, error);
}

gboolean
dif_store_lay_over (DifStore *store, DifWeights *weights, const DifOverlay *overlay,
                    GCancellable *cancellable, GError **error)
{
  Laying y = { store, weights, overlay, cancellable };

  for (guint i = 0; i < store->items->len; i++)
    {
      if (cancellable && g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (! lay_one (&y, &g_array_index (store->items, DifStoreItem, i), error))
        return FALSE;
    }
  return TRUE;
}
