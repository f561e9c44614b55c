/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-host-array.c - numbers as stored in files against torch's reading of them. */
#include <math.h>
#include <string.h>

#include "support.h"

/* The same bits, but for what a NaN carries. */
static void
assert_same (const float *a, const float *b, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (! (isnan (a[i]) && isnan (b[i])) && memcmp (&a[i], &b[i], sizeof a[i]) != 0)
      g_error ("element %" G_GSIZE_FORMAT ": expected %.9g, found %.9g", i, (double) b[i],
               (double) a[i]);
}

/* Every code of the narrow ones, every rounding of the wide one; one by one, all at once, and
 * from addresses that nothing is aligned to. */
static void
test_torch_reads_the_same (void)
{
  static const char *const names[] = { "f64", "f8_e4m3", "f8_e5m2" };
  g_autoptr (DifWeights)   w       = test_read_tensors ("stored-numbers.safetensors");

  for (guint k = 0; k < G_N_ELEMENTS (names); k++)
    {
      const DifHostArray *a        = dif_weights_lookup (w, names[k]);
      g_autofree char    *as_f32   = g_strconcat (names[k], ".f32", NULL);
      g_autofree float   *expected = test_floats (w, as_f32, NULL);
      g_autofree float   *all      = NULL;
      gsize               n, bytes;

      g_assert_cmpstr (dif_encoding_name (a->encoding), ==, names[k]);
      all = dif_host_to_f32 (a, &n);
      g_assert_cmpuint (n, >=, 128);
      assert_same (all, expected, n);
      g_assert_true (dif_host_bytes (a, &bytes));
      for (gsize off = 0; off < 8; off++)
        {
          g_autofree guint8 *moved = g_malloc (bytes + 8);
          DifHostArray       b     = *a;

          b.data = memcpy (moved + off, a->data, bytes);
          for (gsize i = 0; i < n; i++)
            {
              float one;

              dif_host_rows_to_f32 (&b, i, 1, &one);
              assert_same (&one, &expected[i], 1);
            }
        }
    }
}

/* ggml's blocks as the gguf package reads them; whole arrays, and rows of two blocks. */
static void
test_blocks (void)
{
  static const DifEncoding kinds[] = { DIF_ENC_Q4_0, DIF_ENC_Q4_1, DIF_ENC_Q5_0, DIF_ENC_Q5_1,
                                       DIF_ENC_Q8_0, DIF_ENC_Q2_K, DIF_ENC_Q3_K, DIF_ENC_Q4_K,
                                       DIF_ENC_Q5_K, DIF_ENC_Q6_K };
  g_autoptr (DifWeights)   w       = test_read_tensors ("blocks.safetensors");

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    {
      const char         *name     = dif_encoding_name (kinds[k]);
      const DifHostArray *stored   = dif_weights_lookup (w, name);
      g_autofree char    *as_f32   = g_strconcat (name, ".f32", NULL);
      DifShape            shape    = { 0 };
      g_autofree float   *expected = test_floats (w, as_f32, &shape);
      g_autofree float   *all = NULL, *plain = NULL;
      g_autofree void    *memory = NULL;
      g_autofree guint8  *moved  = NULL;
      DifHostArray        a = { kinds[k], shape, NULL }, odd = a;
      gsize               n, bytes;

      g_assert_nonnull (stored);
      g_assert_true (dif_host_bytes (&a, &bytes));
      g_assert_cmpuint (bytes, ==, stored->shape.d[0] * stored->shape.d[1]);
      moved  = g_malloc (bytes + 1);
      a.data = memcpy (moved + 1, stored->data, bytes);
      all    = dif_host_to_f32 (&a, &n);
      assert_same (all, expected, n);
      a.shape = DIF_SHAPE (shape.d[0] / 2, 2 * shape.d[1]);
      for (gsize i = 0; i < a.shape.d[0]; i++)
        {
          dif_host_rows_to_f32 (&a, i, 1, all);
          assert_same (all, expected + i * a.shape.d[1], a.shape.d[1]);
        }
      g_assert_true (dif_host_is_weight (&a));
      memory = dif_host_expand (&a);
      plain  = dif_host_to_f32 (&a, NULL);
      assert_same (plain, expected, n);
      odd.shape.d[1]--;
      g_assert_false (dif_host_bytes (&odd, &bytes));
    }
}

static void
test_scales (void)
{
  g_autoptr (DifWeights) w        = test_read_tensors ("stored-numbers.safetensors");
  g_autofree float      *scales   = test_floats (w, "i8.scales", NULL);
  g_autofree float      *expected = test_floats (w, "i8.f32", NULL);
  g_autofree float      *one      = test_floats (w, "f8.one", NULL);
  g_autofree float      *by_one   = test_floats (w, "f8.one.f32", NULL);
  g_autofree float      *all = NULL, *f8 = NULL;
  DifHostArray           cut;
  float                  rows[3 * 32];

  g_assert_false (dif_host_is_weight (dif_weights_lookup (w, "i8")));
  g_assert_false (dif_weights_set_scales (w, "i8", scales, 7));
  g_assert_false (dif_weights_set_scales (w, "absent", scales, 1));
  g_assert_true (dif_weights_set_scales (w, "i8", scales, 8));
  g_assert_true (dif_host_is_weight (dif_weights_lookup (w, "i8")));
  all = dif_host_to_f32 (dif_weights_lookup (w, "i8"), NULL);
  assert_same (all, expected, 256);
  /* rows out of the middle keep their own scales, twice over */
  cut = dif_host_rows (dif_weights_lookup (w, "i8"), 1, 6);
  cut = dif_host_rows (&cut, 1, 5);
  dif_host_rows_to_f32 (&cut, 2, 3, rows);
  assert_same (rows, expected + 4 * 32, 3 * 32);
  g_assert_true (dif_weights_set_scales (w, "f8_e4m3", one, 1));
  f8 = dif_host_to_f32 (dif_weights_lookup (w, "f8_e4m3"), NULL);
  assert_same (f8, by_one, 256);
}

/* What a backend gets in place of them are the same numbers. */
static void
test_expanding (void)
{
  static const char *const names[] = { "f64", "f8_e4m3", "f8_e5m2", "i8" };
  g_autoptr (DifWeights)   w       = test_read_tensors ("stored-numbers.safetensors");
  g_autofree float        *scales  = test_floats (w, "i8.scales", NULL);

  g_assert_true (dif_weights_set_scales (w, "i8", scales, 8));
  for (guint k = 0; k < G_N_ELEMENTS (names); k++)
    {
      DifHostArray      a = *dif_weights_lookup (w, names[k]);
      gsize             n;
      g_autofree float *expected = dif_host_to_f32 (&a, &n);
      g_autofree void  *memory   = dif_host_expand (&a);
      g_autofree float *found    = dif_host_to_f32 (&a, NULL);
      DifDtype          dtype;

      g_assert_true (dif_host_is_plain (&a, &dtype));
      g_assert_cmpint (dtype, ==, g_str_has_prefix (names[k], "f8") ? DIF_BF16 : DIF_F32);
      g_assert_true (a.data == memory);
      assert_same (found, expected, n);
    }
}

static void
test_sizes (void)
{
  DifHostArray a = { DIF_ENC_F64, DIF_SHAPE (3, 5, 2, 2) };
  gsize        bytes;

  g_assert_cmpuint (dif_host_n_rows (&a), ==, 3);
  g_assert_cmpuint (dif_host_row_bytes (&a), ==, 160);
  g_assert_true (dif_host_bytes (&a, &bytes));
  g_assert_cmpuint (bytes, ==, 480);
  a.shape = (DifShape) { .n = 0 };
  g_assert_cmpuint (dif_host_n_rows (&a), ==, 1);
  g_assert_cmpuint (dif_host_row_bytes (&a), ==, 8);
  a.shape = DIF_SHAPE (G_MAXSIZE / 8, 2);
  g_assert_false (dif_host_bytes (&a, &bytes));
  a.shape = DIF_SHAPE (2, G_MAXSIZE / 2, 2);
  g_assert_false (dif_host_bytes (&a, &bytes));
  for (guint d = DIF_F32; d <= DIF_I64; d++)
    {
      DifDtype back;

      g_assert_true (dif_encoding_dtype (dif_encoding_of_dtype ((DifDtype) d), &back));
      g_assert_cmpint (back, ==, d);
      g_assert_cmpstr (dif_encoding_name (dif_encoding_of_dtype ((DifDtype) d)), ==,
                       dif_dtype_name ((DifDtype) d));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/host-array/torch-reads-the-same", test_torch_reads_the_same);
  g_test_add_func ("/tensor/host-array/blocks", test_blocks);
  g_test_add_func ("/tensor/host-array/scales", test_scales);
  g_test_add_func ("/tensor/host-array/expanding", test_expanding);
  g_test_add_func ("/tensor/host-array/sizes", test_sizes);
  return g_test_run ();
}
