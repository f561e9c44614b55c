/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-ukernel.h - small matrix products by oneDNN's micro-kernels, where it has them.
 *
 * oneDNN calls that interface experimental: cpu-ukernel.c is the only file
 * that uses it, and attention works, slower, without it.
 */
#ifndef DIF_BACKENDS_CPU_UKERNEL_H
#define DIF_BACKENDS_CPU_UKERNEL_H

#include "backends/cpu/cpu-private.h"

G_BEGIN_DECLS

/**
 * DifCpuTile:
 * @m: rows of a [m, lda] and of c [m, ldc]
 * @n: columns of b and of c
 * @k: columns of a, rows of b; even for bf16
 * @bf16: whether a and b are bf16; c is always f32
 * @add: whether c is added to
 *
 * b is [k, ldb], for bf16 in pairs of rows: [k / 2, ldb, 2].
 */
typedef struct
{
  gint64   m, n, k, lda, ldb, ldc;
  gboolean bf16, add;
} DifCpuTile;

/** DifCpuUkernel: a micro-kernel for one tile. */
typedef struct _DifCpuUkernel DifCpuUkernel;

/**
 * _dif_cpu_ukernel_get:
 * @cpu: a locked backend, which keeps the kernel
 * @tile: what it shall do
 *
 * Returns: (transfer none) (nullable): the kernel, NULL if oneDNN has none
 */
const DifCpuUkernel *_dif_cpu_ukernel_get (DifCpu *cpu, const DifCpuTile *tile);

/**
 * _dif_cpu_ukernel_enter:
 * @kernel: a micro-kernel
 *
 * Prepares the calling thread for it; needed before a run of another kernel.
 */
void _dif_cpu_ukernel_enter (const DifCpuUkernel *kernel);

/**
 * _dif_cpu_ukernel_leave:
 *
 * Undoes _dif_cpu_ukernel_enter() on the calling thread.
 */
void _dif_cpu_ukernel_leave (void);

/**
 * _dif_cpu_ukernel_scratch:
 * @kernel: a micro-kernel
 *
 * Returns: bytes of working memory a run needs
 */
gsize _dif_cpu_ukernel_scratch (const DifCpuUkernel *kernel);

/**
 * _dif_cpu_ukernel_run:
 * @kernel: a micro-kernel
 * @a: left factor
 * @b: right factor
 * @c: (inout): product
 * @scratch: working memory
 */
void _dif_cpu_ukernel_run (const DifCpuUkernel *kernel, const void *a, const void *b, float *c,
                           void *scratch);

/**
 * _dif_cpu_flash_free:
 * @flash: (nullable) (transfer full): a backend's micro-kernels
 */
void _dif_cpu_flash_free (DifCpuFlash *flash);

G_END_DECLS

#endif /* DIF_BACKENDS_CPU_UKERNEL_H */
