/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* host-kernels.h - the card's kernels, run by the host. */
#ifndef DIF_TESTS_HOST_KERNELS_H
#define DIF_TESTS_HOST_KERNELS_H

#include <stddef.h>

/** HostKernel: @run does @n blocks; @args is the kernel's struct of @bytes. */
typedef struct
{
  const char *name;
  void (*run) (const void *args, size_t n);
  size_t bytes;
} HostKernel;

/** host_kernel_find: by name, NULL if there is none. */
const HostKernel *host_kernel_find (const char *name);

/** host_kernel_set_order: whether the threads of a phase run from the last to the first. */
void host_kernel_set_order (int downwards);

#endif /* DIF_TESTS_HOST_KERNELS_H */
