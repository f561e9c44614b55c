/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-device.c - what every op of the cuda backend stands on: whose turn it
 * is, launching, the room there is, and the card's failures as errors.
 */
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

#define MAX_BLOCKS ((gsize) 0x7fffffff)

const char *const _dif_cuda_kernel_names[] = {
#define NAME(name, Args) #name,
  DIF_CUDA_KERNELS (NAME)
#undef NAME
};

/* ---- memory ---- */

void
_dif_cuda_memory (DifCuda *cuda, gsize *available, gsize *total)
{
  gsize used;

  *available = *total = 0;
  cuda->cu.mem_info (available, total);
  if (! cuda->most)
    return;
  used       = cuda->at_first - MIN (cuda->at_first, *available);
  *total     = MIN (*total, cuda->most);
  *available = MIN (*available, cuda->most - MIN (cuda->most, used));
}

void
_dif_cuda_out_of_memory (DifCuda *cuda, gsize bytes, GError **error)
{
  gsize available, total;

  _dif_cuda_memory (cuda, &available, &total);
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory on the card: expected room for %.1f MiB, found %.1f of %.1f MiB free",
               (double) bytes / 1048576, (double) available / 1048576, (double) total / 1048576);
}

/* ---- errors ---- */

/* Errors after which nothing works any more; which those are is in the driver API's
 * description of CUresult. */
static gboolean
is_fatal (CuResult result)
{
  return result == CU_ERROR_ECC || result == CU_ERROR_NVLINK || result == CU_ERROR_UNKNOWN ||
         (result >= CU_ERROR_FIRST_OF_LAUNCH && result <= CU_ERROR_LAST_OF_LAUNCH);
}

gboolean
_dif_cuda_check (DifCuda *cuda, CuResult result, const char *what, GError **error)
{
  const char *name = "unknown", *text = "unknown";

  if (result == CU_SUCCESS)
    return TRUE;
  if (result == CU_ERROR_OUT_OF_MEMORY)
    {
      _dif_cuda_out_of_memory (cuda, 0, error);
      return FALSE;
    }
  cuda->cu.error_name (result, &name);
  cuda->cu.error_string (result, &text);
  g_set_error (error, DIF_BACKEND_ERROR,
               is_fatal (result) ? DIF_BACKEND_ERROR_LOST : DIF_BACKEND_ERROR_FAILED,
               "device cuda: %s: the card reports %s (%s)", what, name, text);
  return FALSE;
}

/* ---- turns ---- */

DifCuda *
_dif_cuda_begin (DifBackend *be)
{
  DifCuda *cuda = (DifCuda *) be;

  g_mutex_lock (&cuda->lock);
  cuda->cu.context_set (cuda->context);
  cuda->op_count++;
  return cuda;
}

gboolean
_dif_cuda_end (DifCuda *cuda, gboolean ok)
{
  g_mutex_unlock (&cuda->lock);
  return ok;
}

/* ---- launching ---- */

gboolean
_dif_cuda_launch (DifCuda *cuda, DifCudaKernel kernel, gsize blocks, const void *args,
                  GError **error)
{
  void *params[] = { (void *) args };

  if (! blocks || blocks > MAX_BLOCKS)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                   "%s: expected 1 to %" G_GSIZE_FORMAT " blocks, found %" G_GSIZE_FORMAT,
                   _dif_cuda_kernel_names[kernel], MAX_BLOCKS, blocks);
      return FALSE;
    }
  return _dif_cuda_check (cuda,
                          cuda->cu.launch (cuda->kernels[kernel], (unsigned) blocks, 1, 1, THREADS,
                                           1, 1, 0, cuda->stream, params, NULL),
                          _dif_cuda_kernel_names[kernel], error);
}

gboolean
_dif_cuda_each (DifCuda *cuda, DifCudaKernel kernel, gsize n, const void *args, GError **error)
{
  /* threads beyond what a card can hold go over their elements in strides */
  return _dif_cuda_launch (cuda, kernel, MIN ((n + THREADS - 1) / THREADS, 1 << 16), args, error);
}
