/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-cuda.c - the cuda backend against ref, and what surrounds its ops.
 *
 * Runs on a real card, and on the host with the libraries of this folder in
 * place of NVIDIA's; then with the threads of a phase in either order, which
 * shows when one reads what another writes.
 */
#include <dlfcn.h>
#include <string.h>

#include "backends/backends.h"
#include "base/error.h"
#include "op-agree.h"

static DifBackend *cuda, *ref;

/* of the library in place of the driver; NULL on a real card */
static void (*set_order) (int downwards);
static long (*count) (const char *what);

/* ---- ops ---- */

static gboolean
compare (const Row *row, guint index, DifDtype dtype)
{
  g_autofree float *found = NULL;
  gsize             n = 0, m = 0;
  gboolean          agrees = op_agrees (cuda, ref, dtype, row, index, &found, &n);

  /* which thread comes first is the same question in every dtype */
  if (set_order && dtype == DIF_F32)
    {
      g_autofree float *backwards = NULL;
      GError           *error     = NULL;

      set_order (1);
      backwards = op_run (cuda, dtype, row, &m, &error);
      set_order (0);
      g_assert_no_error (error);
      g_assert_cmpmem (found, n * sizeof *found, backwards, m * sizeof *backwards);
    }
  return agrees;
}

static void
test_op (gconstpointer data)
{
  static const DifDtype dtypes[] = { DIF_F32, DIF_BF16, DIF_F16 };
  Op                    op       = GPOINTER_TO_INT (data);
  gboolean              sampled  = g_getenv ("DIF_TEST_SAMPLE") != NULL;
  guint                 n = 0, bad = 0;

  for (guint i = 0; i < op_n_rows; i++)
    for (guint k = 0; op_rows[i].op == op && k < G_N_ELEMENTS (dtypes); k++)
      /* who looks for damage only is content with one dtype a row */
      if (! sampled || k == i % G_N_ELEMENTS (dtypes))
        {
          n++;
          bad += ! compare (&op_rows[i], i, dtypes[k]);
        }
  g_assert_cmpuint (n, >, 0);
  g_assert_cmpuint (bad, ==, 0);
}

static void
test_slots (void)
{
  const gsize first = G_STRUCT_OFFSET (DifBackendClass, open);

  /* why_best is for devices whose best dtype depends on the machine */
  for (gsize at = first; at < sizeof (DifBackendClass); at += sizeof (gpointer))
    if (at != G_STRUCT_OFFSET (DifBackendClass, why_best))
      g_assert_nonnull (G_STRUCT_MEMBER (gpointer, cuda->klass, at));
  g_assert_true (cuda->klass->supports (cuda, cuda->klass->best_dtype (cuda)));
}

/* ---- memory ---- */

static void
test_memory_is_reused (void)
{
  gsize    before = cuda->live_bytes, size = (gsize) 3 << 20;
  gpointer a = cuda->klass->alloc (cuda, size, NULL), b;

  g_assert_nonnull (a);
  g_assert_cmpuint ((gsize) a % 256, ==, 0);
  g_assert_cmpuint (cuda->live_bytes, ==, before + size);
  cuda->klass->free (cuda, a, size);
  g_assert_cmpuint (cuda->live_bytes, ==, before);
  b = cuda->klass->alloc (cuda, size, NULL);
  g_assert_true (a == b);
  cuda->klass->free (cuda, b, size);
  cuda->klass->trim (cuda);
}

static void
test_too_much_memory_is_an_error (void)
{
  const gsize sizes[] = { G_MAXSIZE, G_MAXSSIZE, (gsize) 1 << 60, (gsize) 1 << 50 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cuda->klass->alloc (cuda, sizes[i], &error));
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
      g_assert_nonnull (strstr (error->message, "MiB free"));
    }
}

static void
test_weights_are_accounted (void)
{
  g_autofree float *zeros  = g_new0 (float, 100 * 64);
  DifHostArray      w      = { DIF_ENC_F32, DIF_SHAPE (100, 64), zeros };
  DifHostArray      bias   = { DIF_ENC_F32, DIF_SHAPE (100), zeros };
  gsize             before = cuda->live_bytes, bytes = 0;
  gpointer          made = cuda->klass->linear_new (cuda, DIF_F16, &w, &bias, &bytes, NULL);

  g_assert_nonnull (made);
  /* the bias in f32 and, since zero loses nothing, in f16 */
  g_assert_cmpuint (bytes, ==, 100 * 64 * 2 + 100 * 4 + 100 * 2);
  g_assert_cmpuint (cuda->live_bytes, ==, before + bytes);
  cuda->klass->linear_free (cuda, made);
  g_assert_cmpuint (cuda->live_bytes, ==, before);
}

/* larger than both buffers it goes through */
static void
test_a_large_weight_arrives (void)
{
  const gsize           rows = 5000, width = 1001;
  g_autofree float     *values = g_new (float, rows *width), *back = g_new (float, width);
  DifHostArray          w     = { DIF_ENC_F32, DIF_SHAPE (rows, width), values };
  gint32                ids[] = { 0, 523, 524, 1047, 1048, 1571, 2047, 2095, 2096, 4190, 4999 };
  DifShape              shape = DIF_SHAPE (1, width);
  gsize                 bytes = 0;
  gpointer              table;
  g_autoptr (DifTensor) y = dif_tensor_new (cuda, DIF_F32, &shape, NULL);

  for (gsize i = 0; i < rows * width; i++)
    values[i] = (float) i;
  table = cuda->klass->table_new (cuda, DIF_F32, &w, &bytes, NULL);
  g_assert_nonnull (table);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_assert_true (cuda->klass->embed (cuda, table, &ids[i], 1, y, NULL));
      g_assert_true (cuda->klass->download (cuda, back, y->data, y->bytes, NULL));
      g_assert_cmpmem (back, y->bytes, values + (gsize) ids[i] * width, width * sizeof *back);
    }
  cuda->klass->table_free (cuda, table);
}

/* ---- opening ---- */

static void
refused (const char *card, const char *spec, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_setenv ("DIF_FAKE_CUDA", card, TRUE);
  g_assert_null (dif_backend_open (spec, &error));
  g_unsetenv ("DIF_FAKE_CUDA");
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE);
  g_assert_cmpstr (error->message, ==, reason);
}

static void
test_refusals (void)
{
  refused ("driver=12040", "cuda",
           "device cuda: expected a driver for CUDA 13 or newer, found one for 12.4");
  refused ("major=7,minor=5", "cuda",
           "device cuda:0: expected compute capability 8.0 or newer, found 7.5 (Host as a card, "
           "number 0)");
  refused ("cards=0", "cuda",
           "device cuda: expected an NVIDIA card, the driver reports: no CUDA-capable device is "
           "detected");
  refused ("cards=2", "cuda:2",
           "device cuda: expected a card's number, 0 to 1, found \"2\"");
  refused ("", "cuda:x", "device cuda: expected a card's number, 0 to 0, found \"x\"");
  refused ("", "cuda:-1", "device cuda: expected a card's number, 0 to 0, found \"-1\"");
}

static void
test_second_card (void)
{
  g_autoptr (DifBackend) second = NULL;
  g_autoptr (GError)     error  = NULL;

  g_setenv ("DIF_FAKE_CUDA", "cards=2", TRUE);
  second = dif_backend_open ("cuda:1", &error);
  g_unsetenv ("DIF_FAKE_CUDA");
  g_assert_no_error (error);
  g_assert_cmpstr (second->klass->name, ==, "cuda");
}

static void
test_auto (void)
{
  g_autoptr (DifBackend) with = dif_backend_open ("auto", NULL), without = NULL;

  g_assert_cmpstr (with->klass->name, ==, "cuda");
  g_setenv ("DIF_FAKE_CUDA", "driver=12040", TRUE);
  without = dif_backend_open ("auto", NULL);
  g_unsetenv ("DIF_FAKE_CUDA");
  g_assert_cmpstr (without->klass->name, ==, "cpu");
}

/* a card that is gone says so at every call, and closing it is no crash */
static void
test_lost_card (void)
{
  g_autoptr (GError)     error = NULL;
  g_autoptr (DifBackend) be    = NULL;
  DifShape               shape = DIF_SHAPE (100);
  g_autoptr (DifTensor)  x     = NULL;

  g_setenv ("DIF_FAKE_CUDA", "fail=2", TRUE);
  be = dif_backend_open ("cuda", &error);
  g_assert_no_error (error);
  x = dif_tensor_new (be, DIF_F32, &shape, &error);
  g_assert_no_error (error);
  g_assert_true (be->klass->add (be, x, x, x, &error));
  for (guint i = 0; i < 2; i++)
    {
      g_assert_false (be->klass->add (be, x, x, x, &error));
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_LOST);
      g_assert_cmpstr (error->message, ==,
                       "device cuda: add: the card reports CUDA_ERROR_LAUNCH_FAILED (unspecified "
                       "launch failure)");
      g_clear_error (&error);
    }
  g_unsetenv ("DIF_FAKE_CUDA");
}

/* y [1, side] = x w^T for the weight @w of @side x @side */
static float *
multiply (DifBackend *be, gpointer w, gsize side)
{
  DifShape              shape = DIF_SHAPE (1, side);
  g_autoptr (DifTensor) x     = dif_tensor_new (be, DIF_F32, &shape, NULL);
  g_autoptr (DifTensor) y     = dif_tensor_new (be, DIF_F32, &shape, NULL);
  float                *out   = g_new (float, side);
  GError               *error = NULL;

  for (gsize i = 0; i < side; i++)
    out[i] = (float) (i % 7) - 3;
  be->klass->upload (be, x->data, out, x->bytes, &error);
  g_assert_no_error (error);
  be->klass->linear (be, x, w, DIF_ACT_NONE, NULL, y, &error);
  g_assert_no_error (error);
  be->klass->download (be, out, y->data, y->bytes, &error);
  g_assert_no_error (error);
  return out;
}

/* a card of 100 MiB and weights of 16: those that do not fit wait in host memory and
 * come back with the same bits; one that is larger than the card is an error, and
 * nothing is left behind */
static void
test_small_card (void)
{
  g_autoptr (GError)     error = NULL;
  g_autoptr (DifBackend) be    = NULL;
  const gsize            side = 2048, n = 8;
  g_autofree float      *values = g_new (float, 4 * n * side * side);
  DifHostArray           w      = { DIF_ENC_F32, DIF_SHAPE (side, side), values };
  gsize                  bytes  = 0;
  gpointer               made[8];
  float                 *first[8];

  for (gsize i = 0; i < 4 * n * side * side; i++)
    values[i] = (float) (i * 2654435761u % 1000) * 1e-3f;
  g_setenv ("DIF_FAKE_CUDA", "memory=100", TRUE);
  be = dif_backend_open ("cuda", &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < n; i++)
    {
      w.data  = values + i * side;
      made[i] = be->klass->linear_new (be, DIF_F32, &w, NULL, &bytes, &error);
      g_assert_no_error (error);
      first[i] = multiply (be, made[i], side);
    }
  g_assert_cmpuint (be->live_bytes, ==, n * side * side * sizeof (float));
  for (gsize i = 0; i < n; i++)
    {
      g_autofree float *again = multiply (be, made[i], side);

      g_assert_cmpmem (first[i], side * sizeof (float), again, side * sizeof (float));
      g_free (first[i]);
    }
  w.shape = DIF_SHAPE (4 * side, 2 * n * side / 4);
  w.data  = values;
  g_assert_null (be->klass->linear_new (be, DIF_F32, &w, NULL, &bytes, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  for (gsize i = 0; i < n; i++)
    be->klass->linear_free (be, made[i]);
  be->klass->trim (be);
  g_assert_cmpuint (be->live_bytes, ==, 0);
  g_unsetenv ("DIF_FAKE_CUDA");
}

/* where the host has no room either, that is said */
static void
test_small_host (void)
{
  g_autoptr (GError)     error = NULL;
  g_autoptr (DifBackend) be    = NULL;
  const gsize            side  = 2048;
  g_autofree float      *zeros = g_new0 (float, side *side);
  DifHostArray           w     = { DIF_ENC_F32, DIF_SHAPE (side, side), zeros };
  gsize                  bytes = 0;
  GPtrArray             *made  = g_ptr_array_new ();
  gpointer               one;

  g_setenv ("DIF_FAKE_CUDA", "memory=64,pinned=40", TRUE);
  be = dif_backend_open ("cuda", &error);
  g_assert_no_error (error);
  while ((one = be->klass->linear_new (be, DIF_F32, &w, NULL, &bytes, &error)))
    g_ptr_array_add (made, one);
  g_unsetenv ("DIF_FAKE_CUDA");
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_assert_cmpstr (error->message, ==,
                   "out of memory: expected room for 16.0 MiB in pinned host memory, found none");
  g_assert_cmpuint (made->len, >, 2);
  for (guint i = 0; i < made->len; i++)
    be->klass->linear_free (be, made->pdata[i]);
  g_ptr_array_unref (made);
  g_assert_cmpuint (be->live_bytes, ==, 0);
}

/* y = x w^T as a graph, once without; NULL if the device will not now */
static gpointer
note_product (DifBackend *be, DifTensor *x, gpointer w, DifTensor *y)
{
  const DifBackendClass *klass = be->klass;
  GError                *error = NULL;
  gpointer               graph;

  klass->linear (be, x, w, DIF_ACT_NONE, NULL, y, &error);
  g_assert_no_error (error);
  graph = klass->graph_begin (be, 1 << 16, &error);
  g_assert_no_error (error);
  if (! graph)
    return NULL;
  g_assert_true (klass->linear (be, x, w, DIF_ACT_NONE, NULL, y, &error));
  g_assert_true (klass->graph_end (be, graph, &error));
  return graph;
}

/* weights of which only one fits the card: a graph is made once the one it needs stays,
 * and is no good any more when that had to make room */
static void
test_stale_graph (void)
{
  g_autoptr (GError)     error = NULL;
  g_autoptr (DifBackend) be    = NULL;
  const gsize            side = 512, bytes = side * side * sizeof (float);
  g_autofree float      *zeros = g_new0 (float, side *side);
  DifHostArray           array = { DIF_ENC_F32, DIF_SHAPE (side, side), zeros };
  DifShape               shape = DIF_SHAPE (1, side);
  g_autoptr (DifTensor)  x = NULL, y = NULL;
  gsize                  taken;
  gpointer               a, b, graph;

  g_setenv ("DIF_FAKE_CUDA", "kib=1700", TRUE);
  be = dif_backend_open ("cuda", &error);
  g_assert_no_error (error);
  a = be->klass->linear_new (be, DIF_F32, &array, NULL, &taken, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (taken, ==, bytes);
  b = be->klass->linear_new (be, DIF_F32, &array, NULL, &taken, &error);
  g_assert_no_error (error);
  x = dif_tensor_new (be, DIF_F32, &shape, &error);
  y = dif_tensor_new (be, DIF_F32, &shape, &error);
  g_assert_no_error (error);
  be->klass->upload (be, x->data, zeros, x->bytes, &error);
  g_assert_null (note_product (be, x, a, y));
  graph = note_product (be, x, a, y);
  g_assert_nonnull (graph);
  g_assert_true (be->klass->graph_launch (be, graph, &error));
  be->klass->linear (be, x, b, DIF_ACT_NONE, NULL, y, &error);
  g_assert_no_error (error);
  g_assert_false (be->klass->graph_launch (be, graph, &error));
  g_assert_no_error (error);
  be->klass->graph_free (be, graph);
  be->klass->linear_free (be, a);
  be->klass->linear_free (be, b);
  g_unsetenv ("DIF_FAKE_CUDA");
}

/* what comes from the host has no place in a graph */
static void
test_upload_spoils_a_graph (void)
{
  g_autoptr (GError)    error    = NULL;
  DifShape              shape    = DIF_SHAPE (4);
  float                 zeros[4] = { 0 };
  g_autoptr (DifTensor) x        = dif_tensor_new (cuda, DIF_F32, &shape, NULL);
  gpointer              graph    = cuda->klass->graph_begin (cuda, 4096, &error);

  g_assert_no_error (error);
  g_assert_false (cuda->klass->upload (cuda, x->data, zeros, x->bytes, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_false (cuda->klass->graph_end (cuda, graph, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED);
  g_clear_error (&error);
  cuda->klass->graph_free (cuda, graph);
  /* and the card is as before */
  g_assert_true (cuda->klass->upload (cuda, x->data, zeros, x->bytes, &error));
}

/* a product for cuBLASLt that needs nothing more is one call and no kernel of ours */
static void
test_fused_products (void)
{
  const gsize           M = 16, K = 64, N = 32;
  g_autofree float     *zeros = g_new0 (float, N *K);
  DifHostArray          w     = { DIF_ENC_F32, DIF_SHAPE (N, K), zeros };
  DifHostArray          bias  = { DIF_ENC_F32, DIF_SHAPE (N), zeros };
  gsize                 bytes = 0;
  gpointer              made  = cuda->klass->linear_new (cuda, DIF_F16, &w, &bias, &bytes, NULL);
  DifShape              in = DIF_SHAPE (M, K), out = DIF_SHAPE (M, N);
  g_autoptr (DifTensor) x      = dif_tensor_new (cuda, DIF_F16, &in, NULL);
  g_autoptr (DifTensor) y      = dif_tensor_new (cuda, DIF_F16, &out, NULL);
  gboolean              plain  = g_strcmp0 (g_getenv ("DIF_CUDA_BLAS"), "off") == 0;
  long                  before = count ("launches");

  g_assert_true (cuda->klass->linear (cuda, x, made, DIF_ACT_NONE, y, y, NULL));
  g_assert_cmpint (count ("launches") - before, ==, plain ? 1 : 0);
  before = count ("launches");
  g_assert_true (cuda->klass->linear (cuda, x, made, DIF_ACT_GELU, NULL, y, NULL));
  g_assert_cmpint (count ("launches") - before, ==, 1);
  cuda->klass->linear_free (cuda, made);
}

static void
skip_all (gconstpointer why)
{
  g_test_skip (why);
}

static void
add_tests (void)
{
  for (int i = 0; i < N_OPS; i++)
    {
      g_autofree char *path = NULL;

      path = g_strdup_printf ("/backends/cuda/%s-agrees-with-ref", op_bounds[i].name);
      g_test_add_data_func (path, GINT_TO_POINTER (i), test_op);
    }
  g_test_add_func ("/backends/cuda/no-slot-is-null", test_slots);
  g_test_add_func ("/backends/cuda/memory-is-reused", test_memory_is_reused);
  g_test_add_func ("/backends/cuda/too-much-memory-is-an-error", test_too_much_memory_is_an_error);
  g_test_add_func ("/backends/cuda/weights-are-accounted", test_weights_are_accounted);
  g_test_add_func ("/backends/cuda/a-large-weight-arrives", test_a_large_weight_arrives);
  if (! set_order)
    return;
  g_test_add_func ("/backends/cuda/fused-products-are-one-call", test_fused_products);
  g_test_add_func ("/backends/cuda/refusals-say-what-was-found", test_refusals);
  g_test_add_func ("/backends/cuda/second-card", test_second_card);
  g_test_add_func ("/backends/cuda/auto-falls-back", test_auto);
  g_test_add_func ("/backends/cuda/lost-card-is-an-error", test_lost_card);
  g_test_add_func ("/backends/cuda/small-card-has-weights-wait", test_small_card);
  g_test_add_func ("/backends/cuda/small-host-is-an-error", test_small_host);
  g_test_add_func ("/backends/cuda/graph-is-stale-once-weights-move", test_stale_graph);
  g_test_add_func ("/backends/cuda/upload-spoils-a-graph", test_upload_spoils_a_graph);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  void              *driver;
  int                status;

  g_test_init (&argc, &argv, NULL);
  cuda   = dif_backend_open ("cuda", &error);
  driver = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (driver)
    {
      *(void **) &set_order = dlsym (driver, "fake_cuda_set_order");
      *(void **) &count     = dlsym (driver, "fake_cuda_count");
    }
  /* what takes the place of NVIDIA's libraries must always open */
  if (g_getenv ("DIF_TEST_FAKE_CUDA"))
    g_assert_nonnull (set_order);
  if (! cuda && ! set_order &&
      (g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE) ||
       g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_ABSENT)))
    g_test_add_data_func ("/backends/cuda/there-is-a-card", error->message, skip_all);
  else
    {
      g_assert_no_error (error);
      ref = dif_backend_open ("ref", &error);
      g_assert_no_error (error);
      add_tests ();
    }
  status = g_test_run ();
  dif_backend_unref (cuda);
  dif_backend_unref (ref);
  return status;
}
