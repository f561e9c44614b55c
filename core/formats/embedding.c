/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embedding.c - textual-inversion embeddings. */
#include "formats/embedding.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "formats/safetensors.h"
#include "formats/stranger.h"

#define TABLE "text_model.embeddings.token_embedding.weight"

/* Which encoder vectors are for. */
typedef enum
{
  FIRST,
  SECOND,
  BY_WIDTH
} Encoder;

/* Vectors for one encoder. */
typedef struct
{
  char    *name; /* of the tensor */
  Encoder  encoder;
  gboolean taken; /* by the encoder that they are for */
} Vectors;

struct _DifEmbedding
{
  char       *path;
  char       *token;
  DifWeights *tensors;
  Vectors     vectors[2];
  guint       n_vectors;
};

struct _DifEmbeddingSet
{
  GPtrArray *members;   /* of DifEmbedding */
  gsize      widths[2]; /* of the encoders met so far; 0 without one */
};

/* Names of tensors that say whom they are for, or nothing, but not the word:
 * kohya's scripts and A1111's web UI, diffusers' training script for pivotal
 * tuning, A1111's layout as converters write it. */
static const struct
{
  const char *name;
  Encoder     encoder;
} known[] = {
  { "clip_l", FIRST },
  { "clip_g", SECOND },
  { "text_encoders_0", FIRST },
  { "text_encoders_1", SECOND },
  { "emb_params", BY_WIDTH },
  { "string_to_param.*", BY_WIDTH },
  { "*", BY_WIDTH },
};

void
dif_embedding_free (DifEmbedding *e)
{
  if (! e)
    return;
  dif_weights_free (e->tensors);
  g_free (e->path);
  g_free (e->token);
  for (guint i = 0; i < G_N_ELEMENTS (e->vectors); i++)
    g_free (e->vectors[i].name);
  g_free (e);
}

/* ---- one file ---- */

static char *
want_known (const char *name, gpointer user_data)
{
  DifEmbedding *e = user_data;

  for (guint i = 0; i < e->n_vectors; i++)
    if (strcmp (name, e->vectors[i].name) == 0)
      return g_strdup (name);
  return NULL;
}

static gboolean
add_vectors (DifEmbedding *e, const char *name, Encoder encoder)
{
  for (guint i = 0; i < e->n_vectors; i++)
    if (e->vectors[i].encoder == encoder)
      return FALSE;
  if (e->n_vectors == G_N_ELEMENTS (e->vectors))
    return FALSE;
  e->vectors[e->n_vectors++] = (Vectors) { g_strdup (name), encoder, FALSE };
  return TRUE;
}

/* Which tensors are the vectors, and what the file calls them. */
static gboolean
choose (DifEmbedding *e, GPtrArray *names, const char **word, GError **error)
{
  const char *stranger = NULL;

  *word = NULL;
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];
      guint       k    = 0;

      while (k < G_N_ELEMENTS (known) && strcmp (name, known[k].name) != 0)
        k++;
      if (k < G_N_ELEMENTS (known) ? ! add_vectors (e, name, known[k].encoder)
                                   : ! g_str_has_prefix (name, "string_to_token"))
        stranger = name;
    }
  if (stranger && names->len == 1)
    {
      *word = stranger;
      return add_vectors (e, stranger, BY_WIDTH);
    }
  if (e->n_vectors && ! stranger)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: expected an embedding of one word, found %s%s", e->path,
               e->n_vectors ? "besides its vectors " : "",
               e->n_vectors ? stranger : dif_stranger_describe (names));
  return FALSE;
}

static gsize
width_of (const DifHostArray *array)
{
  return array->shape.d[array->shape.n - 1];
}

static guint
count_of (const DifHostArray *array)
{
  return array->shape.n == 2 ? (guint) array->shape.d[0] : 1;
}

/* Numbers that can stand in a table. */
static gboolean
check_finite (const DifEmbedding *e, const char *name, const DifHostArray *array, GError **error)
{
  gsize             n, bad = 0;
  g_autofree float *values = dif_host_to_f32 (array, &n);

  while (values && bad < n && isfinite (values[bad]))
    bad++;
  if (values && bad == n)
    return TRUE;
  if (values)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                 "%s: %s: expected finite numbers, found %g", e->path, name,
                 (double) values[bad]);
  else
    g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                 "%s: no memory to read it", e->path);
  return FALSE;
}

static gboolean
check_vectors (DifEmbedding *e, const char *name, GError **error)
{
  const DifHostArray *array = dif_weights_lookup (e->tensors, name);
  g_autofree char    *found = dif_shape_to_string (&array->shape);
  gsize               n     = array->shape.n == 2 ? array->shape.d[0] : 1;

  if (array->shape.n < 1 || array->shape.n > 2 || n < 1 || width_of (array) < 1 ||
      ! dif_host_is_weight (array))
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
  return check_finite (e, name, array, error);
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
  for (guint i = 0; i < e->n_vectors; i++)
    if (! check_vectors (e, e->vectors[i].name, error))
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

static const DifHostArray *
array_of (DifEmbedding *e, const Vectors *v)
{
  return dif_weights_lookup (e->tensors, v->name);
}

guint
dif_embedding_vectors (DifEmbedding *e, guint i, const char **part, gsize *width)
{
  static const char *const parts[] = { "text_encoder", "text_encoder_2", NULL };
  const DifHostArray      *array   = i < e->n_vectors ? array_of (e, &e->vectors[i]) : NULL;

  *part  = array ? parts[e->vectors[i].encoder] : NULL;
  *width = array ? width_of (array) : 0;
  return array ? count_of (array) : 0;
}

/* The vectors for @part, whose table has vectors of @width numbers: those that
 * say so, else those that fit and that no other encoder has taken. */
static Vectors *
vectors_for (DifEmbedding *e, const char *part, gsize width)
{
  Encoder encoder = g_str_has_suffix (part, "_2") ? SECOND : FIRST;

  for (guint i = 0; i < e->n_vectors; i++)
    {
      Vectors *v = &e->vectors[i];

      if (v->encoder == encoder ||
          (v->encoder == BY_WIDTH && ! v->taken && width_of (array_of (e, v)) == width))
        return v;
    }
  return NULL;
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

/* Vectors of a width that none of the encoders met so far has. */
static gboolean
fail_width (const DifEmbeddingSet *set, DifEmbedding *e, const Vectors *v, GError **error)
{
  gsize            found = width_of (array_of (e, v)), one = set->widths[FIRST];
  gsize            other    = set->widths[SECOND];
  g_autofree char *both     = one && other ? g_strdup_printf (" or %" G_GSIZE_FORMAT, other) : NULL;
  const char      *model    = found == 768    ? ", which are for Stable Diffusion 1.x or XL"
                              : found == 1024 ? ", which are for Stable Diffusion 2.x"
                              : found == 1280 ? ", which are for Stable Diffusion XL"
                                              : "";
  gboolean         is_named = v->encoder != BY_WIDTH;

  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
               "embedding: %s: expected vectors of %" G_GSIZE_FORMAT
               "%s numbers as this model's text encoder%s, found %" G_GSIZE_FORMAT "%s%s%s%s",
               e->path, one ? one : other, both ? both : "", both ? "s have" : " has",
               found, is_named ? " (" : "", is_named ? v->name : "", is_named ? ")" : "", model);
  return FALSE;
}

/* The table with @rows (of DifHostArray) behind it, in F32. */
static gboolean
extend (DifWeights *weights, GPtrArray *rows, gsize n_new, GError **error)
{
  const DifHostArray *table  = dif_weights_lookup (weights, TABLE);
  DifHostArray        larger = { .shape = table->shape };
  g_autoptr (GBytes)  owner  = NULL;
  gsize               n      = table->shape.d[1], at, bytes;
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
  for (guint i = 0; i < rows->len; i++)
    {
      const DifHostArray *array = rows->pdata[i];

      dif_host_rows_to_f32 (array, 0, dif_host_n_rows (array), data + at);
      at += count_of (array) * n;
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
  const DifHostArray   *table = dif_weights_lookup (weights, TABLE);
  g_autoptr (GPtrArray) rows  = g_ptr_array_new ();
  gsize                 first, next;

  if (! set->members->len)
    return TRUE;
  if (! table || table->shape.n != 2 || ! dif_host_is_weight (table))
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT,
                   "%s: expected a table %s, found none", part, TABLE);
      return FALSE;
    }
  set->widths[g_str_has_suffix (part, "_2") ? SECOND : FIRST] = table->shape.d[1];
  first = next = table->shape.d[0];
  for (guint i = 0; i < set->members->len; i++)
    {
      DifEmbedding       *e     = set->members->pdata[i];
      Vectors            *v     = vectors_for (e, part, table->shape.d[1]);
      const DifHostArray *array = v ? array_of (e, v) : NULL;

      if (! v)
        continue;
      if (width_of (array) != table->shape.d[1])
        return fail_width (set, e, v, error);
      if (! func (e->token, (guint) next, count_of (array), user_data, error))
        return FALSE;
      v->taken = TRUE;
      /* the same encoder's, should it be loaded again */
      v->encoder = g_str_has_suffix (part, "_2") ? SECOND : FIRST;
      next += count_of (array);
      g_ptr_array_add (rows, (gpointer) array);
    }
  if (! rows->len)
    return TRUE;
  dif_json_set_double (config, "vocab_size", (double) next);
  return extend (weights, rows, next - first, error);
}

gboolean
dif_embedding_set_finish (DifEmbeddingSet *set, GError **error)
{
  for (guint i = 0; i < set->members->len; i++)
    {
      DifEmbedding *e = set->members->pdata[i];

      for (guint k = 0; k < e->n_vectors; k++)
        {
          const Vectors *v = &e->vectors[k];

          /* the refiner of Stable Diffusion XL has the second encoder alone */
          if (! v->taken && (v->encoder != FIRST || e->n_vectors != 2 || set->widths[FIRST]))
            return fail_width (set, e, v, error);
        }
    }
  return TRUE;
}
