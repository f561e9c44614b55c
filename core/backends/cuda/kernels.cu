/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels.cu - all kernels, for nvcc. */
#include "kernel-lang.h"
#include "kernels.h"

#include "kernels-elementwise.cuh"
#include "kernels-norm.cuh"
#include "kernels-matrix.cuh"
#include "kernels-attention.cuh"
