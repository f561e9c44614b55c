/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* draws.h - weights and inputs that are drawn instead of stored. */
#ifndef DIF_TESTS_MODELS_DRAWS_H
#define DIF_TESTS_MODELS_DRAWS_H

#include "support.h"

G_BEGIN_DECLS

/**
 * draws_make: everything that the list @draws of tests/fixtures/published*.json
 * tells to draw, in its order, by name; fails the test where a sum is another.
 */
DifWeights *draws_make (DifJson *draws);

G_END_DECLS

#endif /* DIF_TESTS_MODELS_DRAWS_H */
