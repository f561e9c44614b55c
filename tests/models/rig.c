/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* rig.c - running single layers and networks. */
#include "rig.h"

/* f32: a layer's bound is low enough to notice an epsilon of 1e-6 for 1e-5; a
 * network multiplies what its layers round.  bf16 rounds to 2^-9 at each. */
const RigDevice rig_devices[3] = {
  { "ref-f32", "ref", DIF_F32, 2e-6, 1e-5 },
  { "cpu-f32", "cpu", DIF_F32, 2e-6, 1e-5 },
  { "cpu-bf16", "cpu", DIF_BF16, 2e-2, 5e-2 },
};

gboolean
rig_open (Rig *rig, const RigDevice *place, DifWeights *weights)
{
  GError *error = NULL;

  rig->be = dif_backend_open (place->device, &error);
  g_assert_no_error (error);
  if (! rig->be->klass->supports (rig->be, place->dtype))
    {
      g_autofree char *why = g_strdup_printf ("%s does not compute in %s here", place->device,
                                              dif_dtype_name (place->dtype));

      g_test_skip (why);
      g_clear_pointer (&rig->be, dif_backend_unref);
      return FALSE;
    }
  rig->cx      = dif_context_new (rig->be, place->dtype);
  rig->weights = weights;
  rig->loader  = dif_loader_new (weights, rig->be, place->dtype, NULL);
  return TRUE;
}

void
rig_close (Rig *rig)
{
  GError   *error = NULL;
  DifStore *store;

  dif_context_finish (rig->cx, &error);
  g_assert_no_error (error);
  store = dif_loader_finish (rig->loader, &error);
  g_assert_no_error (error);
  dif_context_free (rig->cx);
  dif_store_free (store);
  g_assert_cmpuint (rig->be->live_bytes, ==, 0);
  dif_backend_unref (rig->be);
}

DifTensor *
rig_upload (Rig *rig, DifWeights *w, const char *name)
{
  DifShape          s;
  g_autofree float *data  = test_floats (w, name, &s);
  DifDtype          dtype = dif_context_dtype (rig->cx);

  if (s.n == 4)
    return dif_upload_nchw (rig->cx, dtype, s.d[0], s.d[1], s.d[2], s.d[3], data);
  return dif_upload (rig->cx, dtype, s, data);
}

float *
rig_download (Rig *rig, DifTensor *t)
{
  float   *data  = g_new (float, MAX (dif_tensor_count (t), 1));
  GError  *error = NULL;
  gboolean ok;

  ok = t->shape.n == 4 ? dif_download_nchw (rig->cx, t, data) : dif_download (rig->cx, t, data);
  dif_context_finish (rig->cx, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  return data;
}

double
rig_compare (Rig *rig, DifTensor *t, DifWeights *w, const char *name)
{
  DifShape          s;
  g_autofree float *found = rig_download (rig, t), *expected = test_floats (w, name, &s);
  gsize             n;

  if (s.n == 4)
    s = DIF_SHAPE (s.d[0], s.d[2], s.d[3], s.d[1]);
  g_assert_true (dif_shape_equal (&t->shape, &s));
  g_assert_true (dif_shape_count (&s, &n));
  return test_relative_difference (found, expected, n);
}

char *
rig_torch_off (DifJson *entry)
{
  if (! dif_json_has (entry, "float64"))
    return g_strdup ("");
  return g_strdup_printf (", torch itself %.1e from float64",
                          dif_json_double (entry, "float64", 0));
}
