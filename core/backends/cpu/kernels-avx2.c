/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-avx2.c - kernels.c for AVX2, FMA and F16C.
 *
 * Nothing here may be called before cpu.c has found that the CPU has these
 * instructions: the pragma holds for everything below it.
 */
#pragma GCC target("avx2,fma,f16c")

#define KERNELS      _dif_cpu_kernels_avx2
#define KERNELS_NAME "avx2"
#include "backends/cpu/kernels.c"
