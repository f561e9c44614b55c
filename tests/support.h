/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* support.h - what several tests need: fixtures, comparing arrays. */
#ifndef DIF_TESTS_SUPPORT_H
#define DIF_TESTS_SUPPORT_H

#include "dif-parts.h"

G_BEGIN_DECLS

/** test_fixture: a path inside tests/fixtures; free it. */
char *test_fixture (const char *relative);

/** test_read_json: a JSON file of tests/fixtures; aborts the test on error. */
DifJson *test_read_json (const char *relative);

/** test_read_tensors: every tensor of a fixture; aborts the test on error. */
DifWeights *test_read_tensors (const char *relative);

/** test_floats: a tensor as float32, aborts the test if it is not there; free it. */
float *test_floats (DifWeights *w, const char *name, DifShape *shape);

/** test_set_image: an image of @rq from a tensor [H, W] or [H, W, 3], 0 to 255, if it is there. */
void test_set_image (DifRequest *rq, DifWeights *w, const char *tensor, const char *name);

/** test_max_difference: greatest |a - b|; infinite if anything is not finite. */
double test_max_difference (const float *a, const float *b, gsize n);

/** test_relative_difference: greatest |a - b| over the greatest |b|. */
double test_relative_difference (const float *a, const float *b, gsize n);

/** test_psnr: peak signal-to-noise ratio of @a against @b, for values in [0, 1], in dB. */
double test_psnr (const float *a, const float *b, gsize n);

G_END_DECLS

#endif /* DIF_TESTS_SUPPORT_H */
