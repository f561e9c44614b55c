/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* gguf.c - tensors of a GGUF file, mapped; every field and offset is checked.
 *
 * Knows nothing of models.  Invariant: nothing is allocated by a count of the
 * file's; a reader that has failed reads zeros, and its first reason is kept.
 */
#include "formats/gguf.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"

#define MAX_NAME  512u
#define ORIGINAL  "comfy.gguf.orig_shape."
#define ALIGNMENT "general.alignment"

/* Source: ggml.h, enum ggml_type. */
static const struct
{
  guint32     type;
  DifEncoding encoding;
} types[] = {
  { 0, DIF_ENC_F32 },
  { 1, DIF_ENC_F16 },
  { 2, DIF_ENC_Q4_0 },
  { 3, DIF_ENC_Q4_1 },
  { 6, DIF_ENC_Q5_0 },
  { 7, DIF_ENC_Q5_1 },
  { 8, DIF_ENC_Q8_0 },
  { 10, DIF_ENC_Q2_K },
  { 11, DIF_ENC_Q3_K },
  { 12, DIF_ENC_Q4_K },
  { 13, DIF_ENC_Q5_K },
  { 14, DIF_ENC_Q6_K },
  { 24, DIF_ENC_I8 },
  { 26, DIF_ENC_I32 },
  { 27, DIF_ENC_I64 },
  { 28, DIF_ENC_F64 },
  { 30, DIF_ENC_BF16 },
};

/* Types of values: docs/gguf.md, gguf_metadata_value_type. */
enum
{
  UINT32 = 4,
  INT32  = 5,
  STRING = 8,
  ARRAY  = 9
};

/* Bytes of a value of a type; 0: of no fixed size, or no type. */
static const guint8 value_bytes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

typedef struct
{
  const guint8 *begin, *p;
  gsize         left;
  const char   *failed; /* what was expected where the file ended or went wrong, or NULL */
} Reader;

static void
fail (Reader *r, const char *expected)
{
  if (! r->failed)
    r->failed = expected;
  r->left = 0;
}

static const guint8 *
take (Reader *r, guint64 n, const char *expected)
{
  const guint8 *at = r->p;

  if (r->failed || n > r->left)
    {
      fail (r, expected);
      return NULL;
    }
  r->p += n;
  r->left -= (gsize) n;
  return at;
}

static guint64
number (Reader *r, guint bytes, const char *expected)
{
  const guint8 *at    = take (r, bytes, expected);
  guint64       value = 0;

  for (guint i = 0; at && i < bytes; i++)
    value |= (guint64) at[i] << (8 * i);
  return value;
}

/* A text of at most @max bytes of UTF-8, NULL after a failure. */
static char *
text (Reader *r, guint max, const char *expected)
{
  guint64       n  = number (r, 8, expected);
  const guint8 *at = n <= max ? take (r, n, expected) : NULL;

  if (! at || ! g_utf8_validate_len ((const char *) at, (gsize) n, NULL))
    {
      fail (r, expected);
      return NULL;
    }
  return g_strndup ((const char *) at, (gsize) n);
}

/* Steps over a value of @type. */
static void
skip_value (Reader *r, guint64 type)
{
  guint64 n = 1;

  if (type == ARRAY)
    {
      type = number (r, 4, "the type of an array");
      n    = number (r, 8, "the length of an array");
    }
  if (type == STRING)
    /* every one takes eight bytes at least */
    for (guint64 i = 0; i < n && ! r->failed; i++)
      take (r, number (r, 8, "the length of a text"), "a text");
  else if (type >= G_N_ELEMENTS (value_bytes) || ! value_bytes[type] ||
           n > G_MAXUINT64 / value_bytes[type])
    fail (r, "a value of a known type");
  else
    take (r, n * value_bytes[type], "a value");
}

/* ---- the header ---- */

typedef struct
{
  char    *name;
  DifShape shape;
  guint32  type;
  guint64  offset;
} Tensor;

static void
tensor_clear (gpointer data)
{
  g_free (((Tensor *) data)->name);
}

typedef struct
{
  GArray     *tensors;
  GHashTable *originals; /* name -> DifShape */
  guint64     alignment;
} Header;

/* An array of up to four dimensions as the value of @type. */
static void
read_original (Reader *r, Header *h, const char *name, guint64 type)
{
  DifShape shape = { 0 };
  guint64  element, n;

  element = type == ARRAY ? number (r, 4, "the type of an array") : 0;
  n       = type == ARRAY ? number (r, 8, "the length of an array") : 0;
  if ((element != INT32 && element != UINT32) || n < 1 || n > DIF_MAX_DIMS)
    {
      fail (r, "a shape of one to four 32-bit numbers");
      return;
    }
  for (; shape.n < n; shape.n++)
    shape.d[shape.n] = (gsize) number (r, 4, "a shape");
  g_hash_table_insert (h->originals, g_strdup (name), g_memdup2 (&shape, sizeof shape));
}

static void
read_key (Reader *r, Header *h)
{
  g_autofree char *key  = text (r, 65535, "a key of at most 65535 bytes");
  guint64          type = number (r, 4, "the type of a value");

  if (! key)
    return;
  if (g_str_has_prefix (key, ORIGINAL))
    read_original (r, h, key + strlen (ORIGINAL), type);
  else if (strcmp (key, ALIGNMENT) == 0 && type == UINT32)
    h->alignment = number (r, 4, "an alignment");
  else
    skip_value (r, type);
  if (! h->alignment || h->alignment & (h->alignment - 1) || h->alignment > 65536)
    fail (r, "an alignment that is a power of two");
}

static void
read_tensor (Reader *r, Header *h)
{
  Tensor   t      = { .name = text (r, MAX_NAME, "a tensor's name of at most 512 bytes") };
  guint64  n      = number (r, 4, "a number of dimensions");
  DifShape turned = { 0 };

  if (n > DIF_MAX_DIMS)
    fail (r, "a tensor of at most four dimensions");
  for (; ! r->failed && turned.n < n; turned.n++)
    turned.d[turned.n] = (gsize) number (r, 8, "a dimension");
  for (t.shape.n = 0; t.shape.n < turned.n; t.shape.n++)
    t.shape.d[t.shape.n] = turned.d[turned.n - 1 - t.shape.n];
  t.type   = (guint32) number (r, 4, "a tensor's type");
  t.offset = number (r, 8, "a tensor's place");
  if (r->failed)
    g_free (t.name);
  else
    g_array_append_val (h->tensors, t);
}

static void
read_header (Reader *r, Header *h)
{
  const guint8 *magic   = take (r, 4, "a GGUF file");
  guint64       version = number (r, 4, "a GGUF file's version"), n_tensors, n_keys, over;

  if (magic && memcmp (magic, "GGUF", 4) != 0)
    fail (r, "a GGUF file");
  if (version != 2 && version != 3)
    fail (r, "version 2 or 3 of GGUF");
  n_tensors = number (r, 8, "a number of tensors");
  n_keys    = number (r, 8, "a number of keys");
  for (guint64 i = 0; i < n_keys && ! r->failed; i++)
    read_key (r, h);
  for (guint64 i = 0; i < n_tensors && ! r->failed; i++)
    read_tensor (r, h);
  over = (guint64) (r->p - r->begin) % h->alignment;
  if (over && h->tensors->len)
    take (r, h->alignment - over, "the data");
}

/* ---- tensors ---- */

static gboolean
corrupt (const char *file, const char *name, const char *expected, GError **error)
{
  g_autofree char *shown = g_strescape (name, NULL);

  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
               "%s: tensor %s: expected %s, found otherwise", file, shown, expected);
  return FALSE;
}

static gboolean
encoding_of (const Tensor *t, const char *file, DifEncoding *encoding, GError **error)
{
  g_autofree char *shown = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == t->type)
      {
        *encoding = types[i].encoding;
        return TRUE;
      }
  shown = g_strescape (t->name, NULL);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: tensor %s: expected a type that is read (F32, F16, BF16, Q4_0 to Q8_0, Q2_K to "
               "Q6_K), found type %u",
               file, shown, t->type);
  return FALSE;
}

/* Where @t lies in the @size bytes of @data. */
static gboolean
locate (const Tensor *t, const Header *h, const guint8 *data, gsize size, const char *file,
        DifHostArray *array, GError **error)
{
  const DifShape *original = g_hash_table_lookup (h->originals, t->name);
  gsize           bytes, n, n_original;

  *array = (DifHostArray) { .shape = t->shape };
  if (! encoding_of (t, file, &array->encoding, error))
    return FALSE;
  if (! dif_shape_count (&t->shape, &n) || ! dif_host_bytes (array, &bytes))
    return corrupt (file, t->name, "a size, and rows of whole blocks", error);
  if (t->offset % h->alignment || t->offset > size || bytes > size - t->offset)
    return corrupt (file, t->name, "an aligned place inside the file", error);
  if (original)
    {
      array->shape = *original;
      if (! dif_shape_count (original, &n_original) || n_original != n ||
          ! dif_host_bytes (array, &bytes))
        return corrupt (file, t->name, "an original shape of as many elements", error);
    }
  array->data = data + t->offset;
  return TRUE;
}

/* Asks @want about every tensor, and files what is wanted. */
static gboolean
choose (const Header *h, Reader *r, GBytes *owner, DifFileMap *map, const char *file,
        DifWeights *into, DifWantFunc want, gpointer user_data, GError **error)
{
  g_autoptr (DifWeights) chosen = dif_weights_new ("gguf");
  g_autoptr (GPtrArray)  names  = NULL;

  for (guint i = 0; i < h->tensors->len; i++)
    {
      const Tensor    *t    = &g_array_index (h->tensors, Tensor, i);
      g_autofree char *name = want ? want (t->name, user_data) : g_strdup (t->name);
      DifHostArray     array;

      if (! name)
        continue;
      if (! locate (t, h, r->p, r->left, file, &array, error))
        return FALSE;
      if (dif_weights_lookup (into, name) ||
          ! (map ? dif_weights_add_mapped (chosen, name, &array, map)
                 : dif_weights_add (chosen, name, &array, owner)))
        return corrupt (file, t->name, "every tensor once", error);
    }
  names = dif_weights_names (chosen);
  for (guint i = 0; i < names->len; i++)
    dif_weights_add_from (into, names->pdata[i], dif_weights_lookup (chosen, names->pdata[i]),
                          chosen, names->pdata[i]);
  return TRUE;
}

/* @map: (nullable): whose bytes they are */
static gboolean
read_all (GBytes *bytes, DifFileMap *map, const char *name, DifWeights *into, DifWantFunc want,
          gpointer user_data, GError **error)
{
  Header   h = { g_array_new (FALSE, FALSE, sizeof (Tensor)),
                 g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free), 32 };
  Reader   r = { NULL, NULL, 0, NULL };
  gboolean done;

  g_array_set_clear_func (h.tensors, tensor_clear);
  r.begin = r.p = g_bytes_get_data (bytes, &r.left);
  read_header (&r, &h);
  if (r.failed)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                 "%s: expected %s at byte %" G_GSIZE_FORMAT ", found otherwise", name, r.failed,
                 (gsize) (r.p - r.begin));
  done = ! r.failed && choose (&h, &r, bytes, map, name, into, want, user_data, error);
  g_array_unref (h.tensors);
  g_hash_table_unref (h.originals);
  return done;
}

gboolean
dif_gguf_read_bytes (GBytes *bytes, const char *name, DifWeights *into, DifWantFunc want,
                     gpointer user_data, GError **error)
{
  return read_all (bytes, NULL, name, into, want, user_data, error);
}

gboolean
dif_gguf_read (const char *path, DifWeights *into, DifWantFunc want, gpointer user_data,
               GError **error)
{
  g_autoptr (DifFileMap) map = dif_file_map (path, error);

  return map && read_all (dif_file_map_bytes (map), map, path, into, want, user_data, error);
}

static char *
note_name (const char *name, gpointer names)
{
  g_ptr_array_add (names, g_strdup (name));
  return NULL;
}

GPtrArray *
dif_gguf_names (const char *path, GError **error)
{
  g_autoptr (GPtrArray)  names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (DifWeights) none  = dif_weights_new ("names");

  return dif_gguf_read (path, none, note_name, names, error) ? g_steal_pointer (&names) : NULL;
}
