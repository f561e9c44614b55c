/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-weights.c - the dictionary, the loader's checks, conversions. */
#include <math.h>
#include <string.h>

#include "support.h"

static const float values[64];

static void
add (DifWeights *w, const char *name, DifDtype dtype, DifShape shape)
{
  DifHostArray a = { .dtype = dtype, .shape = shape, .data = values };

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

  add (w, "mid.conv.weight", DIF_F32, DIF_SHAPE (2, 3));
  add (w, "mid.conv.bias", DIF_F32, DIF_SHAPE (2));
  add (w, "ids.weight", DIF_I64, DIF_SHAPE (2, 3));
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
  DifHostArray           a = { .dtype = DIF_F32, .shape = DIF_SHAPE (8), .data = values };

  add (w, "old", DIF_F32, DIF_SHAPE (8));
  add (w, "other", DIF_F16, DIF_SHAPE (8));
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/weights/missing-and-misshapen-are-named",
                   test_missing_and_misshapen_are_named);
  g_test_add_func ("/tensor/weights/dry-run-lists-what-is-needed",
                   test_dry_run_lists_what_is_needed);
  g_test_add_func ("/tensor/weights/dictionary-renames-and-refuses-twins",
                   test_dictionary_renames_and_refuses_twins);
  g_test_add_func ("/tensor/shape/conversions-are-exact", test_conversions_are_exact);
  return g_test_run ();
}
