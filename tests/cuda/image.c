/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* image.c - in place of the compiled kernels: the library in place of the driver has its own. */
#include "backends/cuda/cuda-private.h"

const char _dif_cuda_image[] = "host";
