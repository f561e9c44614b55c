/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-rng.c - random numbers against torch's, bit for bit. */
#include "base/json.h"
#include "base/philox.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static void
test_published_values (void)
{
  /* torch.randn (16) and torch.randn (6) after manual_seed (0) */
  static const float block[16] = { -1.1258f, -1.1524f, -0.2506f, -0.4339f, 0.8487f, 0.6920f,
                                   -0.3160f, -2.1152f, 0.3223f, -1.2633f, 0.3500f, 0.3081f,
                                   0.1198f, 1.2377f, 1.1168f, -0.2473f };
  static const float few[6]    = { 1.5410f, -0.2934f, -2.1788f, 0.5684f, -1.0845f, -1.3986f };
  g_autoptr (DifRng) rng       = dif_rng_new (0);
  float              x[32];

  dif_rng_randn (rng, x, 32);
  for (guint i = 0; i < 16; i++)
    g_assert_cmpfloat_with_epsilon (x[i], block[i], 5.1e-5f);
  dif_rng_seed (rng, 0);
  dif_rng_randn (rng, x, 6);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat_with_epsilon (x[i], few[i], 5.1e-5f);
}

/* The reference implementation's first and 10000th output for its own seed. */
static void
test_engine (void)
{
  g_autoptr (DifRng) rng  = dif_rng_new (5489);
  guint32            last = 0;

  g_assert_cmpuint (dif_rng_u32 (rng), ==, 3499211612u);
  dif_rng_seed (rng, 5489);
  for (guint i = 0; i < 10000; i++)
    last = dif_rng_u32 (rng);
  g_assert_cmpuint (last, ==, 4123659995u);
}

/* One call of a sequence: all numbers, or the first and last few. */
static void
check_call (DifRng *rng, DifJson *call)
{
  guint             n         = (guint) dif_json_int (call, "size", 0, 1, 100000);
  gboolean          is_normal = strcmp (dif_json_string (call, "op", ""), "randn") == 0;
  gboolean          is_whole  = dif_json_has (call, "values");
  DifJson          *whole     = is_whole ? dif_json_member (call, "values") : NULL;
  DifJson          *first     = whole ? whole : dif_json_member (call, "first");
  DifJson          *last      = whole ? whole : dif_json_member (call, "last");
  g_autofree float *x         = g_new (float, n);

  if (is_normal)
    dif_rng_randn (rng, x, n);
  else
    dif_rng_rand (rng, x, n);
  g_assert_cmpuint (dif_json_length (first), >, 0);
  for (guint i = 0; i < dif_json_length (first); i++)
    g_assert_cmpfloat (x[i], ==, (float) dif_json_value_double (dif_json_at (first, i)));
  for (guint i = 0; i < dif_json_length (last); i++)
    g_assert_cmpfloat (x[n - dif_json_length (last) + i], ==,
                       (float) dif_json_value_double (dif_json_at (last, i)));
}

static gboolean
is_float32 (DifJson *calls)
{
  for (guint i = 0; i < dif_json_length (calls); i++)
    if (strcmp (dif_json_string (dif_json_at (calls, i), "dtype", ""), "f32") != 0)
      return FALSE;
  return TRUE;
}

static void
test_sequences (void)
{
  g_autoptr (GError)  error  = NULL;
  g_autofree char    *path   = g_build_filename (g_getenv ("DIF_FIXTURES"), "rng.json", NULL);
  g_autoptr (DifJson) file   = dif_json_load (path, &error);
  guint               n_done = 0;
  DifJson            *sequences;

  g_assert_no_error (error);
  sequences = dif_json_member (file, "sequences");
  for (guint i = 0; i < dif_json_length (sequences); i++)
    {
      DifJson           *sequence = dif_json_at (sequences, i);
      DifJson           *calls    = dif_json_member (sequence, "calls");
      g_autoptr (DifRng) rng =
          dif_rng_new ((guint64) dif_json_int (sequence, "seed", 0, 0, G_MAXINT64));

      if (! is_float32 (calls))
        continue;
      for (guint k = 0; k < dif_json_length (calls); k++)
        check_call (rng, dif_json_at (calls, k));
      n_done++;
    }
  g_assert_cmpuint (n_done, >=, 90);
}

/* torch.nn.init's uniform numbers are rand () stretched between bounds. */
static void
test_uniform (void)
{
  g_autoptr (DifRng) rng = dif_rng_new (7);
  float              x[10000];
  double             sum = 0;

  dif_rng_rand (rng, x, G_N_ELEMENTS (x));
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    {
      g_assert_true (x[i] >= 0 && x[i] < 1);
      sum += x[i];
    }
  g_assert_cmpfloat_with_epsilon (sum / G_N_ELEMENTS (x), 0.5, 0.02);
}

static void
test_normal (void)
{
  g_autoptr (DifRng) rng = dif_rng_new (8);
  const guint        n   = 1 << 20;
  g_autofree float  *x   = g_new (float, n);
  double             sum = 0, square = 0;

  dif_rng_randn (rng, x, n);
  for (guint i = 0; i < n; i++)
    {
      g_assert_true (isfinite (x[i]));
      sum += x[i];
      square += (double) x[i] * x[i];
    }
  g_assert_cmpfloat_with_epsilon (sum / n, 0, 0.005);
  g_assert_cmpfloat_with_epsilon (square / n, 1, 0.01);
}

/* The block path leaves the number that the pairwise path has in store. */
static void
test_stored_number (void)
{
  g_autoptr (DifRng) rng = dif_rng_new (0);
  float              pair[2], x[16];

  dif_rng_randn (rng, pair, 2);
  dif_rng_seed (rng, 0);
  dif_rng_randn (rng, x, 1);
  dif_rng_randn (rng, x, 16);
  dif_rng_randn (rng, x, 1);
  g_assert_cmpfloat (x[0], ==, pair[1]);
  dif_rng_randn (rng, x, 1);
  dif_rng_seed (rng, 0); /* forgets it */
  dif_rng_randn (rng, x, 1);
  g_assert_cmpfloat (x[0], ==, pair[0]);
  dif_rng_randn (rng, x, 0);
}

/* ---- torch's CUDA generator ---- */

/* known answers of Philox4x32-10 (Random123, kat_vectors) */
static void
test_philox_engine (void)
{
  guint32 x[4];

  dif_philox_u32 (0, 0, 0, x);
  g_assert_cmphex (x[0], ==, 0x6627e8d5);
  g_assert_cmphex (x[1], ==, 0xe169c58d);
  g_assert_cmphex (x[2], ==, 0xbc57ac4c);
  g_assert_cmphex (x[3], ==, 0x9b00dbd8);
  dif_philox_u32 (G_MAXUINT64, G_MAXUINT64, G_MAXUINT64, x);
  g_assert_cmphex (x[0], ==, 0x408f276d);
  g_assert_cmphex (x[1], ==, 0x41c83b0e);
  g_assert_cmphex (x[2], ==, 0xa20bc7c6);
  g_assert_cmphex (x[3], ==, 0x6d5451fd);
}

static void
test_philox_published_values (void)
{
  /* torch.randn (3, 4, device="cuda") after manual_seed (0), on a card */
  static const float expected[12] = { -0.92466259f, -0.42534415f, -2.6438457f, 0.14518388f,
                                      -0.12086647f, -0.57972564f, -0.62285122f, -0.32838709f,
                                      -1.07454231f, -0.36314407f, -1.67105067f, 2.26550497f };
  g_autoptr (DifRng) rng          = dif_rng_new_torch_cuda (0);
  float              x[12];

  dif_rng_randn (rng, x, 12);
  for (guint i = 0; i < 12; i++)
    g_assert_cmpfloat_with_epsilon (x[i], expected[i], 2e-6f);
}

/* Every element is what its thread draws; a second call goes on where the first ended. */
static void
test_philox_order (void)
{
  enum
  {
    BLOCKS = 2,
    N      = 256 * BLOCKS * 4 + 100
  };
  g_autofree float *all = g_new (float, N), *next = g_new (float, 300);
  guint64           offset = 0;
  float             few[256];

  dif_philox_randn (3, &offset, BLOCKS, all, N);
  g_assert_cmpuint (offset, ==, 8);
  dif_philox_randn (3, &offset, BLOCKS, next, 300);
  g_assert_cmpuint (offset, ==, 12);
  /* the first round of a small draw, then the second, are the same threads' numbers */
  offset = 0;
  dif_philox_randn (3, &offset, 1, few, 256);
  g_assert_cmpmem (few, sizeof few, all, sizeof few);
  dif_philox_randn (3, &offset, 1, few, 256);
  g_assert_cmpmem (few, 100 * sizeof *few, all + 256 * BLOCKS * 4, 100 * sizeof *few);
  dif_philox_randn (3, &offset, 1, few, 256);
  g_assert_cmpmem (few, sizeof few, next, sizeof few);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/rng/engine-is-mt19937", test_engine);
  g_test_add_func ("/base/rng/published-values", test_published_values);
  g_test_add_func ("/base/rng/equals-torch-in-every-bit", test_sequences);
  g_test_add_func ("/base/rng/uniform-numbers-lie-in-range", test_uniform);
  g_test_add_func ("/base/rng/normal-numbers-have-their-moments", test_normal);
  g_test_add_func ("/base/rng/stored-number-survives-blocks", test_stored_number);
  g_test_add_func ("/base/rng/cuda-engine-is-philox", test_philox_engine);
  g_test_add_func ("/base/rng/cuda-published-values", test_philox_published_values);
  g_test_add_func ("/base/rng/cuda-threads-draw-in-order", test_philox_order);
  return g_test_run ();
}
