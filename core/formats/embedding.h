/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* embedding.h - textual-inversion embeddings.
 *
 * A file holds one or more vectors for a word; they become rows behind those
 * of a text encoder's table.
 */
#ifndef DIF_FORMATS_EMBEDDING_H
#define DIF_FORMATS_EMBEDDING_H

#include "base/json.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/** DIF_EMBEDDING_MAX_VECTORS: files with more vectors are refused. */
#define DIF_EMBEDDING_MAX_VECTORS 75

/** DifEmbedding: one file. */
typedef struct _DifEmbedding DifEmbedding;

/**
 * dif_embedding_open:
 * @path: a .safetensors file
 * @token: (nullable): the word to call it by; NULL for the file's own
 * @error: return location
 *
 * Knows diffusers' layout (one tensor, named as the word), the one of
 * A1111's web UI (`emb_params`, `string_to_param.*`), that of SD XL (`clip_l`
 * and `clip_g`, or one of them) and of diffusers' script for pivotal tuning
 * (`text_encoders_0`).  Where the file names no word, it is the file's name
 * without its ending.
 *
 * Source: diffusers, textual_inversion.py; A1111, textual_inversion.py.
 *
 * Errors: those of dif_safetensors_read(); DIF_FORMAT_ERROR UNSUPPORTED for
 * files that are none or hold more than vectors, BAD_VALUE (shapes, numbers
 * that are not finite), TOO_LARGE.
 *
 * Returns: (transfer full) (nullable): the embedding
 */
DIF_API DifEmbedding *dif_embedding_open (const char *path, const char *token, GError **error);

/**
 * dif_embedding_free:
 * @e: (nullable) (transfer full): an embedding
 */
DIF_API void dif_embedding_free (DifEmbedding *e);

/**
 * dif_embedding_token:
 * @e: an embedding
 *
 * Returns: (transfer none): the word
 */
DIF_API const char *dif_embedding_token (DifEmbedding *e);

/**
 * dif_embedding_vectors:
 * @e: an embedding
 * @i: the first or the second of its tensors
 * @part: (out) (transfer none) (nullable): the encoder they are for,
 *   "text_encoder" or "text_encoder_2"; NULL if their width tells it
 * @width: (out): numbers in each
 *
 * Returns: how many vectors there are; 0 behind the last tensor
 */
DIF_API guint dif_embedding_vectors (DifEmbedding *e, guint i, const char **part, gsize *width);

/** DifEmbeddingSet: several embeddings, for one model. */
typedef struct _DifEmbeddingSet DifEmbeddingSet;

/**
 * dif_embedding_set_new:
 * @specs: (array zero-terminated=1): FILE or FILE:TOKEN each; FILE is a path
 *   or the name of an installed embedding
 * @error: return location
 *
 * Errors: those of dif_embedding_open() and dif_catalog_resolve_file().
 *
 * Returns: (transfer full) (nullable): the set, which may be empty
 */
DIF_API DifEmbeddingSet *dif_embedding_set_new (const char *const *specs, GError **error);

/**
 * dif_embedding_set_free:
 * @set: (nullable) (transfer full): a set
 */
DIF_API void dif_embedding_set_free (DifEmbeddingSet *set);

/**
 * DifTokenFunc:
 * @token: a word
 * @first: id of its first vector; the others follow
 * @n: how many vectors it has
 * @user_data: as given
 * @error: return location
 *
 * Returns: FALSE on error
 */
typedef gboolean (*DifTokenFunc) (const char *token, guint first, guint n, gpointer user_data,
                                  GError **error);

/**
 * dif_embedding_set_apply:
 * @set: a set
 * @part: "text_encoder" or "text_encoder_2"
 * @weights: its tensors; the table of tokens grows
 * @config: its config; "vocab_size" grows with it
 * @func: called for every word, to teach it to the part's tokenizer
 * @user_data: for @func
 * @error: return location
 *
 * A file belongs to the encoder that it names, else to the first that its
 * width fits; several files may give one word to different encoders.  An
 * encoder for which there is none does not know the word.
 * An encoder that comes again gets the same.
 *
 * Errors: DIF_MODEL_ERROR SHAPE if vectors for @part are for another model,
 * saying which; MISSING_WEIGHT; DIF_BACKEND_ERROR OUT_OF_MEMORY; those of
 * @func.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_embedding_set_apply (DifEmbeddingSet *set, const char *part,
                                          DifWeights *weights,
                                          DifJson *config, DifTokenFunc func, gpointer user_data,
                                          GError **error);

/**
 * dif_embedding_set_finish:
 * @set: a set, after all encoders are loaded
 * @error: return location
 *
 * Errors: DIF_MODEL_ERROR SHAPE if there are vectors that no encoder took, but
 * for the first encoder's where a model has the second alone.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_embedding_set_finish (DifEmbeddingSet *set, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifEmbedding, dif_embedding_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifEmbeddingSet, dif_embedding_set_free)

G_END_DECLS

#endif /* DIF_FORMATS_EMBEDDING_H */
