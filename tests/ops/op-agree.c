/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-agree.c - see op-agree.h. */
#include "op-agree.h"

gboolean
op_agrees (DifBackend *be, DifBackend *ref, DifDtype dtype, const Row *row, guint index,
           float **found, gsize *n)
{
  gsize             m        = 0;
  GError           *error    = NULL;
  g_autofree float *expected = op_run (ref, dtype, row, &m, &error);
  double            nmse, allowed = op_allowed (row, dtype, m);

  g_assert_no_error (error);
  *found = op_run (be, dtype, row, n, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (m, ==, *n);
  nmse = op_nmse (*found, expected, m);
  g_test_message ("%s row %u %s: NMSE %.2e of %.2e", op_bounds[row->op].name, index,
                  dif_dtype_name (dtype), nmse, allowed);
  return nmse <= allowed;
}
