/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-agree.h - one row of the table on a backend and on the oracle, for tests. */
#ifndef DIF_TESTS_OP_AGREE_H
#define DIF_TESTS_OP_AGREE_H

#include "op-rows.h"

G_BEGIN_DECLS

/**
 * op_agrees:
 * @be: the backend under test
 * @ref: the oracle
 * @dtype: of inputs, weights and output
 * @row: what to run
 * @index: of @row, for the message
 * @found: (out): what @be computed; free it
 * @n: (out): elements of it
 *
 * Says what was measured; aborts the test if either fails or they are not of
 * the same size.
 *
 * Returns: whether the NMSE is at most op_allowed()
 */
gboolean op_agrees (DifBackend *be, DifBackend *ref, DifDtype dtype, const Row *row, guint index,
                    float **found, gsize *n);

G_END_DECLS

#endif /* DIF_TESTS_OP_AGREE_H */
