/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-weights.c - the dictionary, the loader's checks, conversions. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static const float values[64];

static void
add (DifWeights *w, const char *name, DifEncoding encoding, DifShape shape)
{
  DifHostArray a = { .encoding = encoding, .shape = shape, .data = values };

  g_assert_true (dif_weights_add (w, name, &a, NULL));
}

static GError *
failure_of (DifLoader *l)
{
  GError *error = NULL;

  g_assert_null (dif_loader_finish (l, &error));
  g_assert_nonnull (error);
  return error;
}

static void
test_missing_and_misshapen_are_named (void)
{
  g_autoptr (DifBackend) be = dif_backend_open ("ref", NULL);
  g_autoptr (DifWeights) w  = dif_weights_new ("unet");
  g_autoptr (GError)     e1 = NULL, e2 = NULL, e3 = NULL;
  DifLoader             *l;

  add (w, "mid.conv.weight", DIF_ENC_F32, DIF_SHAPE (2, 3));
  add (w, "mid.conv.bias", DIF_ENC_F32, DIF_SHAPE (2));
  add (w, "ids.weight", DIF_ENC_I64, DIF_SHAPE (2, 3));
  l = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_enter (l, "mid");
  dif_loader_linear (l, "conv", 2, 4, TRUE);
  dif_loader_linear (l, "absent", 2, 4, TRUE);
  dif_loader_leave (l);
  e1 = failure_of (l);
  g_assert_error (e1, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
  g_assert_cmpstr (e1->message, ==,
                   "unet: tensor mid.conv.weight: expected shape [2, 4], found [2, 3]");

  l = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_norm (l, "absent", 7);
  e2 = failure_of (l);
  g_assert_error (e2, DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT);
  g_assert_cmpstr (e2->message, ==,
                   "unet: tensor absent.weight: expected shape [7], found no such tensor");

  l = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_table (l, "ids.weight", 2, 3);
  e3 = failure_of (l);
  g_assert_error (e3, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
}

/* y = x w^T for one row of three numbers */
static void
product (const DifLinear *linear, DifBackend *be, const float *x, float *y)
{
  g_autoptr (DifContext) cx = dif_context_new (be, DIF_F32);
  DifTensor             *t  = dif_upload (cx, DIF_F32, DIF_SHAPE (1, 3), x);

  g_assert_true (dif_download (cx, dif_linear (cx, t, linear, DIF_ACT_NONE, NULL), y));
}

/* Weights in several encodings, stacked, cut and by themselves, come out as the numbers. */
static void
test_encodings_are_expanded (void)
{
  static const guint8    f8[]     = { 0x38, 0xc0, 0x01, 0x7e, 0x00, 0xb8 };
  static const double    wide[]   = { 1, 2, 3, 4, 5, 0.1 };
  static const gint8     bytes[]  = { 1, -2, 3, 127, -128, 0 };
  static const float     scales[] = { 0.5f, 0.25f }, twice = 2;
  static const float     x[]     = { 1, 10, 100 };
  const char *const      names[] = { "f8", "f64", "i8" };
  DifHostArray           a       = { DIF_ENC_F8_E4M3, DIF_SHAPE (2, 3), f8 };
  DifHostArray           b       = { DIF_ENC_F64, DIF_SHAPE (2, 3), wide };
  DifHostArray           c       = { DIF_ENC_I8, DIF_SHAPE (2, 3), bytes, scales, 2 };
  g_autoptr (DifBackend) be      = dif_backend_open ("ref", NULL);
  g_autoptr (DifWeights) w       = dif_weights_new ("unet");
  g_autoptr (DifStore)   store   = NULL;
  const DifLinear       *all, *row, *one;
  DifLoader             *l;
  float                  y[6], z[1], u[2];

  dif_weights_add (w, "f8.weight", &a, NULL);
  dif_weights_add (w, "f64.weight", &b, NULL);
  dif_weights_add (w, "i8.weight", &c, NULL);
  l   = dif_loader_new (w, be, DIF_F32, NULL);
  all = dif_loader_linear_stack (l, names, 3, 2, 3, FALSE);
  row = dif_loader_linear_rows (l, "i8", 2, 1, 1, 3, FALSE);
  g_assert_true (dif_weights_set_scales (w, "f8.weight", &twice, 1));
  one   = dif_loader_linear (l, "f8", 2, 3, FALSE);
  store = dif_loader_finish (l, NULL);
  g_assert_nonnull (store);
  product (all, be, x, y);
  g_assert_cmpfloat (y[0], ==, 1 - 20 + 100 * 0x1p-9f);
  g_assert_cmpfloat (y[1], ==, 448 - 100);
  g_assert_cmpfloat (y[2], ==, 321);
  g_assert_cmpfloat (y[3], ==, 54 + 100 * 0.1f);
  g_assert_cmpfloat (y[4], ==, 0.5f * (1 - 20 + 300));
  g_assert_cmpfloat (y[5], ==, 0.25f * (127 - 1280));
  product (row, be, x, z);
  g_assert_cmpfloat (z[0], ==, y[5]);
  product (one, be, x, u);
  g_assert_cmpfloat (u[0], ==, 2 * y[0]);
  g_assert_cmpfloat (u[1], ==, 2 * y[1]);
}

static void
count (const char *name, const DifShape *shape, gpointer user_data)
{
  (*(guint *) user_data)++;
}

static void
test_dry_run_lists_what_is_needed (void)
{
  g_autoptr (DifBackend) be      = dif_backend_open ("ref", NULL);
  DifLoader             *l       = dif_loader_new (NULL, be, DIF_F32, NULL);
  const char *const      names[] = { "q", "k", "v" };
  guint                  n       = 0;
  DifStore              *store;

  dif_loader_set_visitor (l, count, &n);
  dif_loader_linear_stack (l, names, 3, 4, 4, TRUE);
  dif_loader_conv (l, "conv", 4, 4, 3, 1, 1);
  store = dif_loader_finish (l, NULL);
  g_assert_nonnull (store);
  g_assert_cmpuint (n, ==, 8);
  g_assert_cmpuint (dif_store_bytes (store), ==, 0);
  dif_store_free (store);
}

static void
test_dictionary_renames_and_refuses_twins (void)
{
  g_autoptr (DifWeights) w = dif_weights_new ("vae");
  DifHostArray           a = { .encoding = DIF_ENC_F32, .shape = DIF_SHAPE (8), .data = values };

  add (w, "old", DIF_ENC_F32, DIF_SHAPE (8));
  add (w, "other", DIF_ENC_F16, DIF_SHAPE (8));
  g_assert_false (dif_weights_add (w, "old", &a, NULL));
  g_assert_false (dif_weights_rename (w, "old", "other"));
  g_assert_false (dif_weights_rename (w, "absent", "new"));
  g_assert_true (dif_weights_rename (w, "old", "new"));
  g_assert_null (dif_weights_lookup (w, "old"));
  g_assert_nonnull (dif_weights_lookup (w, "new"));
  g_assert_cmpuint (dif_weights_count_parameters (w), ==, 16);
}

/* Every half and bfloat16 survives the way to f32 and back. */
static void
test_conversions_are_exact (void)
{
  for (guint bits = 0; bits < 0x10000; bits++)
    {
      float half = dif_f16_to_f32 ((guint16) bits), brain = dif_bf16_to_f32 ((guint16) bits);

      if (isnan (half))
        g_assert_true (isnan (dif_f16_to_f32 (dif_f32_to_f16 (half))));
      else
        g_assert_cmpuint (dif_f32_to_f16 (half), ==, bits);
      if (isnan (brain))
        g_assert_true (isnan (dif_bf16_to_f32 (dif_f32_to_bf16 (brain))));
      else
        g_assert_cmpuint (dif_f32_to_bf16 (brain), ==, bits);
    }
  g_assert_cmpuint (dif_f32_to_f16 (65520.0f), ==, 0x7c00);
  g_assert_cmpuint (dif_f32_to_f16 (65519.0f), ==, 0x7bff);
  g_assert_cmpuint (dif_f32_to_f16 (1.0f + 0x1p-11f), ==, 0x3c00);
  g_assert_cmpuint (dif_f32_to_f16 (1.0f + 0x3p-11f), ==, 0x3c02);
  g_assert_cmpuint (dif_f32_to_f16 (0x1p-25f), ==, 0);
  g_assert_cmpuint (dif_f32_to_f16 (0x1.8p-25f), ==, 1);
  g_assert_cmpuint (dif_f32_to_bf16 (1.0f + 0x1p-8f), ==, 0x3f80);
  g_assert_cmpuint (dif_f32_to_bf16 (1.0f + 0x3p-8f), ==, 0x3f82);
}

/* KiB of the mapping at @data that are in this process's memory, by the kernel's account */
static guint
resident (const void *data)
{
  g_autofree char *text = NULL, *start = g_strdup_printf ("%lx-", (gulong) data);
  const char      *line;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &text, NULL, NULL));
  for (line = text; line && ! g_str_has_prefix (line, start);)
    {
      line = strchr (line, '\n');
      line = line ? line + 1 : NULL;
    }
  g_assert_nonnull (line);
  line = strstr (line, "Rss:");
  g_assert_nonnull (line);
  return (guint) g_ascii_strtoull (line + strlen ("Rss:"), NULL, 10);
}

#define RESTING ((gsize) 1 << 20)

/* Taken weights leave memory where their file still has them, and only there. */
static void
test_taken_weights_rest (void)
{
  g_autoptr (DifBackend) be    = dif_backend_open ("ref", NULL);
  g_autoptr (DifWeights) w     = dif_weights_new ("unet");
  g_autoptr (DifWeights) other = dif_weights_new ("vae");
  g_autoptr (DifStore)   store = NULL;
  g_autoptr (DifFileMap) map   = NULL;
  g_autoptr (GBytes)     heap  = NULL;
  g_autofree char       *path = NULL, *half = g_malloc (RESTING);
  g_autoptr (GError)     error = NULL;
  DifHostArray           a     = { DIF_ENC_F16, DIF_SHAPE (1, RESTING / 2), NULL };
  DifLoader             *l;
  int                    fd = g_file_open_tmp ("dif-weights-XXXXXX", &path, &error);

  g_assert_no_error (error);
  close (fd);
  memset (half, 0x11, RESTING);
  g_assert_true (g_file_set_contents (path, half, (gssize) RESTING, NULL));
  map = dif_file_map (path, &error);
  g_assert_no_error (error);
  heap   = g_bytes_new (half, RESTING);
  a.data = g_bytes_get_data (dif_file_map_bytes (map), NULL);
  g_assert_true (dif_weights_add_mapped (w, "a.weight", &a, map));
  g_assert_true (dif_weights_add_from (other, "b.weight", &a, w, "a.weight"));
  l = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_linear (l, "a", 1, RESTING / 2, FALSE);
  store = dif_loader_finish (l, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (resident (a.data), <, 16);
  g_assert_cmpint (memcmp (a.data, half, RESTING), ==, 0);
  g_assert_cmpuint (resident (a.data), >=, RESTING / 1024);
  dif_weights_rest (other, "b.weight");
  g_assert_cmpuint (resident (a.data), <, 16);
  a.data = g_bytes_get_data (heap, NULL);
  g_assert_true (dif_weights_add (w, "c.weight", &a, heap));
  dif_weights_rest (w, "c.weight");
  dif_weights_rest (w, "absent.weight");
  g_assert_cmpint (memcmp (a.data, half, RESTING), ==, 0);
  g_assert_cmpint (unlink (path), ==, 0);
}

/* A file that is overwritten in place, as by a second download, while it is loaded: what was read
 * is kept, and the next tensor is one error, not a signal. */
static void
test_cut_short (void)
{
  g_autoptr (DifBackend) be    = dif_backend_open ("ref", NULL);
  g_autoptr (DifWeights) w     = dif_weights_new ("unet");
  g_autoptr (DifStore)   store = NULL;
  g_autoptr (DifFileMap) map   = NULL;
  g_autofree char       *path = NULL, *half = g_malloc0 (RESTING);
  g_autoptr (GError)     error = NULL;
  DifHostArray           a     = { DIF_ENC_F16, DIF_SHAPE (1, RESTING / 4), NULL };
  DifLoader             *l;
  int                    fd = g_file_open_tmp ("dif-weights-XXXXXX", &path, &error);

  g_assert_no_error (error);
  close (fd);
  g_assert_true (g_file_set_contents (path, half, (gssize) RESTING, NULL));
  map = dif_file_map (path, &error);
  g_assert_no_error (error);
  a.data = g_bytes_get_data (dif_file_map_bytes (map), NULL);
  g_assert_true (dif_weights_add_mapped (w, "a.weight", &a, map));
  a.data = (const guint8 *) a.data + RESTING / 2;
  g_assert_true (dif_weights_add_mapped (w, "b.weight", &a, map));
  l = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_linear (l, "a", 1, RESTING / 4, FALSE);
  g_assert_cmpint (truncate (path, RESTING / 2), ==, 0);
  dif_loader_linear (l, "b", 1, RESTING / 4, FALSE);
  store = dif_loader_finish (l, &error);
  g_assert_null (store);
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message,
                            "expected 1048576 bytes, found 524288: it was cut short"));
  g_assert_cmpint (unlink (path), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/weights/missing-and-misshapen-are-named",
                   test_missing_and_misshapen_are_named);
  g_test_add_func ("/tensor/weights/encodings-are-expanded", test_encodings_are_expanded);
  g_test_add_func ("/tensor/weights/dry-run-lists-what-is-needed",
                   test_dry_run_lists_what_is_needed);
  g_test_add_func ("/tensor/weights/dictionary-renames-and-refuses-twins",
                   test_dictionary_renames_and_refuses_twins);
  g_test_add_func ("/tensor/weights/taken-ones-rest", test_taken_weights_rest);
  g_test_add_func ("/tensor/weights/a-file-cut-short-is-an-error", test_cut_short);
  g_test_add_func ("/tensor/shape/conversions-are-exact", test_conversions_are_exact);
  return g_test_run ();
}
