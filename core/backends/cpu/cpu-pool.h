/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-pool.h - memory in huge pages, kept and reused.
 *
 * Knows addresses and sizes only.  Touching fresh small pages costs more than
 * computing with them, so large regions are mapped once, asked to be huge
 * pages, and cut up; what is freed stays until trim.  Thread-safe.
 */
#ifndef DIF_BACKENDS_CPU_POOL_H
#define DIF_BACKENDS_CPU_POOL_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DifCpuPool: regions of memory and the blocks they are cut into. */
typedef struct _DifCpuPool DifCpuPool;

/**
 * _dif_cpu_pool_new:
 *
 * Returns: (transfer full): an empty pool
 */
DifCpuPool *_dif_cpu_pool_new (void);

/**
 * _dif_cpu_pool_destroy:
 * @pool: (nullable) (transfer full): a pool; every block of it goes
 */
void _dif_cpu_pool_destroy (DifCpuPool *pool);

/**
 * _dif_cpu_pool_alloc:
 * @pool: a pool
 * @bytes: how many
 *
 * Returns: (transfer full) (nullable): 64-byte aligned, not initialised; NULL
 * if there is no memory
 */
gpointer _dif_cpu_pool_alloc (DifCpuPool *pool, gsize bytes);

/**
 * _dif_cpu_pool_free:
 * @pool: a pool
 * @data: (nullable): from _dif_cpu_pool_alloc()
 */
void _dif_cpu_pool_free (DifCpuPool *pool, gpointer data);

/**
 * _dif_cpu_pool_trim:
 * @pool: a pool
 *
 * Gives the free memory back to the system, as far as it is whole pages.
 */
void _dif_cpu_pool_trim (DifCpuPool *pool);

/**
 * _dif_cpu_pool_mapped:
 * @pool: a pool
 *
 * Returns: bytes of address space in regions
 */
gsize _dif_cpu_pool_mapped (DifCpuPool *pool);

G_END_DECLS

#endif /* DIF_BACKENDS_CPU_POOL_H */
