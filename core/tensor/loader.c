/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* loader.c - tensors out of the dictionary, weights onto the device.
 *
 * Invariant: a loader that has failed hands out inert weights (prepared ==
 * NULL), so that model code needs no error branch; everything handed out is
 * owned by the store.
 */
#include "tensor/loader-private.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* ---- the store ---- */

static DifStore *
store_new (DifBackend *backend)
{
  DifStore *s = g_new0 (DifStore, 1);

  s->backend = dif_backend_ref (backend);
  s->items   = g_array_new (FALSE, FALSE, sizeof (DifStoreItem));
  return s;
}

static void
release (DifStore *store, const DifStoreItem *item, gpointer prepared)
{
  const DifBackendClass *k = store->backend->klass;

  void (*const free_one[]) (DifBackend *, gpointer) = {
    [DIF_WEIGHT_LINEAR] = k->linear_free,
    [DIF_WEIGHT_CONV]   = k->conv_free,
    [DIF_WEIGHT_NORM]   = k->norm_free,
    [DIF_WEIGHT_SCALE]  = k->norm_free,
    [DIF_WEIGHT_TABLE]  = k->table_free,
  };

  if (prepared)
    free_one[item->spec.kind](store->backend, prepared);
}

/* Where the weight keeps what is beside it; NULL for kinds that have no such place. */
static DifSide **
side_of (const DifStoreItem *item)
{
  if (item->spec.kind == DIF_WEIGHT_LINEAR)
    return &((DifLinear *) item->weight)->side;
  return item->spec.kind == DIF_WEIGHT_CONV ? &((DifConv *) item->weight)->side : NULL;
}

void
_dif_store_set_side (DifStore *store, DifStoreItem *item, DifSide *side, gsize bytes)
{
  DifSide **place = side_of (item);

  if (place && *place)
    {
      if ((*place)->up)
        store->backend->klass->linear_free (store->backend, (*place)->up);
      release (store, item, (*place)->down);
      g_free (*place);
    }
  if (place)
    *place = side;
  store->bytes += bytes - item->side_bytes;
  item->side_bytes = bytes;
}

void
dif_store_free (DifStore *store)
{
  if (! store)
    return;
  for (guint i = 0; i < store->items->len; i++)
    {
      DifStoreItem *item = &g_array_index (store->items, DifStoreItem, i);

      _dif_store_set_side (store, item, NULL, 0);
      release (store, item, item->prepared);
      for (guint k = 0; k < DIF_MAX_STACK; k++)
        g_free ((char *) item->spec.names[k]);
      g_free (item->weight);
    }
  g_array_unref (store->items);
  dif_backend_unref (store->backend);
  g_free (store);
}

gsize
dif_store_bytes (DifStore *store)
{
  return store ? store->bytes : 0;
}

/* ---- the loader ---- */

/* What is prepared for another dtype than the rest. */
typedef struct
{
  char    *prefix;
  DifDtype dtype;
} Rule;

static void
rule_clear (gpointer data)
{
  g_free (((Rule *) data)->prefix);
}

struct _DifLoader
{
  DifWeights   *weights; /* borrowed; NULL in a dry run */
  DifBackend   *backend;
  DifDtype      dtype;
  GCancellable *cancellable;
  DifStore     *store;
  GString      *prefix;
  GArray       *marks; /* of gsize: lengths of prefix before each enter */
  GArray       *rules; /* of Rule */
  GError       *error;
  DifWeightFunc visitor;
  gpointer      visitor_data;
  DifPatchFunc  patch;
  gpointer      patch_data;
  GPtrArray    *scratch; /* of GBytes: numbers made on the way, until the weight is prepared */
};

DifLoader *
dif_loader_new (DifWeights *weights, DifBackend *backend, DifDtype dtype, GCancellable *cancellable)
{
  DifLoader *l = g_new0 (DifLoader, 1);

  l->weights = weights;
  l->backend = dif_backend_ref (backend);
  l->dtype   = dtype;
  l->store   = store_new (backend);
  l->prefix  = g_string_new (NULL);
  l->marks   = g_array_new (FALSE, FALSE, sizeof (gsize));
  l->scratch = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  l->rules   = g_array_new (FALSE, FALSE, sizeof (Rule));
  g_array_set_clear_func (l->rules, rule_clear);
  g_set_object (&l->cancellable, cancellable);
  return l;
}

void
dif_loader_set_visitor (DifLoader *l, DifWeightFunc func, gpointer user_data)
{
  l->visitor      = func;
  l->visitor_data = user_data;
}

void
dif_loader_set_patch (DifLoader *l, DifPatchFunc func, gpointer user_data)
{
  l->patch      = func;
  l->patch_data = user_data;
}

void
dif_loader_set_dtype_of (DifLoader *l, const char *prefix, DifDtype dtype)
{
  Rule rule = { g_strdup (prefix), dtype };

  g_array_append_val (l->rules, rule);
}

static DifDtype
dtype_of (DifLoader *l, const char *full)
{
  for (guint i = 0; i < l->rules->len; i++)
    if (g_str_has_prefix (full, g_array_index (l->rules, Rule, i).prefix))
      return g_array_index (l->rules, Rule, i).dtype;
  return l->dtype;
}

void
dif_loader_enter (DifLoader *l, const char *format, ...)
{
  va_list args;

  g_array_append_val (l->marks, l->prefix->len);
  va_start (args, format);
  g_string_append_vprintf (l->prefix, format, args);
  va_end (args);
  g_string_append_c (l->prefix, '.');
}

void
dif_loader_leave (DifLoader *l)
{
  g_assert (l->marks->len);
  g_string_truncate (l->prefix, g_array_index (l->marks, gsize, l->marks->len - 1));
  g_array_set_size (l->marks, l->marks->len - 1);
}

static char *
full_name (DifLoader *l, const char *name, const char *suffix)
{
  return g_strconcat (l->prefix->str, name, suffix, NULL);
}

gboolean
dif_loader_has (DifLoader *l, const char *name)
{
  g_autofree char *full = full_name (l, name, "");

  return l->weights && dif_weights_lookup (l->weights, full);
}

void
dif_loader_fail (DifLoader *l, GError *error)
{
  if (l->error)
    g_error_free (error);
  else
    l->error = error;
}

/* [N, K] and [N, K, 1, 1] are the same weight */
static gboolean
same_matrix (const DifShape *a, const DifShape *b)
{
  const DifShape *longer = a->n > b->n ? a : b, *shorter = a->n > b->n ? b : a;

  return longer->n == 4 && shorter->n == 2 && longer->d[2] == 1 && longer->d[3] == 1 &&
         longer->d[0] == shorter->d[0] && longer->d[1] == shorter->d[1];
}

/* Lets the caller change the tensor; FALSE on error. */
static gboolean
patch (DifLoader *l, const char *full, DifHostArray *array)
{
  g_autoptr (GBytes) owner = NULL;
  GError            *error = NULL;

  if (! l->patch)
    return TRUE;
  if (! l->patch (full, array, &owner, l->patch_data, &error))
    {
      g_prefix_error (&error, "%s: tensor %s: ", dif_weights_name (l->weights), full);
      dif_loader_fail (l, error);
      return FALSE;
    }
  if (owner)
    g_ptr_array_add (l->scratch, g_steal_pointer (&owner));
  return TRUE;
}

/* Finds @full, checks its shape and writes it, with that shape, to @out.
 * FALSE if there is nothing to prepare: after a failure, or in a dry run. */
static gboolean
take (DifLoader *l, const char *full, const DifShape *shape, DifHostArray *out)
{
  const DifHostArray *found;
  GError             *error = NULL;

  if (l->visitor)
    l->visitor (full, shape, l->visitor_data);
  if (l->error || ! l->weights)
    return FALSE;
  if (l->cancellable && g_cancellable_set_error_if_cancelled (l->cancellable, &error))
    {
      dif_loader_fail (l, error);
      return FALSE;
    }
  found = dif_weights_lookup (l->weights, full);
  if (! found || (! dif_shape_equal (&found->shape, shape) && ! same_matrix (&found->shape, shape)))
    {
      g_autofree char *expected = dif_shape_to_string (shape),
                      *is       = found ? dif_shape_to_string (&found->shape) : NULL;

      dif_loader_fail (l, g_error_new (DIF_MODEL_ERROR,
                                       found ? DIF_MODEL_ERROR_SHAPE
                                             : DIF_MODEL_ERROR_MISSING_WEIGHT,
                                       "%s: tensor %s: expected shape %s, found %s",
                                       dif_weights_name (l->weights), full, expected,
                                       is ? is : "no such tensor"));
      return FALSE;
    }
  if (! dif_host_is_weight (found))
    {
      dif_loader_fail (l, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                       "%s: tensor %s: expected floating numbers, found %s",
                                       dif_weights_name (l->weights), full,
                                       dif_encoding_name (found->encoding)));
      return FALSE;
    }
  if (! dif_weights_check (l->weights, full, &error))
    {
      dif_loader_fail (l, error);
      return FALSE;
    }
  *out       = *found;
  out->shape = *shape;
  return patch (l, full, out);
}

/* ---- from tensors to what the backend prepares ---- */

/* Keeps @data until the weight is filed; without memory the loader fails. */
static gpointer
keep (DifLoader *l, gpointer data)
{
  if (data)
    g_ptr_array_add (l->scratch, g_bytes_new_with_free_func (data, 1, g_free, data));
  else
    dif_loader_fail (l, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                     "%s: %sout of memory", dif_weights_name (l->weights),
                                     l->prefix->str));
  return data;
}

/* As take(), and cut to @n rows from @first on; plain. */
static gboolean
take_rows (DifLoader *l, const char *full, const DifShape *shape, gsize first, gsize n,
           DifHostArray *out)
{
  if (! take (l, full, shape, out))
    return FALSE;
  if (n != shape->d[0])
    *out = dif_host_rows (out, first, n);
  return dif_host_is_plain (out, NULL) || keep (l, dif_host_expand (out));
}

/* Puts @n plain arrays one behind the other in their dtype or, where they
 * differ, as f32. */
static gboolean
stack (DifLoader *l, const DifHostArray *arrays, guint n, DifHostArray *all)
{
  gsize each, size;
  char *data = NULL;

  *all = arrays[0];
  if (n == 1)
    return TRUE;
  all->shape.d[0] *= n;
  for (guint i = 1; i < n; i++)
    if (arrays[i].encoding != all->encoding)
      all->encoding = DIF_ENC_F32;
  if (dif_host_bytes (all, &size))
    data = g_try_malloc (MAX (size, 1));
  all->data = keep (l, data);
  each      = size / n;
  for (guint i = 0; data && i < n; i++)
    if (arrays[i].encoding == all->encoding)
      memcpy (data + i * each, arrays[i].data, each);
    else
      dif_host_rows_to_f32 (&arrays[i], 0, dif_host_n_rows (&arrays[i]),
                            (float *) (gpointer) (data + i * each));
  return data != NULL;
}

/* ---- forms ---- */

/* Added to a filter's variance. */
#define STANDARDIZE_EPS 1e-8

static gboolean
standardize (DifLoader *l, DifHostArray *w)
{
  gsize  n_all, n_out = w->shape.d[0], n;
  float *all = keep (l, dif_host_to_f32 (w, &n_all));

  n = n_all / MAX (n_out, 1);
  for (gsize o = 0; all && o < n_out; o++)
    {
      float *filter = all + o * n;
      double mean = 0, variance = 0, scale;

      for (gsize i = 0; i < n; i++)
        mean += filter[i] / (double) n;
      for (gsize i = 0; i < n; i++)
        variance += (filter[i] - mean) * (filter[i] - mean) / (double) n;
      scale = 1 / sqrt (variance + STANDARDIZE_EPS);
      for (gsize i = 0; i < n; i++)
        filter[i] = (float) ((filter[i] - mean) * scale);
    }
  w->encoding = DIF_ENC_F32;
  w->data     = all;
  return all != NULL;
}

/* [in, out, taps] becomes [taps, out, in], and the bias is repeated. */
static gboolean
enlarge (DifLoader *l, DifHostArray *w, DifHostArray *b)
{
  gsize             n_in = w->shape.d[0], n_out = w->shape.d[1], n;
  gsize             taps = w->shape.d[2] * w->shape.d[3];
  g_autofree float *from = dif_host_to_f32 (w, &n), *once = dif_host_to_f32 (b, NULL);
  float            *to    = keep (l, from && once ? g_try_new (float, MAX (n, 1)) : NULL);
  float            *often = to ? keep (l, g_try_new (float, MAX (taps * n_out, 1))) : NULL;

  if (! often)
    return FALSE;
  for (gsize i = 0; i < n_in; i++)
    for (gsize o = 0; o < n_out; o++)
      for (gsize s = 0; s < taps; s++)
        to[(s * n_out + o) * n_in + i] = from[(i * n_out + o) * taps + s];
  for (gsize i = 0; i < taps * n_out; i++)
    often[i] = once[i % n_out];
  *w = (DifHostArray) { .shape = DIF_SHAPE (taps * n_out, n_in), .data = to };
  *b = (DifHostArray) { .shape = DIF_SHAPE (taps * n_out), .data = often };
  return TRUE;
}

static gboolean
form (DifLoader *l, const DifWeightSpec *s, DifHostArray *w, DifHostArray *b)
{
  switch (s->form)
    {
    case DIF_FORM_STANDARDIZED:
      return standardize (l, w);
    case DIF_FORM_PATCHES:
      w->shape = DIF_SHAPE (s->n_out, s->n_in * s->k * s->k);
      return TRUE;
    case DIF_FORM_ENLARGING:
      return enlarge (l, w, b);
    default:
      return TRUE;
    }
}

/* ---- weights ---- */

/* The weight's shape in the file. */
static DifShape
stored_shape (const DifWeightSpec *s)
{
  if (s->kind == DIF_WEIGHT_NORM || s->kind == DIF_WEIGHT_SCALE)
    return DIF_SHAPE (s->n_out);
  if (s->form == DIF_FORM_ENLARGING)
    return DIF_SHAPE (s->n_in, s->n_out, s->k, s->k);
  if (s->kind == DIF_WEIGHT_CONV || s->form == DIF_FORM_PATCHES)
    return DIF_SHAPE (s->n_out, s->n_in, s->k, s->k);
  return DIF_SHAPE (s->n_stored ? s->n_stored : s->n_out, s->n_in);
}

/* All tensors of @s, whose names are full, as one weight and one bias (without data if there
 * is none). */
static gboolean
gather (DifLoader *l, const DifWeightSpec *s, DifHostArray *w, DifHostArray *b)
{
  DifHostArray ws[DIF_MAX_STACK] = { 0 }, bs[DIF_MAX_STACK] = { 0 };
  DifShape     shape = stored_shape (s), bias = DIF_SHAPE (s->n_stored ? s->n_stored : s->n_out);
  gsize        n  = s->n_stored ? s->n_out : shape.d[0];
  gboolean     ok = TRUE, is_table = s->kind == DIF_WEIGHT_TABLE;
  guint        i;

  for (i = 0; i < DIF_MAX_STACK && s->names[i]; i++)
    {
      g_autofree char *wname = g_strconcat (s->names[i], is_table ? "" : ".weight", NULL);
      g_autofree char *bname = g_strconcat (s->names[i], ".bias", NULL);

      ok = take_rows (l, wname, &shape, s->first, n, &ws[i]) && ok;
      if (s->bias || s->kind == DIF_WEIGHT_NORM)
        ok = take_rows (l, bname, &bias, s->first, s->n_out, &bs[i]) && ok;
    }
  ok = ok && stack (l, ws, i, w);
  *b = bs[0];
  if (ok && bs[0].data)
    ok = stack (l, bs, i, b);
  return ok && form (l, s, w, b);
}

/* The struct that models know, with nothing prepared. */
static gpointer
weight_new (const DifWeightSpec *s)
{
  gsize taps = (gsize) s->k * s->k;
  guint n    = 0;

  while (n < DIF_MAX_STACK && s->names[n])
    n++;
  switch (s->kind)
    {
    case DIF_WEIGHT_LINEAR:
      return g_memdup2 (
          &(DifLinear) { .n_out = n * s->n_out * (s->form == DIF_FORM_ENLARGING ? taps : 1),
                         .n_in  = s->n_in * (s->form == DIF_FORM_PATCHES ? taps : 1) },
          sizeof (DifLinear));
    case DIF_WEIGHT_CONV:
      return g_memdup2 (
          &(DifConv) {
              .n_out = s->n_out,
              .n_in  = s->n_in,
              .kh    = s->k,
              .kw    = s->k,
              .spec  = s->conv },
          sizeof (DifConv));
    case DIF_WEIGHT_NORM:
    case DIF_WEIGHT_SCALE:
      return g_memdup2 (&(DifNorm) { .n = s->n_out }, sizeof (DifNorm));
    default:
      return g_memdup2 (&(DifTable) { .n_rows = s->n_out, .n = s->n_in }, sizeof (DifTable));
    }
}

/* What the backend makes of it. */
static gpointer
prepare (DifLoader *l, const DifStoreItem *item, const DifHostArray *w, const DifHostArray *b,
         gsize *bytes, GError **error)
{
  const DifBackendClass *k = l->backend->klass;

  switch (item->spec.kind)
    {
    case DIF_WEIGHT_LINEAR:
      return k->linear_new (l->backend, item->dtype, w, b, bytes, error);
    case DIF_WEIGHT_CONV:
      return k->conv_new (l->backend, item->dtype, w, b, &item->spec.conv, bytes, error);
    case DIF_WEIGHT_NORM:
    case DIF_WEIGHT_SCALE:
      return k->norm_new (l->backend, w, b, bytes, error);
    default:
      return k->table_new (l->backend, item->dtype, w, bytes, error);
    }
}

static void
set_prepared (DifStore *store, DifStoreItem *item, gpointer prepared, gsize bytes)
{
  gpointer *const place[] = {
    [DIF_WEIGHT_LINEAR] = &((DifLinear *) item->weight)->prepared,
    [DIF_WEIGHT_CONV]   = &((DifConv *) item->weight)->prepared,
    [DIF_WEIGHT_NORM]   = &((DifNorm *) item->weight)->prepared,
    [DIF_WEIGHT_SCALE]  = &((DifNorm *) item->weight)->prepared,
    [DIF_WEIGHT_TABLE]  = &((DifTable *) item->weight)->prepared,
  };

  release (store, item, item->prepared);
  store->bytes += bytes - item->bytes;
  item->prepared = prepared;
  item->bytes    = bytes;

  *place[item->spec.kind] = prepared;
}

gboolean
_dif_loader_prepare (DifLoader *l, DifStore *store, DifStoreItem *item)
{
  const char  *end = item->spec.kind == DIF_WEIGHT_TABLE ? "" : ".weight";
  DifHostArray w = { 0 }, b = { 0 };
  GError      *error = NULL;
  gsize        bytes = 0;
  gpointer     prepared =
      gather (l, &item->spec, &w, &b) ? prepare (l, item, &w, &b, &bytes, &error) : NULL;

  if (prepared)
    set_prepared (store, item, prepared, bytes);
  if (error)
    {
      g_prefix_error (&error, "%s: tensor %s%s: ", dif_weights_name (l->weights),
                      item->spec.names[0], end);
      dif_loader_fail (l, error);
    }
  for (guint i = 0; l->weights && i < DIF_MAX_STACK && item->spec.names[i]; i++)
    {
      g_autofree char *name = g_strconcat (item->spec.names[i], end, NULL);

      dif_weights_rest (l->weights, name);
    }
  g_ptr_array_set_size (l->scratch, 0);
  return prepared != NULL;
}

gpointer
dif_loader_weight (DifLoader *l, const DifWeightSpec *s)
{
  DifStoreItem     item = { .spec = *s, .weight = weight_new (s) };
  g_autofree char *full = full_name (l, s->names[0], s->kind == DIF_WEIGHT_TABLE ? "" : ".weight");

  g_assert (s->first + s->n_out <= (s->n_stored ? s->n_stored : s->n_out));
  for (guint i = 0; i < DIF_MAX_STACK && s->names[i]; i++)
    item.spec.names[i] = full_name (l, s->names[i], "");
  item.dtype = dtype_of (l, full);
  _dif_loader_prepare (l, l->store, &item);
  g_array_append_val (l->store->items, item);
  return item.weight;
}

/* ---- shorthands ---- */

DifLinear *
dif_loader_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in, gboolean bias)
{
  return dif_loader_weight (
      l, &(DifWeightSpec) { .names = { name }, .n_out = n_out, .n_in = n_in, .bias = bias });
}

DifLinear *
dif_loader_linear_rows (DifLoader *l, const char *name, gsize n_total, gsize first, gsize n_out,
                        gsize n_in, gboolean bias)
{
  return dif_loader_weight (l, &(DifWeightSpec) { .names    = { name },
                                                  .n_out    = n_out,
                                                  .n_in     = n_in,
                                                  .n_stored = n_total,
                                                  .first    = first,
                                                  .bias     = bias });
}

DifLinear *
dif_loader_linear_stack (DifLoader *l, const char *const *names, guint n, gsize n_each, gsize n_in,
                         gboolean bias)
{
  DifWeightSpec s = { .n_out = n_each, .n_in = n_in, .bias = bias };

  g_assert (n >= 1 && n <= DIF_MAX_STACK);
  memcpy (s.names, names, n * sizeof *names);
  return dif_loader_weight (l, &s);
}

DifConv *
dif_loader_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k, guint stride,
                 int pad)
{
  DifWeightSpec s = { .kind  = DIF_WEIGHT_CONV,
                      .names = { name },
                      .n_out = n_out,
                      .n_in  = n_in,
                      .k     = k,
                      .conv  = { .stride = stride },
                      .bias  = TRUE };

  if (pad == DIF_PAD_RIGHT_BOTTOM)
    s.conv.pad.bottom = s.conv.pad.right = 1;
  else
    s.conv.pad.top = s.conv.pad.bottom = s.conv.pad.left = s.conv.pad.right = (guint) pad;
  return dif_loader_weight (l, &s);
}

DifNorm *
dif_loader_norm (DifLoader *l, const char *name, gsize n)
{
  return dif_loader_weight (
      l, &(DifWeightSpec) { .kind = DIF_WEIGHT_NORM, .names = { name }, .n_out = n });
}

DifNorm *
dif_loader_scale (DifLoader *l, const char *name, gsize n)
{
  return dif_loader_weight (
      l, &(DifWeightSpec) { .kind = DIF_WEIGHT_SCALE, .names = { name }, .n_out = n });
}

DifTable *
dif_loader_table (DifLoader *l, const char *name, gsize n_rows, gsize n)
{
  return dif_loader_weight (
      l, &(DifWeightSpec) {
             .kind  = DIF_WEIGHT_TABLE,
             .names = { name },
             .n_out = n_rows,
             .n_in  = n });
}

float *
dif_loader_floats (DifLoader *l, const char *name, DifShape shape)
{
  g_autofree char *full = full_name (l, name, "");
  DifHostArray     w;
  float           *data;

  if (! take (l, full, &shape, &w))
    return NULL;
  data = dif_host_to_f32 (&w, NULL);
  if (! data)
    dif_loader_fail (l, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                     "%s: tensor %s: out of memory",
                                     dif_weights_name (l->weights), full));
  g_ptr_array_set_size (l->scratch, 0);
  return data;
}

DifDtype
dif_loader_dtype (DifLoader *l)
{
  return l->dtype;
}

DifStore *
dif_loader_finish (DifLoader *l, GError **error)
{
  DifStore *store = g_steal_pointer (&l->store);

  if (l->error)
    {
      g_propagate_error (error, g_steal_pointer (&l->error));
      g_clear_pointer (&store, dif_store_free);
    }
  g_string_free (l->prefix, TRUE);
  g_array_unref (l->marks);
  g_ptr_array_unref (l->scratch);
  g_array_unref (l->rules);
  g_clear_object (&l->cancellable);
  dif_backend_unref (l->backend);
  g_free (l);
  return store;
}
