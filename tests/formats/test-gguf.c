/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-gguf.c - a file that the gguf package wrote, and files that lie. */
#include "base/error.h"
#include "formats/gguf.h"

#include <string.h>

#include "formats/scratch.h"
#include "support.h"

#define CLIP "cond_stage_model.transformer.text_model."

static GBytes *
small (void)
{
  g_autofree char        *path  = test_fixture ("small.gguf");
  GError                 *error = NULL;
  g_autoptr (GMappedFile) file  = g_mapped_file_new (path, FALSE, &error);

  g_assert_no_error (error);
  return g_mapped_file_get_bytes (file);
}

static void
test_written_by_the_package (void)
{
  g_autofree char       *path   = test_fixture ("small.gguf");
  GError                *error  = NULL;
  g_autoptr (DifWeights) w      = dif_weights_new ("gguf");
  g_autoptr (DifWeights) blocks = test_read_tensors ("blocks.safetensors");
  g_autoptr (GPtrArray)  names  = dif_gguf_names (path, &error);
  g_autofree float      *plain = NULL, *half = NULL;
  const DifHostArray    *moved;

  g_assert_no_error (error);
  g_assert_cmpuint (names->len, ==, 13);
  g_assert_true (dif_gguf_read (path, w, NULL, NULL, &error));
  g_assert_no_error (error);
  plain = dif_host_to_f32 (dif_weights_lookup (w, "plain"), NULL);
  half  = dif_host_to_f32 (dif_weights_lookup (w, "half"), NULL);
  moved = dif_weights_lookup (w, "moved");
  g_assert_true (
      dif_shape_equal (&dif_weights_lookup (w, "plain")->shape, &DIF_SHAPE (2, 3)));
  g_assert_true (dif_shape_equal (&moved->shape, &DIF_SHAPE (4, 2, 3, 1)));
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (plain[i], ==, (float) i);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpfloat (half[i], ==, (float) i);
  for (guint i = 0; i < names->len; i++)
    {
      const DifHostArray *array    = dif_weights_lookup (w, names->pdata[i]);
      g_autofree char    *as_f32   = g_strconcat (names->pdata[i], ".f32", NULL);
      g_autofree float   *expected = NULL, *found = NULL;
      gsize               n;

      if (! dif_weights_lookup (blocks, as_f32))
        continue;
      g_assert_cmpstr (dif_encoding_name (array->encoding), ==, names->pdata[i]);
      expected = test_floats (blocks, as_f32, NULL);
      found    = dif_host_to_f32 (array, &n);
      g_assert_cmpmem (found, n * sizeof *found, expected, n * sizeof *found);
    }
}

/* Cut off anywhere: one line that says what was expected. */
static void
test_cut_off (void)
{
  g_autoptr (GBytes) whole = small ();
  gsize              size  = g_bytes_get_size (whole);

  /* the last tensor is followed by up to 31 bytes of nothing */
  for (gsize n = 0; n < size - 32; n += n < 1500 ? 1 : 37)
    {
      g_autoptr (GBytes)     part  = g_bytes_new_from_bytes (whole, 0, n);
      g_autoptr (DifWeights) w     = dif_weights_new ("gguf");
      g_autoptr (GPtrArray)  names = NULL;
      g_autoptr (GError)     error = NULL;

      g_assert_false (dif_gguf_read_bytes (part, "x.gguf", w, NULL, NULL, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
      assert_one_line (error, "x.gguf: ");
      names = dif_weights_names (w);
      g_assert_cmpuint (names->len, ==, 0);
    }
}

/* ---- files by hand ---- */

static void
put (GByteArray *b, guint64 value, guint bytes)
{
  for (guint i = 0; i < bytes; i++, value >>= 8)
    {
      guint8 byte = value & 255;

      g_byte_array_append (b, &byte, 1);
    }
}

static void
put_text (GByteArray *b, const char *text)
{
  put (b, strlen (text), 8);
  g_byte_array_append (b, (const guint8 *) text, (guint) strlen (text));
}

/* One tensor [d], and what is said of it. */
typedef struct
{
  const char *name;
  guint64     d;
  guint32     type;
  guint64     offset;
  guint       version;
  const char *what; /* NULL: good */
} Lie;

/* It in a file with 64 bytes of data. */
static GBytes *
one_tensor (const Lie *lie)
{
  GByteArray *b = g_byte_array_new ();

  g_byte_array_append (b, (const guint8 *) "GGUF", 4);
  put (b, lie->version, 4);
  put (b, 1, 8);
  put (b, 0, 8);
  put_text (b, lie->name);
  put (b, 1, 4);
  put (b, lie->d, 8);
  put (b, lie->type, 4);
  put (b, lie->offset, 8);
  while (b->len % 32)
    put (b, 0, 1);
  for (guint i = 0; i < 64; i++)
    put (b, 0, 1);
  return g_byte_array_free_to_bytes (b);
}

/* A file with all parts under original names is a checkpoint. */
static void
test_checkpoint (void)
{
  static const struct
  {
    const char *name;
    guint64     dims[2]; /* innermost first */
    guint32     type;
    guint       offset;
  } rows[] = {
    { "model.diffusion_model.input_blocks.0.0.weight", { 4, 2 }, 0, 0 },
    { "model.diffusion_model.time_embed.0.weight", { 32, 2 }, 8, 32 },
    { CLIP "embeddings.token_embedding.weight", { 2, 2 }, 1, 128 },
  };
  g_autoptr (GByteArray)    b      = g_byte_array_new ();
  char                     *folder = scratch_new ();
  g_autofree char          *path   = scratch_path (folder, "one.gguf");
  GError                   *error  = NULL;
  g_autoptr (DifCheckpoint) c      = NULL;
  g_autoptr (DifWeights)    unet = NULL, text = NULL;
  const DifHostArray       *array;

  g_byte_array_append (b, (const guint8 *) "GGUF", 4);
  put (b, 3, 4);
  put (b, G_N_ELEMENTS (rows), 8);
  put (b, 0, 8);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      put_text (b, rows[i].name);
      put (b, 2, 4);
      put (b, rows[i].dims[0], 8);
      put (b, rows[i].dims[1], 8);
      put (b, rows[i].type, 4);
      put (b, rows[i].offset, 8);
    }
  while (b->len % 32)
    put (b, 0, 1);
  for (guint i = 0; i < 160; i++)
    put (b, 0, 1);
  scratch_write (folder, "one.gguf", b->data, b->len);
  c = dif_checkpoint_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dif_checkpoint_family (c), ==, "Stable Diffusion 1.x");
  unet = dif_checkpoint_weights (c, "unet", &error);
  g_assert_no_error (error);
  text = dif_checkpoint_weights (c, "text_encoder", &error);
  g_assert_no_error (error);
  array = dif_weights_lookup (unet, "time_embedding.linear_1.weight");
  g_assert_cmpint (array->encoding, ==, DIF_ENC_Q8_0);
  g_assert_true (dif_shape_equal (&array->shape, &DIF_SHAPE (2, 32)));
  g_assert_nonnull (dif_weights_lookup (text, "text_model.embeddings.token_embedding.weight"));
  g_assert_null (dif_checkpoint_weights (c, "vae", &error));
  assert_one_line (error, "one.gguf: expected the tensors of a vae, found none");
  g_clear_error (&error);
  scratch_free (folder);
}

static void
test_lies (void)
{
  static const Lie rows[] = {
    { "a", 16, 0, 0, 3, NULL },
    { "a", 8, 0, 32, 2, NULL },
    { "a", 17, 0, 0, 3, "an aligned place inside the file" },
    { "a", 8, 0, 64, 3, "an aligned place inside the file" },
    { "a", 1, 0, 1, 3, "an aligned place inside the file" },
    { "a", 1, 0, G_MAXUINT64 - 31, 3, "an aligned place inside the file" },
    { "a", G_MAXUINT64, 0, 0, 3, "a size, and rows of whole blocks" },
    { "a", 33, 8, 0, 3, "a size, and rows of whole blocks" },
    { "a", 1, 16, 0, 3, "found type 16" },
    { "a", 1, 0, 0, 1, "version 2 or 3" },
    { "a\nb", 17, 0, 0, 3, "tensor a\\nb" },
    { "\xff", 1, 0, 0, 3, "a tensor's name" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GBytes)     file  = one_tensor (&rows[i]);
      g_autoptr (DifWeights) w     = dif_weights_new ("gguf");
      g_autoptr (GError)     error = NULL;

      dif_gguf_read_bytes (file, "x.gguf", w, NULL, NULL, &error);
      if (! rows[i].what)
        g_assert_no_error (error);
      else
        {
          g_assert_nonnull (error);
          assert_one_line (error, rows[i].what);
        }
    }
}

/* Counts that no file could hold cost neither time nor memory. */
static void
test_counts (void)
{
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GByteArray) b     = g_byte_array_new ();
      g_autoptr (GBytes)     file  = NULL;
      g_autoptr (DifWeights) w     = dif_weights_new ("gguf");
      g_autoptr (GError)     error = NULL;

      g_byte_array_append (b, (const guint8 *) "GGUF", 4);
      put (b, 3, 4);
      put (b, i == 0 ? G_MAXUINT64 : 0, 8);
      put (b, i == 1 ? G_MAXUINT64 : i > 1, 8);
      if (i > 1)
        {
          put_text (b, "key");
          put (b, 9, 4);
          put (b, i == 2 ? 8 : 10, 4);
          put (b, G_MAXUINT64, 8);
        }
      file = g_bytes_new (b->data, b->len);
      g_assert_false (dif_gguf_read_bytes (file, "x.gguf", w, NULL, NULL, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/gguf/written-by-the-package", test_written_by_the_package);
  g_test_add_func ("/formats/gguf/cut-off", test_cut_off);
  g_test_add_func ("/formats/gguf/checkpoint", test_checkpoint);
  g_test_add_func ("/formats/gguf/lies", test_lies);
  g_test_add_func ("/formats/gguf/counts", test_counts);
  return g_test_run ();
}
