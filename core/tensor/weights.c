/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* weights.c - the dictionary between formats and models, and the loader.
 *
 * Invariant: a loader that has failed hands out inert weights (prepared ==
 * NULL), so that model code needs no error branch; everything handed out is
 * owned by the store.
 */
#include <string.h>

#include "base/error.h"
#include "tensor/weights.h"

/* ---- the dictionary ---- */

typedef struct
{
  DifHostArray array;
  GBytes      *owner;
} Entry;

struct _DifWeights
{
  char       *name;
  GHashTable *entries; /* canonical name -> Entry */
};

static void
entry_free (gpointer data)
{
  Entry *e = data;

  g_clear_pointer (&e->owner, g_bytes_unref);
  g_free (e);
}

DifWeights *
dif_weights_new (const char *name)
{
  DifWeights *w = g_new0 (DifWeights, 1);

  w->name    = g_strdup (name);
  w->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return w;
}

void
dif_weights_free (DifWeights *w)
{
  if (! w)
    return;
  g_hash_table_unref (w->entries);
  g_free (w->name);
  g_free (w);
}

gboolean
dif_weights_add (DifWeights *w, const char *name, const DifHostArray *array, GBytes *owner)
{
  Entry *e;

  if (g_hash_table_contains (w->entries, name))
    return FALSE;
  e        = g_new0 (Entry, 1);
  e->array = *array;
  e->owner = owner ? g_bytes_ref (owner) : NULL;
  g_hash_table_insert (w->entries, g_strdup (name), e);
  return TRUE;
}

const DifHostArray *
dif_weights_lookup (DifWeights *w, const char *name)
{
  Entry *e = g_hash_table_lookup (w->entries, name);

  return e ? &e->array : NULL;
}

GBytes *
dif_weights_owner (DifWeights *w, const char *name)
{
  Entry *e = g_hash_table_lookup (w->entries, name);

  return e ? e->owner : NULL;
}

void
dif_weights_replace (DifWeights *w, const char *name, const DifHostArray *array, GBytes *owner)
{
  g_hash_table_remove (w->entries, name);
  dif_weights_add (w, name, array, owner);
}

gboolean
dif_weights_rename (DifWeights *w, const char *from, const char *to)
{
  gpointer key, value;

  if (g_hash_table_contains (w->entries, to) ||
      ! g_hash_table_steal_extended (w->entries, from, &key, &value))
    return FALSE;
  g_free (key);
  g_hash_table_insert (w->entries, g_strdup (to), value);
  return TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
dif_weights_names (DifWeights *w)
{
  GPtrArray     *names = g_ptr_array_new ();
  GHashTableIter it;
  gpointer       key;

  g_hash_table_iter_init (&it, w->entries);
  while (g_hash_table_iter_next (&it, &key, NULL))
    g_ptr_array_add (names, key);
  g_ptr_array_sort (names, compare_names);
  return names;
}

guint64
dif_weights_count_parameters (DifWeights *w)
{
  guint64        total = 0;
  GHashTableIter it;
  gpointer       value;

  g_hash_table_iter_init (&it, w->entries);
  while (g_hash_table_iter_next (&it, NULL, &value))
    {
      const Entry *e = value;
      gsize        n;

      if (e->array.dtype <= DIF_F16 && dif_shape_count (&e->array.shape, &n))
        total += n;
    }
  return total;
}

/* ---- the store ---- */

typedef struct
{
  gpointer weight;   /* DifLinear, DifConv, DifNorm or DifTable */
  gpointer prepared; /* the backend's */
  void (*release) (DifBackend *be, gpointer prepared);
} Item;

struct _DifStore
{
  DifBackend *backend;
  GArray     *items; /* of Item */
  gsize       bytes;
};

static DifStore *
store_new (DifBackend *backend)
{
  DifStore *s = g_new0 (DifStore, 1);

  s->backend = dif_backend_ref (backend);
  s->items   = g_array_new (FALSE, FALSE, sizeof (Item));
  return s;
}

void
dif_store_free (DifStore *store)
{
  if (! store)
    return;
  for (guint i = 0; i < store->items->len; i++)
    {
      Item *item = &g_array_index (store->items, Item, i);

      if (item->prepared)
        item->release (store->backend, item->prepared);
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

static void
store_add (DifStore *s, gpointer weight, gpointer prepared,
           void (*release) (DifBackend *, gpointer), gsize bytes)
{
  Item item = { weight, prepared, release };

  g_array_append_val (s->items, item);
  s->bytes += bytes;
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
  GPtrArray    *patched; /* of GBytes, until the weight is prepared */
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
  l->patched = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
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
      g_prefix_error (&error, "%s: tensor %s: ", l->weights->name, full);
      dif_loader_fail (l, error);
      return FALSE;
    }
  if (owner)
    g_ptr_array_add (l->patched, g_steal_pointer (&owner));
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
  if (! found)
    {
      g_autofree char *expected = dif_shape_to_string (shape);

      dif_loader_fail (l, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT,
                                       "%s: tensor %s: expected shape %s, found no such tensor",
                                       l->weights->name, full, expected));
      return FALSE;
    }
  if (! dif_shape_equal (&found->shape, shape) && ! same_matrix (&found->shape, shape))
    {
      g_autofree char *expected = dif_shape_to_string (shape),
                      *is       = dif_shape_to_string (&found->shape);

      dif_loader_fail (l, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                       "%s: tensor %s: expected shape %s, found %s",
                                       l->weights->name, full, expected, is));
      return FALSE;
    }
  if (found->dtype > DIF_F16)
    {
      dif_loader_fail (l, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                       "%s: tensor %s: expected f32, f16 or bf16, found %s",
                                       l->weights->name, full, dif_dtype_name (found->dtype)));
      return FALSE;
    }
  *out       = *found;
  out->shape = *shape;
  return patch (l, full, out);
}

/* Files what the backend prepared, or its error with the tensor's name. */
static gpointer
filed (DifLoader *l, gpointer weight, gpointer prepared, void (*release) (DifBackend *, gpointer),
       gsize bytes, const char *full, GError *error)
{
  if (error)
    {
      g_prefix_error (&error, "%s: tensor %s: ", l->weights->name, full);
      dif_loader_fail (l, error);
    }
  store_add (l->store, weight, prepared, release, bytes);
  g_ptr_array_set_size (l->patched, 0);
  return prepared;
}

DifLinear *
dif_loader_linear_rows (DifLoader *l, const char *name, gsize n_total, gsize first, gsize n_out,
                        gsize n_in, gboolean bias)
{
  g_autofree char       *wname  = full_name (l, name, ".weight");
  g_autofree char       *bname  = full_name (l, name, ".bias");
  DifShape               wshape = DIF_SHAPE (n_total, n_in), bshape = DIF_SHAPE (n_total);
  DifHostArray           w = { 0 }, b = { 0 };
  DifLinear             *linear = g_new0 (DifLinear, 1);
  const DifBackendClass *klass  = l->backend->klass;
  GError                *error  = NULL;
  gsize                  bytes  = 0;
  gboolean               ok;

  g_assert (first + n_out <= n_total);
  linear->n_out = n_out;
  linear->n_in  = n_in;
  ok            = take (l, wname, &wshape, &w);
  if (bias)
    ok = take (l, bname, &bshape, &b) && ok;
  if (ok)
    {
      w.data       = (const char *) w.data + first * n_in * dif_dtype_size (w.dtype);
      w.shape.d[0] = n_out;
      if (bias)
        b.data = (const char *) b.data + first * dif_dtype_size (b.dtype);
      b.shape = DIF_SHAPE (n_out);
      linear->prepared =
          klass->linear_new (l->backend, dtype_of (l, wname), &w, &b, &bytes, &error);
    }
  filed (l, linear, linear->prepared, klass->linear_free, bytes, wname, error);
  return linear;
}

DifLinear *
dif_loader_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in, gboolean bias)
{
  return dif_loader_linear_rows (l, name, n_out, 0, n_out, n_in, bias);
}

/* Puts @n arrays one behind the other as f32 or, if all have one dtype, in
 * that; NULL when memory runs out. */
static void *
stacked (const DifHostArray *arrays, guint n, DifDtype *dtype)
{
  gsize count = 0, each, unit;
  char *data;

  *dtype = arrays[0].dtype;
  for (guint i = 1; i < n; i++)
    if (arrays[i].dtype != *dtype)
      *dtype = DIF_F32;
  unit = dif_dtype_size (*dtype);
  if (! dif_shape_count (&arrays[0].shape, &each) || ! g_size_checked_mul (&count, each, n) ||
      ! g_size_checked_mul (&count, count, unit))
    return NULL;
  data = g_try_malloc (count);
  for (guint i = 0; data && i < n; i++)
    if (arrays[i].dtype == *dtype)
      memcpy (data + i * each * unit, arrays[i].data, each * unit);
    else
      dif_convert_to_f32 ((float *) (gpointer) data + i * each, arrays[i].data, arrays[i].dtype,
                          each);
  return data;
}

DifLinear *
dif_loader_linear_stack (DifLoader *l, const char *const *names, guint n, gsize n_each, gsize n_in,
                         gboolean bias)
{
  DifShape               wshape = DIF_SHAPE (n_each, n_in), bshape = DIF_SHAPE (n_each);
  DifHostArray           w[4] = { 0 }, b[4] = { 0 }, all_w = { 0 }, all_b = { 0 };
  g_autofree void       *wdata = NULL, *bdata = NULL;
  g_autofree char       *first  = full_name (l, names[0], ".weight");
  DifLinear             *linear = g_new0 (DifLinear, 1);
  const DifBackendClass *klass  = l->backend->klass;
  GError                *error  = NULL;
  gsize                  bytes  = 0;
  gboolean               ok     = TRUE;

  g_assert (n >= 1 && n <= 4);
  linear->n_out = n * n_each;
  linear->n_in  = n_in;
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *wname = full_name (l, names[i], ".weight"),
                      *bname = full_name (l, names[i], ".bias");

      ok = take (l, wname, &wshape, &w[i]) && ok;
      if (bias)
        ok = take (l, bname, &bshape, &b[i]) && ok;
    }
  if (ok)
    {
      wdata = stacked (w, n, &all_w.dtype);
      if (bias)
        bdata = stacked (b, n, &all_b.dtype);
      all_w.shape = DIF_SHAPE (n * n_each, n_in);
      all_w.data  = wdata;
      all_b.shape = DIF_SHAPE (n * n_each);
      all_b.data  = bdata;
      if (wdata && (bdata || ! bias))
        linear->prepared =
            klass->linear_new (l->backend, dtype_of (l, first), &all_w, &all_b, &bytes, &error);
      else
        error = g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY, "out of memory");
    }
  filed (l, linear, linear->prepared, klass->linear_free, bytes, first, error);
  return linear;
}

DifConv *
dif_loader_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k, guint stride,
                 int pad)
{
  g_autofree char       *wname  = full_name (l, name, ".weight");
  g_autofree char       *bname  = full_name (l, name, ".bias");
  DifShape               wshape = DIF_SHAPE (n_out, n_in, k, k), bshape = DIF_SHAPE (n_out);
  DifHostArray           w, b;
  DifConv               *conv  = g_new0 (DifConv, 1);
  const DifBackendClass *klass = l->backend->klass;
  GError                *error = NULL;
  gsize                  bytes = 0;
  gboolean               ok;

  conv->n_out       = n_out;
  conv->n_in        = n_in;
  conv->kh          = k;
  conv->kw          = k;
  conv->spec.stride = stride;
  if (pad == DIF_PAD_RIGHT_BOTTOM)
    conv->spec.pad.bottom = conv->spec.pad.right = 1;
  else
    conv->spec.pad.top = conv->spec.pad.bottom = conv->spec.pad.left = conv->spec.pad.right =
        (guint) pad;
  ok = take (l, wname, &wshape, &w);
  ok = take (l, bname, &bshape, &b) && ok;
  if (ok)
    conv->prepared = klass->conv_new (l->backend, dtype_of (l, wname), &w, &b, &conv->spec, &bytes,
                                      &error);
  filed (l, conv, conv->prepared, klass->conv_free, bytes, wname, error);
  return conv;
}

DifDtype
dif_loader_dtype (DifLoader *l)
{
  return l->dtype;
}

float *
dif_loader_floats (DifLoader *l, const char *name, DifShape shape)
{
  g_autofree char *full = full_name (l, name, "");
  DifHostArray     w;
  gsize            n;
  float           *data;

  if (! take (l, full, &shape, &w) || ! dif_shape_count (&shape, &n))
    return NULL;
  data = g_try_new (float, n);
  if (data)
    dif_convert_to_f32 (data, w.data, w.dtype, n);
  else
    dif_loader_fail (l, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                     "%s: tensor %s: out of memory", l->weights->name, full));
  return data;
}

DifLinear *
dif_loader_made_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in, const float *w,
                        const float *bias)
{
  g_autofree char       *full   = full_name (l, name, ".weight");
  DifHostArray           warray = { DIF_F32, DIF_SHAPE (n_out, n_in), w };
  DifHostArray           barray = { DIF_F32, DIF_SHAPE (n_out), bias };
  DifLinear             *linear = g_new0 (DifLinear, 1);
  const DifBackendClass *klass  = l->backend->klass;
  GError                *error  = NULL;
  gsize                  bytes  = 0;

  linear->n_out = n_out;
  linear->n_in  = n_in;
  if (w)
    linear->prepared =
        klass->linear_new (l->backend, l->dtype, &warray, &barray, &bytes, &error);
  filed (l, linear, linear->prepared, klass->linear_free, bytes, full, error);
  return linear;
}

DifConv *
dif_loader_made_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                      const DifConvSpec *spec, const float *w, const float *bias)
{
  g_autofree char       *full   = full_name (l, name, ".weight");
  DifHostArray           warray = { DIF_F32, DIF_SHAPE (n_out, n_in, k, k), w };
  DifHostArray           barray = { DIF_F32, DIF_SHAPE (n_out), bias };
  DifConv               *conv   = g_new0 (DifConv, 1);
  const DifBackendClass *klass  = l->backend->klass;
  GError                *error  = NULL;
  gsize                  bytes  = 0;

  conv->n_out = n_out;
  conv->n_in  = n_in;
  conv->kh    = k;
  conv->kw    = k;
  conv->spec  = *spec;
  if (w)
    conv->prepared =
        klass->conv_new (l->backend, l->dtype, &warray, &barray, &conv->spec, &bytes, &error);
  filed (l, conv, conv->prepared, klass->conv_free, bytes, full, error);
  return conv;
}

DifNorm *
dif_loader_norm (DifLoader *l, const char *name, gsize n)
{
  g_autofree char       *wname = full_name (l, name, ".weight");
  g_autofree char       *bname = full_name (l, name, ".bias");
  DifShape               shape = DIF_SHAPE (n);
  DifHostArray           w, b;
  DifNorm               *norm  = g_new0 (DifNorm, 1);
  const DifBackendClass *klass = l->backend->klass;
  GError                *error = NULL;
  gsize                  bytes = 0;
  gboolean               ok;

  norm->n = n;
  ok      = take (l, wname, &shape, &w);
  ok      = take (l, bname, &shape, &b) && ok;
  if (ok)
    norm->prepared = klass->norm_new (l->backend, &w, &b, &bytes, &error);
  filed (l, norm, norm->prepared, klass->norm_free, bytes, wname, error);
  return norm;
}

DifTable *
dif_loader_table (DifLoader *l, const char *name, gsize n_rows, gsize n)
{
  g_autofree char       *full  = full_name (l, name, "");
  DifShape               shape = DIF_SHAPE (n_rows, n);
  DifHostArray           w;
  DifTable              *table = g_new0 (DifTable, 1);
  const DifBackendClass *klass = l->backend->klass;
  GError                *error = NULL;
  gsize                  bytes = 0;

  table->n_rows = n_rows;
  table->n      = n;
  if (take (l, full, &shape, &w))
    table->prepared = klass->table_new (l->backend, dtype_of (l, full), &w, &bytes, &error);
  filed (l, table, table->prepared, klass->table_free, bytes, full, error);
  return table;
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
  g_ptr_array_unref (l->patched);
  g_array_unref (l->rules);
  g_clear_object (&l->cancellable);
  dif_backend_unref (l->backend);
  g_free (l);
  return store;
}
