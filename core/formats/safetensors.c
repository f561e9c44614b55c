/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safetensors.c - memory-mapped tensors; every field and offset is checked.
 *
 * Knows nothing of models.  Invariant: before the first tensor is handed out,
 * the tensors are known to cover the data exactly, without gap or overlap, and
 * every one to be as long as its shape says.
 */
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

/* Names and sizes as in huggingface/safetensors, tensor.rs, enum Dtype. */
static const struct
{
  const char *name;
  guint       bits;
  gboolean    readable;
  DifEncoding encoding;
} dtypes[] = {
  { "F32", 32, TRUE, DIF_ENC_F32 },
  { "F16", 16, TRUE, DIF_ENC_F16 },
  { "BF16", 16, TRUE, DIF_ENC_BF16 },
  { "I64", 64, TRUE, DIF_ENC_I64 },
  { "I32", 32, TRUE, DIF_ENC_I32 },
  { .name = "BOOL", .bits = 8 },
  { .name = "F4", .bits = 4 },
  { .name = "F6_E2M3", .bits = 6 },
  { .name = "F6_E3M2", .bits = 6 },
  { "U8", 8, TRUE, DIF_ENC_U8 },
  { "I8", 8, TRUE, DIF_ENC_I8 },
  { "F8_E5M2", 8, TRUE, DIF_ENC_F8_E5M2 },
  { "F8_E4M3", 8, TRUE, DIF_ENC_F8_E4M3 },
  { .name = "F8_E5M2FNUZ", .bits = 8 },
  { .name = "F8_E4M3FNUZ", .bits = 8 },
  { .name = "F8_E8M0", .bits = 8 },
  { .name = "I16", .bits = 16 },
  { .name = "U16", .bits = 16 },
  { .name = "U32", .bits = 32 },
  { .name = "U64", .bits = 64 },
  { "F64", 64, TRUE, DIF_ENC_F64 },
  { .name = "C64", .bits = 64 },
};

/* One tensor of the header; begin and end count from the start of the data. */
typedef struct
{
  DifJson *node;
  guint    dtype; /* row of dtypes[] */
  guint    n_dims;
  DifShape shape; /* the first dimensions if there are more than it holds */
  guint64  begin, end;
} Entry;

/* The readers below record what is wrong with dif_json_fail(); the first failure
 * is kept, so that they need not stop. */

static void
read_dtype (DifJson *node, Entry *entry)
{
  const char *name = dif_json_string (node, "dtype", NULL);

  if (! name)
    {
      dif_json_fail (node, DIF_FORMAT_ERROR_CORRUPT, "expected a dtype, found none");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (name, dtypes[i].name) == 0)
      {
        entry->dtype = i;
        return;
      }
  dif_json_fail_value (dif_json_member (node, "dtype"), DIF_FORMAT_ERROR_UNSUPPORTED,
                       "a known dtype");
}

/* Returns the size in bytes that shape and dtype call for. */
static guint64
read_shape (DifJson *node, Entry *entry)
{
  DifJson *shape = dif_json_member (node, "shape");
  guint64  bits  = dtypes[entry->dtype].bits;

  if (! shape || dif_json_type (shape) != DIF_JSON_ARRAY)
    {
      dif_json_fail (node, DIF_FORMAT_ERROR_CORRUPT, "expected an array as shape, found none");
      return 0;
    }
  entry->n_dims  = dif_json_length (shape);
  entry->shape.n = MIN (entry->n_dims, DIF_MAX_DIMS);
  for (guint i = 0; i < entry->n_dims; i++)
    {
      gint64 d = dif_json_value_int (dif_json_at (shape, i), 0, G_MAXINT64);

      if (i < DIF_MAX_DIMS)
        entry->shape.d[i] = (gsize) d;
      if (! g_uint64_checked_mul (&bits, bits, (guint64) d))
        {
          dif_json_fail (shape, DIF_FORMAT_ERROR_CORRUPT,
                         "expected a size that can be counted, found an overflow");
          return 0;
        }
    }
  if (bits % 8 != 0)
    dif_json_fail (shape, DIF_FORMAT_ERROR_CORRUPT,
                   "expected whole bytes, found %" G_GUINT64_FORMAT " bits", bits);
  return bits / 8;
}

static void
read_entry (DifJson *node, Entry *entry)
{
  DifJson *offsets = dif_json_member (node, "data_offsets");
  guint64  bytes;

  entry->node = node;
  read_dtype (node, entry);
  bytes = read_shape (node, entry);
  if (! offsets || dif_json_type (offsets) != DIF_JSON_ARRAY || dif_json_length (offsets) != 2)
    {
      dif_json_fail (node, DIF_FORMAT_ERROR_CORRUPT, "expected two data_offsets, found none");
      return;
    }
  entry->begin = (guint64) dif_json_value_int (dif_json_at (offsets, 0), 0, G_MAXINT64);
  entry->end   = (guint64) dif_json_value_int (dif_json_at (offsets, 1), 0, G_MAXINT64);
  if (entry->end < entry->begin || entry->end - entry->begin != bytes)
    dif_json_fail (offsets, DIF_FORMAT_ERROR_CORRUPT,
                   "expected %" G_GUINT64_FORMAT
                   " bytes as dtype and shape say, found %" G_GUINT64_FORMAT
                   " to %" G_GUINT64_FORMAT,
                   bytes, entry->begin, entry->end);
}

/* The format allows strings only; their contents are nobody's business here. */
static void
check_metadata (DifJson *metadata)
{
  if (dif_json_type (metadata) != DIF_JSON_OBJECT)
    dif_json_fail (metadata, DIF_FORMAT_ERROR_CORRUPT, "expected an object of strings");
  for (guint i = 0; i < dif_json_length (metadata); i++)
    dif_json_value_string (dif_json_at (metadata, i));
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *x = a;
  const Entry *y = b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorts the entries by place; they must cover @size bytes exactly. */
static void
check_cover (DifJson *root, GArray *entries, guint64 size)
{
  guint64 end = 0;

  g_array_sort (entries, compare_entries);
  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = &g_array_index (entries, Entry, i);

      if (entry->begin != end)
        dif_json_fail (
            entry->node, DIF_FORMAT_ERROR_CORRUPT,
            "expected data from byte %" G_GUINT64_FORMAT ", found it %s at %" G_GUINT64_FORMAT, end,
            entry->begin < end ? "overlapping another tensor" : "behind a hole", entry->begin);
      end = entry->end;
    }
  if (end != size)
    dif_json_fail (root, DIF_FORMAT_ERROR_CORRUPT,
                   "expected %" G_GUINT64_FORMAT " bytes of data, found %" G_GUINT64_FORMAT " (%s)",
                   end, size, size < end ? "the file is cut off" : "more than its tensors");
}

static GArray *
read_header (DifJson *root, guint64 data_size, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));

  if (dif_json_type (root) != DIF_JSON_OBJECT)
    dif_json_fail (root, DIF_FORMAT_ERROR_CORRUPT, "expected an object that lists tensors");
  for (guint i = 0; i < dif_json_length (root); i++)
    {
      DifJson *node  = dif_json_at (root, i);
      Entry    entry = { 0 };

      if (strcmp (dif_json_key (node), "__metadata__") == 0)
        check_metadata (node);
      else
        {
          read_entry (node, &entry);
          g_array_append_val (entries, entry);
        }
      if (! dif_json_finish (root, error))
        return NULL;
    }
  check_cover (root, entries, data_size);
  return dif_json_finish (root, error) ? g_steal_pointer (&entries) : NULL;
}

/* Parses the header of @data; *begin is where the tensors' bytes begin. */
static DifJson *
parse_header (const guint8 *data, gsize size, const char *name, gsize *begin, GError **error)
{
  guint64 length;

  if (size < 8)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected at least 8 bytes of safetensors, found %" G_GSIZE_FORMAT, name,
                   size);
      return NULL;
    }
  memcpy (&length, data, 8);
  length = GUINT64_FROM_LE (length);
  if (length > DIF_SAFETENSORS_MAX_HEADER)
    {
      g_set_error (
          error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
          "%s: expected a safetensors header of at most %u bytes, found %" G_GUINT64_FORMAT, name,
          DIF_SAFETENSORS_MAX_HEADER, length);
      return NULL;
    }
  if (length > size - 8)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected a header of %" G_GUINT64_FORMAT " bytes, found %" G_GSIZE_FORMAT
                   " (the file is cut off)",
                   name, length, size - 8);
      return NULL;
    }
  *begin = 8 + (gsize) length;
  return dif_json_parse ((const char *) data + 8, (gsize) length, name, error);
}

/* A tensor that is wanted, under its new name. */
typedef struct
{
  char        *name;
  DifHostArray array;
} Wanted;

static void
clear_wanted (gpointer data)
{
  g_free (((Wanted *) data)->name);
}

static int
compare_wanted (gconstpointer a, gconstpointer b)
{
  return strcmp (((const Wanted *) a)->name, ((const Wanted *) b)->name);
}

static void
check_readable (const Entry *entry)
{
  if (! dtypes[entry->dtype].readable)
    dif_json_fail (entry->node, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected F32, F16, BF16, F64, F8_E4M3, F8_E5M2, I64, I32, I8 or U8, found %s",
                   dtypes[entry->dtype].name);
  if (entry->n_dims > DIF_MAX_DIMS)
    dif_json_fail (entry->node, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected at most %d dimensions, found %u", DIF_MAX_DIMS, entry->n_dims);
}

/* Asks @want about every tensor; the result is sorted by new name. */
static GArray *
choose (DifJson *root, GArray *entries, const guint8 *data, DifWantFunc want, gpointer user_data,
        GError **error)
{
  g_autoptr (GArray) chosen = g_array_new (FALSE, FALSE, sizeof (Wanted));

  g_array_set_clear_func (chosen, clear_wanted);
  for (guint i = 0; i < entries->len; i++)
    {
      const Entry *entry = &g_array_index (entries, Entry, i);
      const char  *key   = dif_json_key (entry->node);
      Wanted       w     = { .name = want ? want (key, user_data) : g_strdup (key) };

      if (! w.name)
        continue;
      check_readable (entry);
      w.array.encoding = dtypes[entry->dtype].encoding;
      w.array.shape    = entry->shape;
      w.array.data     = data + entry->begin;
      g_array_append_val (chosen, w);
      if (! dif_json_finish (root, error))
        return NULL;
    }
  g_array_sort (chosen, compare_wanted);
  return g_steal_pointer (&chosen);
}

/* Files what was chosen; nothing at all if a name is taken. */
static gboolean
file_chosen (GArray *chosen, GBytes *bytes, DifFileMap *map, const char *name, DifWeights *into,
             GError **error)
{
  for (guint i = 0; i < chosen->len; i++)
    {
      const Wanted *w = &g_array_index (chosen, Wanted, i);

      if (dif_weights_lookup (into, w->name) || (i > 0 && compare_wanted (w - 1, w) == 0))
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                       "%s: expected every tensor once, found a second one for %s", name, w->name);
          return FALSE;
        }
    }
  for (guint i = 0; i < chosen->len; i++)
    {
      const Wanted *w = &g_array_index (chosen, Wanted, i);

      if (map)
        dif_weights_add_mapped (into, w->name, &w->array, map);
      else
        dif_weights_add (into, w->name, &w->array, bytes);
    }
  return TRUE;
}

/* @map: (nullable): whose bytes they are */
static gboolean
read_all (GBytes *bytes, DifFileMap *map, const char *name, DifWeights *into, DifWantFunc want,
          gpointer user_data, GError **error)
{
  g_autoptr (DifJson) root    = NULL;
  g_autoptr (GArray)  entries = NULL;
  g_autoptr (GArray)  chosen  = NULL;
  gsize               size, begin;
  const guint8       *data = g_bytes_get_data (bytes, &size);

  root = parse_header (data, size, name, &begin, error);
  if (! root)
    return FALSE;
  entries = read_header (root, size - begin, error);
  if (! entries)
    return FALSE;
  chosen = choose (root, entries, data + begin, want, user_data, error);
  return chosen && file_chosen (chosen, bytes, map, name, into, error);
}

gboolean
dif_safetensors_read_bytes (GBytes *bytes, const char *name, DifWeights *into, DifWantFunc want,
                            gpointer user_data, GError **error)
{
  return read_all (bytes, NULL, name, into, want, user_data, error);
}

/* The file mapped, or NULL. */
static DifFileMap *
map_file (const char *path, GError **error)
{
  if (! dif_file_is_pickled (path))
    return dif_file_map (path, error);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: expected a .safetensors file, found a pickled one, which may hold code and "
               "is not read",
               path);
  return NULL;
}

gboolean
dif_safetensors_read (const char *path, DifWeights *into, DifWantFunc want, gpointer user_data,
                      GError **error)
{
  g_autoptr (DifFileMap) map = map_file (path, error);

  return map &&
         read_all (dif_file_map_bytes (map), map, path, into, want, user_data, error);
}

static char *
note_name (const char *name, gpointer names)
{
  g_ptr_array_add (names, g_strdup (name));
  return NULL;
}

GPtrArray *
dif_safetensors_names (const char *path, GError **error)
{
  g_autoptr (GPtrArray)  names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (DifWeights) none  = dif_weights_new ("names");

  return dif_safetensors_read (path, none, note_name, names, error) ? g_steal_pointer (&names)
                                                                    : NULL;
}

gboolean
dif_safetensors_metadata (const char *path, const char *key, char **value, GError **error)
{
  g_autoptr (DifFileMap) map      = map_file (path, error);
  g_autoptr (DifJson)    root     = NULL;
  DifJson               *metadata = NULL;
  const guint8          *data;
  gsize                  size, begin;

  if (! map)
    return FALSE;
  data = g_bytes_get_data (dif_file_map_bytes (map), &size);
  root = parse_header (data, size, path, &begin, error);
  if (! root)
    return FALSE;
  if (dif_json_type (root) == DIF_JSON_OBJECT)
    metadata = dif_json_member (root, "__metadata__");
  if (metadata)
    check_metadata (metadata);
  *value = metadata ? g_strdup (dif_json_string (metadata, key, NULL)) : NULL;
  if (dif_json_finish (root, error))
    return TRUE;
  g_clear_pointer (value, g_free);
  return FALSE;
}
