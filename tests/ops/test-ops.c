/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-ops.c - every op: ref against formulas, cpu against ref.
 *
 * DIF_CPU_ISA chooses the kernels under test, ONEDNN_MAX_CPU_ISA oneDNN's; the
 * suite runs once for each.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/backends.h"
#include "backends/cpu/cpu-private.h"
#include "base/error.h"
#include "op-agree.h"

static DifBackend *cpu, *ref;

/* ---- cpu against ref ---- */

static gboolean
compare (const Row *row, guint index, DifDtype dtype)
{
  g_autofree float *found = NULL;
  gsize             n;

  return op_agrees (cpu, ref, dtype, row, index, &found, &n);
}

static void
test_op (gconstpointer data)
{
  Op    op = GPOINTER_TO_INT (data);
  guint n  = 0;

  for (guint i = 0; i < op_n_rows; i++)
    if (op_rows[i].op == op)
      {
        n++;
        g_assert_true (compare (&op_rows[i], i, DIF_F32));
        if (cpu->klass->supports (cpu, DIF_BF16))
          g_assert_true (compare (&op_rows[i], i, DIF_BF16));
      }
  g_assert_cmpuint (n, >, 0);
}

/* ---- ref against formulas ---- */

static DifTensor *
tensor (DifShape shape, const float *values)
{
  g_autoptr (GError) error = NULL;
  DifTensor         *t     = dif_tensor_new (ref, DIF_F32, &shape, &error);

  g_assert_no_error (error);
  if (values)
    memcpy (t->data, values, t->bytes);
  return t;
}

static void
expect (const DifTensor *t, const double *values)
{
  for (gsize i = 0; i < dif_tensor_count (t); i++)
    g_assert_cmpfloat_with_epsilon (((const float *) t->data)[i], values[i], 1e-6);
}

static void
test_ref_linear (void)
{
  const float           w_data[] = { 1, 2, 3, -1, 0, 1 }, b_data[] = { 0.5f, -3 };
  const float           x_data[] = { 1, 1, 2 };
  DifHostArray          w        = { DIF_ENC_F32, DIF_SHAPE (2, 3), w_data };
  DifHostArray          b        = { DIF_ENC_F32, DIF_SHAPE (2), b_data };
  gsize                 bytes;
  gpointer              made = ref->klass->linear_new (ref, DIF_F32, &w, &b, &bytes, NULL);
  g_autoptr (DifTensor) x    = tensor (DIF_SHAPE (1, 3), x_data);
  g_autoptr (DifTensor) y    = tensor (DIF_SHAPE (1, 2), NULL);

  g_assert_true (ref->klass->linear (ref, x, made, DIF_ACT_NONE, NULL, y, NULL));
  expect (y, (double[]) { 9.5, -2 });
  g_assert_true (ref->klass->linear (ref, x, made, DIF_ACT_SILU, y, y, NULL));
  expect (y, (double[]) { 9.5 + 9.5 / (1 + exp (-9.5)), -2 - 2 / (1 + exp (2)) });
  g_assert_true (ref->klass->glu (ref, x, made, made, DIF_ACT_GELU, y, NULL));
  expect (y, (double[]) { 9.5 * 9.5 * 0.5 * (1 + erf (9.5 / sqrt (2))),
                          4 * 0.5 * (1 + erf (-2 / sqrt (2))) });
  ref->klass->linear_free (ref, made);
}

static void
test_ref_conv (void)
{
  const float           k[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, image[] = { 1, 2, 3, 4 };
  const float           extra[] = { 100 };
  DifHostArray          w = { DIF_ENC_F32, DIF_SHAPE (1, 1, 3, 3), k }, none = { .data = NULL };
  DifConvSpec           spec = { .stride = 1, .pad = { 1, 1, 1, 1 } };
  gsize                 bytes;
  gpointer              made = ref->klass->conv_new (ref, DIF_F32, &w, &none, &spec, &bytes, NULL);
  g_autoptr (DifTensor) x    = tensor (DIF_SHAPE (1, 2, 2, 1), image);
  g_autoptr (DifTensor) pc   = tensor (DIF_SHAPE (1, 1), extra);
  g_autoptr (DifTensor) y    = tensor (DIF_SHAPE (1, 2, 2, 1), NULL);
  g_autoptr (DifTensor) z    = tensor (DIF_SHAPE (1, 1, 1, 1), NULL);

  g_assert_true (ref->klass->conv2d (ref, x, made, &spec, NULL, NULL, y, NULL));
  expect (y, (double[]) { 5 + 12 + 24 + 36, 4 + 10 + 21 + 32, 2 + 6 + 15 + 24, 1 + 4 + 12 + 20 });
  /* padding at the right and bottom only, every second pixel */
  spec = (DifConvSpec) { .stride = 2, .pad = { 0, 1, 0, 1 } };
  g_assert_true (ref->klass->conv2d (ref, x, made, &spec, pc, NULL, z, NULL));
  expect (z, (double[]) { 100 + 1 + 4 + 12 + 20 });
  ref->klass->conv_free (ref, made);
}

static void
test_ref_norms (void)
{
  const float           scale[] = { 1, 2 }, shift[] = { 0, 10 }, values[] = { 1, 3, 5, 7 };
  DifHostArray          g = { DIF_ENC_F32, DIF_SHAPE (2), scale };
  DifHostArray          b = { DIF_ENC_F32, DIF_SHAPE (2), shift };
  gsize                 bytes;
  gpointer              norm = ref->klass->norm_new (ref, &g, &b, &bytes, NULL);
  g_autoptr (DifTensor) x    = tensor (DIF_SHAPE (1, 2, 2), values);
  g_autoptr (DifTensor) y    = tensor (DIF_SHAPE (1, 2, 2), NULL);
  double                s = 1 / sqrt (5), one = 1 / sqrt (4);

  g_assert_true (ref->klass->group_norm (ref, x, norm, 1, 0, DIF_ACT_NONE, y, NULL));
  expect (y, (double[]) { -3 * s, 10 - 2 * s, s, 10 + 6 * s });
  g_assert_true (ref->klass->group_norm (ref, x, norm, 2, 0, DIF_ACT_NONE, y, NULL));
  expect (y, (double[]) { -2 * one, 10 - 4 * one, 2 * one, 10 + 4 * one });
  g_assert_true (ref->klass->row_norm (ref, x, norm, &(DifRowNorm) { TRUE, 1, 0 }, NULL, y, NULL));
  expect (y, (double[]) { -1, 12, -1, 12 });
  ref->klass->norm_free (ref, norm);
}

static void
test_ref_attention (void)
{
  const float           values[] = { 1, 2, 0, 1, 3, 1 };
  g_autoptr (DifTensor) q        = tensor (DIF_SHAPE (1, 2, 1), values);
  g_autoptr (DifTensor) k        = tensor (DIF_SHAPE (1, 2, 1), values + 2);
  g_autoptr (DifTensor) v        = tensor (DIF_SHAPE (1, 2, 1), values + 4);
  g_autoptr (DifTensor) y        = tensor (DIF_SHAPE (1, 2, 1), NULL);
  DifAttention          a        = { { q, 0, 1, 2 }, { k, 0, 1, 2 }, { v, 0, 1, 2 }, 1, 2, 2 };
  double                e = exp (0.5), f = exp (1);

  a.n_heads = a.head_dim = 1;
  a.scale                = 0.5f;
  g_assert_true (ref->klass->attention (ref, &a, y, NULL));
  expect (y, (double[]) { (3 + e) / (1 + e), (3 + f) / (1 + f) });
  a.causal = TRUE;
  g_assert_true (ref->klass->attention (ref, &a, y, NULL));
  expect (y, (double[]) { 3, (3 + f) / (1 + f) });
}

static void
test_ref_elementwise (void)
{
  const float           values[] = { -1, 0, 2, 5 }, coef[] = { 2, -1 };
  const DifTensor      *terms[2];
  g_autoptr (DifTensor) x = tensor (DIF_SHAPE (1, 2, 2, 1), values);
  g_autoptr (DifTensor) y = tensor (DIF_SHAPE (1, 2, 2, 1), NULL);
  g_autoptr (DifTensor) z = tensor (DIF_SHAPE (1, 4, 2, 1), NULL);
  g_autoptr (DifTensor) c = tensor (DIF_SHAPE (1, 2, 2, 2), NULL);

  terms[0] = terms[1] = x;
  g_assert_true (ref->klass->activation (ref, x, DIF_ACT_QUICK_GELU, y, NULL));
  expect (y, (double[]) { -1 / (1 + exp (1.702)), 0,
                          2 / (1 + exp (-3.404)), 5 / (1 + exp (-8.51)) });
  g_assert_true (ref->klass->add (ref, x, x, y, NULL));
  expect (y, (double[]) { -2, 0, 4, 10 });
  g_assert_true (ref->klass->lincomb (ref, 2, coef, terms, y, NULL));
  expect (y, (double[]) { -1, 0, 2, 5 });
  g_assert_true (ref->klass->clamp (ref, x, 0, 3, y, NULL));
  expect (y, (double[]) { 0, 0, 2, 3 });
  g_assert_true (ref->klass->concat (ref, x, x, c, NULL));
  expect (c, (double[]) { -1, -1, 0, 0, 2, 2, 5, 5 });
  g_assert_true (ref->klass->upsample (ref, x, z, NULL));
  expect (z, (double[]) { -1, 0, -1, 0, 2, 5, 2, 5 });
  g_assert_true (ref->klass->activation (ref, x, DIF_ACT_RELU, y, NULL));
  expect (y, (double[]) { 0, 0, 2, 5 });
}

static void
test_ref_gather (void)
{
  const float           values[] = { -1, -2, 3, 4, 5, 6 }, weights[] = { 0.5f, 2, 1, 1 };
  const gint32          rows[] = { 0, 2, 1, -1 }, last[] = { -1, 0, 2, 1 };
  g_autoptr (DifTensor) x = tensor (DIF_SHAPE (1, 3, 2), values);
  g_autoptr (DifTensor) y = tensor (DIF_SHAPE (1, 2, 2), NULL);
  DifGather             g = { 2, 2, rows, weights };

  g_assert_true (ref->klass->gather (ref, x, &g, y, NULL));
  expect (y, (double[]) { 9.5, 11, 3, 4 });
  g = (DifGather) { 2, 2, last, NULL };
  g_assert_true (ref->klass->gather (ref, x, &g, y, NULL));
  expect (y, (double[]) { 0, 0, 5, 6 });
}

/* ---- the class tables ---- */

static void
no_slot_is_null (const DifBackendClass *klass)
{
  /* every slot from open to cast; limit is optional */
  const gsize first = G_STRUCT_OFFSET (DifBackendClass, open);
  const gsize last  = G_STRUCT_OFFSET (DifBackendClass, limit);

  g_assert_cmpuint (klass->api, ==, DIF_BACKEND_API);
  g_assert_nonnull (klass->name);
  g_assert_nonnull (klass->description);
  for (gsize at = first; at < last; at += sizeof (gpointer))
    {
      g_test_message ("%s: slot %" G_GSIZE_FORMAT, klass->name, (at - first) / sizeof (gpointer));
      g_assert_nonnull (G_STRUCT_MEMBER (gpointer, klass, at));
    }
}

static void
test_slots (void)
{
  no_slot_is_null (&dif_backend_ref_class);
  no_slot_is_null (&dif_backend_cpu);
  g_assert_nonnull (dif_backend_cpu.limit);
}

/* ---- memory ---- */

static void
test_memory_is_reused (void)
{
  gsize    before = cpu->live_bytes, size = (gsize) 3 << 20;
  gpointer a = cpu->klass->alloc (cpu, size, NULL), b;

  g_assert_nonnull (a);
  g_assert_cmpuint ((gsize) a % 64, ==, 0);
  g_assert_cmpuint (cpu->live_bytes, ==, before + size);
  memset (a, 1, size);
  cpu->klass->free (cpu, a, size);
  g_assert_cmpuint (cpu->live_bytes, ==, before);
  b = cpu->klass->alloc (cpu, size, NULL);
  g_assert_true (a == b);
  cpu->klass->free (cpu, b, size);
  cpu->klass->trim (cpu);
  g_assert_cmpuint (_dif_cpu_pool_mapped (((DifCpu *) cpu)->tensors), ==, 0);
}

static void
test_blocks_do_not_overlap (void)
{
  enum
  {
    N = 300
  };
  guint8 *block[N] = { NULL };
  gsize   size[N]  = { 0 };
  guint32 seed     = 7;

  for (guint round = 0; round < 5000; round++)
    {
      guint i = (seed = seed * 1664525u + 1013904223u) >> 16, k = i % N;

      if (block[k])
        {
          for (gsize at = 0; at < size[k]; at += 4096)
            g_assert_cmpuint (block[k][at], ==, k & 255);
          g_assert_cmpuint (block[k][size[k] - 1], ==, k & 255);
          cpu->klass->free (cpu, block[k], size[k]);
          block[k] = NULL;
          continue;
        }
      size[k]  = 1 + (gsize) (i * 977u % 400000);
      block[k] = cpu->klass->alloc (cpu, size[k], NULL);
      g_assert_nonnull (block[k]);
      memset (block[k], (int) (k & 255), size[k]);
    }
  for (guint k = 0; k < N; k++)
    if (block[k])
      cpu->klass->free (cpu, block[k], size[k]);
  cpu->klass->trim (cpu);
  g_assert_cmpuint (_dif_cpu_pool_mapped (((DifCpu *) cpu)->tensors), ==, 0);
}

static void
test_too_much_memory_is_an_error (void)
{
  const gsize sizes[] = { G_MAXSIZE, G_MAXSSIZE, (gsize) 1 << 60, (gsize) 1 << 50 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cpu->klass->alloc (cpu, sizes[i], &error));
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
    }
}

/* in a process that may not grow by more than 300 MB */
static void
starve (void)
{
  struct rlimit          limit = { 0 };
  g_autofree char       *statm = NULL;
  guint64                pages = 0;
  g_autoptr (GError)     error = NULL;
  g_autoptr (DifBackend) poor  = dif_backend_open ("cpu", NULL);
  const DifShape         shape = DIF_SHAPE (12000, 12000);
  DifHostArray           w = { DIF_ENC_F32, shape, NULL }, none = { .data = NULL };
  gpointer               some;
  gsize                  bytes;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL));
  pages          = g_ascii_strtoull (statm, NULL, 10);
  limit.rlim_max = pages * (guint64) sysconf (_SC_PAGESIZE) + ((guint64) 300 << 20);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
  g_assert_null (poor->klass->alloc (poor, (gsize) 1 << 30, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_clear_error (&error);
  g_assert_null (poor->klass->linear_new (poor, DIF_F32, &w, &none, &bytes, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  /* less than a region of the pool, and more than is left */
  some = poor->klass->alloc (poor, (gsize) 100 << 20, NULL);
  g_assert_nonnull (some);
  memset (some, 1, (gsize) 100 << 20);
  poor->klass->free (poor, some, (gsize) 100 << 20);
  g_assert_cmpuint (poor->live_bytes, ==, 0);
}

static void
test_no_memory_left (void)
{
  if (g_test_subprocess ())
    {
      starve ();
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_weights_are_accounted (void)
{
  g_autofree float *zeros  = g_new0 (float, 100 * 60);
  DifHostArray      w      = { DIF_ENC_F32, DIF_SHAPE (100, 60), zeros };
  DifHostArray      bias   = { DIF_ENC_F32, DIF_SHAPE (100), zeros };
  gsize             before = cpu->live_bytes, bytes = 0;
  gpointer          made = cpu->klass->linear_new (cpu, DIF_F32, &w, &bias, &bytes, NULL);

  g_assert_nonnull (made);
  g_assert_cmpuint (bytes, >=, (100 * 60 + 100) * sizeof (float));
  g_assert_cmpuint (cpu->live_bytes, ==, before + bytes);
  cpu->klass->linear_free (cpu, made);
  g_assert_cmpuint (cpu->live_bytes, ==, before);
}

/* ---- one weight, many shapes ---- */

static void
conv_at (DifBackend *be, gpointer w, const DifConvSpec *spec, gsize side, gsize I, gsize O,
         float *out)
{
  DifShape              in = DIF_SHAPE (1, side, side, I), shape = DIF_SHAPE (1, side, side, O);
  g_autoptr (DifTensor) x = dif_tensor_new (be, DIF_F32, &in, NULL);
  g_autoptr (DifTensor) y = dif_tensor_new (be, DIF_F32, &shape, NULL);

  for (gsize i = 0; i < side * side * I; i++)
    ((float *) x->data)[i] = (float) (i * 7919 % 101) / 50.0f - 1.0f;
  g_assert_true (be->klass->conv2d (be, x, w, spec, NULL, NULL, y, NULL));
  memcpy (out, y->data, y->bytes);
}

static void
test_shapes_share_a_weight (void)
{
  enum
  {
    I = 24,
    O = 40
  };
  const gsize       sides[] = { 1, 64, 2, 3, 17, 8, 64, 33, 1 };
  DifConvSpec       spec    = { .stride = 1, .pad = { 1, 1, 1, 1 } };
  g_autofree float *k       = g_new (float, O *I * 9);
  g_autofree float *a       = g_new (float, 64 * 64 * O);
  g_autofree float *b       = g_new (float, 64 * 64 * O);
  DifHostArray      w = { DIF_ENC_F32, DIF_SHAPE (O, I, 3, 3), k }, none = { .data = NULL };
  gpointer          mine, theirs;
  gsize             bytes, before = cpu->live_bytes;

  for (gsize i = 0; i < O * I * 9; i++)
    k[i] = (float) (i * 31 % 97) / 50.0f - 1.0f;
  mine   = cpu->klass->conv_new (cpu, DIF_F32, &w, &none, &spec, &bytes, NULL);
  theirs = ref->klass->conv_new (ref, DIF_F32, &w, &none, &spec, &bytes, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      conv_at (cpu, mine, &spec, sides[i], I, O, a);
      conv_at (ref, theirs, &spec, sides[i], I, O, b);
      g_assert_cmpfloat (op_nmse (a, b, sides[i] * sides[i] * O), <, 1e-11);
    }
  cpu->klass->conv_free (cpu, mine);
  ref->klass->conv_free (ref, theirs);
  g_assert_cmpuint (cpu->live_bytes, ==, before);
}

/* ---- opening ---- */

static void
test_options (void)
{
  static const char *const bad[] = { "cpu:x", "cpu:0", "cpu:-1", "cpu:9999", "cpu:2x" };
  g_autoptr (DifBackend)   two   = dif_backend_open ("cpu:2", NULL);

  g_assert_nonnull (two);
  g_assert_cmpint (((DifCpu *) two)->n_threads, ==, 2);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dif_backend_open (bad[i], &error));
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE);
    }
}

static void
test_dtypes (void)
{
  g_assert_true (cpu->klass->supports (cpu, DIF_F32));
  g_assert_false (cpu->klass->supports (cpu, DIF_F16));
  g_assert_true (cpu->klass->supports (cpu, cpu->klass->best_dtype (cpu)));
}

/* ---- what auto computes in ---- */

static void
test_rates_are_kept (void)
{
  DifCpuRates      rates = { 2.5e11, 1.25e11 }, found;
  g_autofree char *path  = _dif_cpu_rates_path ((DifCpu *) cpu);
  g_autofree char *line  = _dif_cpu_identity ((DifCpu *) cpu);

  g_assert_true (g_str_has_prefix (path, g_get_user_cache_dir ()));
  g_assert_false (_dif_cpu_rates_read (path, line, &found));
  _dif_cpu_rates_write (path, line, &rates);
  g_assert_true (_dif_cpu_rates_read (path, line, &found));
  g_assert_cmpfloat (found.f32, ==, rates.f32);
  g_assert_cmpfloat (found.bf16, ==, rates.bf16);
  g_assert_false (_dif_cpu_rates_read (path, "another machine", &found));
}

/* A file that is damaged, another's or no file at all counts as none, and none hangs. */
static void
test_rates_that_do_not_fit (void)
{
  static const char *const texts[] = {
    "", "{", "[]", "null", "{}", "{\"machine\":\"m\"}",
    "{\"machine\":\"m\",\"f32\":1e11}",
    "{\"machine\":\"m\",\"f32\":1e11,\"bf16\":\"2e11\"}",
    "{\"machine\":\"m\",\"f32\":1e11,\"bf16\":NaN}",
    "{\"machine\":\"m\",\"f32\":Infinity,\"bf16\":1e11}",
    "{\"machine\":\"m\",\"f32\":-1e11,\"bf16\":1e11}",
    "{\"machine\":\"m\",\"f32\":1e11,\"bf16\":1e300}",
    "{\"machine\":[\"m\"],\"f32\":1e11,\"bf16\":1e11}",
    "{\"machine\":\"n\",\"f32\":1e11,\"bf16\":1e11}",
    "{\"machine\":\"m\",\"f32\":1e11,\"f32\":1e11,\"bf16\":1e11}",
    "{\"machine\":\"m\",\"f32\":1e11,\"bf16\":1e11} more"
  };
  g_autofree char *folder = g_dir_make_tmp ("dif-rates-XXXXXX", NULL);
  g_autofree char *path   = g_build_filename (folder, "rates.json", NULL);
  g_autofree char *large  = g_strnfill (1 << 20, ' ');
  DifCpuRates      rates  = { 1e11, 1e11 };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_false (_dif_cpu_rates_read (path, "m", &rates));
    }
  g_assert_true (g_file_set_contents (path, large, -1, NULL));
  g_assert_false (_dif_cpu_rates_read (path, "m", &rates));
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_false (_dif_cpu_rates_read (path, "m", &rates));
  g_assert_cmpint (unlink (path), ==, 0);
  /* a folder in the file's place: nothing is written, and nothing said */
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  _dif_cpu_rates_write (path, "m", &rates);
  g_assert_false (_dif_cpu_rates_read (path, "m", &rates));
  g_assert_cmpint (rmdir (path), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

/* what a backend that has just been opened finds best, and why */
static DifDtype
best_of_a_new_one (char **why)
{
  g_autoptr (DifBackend) be = dif_backend_open ("cpu", NULL);
  DifDtype               best;

  g_assert_nonnull (be);
  best = be->klass->best_dtype (be);
  *why = g_strdup (dif_backend_why_best (be));
  g_assert_true (best == be->klass->best_dtype (be));
  return best;
}

/* On a CPU that has bf16, but not AMX, what was measured decides, and is kept. */
static void
test_rates_decide (void)
{
  const int        amx  = dnnl_cpu_isa_avx512_core_amx;
  g_autofree char *path = _dif_cpu_rates_path ((DifCpu *) cpu);
  g_autofree char *line = _dif_cpu_identity ((DifCpu *) cpu);
  g_autofree char *now = NULL, *before = NULL, *slower = NULL, *faster = NULL, *alike = NULL;
  DifDtype         best;

  if (! ((DifCpu *) cpu)->has_bf16)
    {
      g_assert_true (best_of_a_new_one (&now) == DIF_F32);
      g_assert_nonnull (strstr (now, "no instructions for bf16"));
      g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      return;
    }
  if (((int) dnnl_get_effective_cpu_isa () & amx) == amx)
    {
      g_assert_true (best_of_a_new_one (&now) == DIF_BF16);
      g_assert_nonnull (strstr (now, "AMX"));
      g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      return;
    }
  best = best_of_a_new_one (&now);
  g_test_message ("%s", now);
  g_assert_nonnull (strstr (now, "measured now"));
  g_assert_true (best_of_a_new_one (&before) == best);
  g_assert_nonnull (strstr (before, "measured before"));
  _dif_cpu_rates_write (path, line, &(DifCpuRates) { 2e11, 1e11 });
  g_assert_true (best_of_a_new_one (&slower) == DIF_F32);
  _dif_cpu_rates_write (path, line, &(DifCpuRates) { 1e11, 2e11 });
  g_assert_true (best_of_a_new_one (&faster) == DIF_BF16);
  _dif_cpu_rates_write (path, line, &(DifCpuRates) { 1e11, 1.05e11 });
  g_assert_true (best_of_a_new_one (&alike) == DIF_F32);
}

/* ---- halves ---- */

static void
test_every_half_converts (void)
{
  const DifCpuKernels *k    = ((DifCpu *) cpu)->kernels;
  g_autofree guint16  *half = g_new (guint16, 65536), *back = g_new (guint16, 65536);
  g_autofree float    *mine = g_new (float, 65536);

  for (guint i = 0; i < 65536; i++)
    half[i] = (guint16) i;
  k->f16_to_f32 (mine, half, 65536);
  k->f16_to_bf16 (back, half, 65536);
  for (guint i = 0; i < 65536; i++)
    {
      float expected = dif_f16_to_f32 (half[i]);

      g_assert_true (isnan (expected) ? isnan (mine[i]) : memcmp (&mine[i], &expected, 4) == 0);
      if (! isnan (expected))
        g_assert_cmpuint (back[i], ==, dif_f32_to_bf16 (expected));
      else
        g_assert_true (isnan (dif_bf16_to_f32 (back[i])));
    }
  k->bf16_to_f32 (mine, half, 65536);
  k->f32_to_bf16 (back, mine, 65536);
  for (guint i = 0; i < 65536; i++)
    if (isnan (mine[i]))
      g_assert_true (isnan (dif_bf16_to_f32 (back[i])));
    else
      /* the instruction for it takes subnormals, below 1.2e-38, for zero */
      g_assert_true (back[i] == half[i] || (fabsf (mine[i]) < FLT_MIN && ! (back[i] & 0x7fff)));
}

static void
test_every_half_narrows (void)
{
  const DifCpuKernels *k    = ((DifCpu *) cpu)->kernels;
  g_autofree guint16  *half = g_new (guint16, 65536), *back = g_new (guint16, 65536);
  g_autofree float    *wide = g_new (float, 65536);

  for (guint i = 0; i < 65536; i++)
    half[i] = (guint16) i;
  for (guint type = 0; type < 2; type++)
    for (gsize n = 65536, at = 0; n > 65500; n--, at++)
      {
        (type ? k->bf16_to_f32 : k->f16_to_f32) (wide, half + at, n);
        (type ? k->narrow_bf16 : k->narrow_f16) (back, wide, n);
        for (gsize i = 0; i < n; i++)
          if (isnan (wide[i]))
            g_assert_true (isnan (type ? dif_bf16_to_f32 (back[i]) : dif_f16_to_f32 (back[i])));
          else
            g_assert_cmpuint (back[i], ==, half[at + i]);
      }
}

/* Weights that stay as narrow as in the file give the very bits of weights that
 * were widened when they were prepared. */
static void
test_narrow_weights_change_nothing (void)
{
  DifCpu *c = (DifCpu *) cpu;
  guint   n = 0;

  for (guint i = 0; i < op_n_rows; i++)
    {
      const Row        *row    = &op_rows[i];
      GError           *error  = NULL;
      g_autofree float *narrow = NULL, *wide = NULL;
      gsize             count = 0, again = 0;

      if (! (row->flags & (FROM_F16 | FROM_BF16)))
        continue;
      n++;
      g_assert_true (c->keep_narrow);
      narrow = op_run (cpu, DIF_F32, row, &count, &error);
      g_assert_no_error (error);
      c->keep_narrow = FALSE;
      wide           = op_run (cpu, DIF_F32, row, &again, &error);
      c->keep_narrow = TRUE;
      g_assert_no_error (error);
      g_assert_cmpmem (narrow, count * sizeof *narrow, wide, again * sizeof *wide);
    }
  g_assert_cmpuint (n, >, 20);
}

/* A weight of half width takes half the memory, of every kind, in every layout. */
static void
test_narrow_weights_are_small (void)
{
  const DifConvSpec   spec    = { .stride = 1, .pad = { 1, 1, 1, 1 } };
  g_autofree guint16 *values  = g_new0 (guint16, 128 * 128 * 9);
  DifHostArray        none    = { .data = NULL };
  const DifEncoding   types[] = { DIF_ENC_F16, DIF_ENC_BF16 };
  gsize               bytes;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      DifHostArray matrix = { types[i], DIF_SHAPE (128, 128), values };
      DifHostArray kernel = { types[i], DIF_SHAPE (128, 128, 3, 3), values };
      gpointer     w      = cpu->klass->linear_new (cpu, DIF_F32, &matrix, &none, &bytes, NULL);

      g_assert_cmpuint (bytes, ==, 128 * 128 * 2);
      cpu->klass->linear_free (cpu, w);
      w = cpu->klass->table_new (cpu, DIF_F32, &matrix, &bytes, NULL);
      g_assert_cmpuint (bytes, ==, 128 * 128 * 2);
      cpu->klass->table_free (cpu, w);
      w = cpu->klass->conv_new (cpu, DIF_F32, &kernel, &none, &spec, &bytes, NULL);
      g_assert_cmpuint (bytes, <=, 9 * 128 * 144 * 2); /* blocks of 24 outputs fill up to 144 */
      cpu->klass->conv_free (cpu, w);
    }
}

static void
skip_all (void)
{
  g_test_skip ("this CPU lacks the instructions under test");
}

static void
add_tests (void)
{
  for (int i = 0; i < N_OPS; i++)
    {
      g_autofree char *path = NULL;

      path = g_strdup_printf ("/backends/cpu/%s-agrees-with-ref", op_bounds[i].name);
      g_test_add_data_func (path, GINT_TO_POINTER (i), test_op);
    }
  g_test_add_func ("/backends/no-slot-is-null", test_slots);
  g_test_add_func ("/backends/ref/linear-and-glu-by-hand", test_ref_linear);
  g_test_add_func ("/backends/ref/conv-by-hand", test_ref_conv);
  g_test_add_func ("/backends/ref/norms-by-hand", test_ref_norms);
  g_test_add_func ("/backends/ref/attention-by-hand", test_ref_attention);
  g_test_add_func ("/backends/ref/elementwise-by-hand", test_ref_elementwise);
  g_test_add_func ("/backends/ref/gather-by-hand", test_ref_gather);
  g_test_add_func ("/backends/cpu/memory-is-reused-and-given-back", test_memory_is_reused);
  g_test_add_func ("/backends/cpu/blocks-do-not-overlap", test_blocks_do_not_overlap);
  g_test_add_func ("/backends/cpu/too-much-memory-is-an-error", test_too_much_memory_is_an_error);
#ifndef __SANITIZE_ADDRESS__
  /* the sanitizer's shadow lies outside any limit */
  g_test_add_func ("/backends/cpu/no-memory-left-is-an-error", test_no_memory_left);
#endif
  g_test_add_func ("/backends/cpu/weights-are-accounted", test_weights_are_accounted);
  g_test_add_func ("/backends/cpu/shapes-share-a-weight", test_shapes_share_a_weight);
  g_test_add_func ("/backends/cpu/options-are-checked", test_options);
  g_test_add_func ("/backends/cpu/best-dtype-is-supported", test_dtypes);
  g_test_add_func ("/backends/cpu/rates-are-kept", test_rates_are_kept);
  g_test_add_func ("/backends/cpu/rates-that-do-not-fit-are-none", test_rates_that_do_not_fit);
  g_test_add_func ("/backends/cpu/rates-decide-what-auto-computes-in", test_rates_decide);
  g_test_add_func ("/backends/cpu/every-half-converts", test_every_half_converts);
  g_test_add_func ("/backends/cpu/every-half-narrows", test_every_half_narrows);
  g_test_add_func ("/backends/cpu/narrow-weights-change-nothing",
                   test_narrow_weights_change_nothing);
  g_test_add_func ("/backends/cpu/narrow-weights-are-small", test_narrow_weights_are_small);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const char        *isa   = g_getenv ("DIF_CPU_ISA");
  int                status;

  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  cpu = dif_backend_open ("cpu", &error);
  g_assert_no_error (error);
  ref = dif_backend_open ("ref", &error);
  g_assert_no_error (error);
  if (isa && strcmp (((DifCpu *) cpu)->kernels->name, isa) != 0)
    g_test_add_func ("/backends/cpu/instructions-are-there", skip_all);
  else
    add_tests ();
  status = g_test_run ();
  dif_backend_unref (cpu);
  dif_backend_unref (ref);
  return status;
}
