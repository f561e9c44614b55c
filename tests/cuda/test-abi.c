/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-abi.c - cuda-abi.h says what NVIDIA's headers say.
 *
 * All checks are made by the compiler; running it only tells that they were.
 */
#include <cublasLt.h>
#include <cuda.h>
#include <glib.h>

#include "backends/cuda/cuda-abi.h"

#define SAME(ours, theirs) G_STATIC_ASSERT ((int) (ours) == (int) (theirs))

SAME (CU_SUCCESS, CUDA_SUCCESS);
SAME (CU_ERROR_OUT_OF_MEMORY, CUDA_ERROR_OUT_OF_MEMORY);
SAME (CU_ERROR_NO_DEVICE, CUDA_ERROR_NO_DEVICE);
SAME (CU_ERROR_ECC, CUDA_ERROR_ECC_UNCORRECTABLE);
SAME (CU_ERROR_NVLINK, CUDA_ERROR_NVLINK_UNCORRECTABLE);
SAME (CU_ERROR_FIRST_OF_LAUNCH, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME (CU_ERROR_UNKNOWN, CUDA_ERROR_UNKNOWN);
SAME (CU_CAPTURE_THREAD_LOCAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
SAME (CU_STREAM_NONBLOCKING, CU_STREAM_NON_BLOCKING);
SAME (CU_EVENT_NO_TIMING, CU_EVENT_DISABLE_TIMING);
SAME (CU_ATTRIBUTE_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME (CU_ATTRIBUTE_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME (LT_SUCCESS, CUBLAS_STATUS_SUCCESS);
SAME (LT_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED);
SAME (LT_NOT_SUPPORTED, CUBLAS_STATUS_NOT_SUPPORTED);
SAME (LT_F32, CUDA_R_32F);
SAME (LT_F16, CUDA_R_16F);
SAME (LT_BF16, CUDA_R_16BF);
SAME (LT_COMPUTE_F32, CUBLAS_COMPUTE_32F);
SAME (LT_NO_TRANSPOSE, CUBLAS_OP_N);
SAME (LT_TRANSPOSE, CUBLAS_OP_T);
SAME (LT_PRODUCT_A_OP, CUBLASLT_MATMUL_DESC_TRANSA);
SAME (LT_PRODUCT_B_OP, CUBLASLT_MATMUL_DESC_TRANSB);
SAME (LT_PRODUCT_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME (LT_PRODUCT_BIAS, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME (LT_EPILOGUE_NONE, CUBLASLT_EPILOGUE_DEFAULT);
SAME (LT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS);
SAME (LT_CHOICE_WORKSPACE, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME (LT_CHOICE_A_ALIGNED, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME (LT_CHOICE_B_ALIGNED, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME (LT_CHOICE_C_ALIGNED, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME (LT_CHOICE_D_ALIGNED, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
G_STATIC_ASSERT (sizeof (CuPointer) == sizeof (CUdeviceptr));
G_STATIC_ASSERT (sizeof (CuDevice) == sizeof (CUdevice));
G_STATIC_ASSERT (sizeof (LtAlgorithm) == sizeof (cublasLtMatmulAlgo_t));
G_STATIC_ASSERT (sizeof (LtAnswer) == sizeof (cublasLtMatmulHeuristicResult_t));
G_STATIC_ASSERT (offsetof (LtAnswer, workspace) ==
                 offsetof (cublasLtMatmulHeuristicResult_t, workspaceSize));
G_STATIC_ASSERT (offsetof (LtAnswer, status) == offsetof (cublasLtMatmulHeuristicResult_t, state));

/* Whether a function takes as many arguments of the same sizes is for a card to show; that
 * it exists under that name is shown here. */
static void
test_names (void)
{
  static const char *const expected[] = {
#define TEXT(name) #name
#define NAME(name) TEXT (name)
    NAME (cuMemAlloc), NAME (cuMemFree), NAME (cuMemGetInfo), NAME (cuMemcpyHtoDAsync),
    NAME (cuMemcpyDtoHAsync), NAME (cuStreamDestroy), NAME (cuEventDestroy),
    NAME (cuDevicePrimaryCtxRelease), NAME (cuMemcpyDtoDAsync), NAME (cuStreamBeginCapture),
    NAME (cuStreamEndCapture), NAME (cuGraphInstantiateWithFlags), NAME (cuGraphLaunch),
    NAME (cuGraphDestroy), NAME (cuGraphExecDestroy)
  };
  static const char *const ours[] = {
#define OURS(field, name, parameters) name,
    DIF_CUDA_DRIVER_CALLS (OURS) NULL
  };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_true (g_strv_contains (ours, expected[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backends/cuda/abi/names-are-of-the-headers-versions", test_names);
  return g_test_run ();
}
