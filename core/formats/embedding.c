/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embedding.c - words of a prompt that were learned (textual inversion). */
#include "formats/embedding.h"

#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "formats/family.h"
#include "formats/safetensors.h"

#define TABLE "text_model.embeddings.token_embedding.weight"

struct _DifEmbedding
{
  char       *path;
  char       *token;
  DifWeights *tensors;
  char       *names[2]; /* of the tensors for either encoder; may be NULL */
};

struct _DifEmbeddingSet
{
  GPtrArray *members; /* of DifEmbedding */
};

/* Names that say nothing about the word. */
static const char *const nameless[] = { "emb_params", "string_to_param.*", "*" };

void
dif_embedding_free (DifEmbedding *e)
{
  if (! e)
    return;
  dif_weights_free (e->tensors);
  g_free (e->path);
  g_free (e->token);
  g_free (e->names[0]);
  g_free (e->names[1]);
  g_free (e);
}

/* ---- one file ---- */

static char *
want_known (const char *name, gpointer user_data)
{
  DifEmbedding *e = user_data;

  return g_strcmp0 (name, e->names[0]) == 0 || g_strcmp0 (name, e->names[1]) == 0 ? g_strdup (name)
                                                                                  : NULL;
}

static gboolean
has_name (GPtrArray *names, const char *name)
{
  return g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL);
}

/* Which tensors are the vectors, and what the file calls them. */
static gboolean
choose (DifEmbedding *e, GPtrArray *names, const char **word, GError **error)
{
  *word = NULL;
  if (has_name (names, "clip_l") || has_name (names, "clip_g"))
    {
      e->names[0] = has_name (names, "clip_l") ? g_strdup ("clip_l") : NULL;
      e->names[1] = has_name (names, "clip_g") ? g_strdup ("clip_g") : NULL;
      return TRUE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (nameless); i++)
    if (has_name (names, nameless[i]))
      {
        e->names[0] = g_strdup (nameless[i]);
        return TRUE;
      }
  if (names->len != 1)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected an embedding of one word, found %s", e->path,
                   dif_family_describe (names));
      return FALSE;
    }
  *word       = names->pdata[0];
  e->names[0] = g_strdup (*word);
  return TRUE;
}

static gboolean
check_vectors (DifEmbedding *e, const char *name, GError **error)
{
  const DifHostArray *array = dif_weights_lookup (e->tensors, name);
  g_autofree char    *found = dif_shape_to_string (&array->shape);
  gsize               n     = array->shape.n == 2 ? array->shape.d[0] : 1;

  if (array->shape.n < 1 || array->shape.n > 2 || n < 1 ||
      array->shape.d[array->shape.n - 1] < 1 || ! dif_host_is_weight (array))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "%s: %s: expected a vector or several, found %s of shape %s", e->path, name,
                   dif_encoding_name (array->encoding), found);
      return FALSE;
    }
  if (n > DIF_EMBEDDING_MAX_VECTORS)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: %s: expected at most %d vectors, found %" G_GSIZE_FORMAT, e->path, name,
                   DIF_EMBEDDING_MAX_VECTORS, n);
      return FALSE;
    }
  return TRUE;
}

static char *
name_of_file (const char *path)
{
  char *name = g_path_get_basename (path);
  char *dot  = strrchr (name, '.');

  if (dot && dot != name)
    *dot = '\0';
  return name;
}

DifEmbedding *
dif_embedding_open (const char *path, const char *token, GError **error)
{
  g_autoptr (DifEmbedding) e     = g_new0 (DifEmbedding, 1);
  g_autoptr (GPtrArray)    names = NULL;
  const char              *word;

  e->path    = g_strdup (path);
  e->tensors = dif_weights_new ("embedding");
  names      = dif_safetensors_names (path, error);
  if (! names || ! choose (e, names, &word, error) ||
      ! dif_safetensors_read (path, e->tensors, want_known, e, error))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (e->names); i++)
    if (e->names[i] && ! check_vectors (e, e->names[i], error))
      return NULL;
  e->token = token ? g_strdup (token) : word ? g_strdup (word)
                                             : name_of_file (path);
  return g_steal_pointer (&e);
}

const char *
dif_embedding_token (DifEmbedding *e)
{
  return e->token;
}

/* The vectors for @part; of a file for one encoder, those of any. */
static const DifHostArray *
vectors_for (DifEmbedding *e, const char *part)
{
  guint which = part && g_str_has_suffix (part, "_2") ? 1 : 0;

  if (! part && ! e->names[0])
    which = 1;
  return e->names[which] ? dif_weights_lookup (e->tensors, e->names[which]) : NULL;
}

guint
dif_embedding_vectors (DifEmbedding *e, const char *part, gsize *width)
{
  const DifHostArray *array = vectors_for (e, part);

  *width = array ? array->shape.d[array->shape.n - 1] : 0;
  return ! array ? 0 : array->shape.n == 2 ? (guint) array->shape.d[0]
                                           : 1;
}

/* ---- several ---- */

void
dif_embedding_set_free (DifEmbeddingSet *set)
{
  if (! set)
    return;
  g_ptr_array_unref (set->members);
  g_free (set);
}

DifEmbeddingSet *
dif_embedding_set_new (const char *const *specs, GError **error)
{
  g_autoptr (DifEmbeddingSet) set = g_new0 (DifEmbeddingSet, 1);

  set->members = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_embedding_free);
  for (guint i = 0; specs && specs[i]; i++)
    {
      g_autofree char *token = NULL;
      g_autofree char *file  = dif_catalog_split_spec (specs[i], &token);
      g_autofree char *path  = dif_catalog_resolve_file ("embeddings", file, error);
      DifEmbedding    *e     = path ? dif_embedding_open (path, token, error) : NULL;

      if (! e)
        {
          g_prefix_error (error, "embedding: ");
          return NULL;
        }
      g_ptr_array_add (set->members, e);
    }
  return g_steal_pointer (&set);
}

static gboolean
check_width (DifEmbedding *e, const char *part, gsize found, gsize expected, GError **error)
{
  const char *family = dif_family_of_context (found);

  if (found == expected)
    return TRUE;
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
               "embedding: %s: expected vectors of %" G_GSIZE_FORMAT
               " numbers as this model's %s has, found %" G_GSIZE_FORMAT "%s%s",
               e->path, expected, part, found, family ? ", which are for " : "",
               family ? family : "");
  return FALSE;
}

/* The table with the vectors of all behind it, in its own dtype or, where a
 * file has another, in F32. */
static gboolean
extend (DifEmbeddingSet *set, const char *part, DifWeights *weights, gsize n_new, GError **error)
{
  const DifHostArray *table  = dif_weights_lookup (weights, TABLE);
  DifHostArray        larger = { .shape = table->shape };
  g_autoptr (GBytes)  owner  = NULL;
  gsize               n      = table->shape.d[1], at, bytes, n_rows;
  float              *data   = NULL;

  larger.shape.d[0] = table->shape.d[0] + n_new;
  if (dif_shape_bytes (&larger.shape, DIF_F32, &bytes))
    data = g_try_malloc (bytes);
  if (! data)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "no memory for the words of a prompt");
      return FALSE;
    }
  at = table->shape.d[0] * n;
  dif_host_rows_to_f32 (table, 0, table->shape.d[0], data);
  for (guint i = 0; i < set->members->len; i++)
    {
      const DifHostArray *array = vectors_for (set->members->pdata[i], part);

      if (! array)
        continue;
      n_rows = array->shape.n == 2 ? array->shape.d[0] : 1;
      dif_host_rows_to_f32 (array, 0, dif_host_n_rows (array), data + at);
      at += n_rows * n;
    }
  owner       = g_bytes_new_take (data, bytes);
  larger.data = data;
  dif_weights_replace (weights, TABLE, &larger, owner);
  return TRUE;
}

gboolean
dif_embedding_set_apply (DifEmbeddingSet *set, const char *part, DifWeights *weights,
                         DifJson *config, DifTokenFunc func, gpointer user_data, GError **error)
{
  const DifHostArray *table = dif_weights_lookup (weights, TABLE);
  gsize               first, next;

  if (! set->members->len)
    return TRUE;
  if (! table || table->shape.n != 2 || ! dif_host_is_weight (table))
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT,
                   "%s: expected a table %s, found none", part, TABLE);
      return FALSE;
    }
  first = next = table->shape.d[0];
  for (guint i = 0; i < set->members->len; i++)
    {
      DifEmbedding *e = set->members->pdata[i];
      gsize         width;
      guint         n = dif_embedding_vectors (e, part, &width);

      if (! n)
        {
          g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                       "embedding: %s: expected vectors for this model's %s, found none", e->path,
                       part);
          return FALSE;
        }
      if (! check_width (e, part, width, table->shape.d[1], error) ||
          ! func (e->token, (guint) next, n, user_data, error))
        return FALSE;
      next += n;
    }
  dif_json_set_double (config, "vocab_size", (double) next);
  return extend (set, part, weights, next - first, error);
}
