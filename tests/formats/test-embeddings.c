/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-embeddings.c - textual-inversion words: rows behind a table, and whose they are. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/embedding.h"
#include "formats/scratch-tensors.h"

#define TABLE "text_model.embeddings.token_embedding.weight"

/* A text encoder's table of four words. */
static DifWeights *
encoder_new (gsize width)
{
  static const float zeros[64];
  DifHostArray       array = { DIF_ENC_F32, DIF_SHAPE (4, width), zeros };
  DifWeights        *w     = dif_weights_new ("text_encoder");

  dif_weights_add (w, TABLE, &array, NULL);
  return w;
}

typedef struct
{
  char  words[3][16];
  guint first[3], n[3], count;
} Learned;

static gboolean
learn (const char *token, guint first, guint n, gpointer user_data, GError **error)
{
  Learned *l = user_data;

  g_strlcpy (l->words[l->count], token, sizeof l->words[0]);
  l->first[l->count] = first;
  l->n[l->count++]   = n;
  return TRUE;
}

static void
test_rows (void)
{
  static const Tensor         one[]      = { { "<one>", DIF_SHAPE (2), { 1, 2 } } };
  static const Tensor         two[]      = { { "emb_params", DIF_SHAPE (2, 2), { 3, 4, 5, 6 } } };
  static const Tensor         xl[]       = { ZERO ("clip_g", 1, 3),
                                             { "clip_l", DIF_SHAPE (1, 2), { 7, 8 } } };
  static const float          expected[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  char                       *folder     = scratch_new ();
  g_autofree char            *a          = write_file (folder, "a.safetensors", one, 1);
  g_autofree char            *b          = write_file (folder, "beta.safetensors", two, 1);
  g_autofree char            *c          = write_file (folder, "c.safetensors", xl, 2);
  g_autofree char            *named      = g_strconcat (c, ":<word>", NULL);
  const char *const           specs[]    = { a, b, named, NULL };
  GError                     *error      = NULL;
  g_autoptr (DifWeights)      part       = encoder_new (2);
  g_autoptr (DifJson)         config     = dif_json_new_object ("config");
  Learned                     l          = { 0 };
  const DifHostArray         *table;
  g_autoptr (DifEmbeddingSet) set = dif_embedding_set_new (specs, &error);

  g_assert_no_error (error);
  g_assert_true (dif_embedding_set_apply (set, "text_encoder", part, config, learn, &l, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (l.count, ==, 3);
  g_assert_cmpstr (l.words[0], ==, "<one>");
  g_assert_cmpstr (l.words[1], ==, "beta");
  g_assert_cmpstr (l.words[2], ==, "<word>");
  g_assert_cmpuint (l.first[0], ==, 4);
  g_assert_cmpuint (l.first[1], ==, 5);
  g_assert_cmpuint (l.first[2], ==, 7);
  g_assert_cmpuint (l.n[1], ==, 2);
  g_assert_cmpint (dif_json_int (config, "vocab_size", 0, 0, 99), ==, 8);
  table = dif_weights_lookup (part, "text_model.embeddings.token_embedding.weight");
  g_assert_cmpuint (table->shape.d[0], ==, 8);
  g_assert_cmpmem ((const float *) table->data + 8, sizeof expected, expected, sizeof expected);
  scratch_free (folder);
}

static void
test_bad_embeddings (void)
{
  static const struct
  {
    const char *part, *what;
    guint       n;
    Tensor      tensors[2];
  } rows[] = {
    {
        "text_encoder",
        "expected vectors of 2 numbers as this model's text encoder has, found 3",
        1,
        { ZERO ("w", 3) },
    },
    {
        "text_encoder",
        "expected vectors of 2 numbers as this model's text encoder has, found 3 (clip_l)",
        1,
        { ZERO ("clip_l", 1, 3) },
    },
    {
        "text_encoder",
        "as this model's text encoder has, found 2 (clip_g)",
        1,
        { ZERO ("clip_g", 1, 2) },
    },
    {
        "text_encoder",
        "as this model's text encoder has, found 3 (clip_g)",
        2,
        { ZERO ("clip_g", 1, 3), ZERO ("clip_l", 1, 2) },
    },
    {
        "text_encoder_2",
        "as this model's text encoder has, found 2 (clip_l)",
        1,
        { ZERO ("clip_l", 1, 2) },
    },
    {
        NULL,
        "expected an embedding of one word, found besides its vectors t5xxl",
        2,
        { ZERO ("clip_l", 1, 2), ZERO ("t5xxl", 1, 2) },
    },
    {
        NULL,
        "clip_l: expected finite numbers, found nan",
        1,
        { { "clip_l", DIF_SHAPE (2), { 1, NAN } } },
    },
    {
        NULL,
        "expected an embedding of one word, found tensors of something else",
        2,
        { ZERO ("a", 2), ZERO ("b", 2) },
    },
    {
        NULL,
        "a: expected a vector or several, found f32 of shape [1, 1, 2]",
        1,
        { ZERO ("a", 1, 1, 2) },
    },
    { NULL, "expected a vector or several", 1, { ZERO ("a", 0, 2) } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                       *folder  = scratch_new ();
      g_autofree char            *path    = write_file (folder, "e.safetensors", rows[i].tensors,
                                                        rows[i].n);
      const char *const           specs[] = { path, NULL };
      g_autoptr (GError)          error   = NULL;
      g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);
      g_autoptr (DifWeights)      part    = encoder_new (2);
      g_autoptr (DifJson)         config  = dif_json_new_object ("config");
      Learned                     l       = { 0 };

      g_assert_true ((set != NULL) == (rows[i].part != NULL));
      if (set)
        g_assert_false (
            dif_embedding_set_apply (set, rows[i].part, part, config, learn, &l, &error) &&
            dif_embedding_set_finish (set, &error));
      g_assert_nonnull (error);
      assert_one_line (error, "embedding: ");
      assert_one_line (error, path);
      assert_one_line (error, rows[i].what);
      scratch_free (folder);
    }
}

/* What either of two encoders learned, as "WORD FIRST+N | WORD FIRST+N". */
static char *
apply_both (DifEmbeddingSet *set)
{
  static const char *const parts[] = { "text_encoder", "text_encoder_2" };
  g_autoptr (GString)      out     = g_string_new (NULL);

  for (guint k = 0; k < 2; k++)
    {
      g_autoptr (DifWeights) encoder = encoder_new (2 + k);
      g_autoptr (DifJson)    config  = dif_json_new_object ("config");
      GError                *error   = NULL;
      Learned                l       = { 0 };

      g_assert_true (dif_embedding_set_apply (set, parts[k], encoder, config, learn, &l, &error));
      g_assert_no_error (error);
      g_string_append (out, k ? " | " : "");
      for (guint i = 0; i < l.count; i++)
        g_string_append_printf (out, "%s%s %u+%u", i ? ", " : "", l.words[i], l.first[i], l.n[i]);
    }
  return g_strdup (out->str);
}

/* Stable Diffusion XL: an encoder of two numbers and one of three.  A file belongs to the
 * one that its width fits, two files of one word join, and a word may be unknown to one. */
static void
test_two_encoders (void)
{
  static const struct
  {
    const char *words; /* what each encoder learned, one after the other */
    guint       n;
    Tensor      tensors[2];
  } rows[] = {
    { "w 4+2 | w 4+1", 2, { ZERO ("clip_g", 3), ZERO ("clip_l", 2, 2) } },
    { "w 4+1 | w 4+2", 2, { ZERO ("text_encoders_1", 2, 3), ZERO ("text_encoders_0", 2) } },
    { "w 4+1 | ", 1, { ZERO ("emb_params", 1, 2) } },
    { " | w 4+2", 1, { ZERO ("emb_params", 2, 3) } },
    { " | w 4+2", 1, { ZERO ("<w>", 2, 3) } },
    { "w 4+1 | ", 1, { ZERO ("clip_l", 2) } },
    { " | w 4+1", 1, { ZERO ("clip_g", 3) } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                       *folder  = scratch_new ();
      g_autofree char            *path    = write_file (folder, "e.safetensors", rows[i].tensors,
                                                        rows[i].n);
      g_autofree char            *spec    = g_strconcat (path, ":w", NULL);
      const char *const           specs[] = { spec, NULL };
      GError                     *error   = NULL;
      g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);
      g_autofree char            *words   = apply_both (set);

      g_assert_cmpstr (words, ==, rows[i].words);
      g_assert_true (dif_embedding_set_finish (set, &error));
      g_assert_no_error (error);
      scratch_free (folder);
    }
}

static void
test_two_files (void)
{
  static const Tensor         small[] = { ZERO ("emb_params", 2, 2) }, large[] = { ZERO ("x", 3) };
  char                       *folder  = scratch_new ();
  g_autofree char            *a       = write_file (folder, "a.safetensors", small, 1);
  g_autofree char            *b       = write_file (folder, "b.safetensors", large, 1);
  g_autofree char            *one     = g_strconcat (a, ":w", NULL);
  g_autofree char            *two     = g_strconcat (b, ":w", NULL);
  const char *const           specs[] = { two, one, NULL };
  GError                     *error   = NULL;
  g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);
  g_autofree char            *words   = apply_both (set);

  g_assert_cmpstr (words, ==, "w 4+2 | w 4+1");
  g_assert_true (dif_embedding_set_finish (set, &error));
  g_assert_no_error (error);
  scratch_free (folder);
}

/* The refiner has the second encoder alone, and does without the first one's vectors. */
static void
test_refiner (void)
{
  static const Tensor         tensors[] = { ZERO ("clip_g", 1, 3), ZERO ("clip_l", 1, 2) };
  char                       *folder    = scratch_new ();
  g_autofree char            *path      = write_file (folder, "r.safetensors", tensors, 2);
  const char *const           specs[]   = { path, NULL };
  GError                     *error     = NULL;
  g_autoptr (DifEmbeddingSet) set       = dif_embedding_set_new (specs, &error);
  g_autoptr (DifWeights)      encoder   = encoder_new (3);
  g_autoptr (DifJson)         config    = dif_json_new_object ("config");
  Learned                     l         = { 0 };

  g_assert_true (
      dif_embedding_set_apply (set, "text_encoder_2", encoder, config, learn, &l, &error));
  g_assert_cmpuint (l.count, ==, 1);
  g_assert_true (dif_embedding_set_finish (set, &error));
  g_assert_no_error (error);
  scratch_free (folder);
}

static void
test_pickled (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_embedding_open ("x.ckpt", NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
  assert_one_line (error, "x.ckpt: expected a .safetensors file, found a pickled one");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/embedding/rows-behind-the-table", test_rows);
  g_test_add_func ("/formats/embedding/files-that-do-not-fit", test_bad_embeddings);
  g_test_add_func ("/formats/embedding/two-encoders", test_two_encoders);
  g_test_add_func ("/formats/embedding/two-files-of-one-word", test_two_files);
  g_test_add_func ("/formats/embedding/second-encoder-alone", test_refiner);
  g_test_add_func ("/formats/embedding/pickled", test_pickled);
  return g_test_run ();
}
