/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernel-lang.h - the few words in which kernels are written, for a card and for the host.
 *
 * nvcc turns a kernel into one that runs on a card; a C compiler turns the
 * same text into a function that runs one block after another, so that its
 * indexes and numbers are tested where no card is:
 *
 *   KERNEL (name, Args) { ... }  a block of THREADS threads; Args by value as `a`
 *   BLOCK, N_BLOCKS              which block, of how many
 *   SHARED                       before an array: one for the block
 *   OWN (type, name, n)          n values for each thread; MINE (name, i) is one of them
 *   PHASE { ... }                what every thread, `lane`, does; then a barrier
 *   EACH (i, n) { ... }          all blocks' threads share out 0 .. n - 1
 *   UNROLL                       before a loop over OWN values: they stay in registers
 *
 * Outside PHASE and EACH stands only what is the same for the whole block.
 * `continue` may end a thread's phase; `return` and `break` may not.  Within a
 * phase no thread reads what another writes: the host runs the threads of a
 * phase in either direction, and the tests compare.
 */
#ifndef DIF_BACKENDS_CUDA_KERNEL_LANG_H
#define DIF_BACKENDS_CUDA_KERNEL_LANG_H

#include <math.h>

#include "kernels.h"

#ifdef __CUDACC__

#define DEVICE static __device__ __forceinline__
#define KERNEL(name, Args) \
  extern "C" __global__ void __launch_bounds__ (THREADS) name (const __grid_constant__ Args a)
#define BLOCK    ((size_t) blockIdx.x)
#define N_BLOCKS ((size_t) gridDim.x)
#define SHARED   __shared__
#define UNROLL   _Pragma ("unroll")

#define OWN(type, name, n) type name##_[n]
#define MINE(name, i)      name##_[i]
#define PHASE \
  for (int lane = (int) threadIdx.x, once_ = 1; once_; once_ = 0, __syncthreads ())
#define EACH(i, n)                                        \
  for (size_t i = BLOCK * THREADS + threadIdx.x; i < (n); \
       i += N_BLOCKS * THREADS)

DEVICE float
half_to_float (unsigned short h)
{
  float f;

  asm ("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
}

DEVICE unsigned short
float_to_half (float f)
{
  unsigned short h;

  asm ("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
}

DEVICE float
bfloat_to_float (unsigned short b)
{
  return __uint_as_float ((unsigned) b << 16);
}

DEVICE unsigned short
float_to_bfloat (float f)
{
  unsigned short b;

  asm ("cvt.rn.bf16.f32 %0, %1;" : "=h"(b) : "f"(f));
  return b;
}

#else

#include "tensor/shape.h"

/** kernel_lane_order: 0 runs the threads of a phase upwards, 1 downwards. */
extern int kernel_lane_order;

#define DEVICE             static inline
#define KERNEL(name, Args) static void name (const Args a, size_t block_, size_t n_blocks_)
#define BLOCK              block_
#define N_BLOCKS           n_blocks_
#define SHARED
#define UNROLL

#define OWN(type, name, n) type name##_[THREADS][n]
#define MINE(name, i)      name##_[lane][i]
#define PHASE                                                                   \
  for (int i_ = 0, lane; i_ < THREADS &&                                        \
                         (lane = kernel_lane_order ? THREADS - 1 - i_ : i_, 1); \
       i_++)
#define EACH(i, n) \
  (void) N_BLOCKS; \
  PHASE            \
  for (size_t i = BLOCK * THREADS + (size_t) lane; i < (n); i += N_BLOCKS * THREADS)

#define half_to_float   dif_f16_to_f32
#define float_to_half   dif_f32_to_f16
#define bfloat_to_float dif_bf16_to_f32
#define float_to_bfloat dif_f32_to_bf16

#endif

#endif /* DIF_BACKENDS_CUDA_KERNEL_LANG_H */
