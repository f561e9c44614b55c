/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* philox.h - the numbers torch's CUDA generator makes, on the host. */
#ifndef DIF_BASE_PHILOX_H
#define DIF_BASE_PHILOX_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DIF_PHILOX_BLOCKS:
 *
 * Blocks of 256 threads that an H100 or H200 holds (132 multiprocessors of
 * 8): torch spreads larger draws over as many, so that what it draws beyond
 * 256 times that number differs from card to card.  Pictures of up to
 * 1470 x 1470 pixels stay below.
 */
#define DIF_PHILOX_BLOCKS 1056

/**
 * dif_philox_u32:
 * @seed: as torch.Generator.manual_seed
 * @counter: which group of four numbers of the thread
 * @thread: which of curand's subsequences
 * @out: (out caller-allocates) (array fixed-size=4): four times 32 bits
 *
 * Source: Salmon et al. 2011, Philox4x32-10; ATen PhiloxRNGEngine.h.
 */
void dif_philox_u32 (guint64 seed, guint64 counter, guint64 thread, guint32 out[4]);

/**
 * dif_philox_randn:
 * @seed: as torch.Generator.manual_seed
 * @offset: (inout): the generator's state: 0 when new, moved on by the call
 * @n_blocks: blocks of 256 threads that the card holds, at least 1
 * @out: (array length=n): filled with torch.randn (n, device="cuda"), float32,
 *   to the precision of the card's own sine and logarithm, about 1e-6
 * @n: count
 *
 * Source: ATen DistributionTemplates.h (which thread draws what), cuRAND
 * curand_normal.h (Box-Muller, the sine first).
 */
void dif_philox_randn (guint64 seed, guint64 *offset, guint n_blocks, float *out, gsize n);

G_END_DECLS

#endif /* DIF_BASE_PHILOX_H */
