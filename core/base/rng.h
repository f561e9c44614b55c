/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* rng.h - torch's random numbers, made on the host.
 *
 * The same on every device and bit for bit those of torch.Generator ("cpu")
 * up to the last ulp of log, sin and cos (ATen: MT19937RNGEngine.h,
 * DistributionTemplates.h normal_fill, DistributionsHelper.h); or, where asked
 * for, those of torch.Generator ("cuda"): see philox.h.
 */
#ifndef DIF_BASE_RNG_H
#define DIF_BASE_RNG_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_rng_new:
 * @seed: as torch.Generator.manual_seed; the low 32 bits count
 *
 * Returns: (transfer full): a generator; free with dif_rng_free()
 */
DIF_API DifRng *dif_rng_new (guint64 seed);

/**
 * dif_rng_new_torch_cuda:
 * @seed: as torch.Generator.manual_seed
 *
 * Makes normal numbers only, as torch does on a card of %DIF_PHILOX_BLOCKS.
 *
 * Returns: (transfer full): a generator; free with dif_rng_free()
 */
DIF_API DifRng *dif_rng_new_torch_cuda (guint64 seed);

/**
 * dif_rng_free:
 * @rng: (nullable) (transfer full): a generator
 */
DIF_API void dif_rng_free (DifRng *rng);

/**
 * dif_rng_seed:
 * @rng: a generator
 * @seed: new seed; forgets the cached second normal number
 */
DIF_API void dif_rng_seed (DifRng *rng, guint64 seed);

/**
 * dif_rng_u32:
 * @rng: a generator as torch's on the CPU
 *
 * Returns: the next 32 bits
 */
DIF_API guint32 dif_rng_u32 (DifRng *rng);

/**
 * dif_rng_rand:
 * @rng: a generator as torch's on the CPU
 * @out: (array length=n): filled with torch.rand (n), in [0, 1)
 * @n: count
 */
DIF_API void dif_rng_rand (DifRng *rng, float *out, gsize n);

/**
 * dif_rng_randn:
 * @rng: a generator
 * @out: (array length=n): filled with torch.randn (n), float32
 * @n: count; 16 and more take the block path, fewer the pairwise one
 */
DIF_API void dif_rng_randn (DifRng *rng, float *out, gsize n);

/**
 * dif_rng_set_share:
 * @rng: a generator
 * @first: of the items of a batch, the first that is drawn here
 * @of: items of the whole batch; 0 if all are drawn here
 *
 * For a batch that several devices share: what dif_rng_randn_items() fills in
 * is what these items would have got had all been drawn by one.
 */
DIF_API void dif_rng_set_share (DifRng *rng, gsize first, gsize of);

/**
 * dif_rng_randn_items:
 * @rng: a generator
 * @out: (array length=n*each): filled with torch.randn (n, each), or the share's
 *   part of the whole batch's
 * @n: items, those of the share
 * @each: numbers of an item
 *
 * Returns: FALSE if memory for the whole batch's numbers ran out
 */
DIF_API gboolean dif_rng_randn_items (DifRng *rng, float *out, gsize n, gsize each);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifRng, dif_rng_free)

G_END_DECLS

#endif /* DIF_BASE_RNG_H */
