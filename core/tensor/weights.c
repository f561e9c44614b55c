/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* weights.c - the dictionary between formats and models.
 *
 * Invariant: an entry owns its scales, and holds on to what owns its data.
 */
#include "tensor/weights.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct
{
  DifHostArray array;
  GBytes      *owner;
  DifFileMap  *map;    /* whose pages the data are, if any's */
  float       *scales; /* array.scales */
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
  g_clear_pointer (&e->map, dif_file_map_unref);
  g_free (e->scales);
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

const char *
dif_weights_name (DifWeights *w)
{
  return w->name;
}

static void
set_scales (Entry *e, const float *scales, gsize n)
{
  float *copy = n ? g_new (float, n) : NULL;

  if (n)
    memcpy (copy, scales, n * sizeof *copy);
  g_free (e->scales);
  e->scales         = copy;
  e->array.scales   = copy;
  e->array.n_scales = n;
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
  set_scales (e, array->scales, array->n_scales);
  g_hash_table_insert (w->entries, g_strdup (name), e);
  return TRUE;
}

gboolean
dif_weights_add_mapped (DifWeights *w, const char *name, const DifHostArray *array, DifFileMap *map)
{
  gboolean is_new = dif_weights_add (w, name, array, NULL);

  if (is_new)
    ((Entry *) g_hash_table_lookup (w->entries, name))->map = dif_file_map_ref (map);
  return is_new;
}

gboolean
dif_weights_add_from (DifWeights *w, const char *name, const DifHostArray *array, DifWeights *from,
                      const char *from_name)
{
  Entry *e = g_hash_table_lookup (from->entries, from_name);

  g_assert (e);
  return e->map ? dif_weights_add_mapped (w, name, array, e->map)
                : dif_weights_add (w, name, array, e->owner);
}

/* Only whole pages of the array's own: its neighbours are likely to be next. */
void
dif_weights_rest (DifWeights *w, const char *name)
{
  Entry *e    = g_hash_table_lookup (w->entries, name);
  gsize  page = (gsize) sysconf (_SC_PAGESIZE), bytes, from, to;

  if (! e || ! e->map || ! e->array.data || ! dif_host_bytes (&e->array, &bytes))
    return;
  from = ((gsize) e->array.data + page - 1) / page * page;
  to   = ((gsize) e->array.data + bytes) / page * page;
  if (from < to)
    madvise ((void *) from, to - from, MADV_DONTNEED);
}

const DifHostArray *
dif_weights_lookup (DifWeights *w, const char *name)
{
  Entry *e = g_hash_table_lookup (w->entries, name);

  return e ? &e->array : NULL;
}

gboolean
dif_weights_check (DifWeights *w, const char *name, GError **error)
{
  Entry *e = g_hash_table_lookup (w->entries, name);

  return ! e || ! e->map || dif_file_map_check (e->map, error);
}

void
dif_weights_replace (DifWeights *w, const char *name, const DifHostArray *array, GBytes *owner)
{
  g_hash_table_remove (w->entries, name);
  dif_weights_add (w, name, array, owner);
}

gboolean
dif_weights_set_scales (DifWeights *w, const char *name, const float *scales, gsize n)
{
  Entry *e = g_hash_table_lookup (w->entries, name);

  if (! e || (n != 1 && n != dif_host_n_rows (&e->array)) || ! n)
    return FALSE;
  set_scales (e, scales, n);
  return TRUE;
}

void
dif_weights_remove (DifWeights *w, const char *name)
{
  g_hash_table_remove (w->entries, name);
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

      if (dif_host_is_weight (&e->array) && dif_shape_count (&e->array.shape, &n))
        total += n;
    }
  return total;
}
