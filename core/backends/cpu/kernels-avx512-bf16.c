/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-avx512-bf16.c - kernels.c for AVX-512 with bfloat16.
 *
 * Nothing here may be called before cpu.c has found that the CPU has these
 * instructions: the pragma holds for everything below it.
 */
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c")

#define KERNELS      _dif_cpu_kernels_avx512_bf16
#define KERNELS_NAME "avx512_bf16"
#include "backends/cpu/kernels.c"
