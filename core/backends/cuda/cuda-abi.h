/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-abi.h - what is called of NVIDIA's driver and of cuBLASLt.
 *
 * Both are opened at run time and need no header of theirs to compile; where
 * the CUDA Toolkit is installed, tests/cuda/test-abi.c compares the numbers
 * below with its headers.  Names are NVIDIA's with another prefix.
 */
#ifndef DIF_BACKENDS_CUDA_ABI_H
#define DIF_BACKENDS_CUDA_ABI_H

#include <stddef.h>
#include <stdint.h>

/* ---- the driver, libcuda.so.1 ---- */

typedef int                CuResult;
typedef int                CuDevice;
typedef unsigned long long CuPointer;
typedef struct CuContext_ *CuContext;
typedef struct CuModule_  *CuModule;
typedef struct CuKernel_  *CuKernel;
typedef struct CuStream_  *CuStream;
typedef struct CuEvent_   *CuEvent;
typedef struct CuGraph_   *CuGraph;
typedef struct CuExec_    *CuExec;

enum
{
  CU_SUCCESS                 = 0,
  CU_ERROR_OUT_OF_MEMORY     = 2,
  CU_ERROR_NO_DEVICE         = 100,
  CU_ERROR_NO_BINARY_FOR_GPU = 209,
  CU_ERROR_ECC               = 214,
  CU_ERROR_NVLINK            = 220,
  CU_ERROR_FIRST_OF_LAUNCH   = 700, /* these and their kin leave a context useless */
  CU_ERROR_LAST_OF_LAUNCH    = 799,
  CU_ERROR_UNKNOWN           = 999,
  CU_STREAM_NONBLOCKING      = 1,
  CU_CAPTURE_THREAD_LOCAL    = 1,
  CU_EVENT_NO_TIMING         = 2,
  CU_ATTRIBUTE_MAJOR         = 75,
  CU_ATTRIBUTE_MINOR         = 76
};

/** DIF_CUDA_DRIVER_CALLS: X (field, the driver's name, parameters). */
#define DIF_CUDA_DRIVER_CALLS(X)                                                            \
  X (init, "cuInit", (unsigned flags))                                                      \
  X (driver_version, "cuDriverGetVersion", (int *version))                                  \
  X (error_name, "cuGetErrorName", (CuResult result, const char **name))                    \
  X (error_string, "cuGetErrorString", (CuResult result, const char **text))                \
  X (device_count, "cuDeviceGetCount", (int *count))                                        \
  X (device_get, "cuDeviceGet", (CuDevice * device, int i))                                 \
  X (device_name, "cuDeviceGetName", (char *name, int length, CuDevice device))             \
  X (device_attribute, "cuDeviceGetAttribute", (int *value, int which, CuDevice device))    \
  X (context_retain, "cuDevicePrimaryCtxRetain", (CuContext * context, CuDevice device))    \
  X (context_release, "cuDevicePrimaryCtxRelease_v2", (CuDevice device))                    \
  X (context_set, "cuCtxSetCurrent", (CuContext context))                                   \
  X (module_load, "cuModuleLoadData", (CuModule * module, const void *image))               \
  X (module_unload, "cuModuleUnload", (CuModule module))                                    \
  X (module_kernel, "cuModuleGetFunction",                                                  \
     (CuKernel * kernel, CuModule module, const char *name))                                \
  X (stream_create, "cuStreamCreate", (CuStream * stream, unsigned flags))                  \
  X (stream_destroy, "cuStreamDestroy_v2", (CuStream stream))                               \
  X (stream_wait, "cuStreamSynchronize", (CuStream stream))                                 \
  X (event_create, "cuEventCreate", (CuEvent * event, unsigned flags))                      \
  X (event_destroy, "cuEventDestroy_v2", (CuEvent event))                                   \
  X (event_record, "cuEventRecord", (CuEvent event, CuStream stream))                       \
  X (event_wait, "cuEventSynchronize", (CuEvent event))                                     \
  X (launch, "cuLaunchKernel",                                                              \
     (CuKernel kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
      unsigned block_y, unsigned block_z, unsigned shared, CuStream stream, void **params,  \
      void **extra))                                                                        \
  X (mem_alloc, "cuMemAlloc_v2", (CuPointer * data, size_t bytes))                          \
  X (mem_free, "cuMemFree_v2", (CuPointer data))                                            \
  X (mem_info, "cuMemGetInfo_v2", (size_t *available, size_t *total))                       \
  X (host_alloc, "cuMemHostAlloc", (void **data, size_t bytes, unsigned flags))             \
  X (host_free, "cuMemFreeHost", (void *data))                                              \
  X (copy_in, "cuMemcpyHtoDAsync_v2",                                                       \
     (CuPointer to, const void *from, size_t bytes, CuStream stream))                       \
  X (copy_out, "cuMemcpyDtoHAsync_v2",                                                      \
     (void *to, CuPointer from, size_t bytes, CuStream stream))                             \
  X (copy_inside, "cuMemcpyDtoDAsync_v2",                                                   \
     (CuPointer to, CuPointer from, size_t bytes, CuStream stream))                         \
  X (capture_begin, "cuStreamBeginCapture_v2", (CuStream stream, int mode))                 \
  X (capture_end, "cuStreamEndCapture", (CuStream stream, CuGraph * graph))                 \
  X (graph_make, "cuGraphInstantiateWithFlags",                                             \
     (CuExec * exec, CuGraph graph, unsigned long long flags))                              \
  X (graph_launch, "cuGraphLaunch", (CuExec exec, CuStream stream))                         \
  X (graph_destroy, "cuGraphDestroy", (CuGraph graph))                                      \
  X (exec_destroy, "cuGraphExecDestroy", (CuExec exec))

/** DifCudaDriver: the driver's functions. */
typedef struct
{
#define FIELD(field, name, parameters) CuResult (*field) parameters;
  DIF_CUDA_DRIVER_CALLS (FIELD)
#undef FIELD
} DifCudaDriver;

/* ---- cuBLASLt ---- */

typedef int                LtStatus;
typedef struct LtHandle_  *LtHandle;
typedef struct LtProduct_ *LtProduct;
typedef struct LtLayout_  *LtLayout;
typedef struct LtChoice_  *LtChoice;

enum
{
  LT_SUCCESS          = 0,
  LT_EXECUTION_FAILED = 13,
  LT_NOT_SUPPORTED    = 15,
  LT_F32              = 0,
  LT_F16              = 2,
  LT_BF16             = 14,
  LT_COMPUTE_F32      = 68, /* without TF32 */
  LT_NO_TRANSPOSE     = 0,
  LT_TRANSPOSE        = 1,
  LT_PRODUCT_A_OP     = 3,
  LT_PRODUCT_B_OP     = 4,
  LT_PRODUCT_EPILOGUE = 7,
  LT_PRODUCT_BIAS     = 8,
  LT_EPILOGUE_NONE    = 1,
  LT_EPILOGUE_BIAS    = 4,
  LT_CHOICE_WORKSPACE = 1,
  LT_CHOICE_A_ALIGNED = 5,
  LT_CHOICE_B_ALIGNED = 6,
  LT_CHOICE_C_ALIGNED = 7,
  LT_CHOICE_D_ALIGNED = 8
};

/** LtAlgorithm: how cuBLASLt will do a product; opaque. */
typedef struct
{
  uint64_t data[8];
} LtAlgorithm;

/** LtAnswer: what cuBLASLt proposes. */
typedef struct
{
  LtAlgorithm algorithm;
  size_t      workspace;
  LtStatus    status;
  float       waves;
  int         reserved[4];
} LtAnswer;

/** DIF_CUDA_LT_CALLS: X (field, cuBLASLt's name, parameters). */
#define DIF_CUDA_LT_CALLS(X)                                                                   \
  X (create, "cublasLtCreate", (LtHandle * handle))                                            \
  X (destroy, "cublasLtDestroy", (LtHandle handle))                                            \
  X (product_create, "cublasLtMatmulDescCreate",                                               \
     (LtProduct * product, int compute_type, int scale_type))                                  \
  X (product_destroy, "cublasLtMatmulDescDestroy", (LtProduct product))                        \
  X (product_set, "cublasLtMatmulDescSetAttribute",                                            \
     (LtProduct product, int which, const void *value, size_t bytes))                          \
  X (layout_create, "cublasLtMatrixLayoutCreate",                                              \
     (LtLayout * layout, int type, uint64_t rows, uint64_t columns, int64_t leading))          \
  X (layout_destroy, "cublasLtMatrixLayoutDestroy", (LtLayout layout))                         \
  X (choice_create, "cublasLtMatmulPreferenceCreate", (LtChoice * choice))                     \
  X (choice_destroy, "cublasLtMatmulPreferenceDestroy", (LtChoice choice))                     \
  X (choice_set, "cublasLtMatmulPreferenceSetAttribute",                                       \
     (LtChoice choice, int which, const void *value, size_t bytes))                            \
  X (choose, "cublasLtMatmulAlgoGetHeuristic",                                                 \
     (LtHandle handle, LtProduct product, LtLayout a, LtLayout b, LtLayout c, LtLayout d,      \
      LtChoice choice, int wanted, LtAnswer *answers, int *found))                             \
  X (matmul, "cublasLtMatmul",                                                                 \
     (LtHandle handle, LtProduct product, const void *alpha, const void *a, LtLayout a_layout, \
      const void *b, LtLayout b_layout, const void *beta, const void *c, LtLayout c_layout,    \
      void *d, LtLayout d_layout, const LtAlgorithm *algorithm, void *workspace, size_t bytes, \
      CuStream stream))

/** DifCudaLt: cuBLASLt's functions. */
typedef struct
{
#define FIELD(field, name, parameters) LtStatus (*field) parameters;
  DIF_CUDA_LT_CALLS (FIELD)
#undef FIELD
} DifCudaLt;

#endif /* DIF_BACKENDS_CUDA_ABI_H */
