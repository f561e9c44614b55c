/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-context.c - scopes, the first error, cancelling, running out of memory. */
#include <string.h>

#include "backends/backends.h"
#include "support.h"

static DifBackend *
open_ref (void)
{
  GError     *error = NULL;
  DifBackend *be    = dif_backend_open ("ref", &error);

  g_assert_no_error (error);
  return be;
}

static DifTensor *
ones (DifContext *cx, gsize n)
{
  g_autofree float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = 1;
  return dif_upload (cx, DIF_F32, DIF_SHAPE (n), data);
}

static void
test_scopes_free_temporaries (void)
{
  g_autoptr (DifBackend) be = open_ref ();
  g_autoptr (DifContext) cx = dif_context_new (be, DIF_F32);
  DifTensor             *kept;
  float                  out[4];

  dif_context_enter (cx, "outer");
  dif_context_enter (cx, "inner");
  ones (cx, 1000);
  kept = dif_add (cx, ones (cx, 4), ones (cx, 4));
  g_assert_cmpuint (be->live_bytes, ==, 4000 + 3 * 16);
  dif_context_leave (cx, kept);
  g_assert_cmpuint (be->live_bytes, ==, 16);
  g_assert_true (dif_download (cx, kept, out));
  g_assert_cmpfloat (out[3], ==, 2);
  dif_context_leave (cx, NULL);
  g_assert_cmpuint (be->live_bytes, ==, 0);
  g_assert_true (dif_context_finish (cx, NULL));
}

static void
test_views_keep_their_base (void)
{
  g_autoptr (DifBackend) be = open_ref ();
  g_autoptr (DifContext) cx = dif_context_new (be, DIF_F32);
  DifTensor             *view;
  float                  out[2];

  dif_context_enter (cx, "scope");
  view = dif_slice_batch (cx, ones (cx, 8), 6, 2);
  dif_context_leave (cx, view);
  g_assert_cmpuint (be->live_bytes, ==, 32);
  g_assert_true (dif_download (cx, view, out));
  g_assert_cmpfloat (out[0], ==, 1);
  dif_context_release (cx, view);
  g_assert_cmpuint (be->live_bytes, ==, 0);
}

static void
test_first_error_is_kept_and_named (void)
{
  g_autoptr (DifBackend) be    = open_ref ();
  g_autoptr (DifContext) cx    = dif_context_new (be, DIF_F32);
  g_autoptr (GError)     error = NULL;
  DifTensor             *bad;

  dif_context_enter (cx, "unet");
  dif_context_enter (cx, "resnets.%u", 3u);
  bad = dif_add (cx, ones (cx, 2), ones (cx, 3));
  bad = dif_add (cx, bad, ones (cx, 5));
  dif_context_leave (cx, bad);
  dif_context_leave (cx, bad);
  g_assert_true (dif_context_failed (cx));
  g_assert_false (dif_context_finish (cx, &error));
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
  g_assert_cmpstr (
      error->message, ==,
      "unet.resnets.3: add: expected two tensors of one shape and dtype, found f32 [3]");
  g_assert_false (dif_context_failed (cx));
  g_assert_cmpuint (be->live_bytes, ==, 0);
}

static void
test_cancelled_stops_before_the_next_op (void)
{
  g_autoptr (DifBackend)   be          = open_ref ();
  g_autoptr (DifContext)   cx          = dif_context_new (be, DIF_F32);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError)       error       = NULL;
  DifTensor               *x;

  dif_context_set_cancellable (cx, cancellable);
  x = ones (cx, 4);
  g_cancellable_cancel (cancellable);
  g_assert_true (dif_add (cx, x, x) == dif_context_inert (cx));
  g_assert_false (dif_context_finish (cx, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_impossible_sizes_are_refused (void)
{
  g_autoptr (DifBackend) be    = open_ref ();
  g_autoptr (GError)     error = NULL;
  DifShape               huge = DIF_SHAPE (G_MAXSIZE / 2, 3, 5, 7), none = DIF_SHAPE (3, 0);

  g_assert_null (dif_tensor_new (be, DIF_F32, &huge, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_clear_error (&error);
  g_assert_null (dif_tensor_new (be, DIF_F32, &none, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
}

static void
test_unknown_device_is_refused (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_backend_open ("abacus", &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE);
  g_assert_nonnull (strstr (error->message, "abacus"));
}

/* A dtype the device does not have is said before anything is read. */
static void
test_unsupported_dtype_is_refused (void)
{
  g_autofree char   *path  = test_fixture ("models/odd");
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_pipeline_load (path, "cpu", "f16", NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED);
}

/* The n-th allocation fails, for every n: an error, and nothing is left. */
static void
test_every_allocation_of_a_run_may_fail (void)
{
  g_autofree char        *path  = test_fixture ("models/odd");
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = dif_pipeline_load (path, "ref", "f32", NULL, NULL, NULL, &error);
  g_autoptr (DifRequest)  rq    = dif_request_new ("txt2img", &error);
  DifBackend             *be;
  gsize                   before;
  int                     n;

  g_assert_no_error (error);
  be     = dif_pipeline_backend (pipe);
  before = be->live_bytes;
  dif_request_set (rq, "prompt", "a red cube", &error);
  dif_request_set (rq, "width", "16", &error);
  dif_request_set (rq, "height", "8", &error);
  dif_request_set (rq, "steps", "1", &error);
  dif_request_set (rq, "scheduler", "euler", &error);
  g_assert_no_error (error);
  for (n = 0;; n += n < 40 ? 1 : 7)
    {
      g_autoptr (DifResult) r = NULL;

      dif_backend_ref_fail_at (be, n);
      r = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
      g_assert_cmpuint (be->live_bytes, ==, before);
      if (r)
        break;
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
      g_clear_error (&error);
    }
  g_assert_no_error (error);
  g_assert_cmpint (n, >, 200);
}

static void
test_every_allocation_of_a_load_may_fail (void)
{
  g_autofree char          *path    = test_fixture ("models/odd");
  GError                   *error   = NULL;
  g_autoptr (DifCheckpoint) c       = dif_checkpoint_open (path, &error);
  g_autoptr (DifBackend)    be      = open_ref ();
  g_autoptr (DifJson)       config  = NULL;
  g_autoptr (DifWeights)    weights = NULL;
  int                       n;

  g_assert_no_error (error);
  config  = dif_checkpoint_config (c, "unet", &error);
  weights = dif_checkpoint_weights (c, "unet", &error);
  g_assert_no_error (error);
  for (n = 0;; n++)
    {
      DifLoader *l = dif_loader_new (weights, be, DIF_F32, NULL);
      DifUnet   *m;
      DifStore  *store;

      dif_backend_ref_fail_at (be, n);
      m     = dif_unet_load (config, l, &error);
      store = dif_loader_finish (l, &error);
      dif_unet_free (m);
      if (store)
        {
          dif_store_free (store);
          break;
        }
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
      g_clear_error (&error);
      g_assert_cmpuint (be->live_bytes, ==, 0);
    }
  g_assert_cmpuint (be->live_bytes, ==, 0);
  g_assert_cmpint (n, >, 100);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/context/scopes-free-temporaries", test_scopes_free_temporaries);
  g_test_add_func ("/tensor/context/views-keep-their-base", test_views_keep_their_base);
  g_test_add_func ("/tensor/context/first-error-is-kept-and-named",
                   test_first_error_is_kept_and_named);
  g_test_add_func ("/tensor/context/cancelled-stops-before-the-next-op",
                   test_cancelled_stops_before_the_next_op);
  g_test_add_func ("/tensor/tensor/impossible-sizes-are-refused",
                   test_impossible_sizes_are_refused);
  g_test_add_func ("/tensor/backend/unknown-device-is-refused", test_unknown_device_is_refused);
  g_test_add_func ("/tensor/backend/unsupported-dtype-is-refused",
                   test_unsupported_dtype_is_refused);
  g_test_add_func ("/tensor/memory/every-allocation-of-a-run-may-fail",
                   test_every_allocation_of_a_run_may_fail);
  g_test_add_func ("/tensor/memory/every-allocation-of-a-load-may-fail",
                   test_every_allocation_of_a_load_may_fail);
  return g_test_run ();
}
