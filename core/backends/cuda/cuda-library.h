/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-library.h - opens NVIDIA's libraries at run time. */
#ifndef DIF_BACKENDS_CUDA_LIBRARY_H
#define DIF_BACKENDS_CUDA_LIBRARY_H

#include "backends/cuda/cuda-abi.h"
#include "dif-types.h"

G_BEGIN_DECLS

/**
 * _dif_cuda_open_driver:
 * @driver: (out): its functions
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR NOT_AVAILABLE: no driver, or one older than the
 * CUDA that compiled the kernels.
 *
 * Returns: whether @driver is usable and initialised
 */
gboolean _dif_cuda_open_driver (DifCudaDriver *driver, GError **error);

/**
 * _dif_cuda_open_lt:
 * @lt: (out): its functions
 *
 * Looks beside the module and where the system's linker looks, then in the
 * usual place of the CUDA Toolkit.  DIF_CUDA_BLAS=off hides it.
 *
 * Returns: whether cuBLASLt is there
 */
gboolean _dif_cuda_open_lt (DifCudaLt *lt);

G_END_DECLS

#endif /* DIF_BACKENDS_CUDA_LIBRARY_H */
