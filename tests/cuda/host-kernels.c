/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* host-kernels.c - the card's kernels as C, one block after another. */
#include <string.h>

#include "backends/cuda/kernel-lang.h"
#include "host-kernels.h"

int kernel_lane_order;

#include "backends/cuda/kernels-elementwise.cuh"
#include "backends/cuda/kernels-norm.cuh"
#include "backends/cuda/kernels-matrix.cuh"
#include "backends/cuda/kernels-attention.cuh"

#define RUN(name, Args)                               \
  static void run_##name (const void *args, size_t n) \
  {                                                   \
    for (size_t block = 0; block < n; block++)        \
      name (*(const Args *) args, block, n);          \
  }
DIF_CUDA_KERNELS (RUN)

static const HostKernel kernels[] = {
#define ROW(name, Args) { #name, run_##name, sizeof (Args) },
  DIF_CUDA_KERNELS (ROW)
};

const HostKernel *
host_kernel_find (const char *name)
{
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    if (strcmp (kernels[i].name, name) == 0)
      return &kernels[i];
  return NULL;
}

void
host_kernel_set_order (int downwards)
{
  kernel_lane_order = downwards;
}
