/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fake-driver.c - a libcuda.so.1 whose card is the host.
 *
 * The module under test opens it as it would open NVIDIA's.  Memory is the
 * host's, filled with NaN so that what is read before it is written shows; a
 * launch runs the kernel at once.  DIF_FAKE_CUDA says what the card is like,
 * as in "driver=12040,major=7,minor=5,cards=0,memory=64,fail=3": memory in
 * MiB; launch number `fail` and all that follows fail.  Unset, it is a good one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cuda/cuda-abi.h"
#include "backends/cuda/kernels.h"
#include "host-kernels.h"

#define EXPORT(type, name, parameters)                           \
  __attribute__ ((visibility ("default"))) type name parameters; \
  type name                                          parameters

enum
{
  LAUNCH_FAILED = 719,
  INVALID_VALUE = 1
};

typedef struct Piece Piece;

/* a piece of the card's memory */
struct Piece
{
  Piece *next;
  void  *data;
  size_t bytes;
};

static Piece *pieces;
static size_t used, used_before; /* now, and when the card was opened */
static long   launches;
static int    lost;

static long
setting (const char *name, long otherwise)
{
  const char *all = getenv ("DIF_FAKE_CUDA"), *at = all ? strstr (all, name) : NULL;

  return at && at[strlen (name)] == '=' ? atol (at + strlen (name) + 1) : otherwise;
}

static size_t
total (void)
{
  return used_before + ((size_t) setting ("memory", 8192) << 20);
}

/* for tests: in which order the threads of a phase run */
EXPORT (void, fake_cuda_set_order, (int downwards))
{
  host_kernel_set_order (downwards);
}

/* for tests: how many kernels have been launched since the start */
EXPORT (long, fake_cuda_launches, (void) )
{
  return launches;
}

EXPORT (CuResult, cuInit, (unsigned flags))
{
  launches    = 0;
  lost        = 0;
  used_before = used;
  return setting ("cards", 1) ? CU_SUCCESS : CU_ERROR_NO_DEVICE;
}

EXPORT (CuResult, cuDriverGetVersion, (int *version))
{
  *version = (int) setting ("driver", 13000);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuGetErrorName, (CuResult result, const char **name))
{
  *name = result == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" : "CUDA_ERROR_OTHER";
  return CU_SUCCESS;
}

EXPORT (CuResult, cuGetErrorString, (CuResult result, const char **text))
{
  *text = result == CU_ERROR_NO_DEVICE ? "no CUDA-capable device is detected"
          : result == LAUNCH_FAILED    ? "unspecified launch failure"
                                       : "another error";
  return CU_SUCCESS;
}

EXPORT (CuResult, cuDeviceGetCount, (int *count))
{
  *count = (int) setting ("cards", 1);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuDeviceGet, (CuDevice * device, int i))
{
  *device = i;
  return i < setting ("cards", 1) ? CU_SUCCESS : INVALID_VALUE;
}

EXPORT (CuResult, cuDeviceGetName, (char *name, int length, CuDevice device))
{
  snprintf (name, (size_t) length, "Host as a card, number %d", device);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuDeviceGetAttribute, (int *value, int which, CuDevice device))
{
  if (which == CU_ATTRIBUTE_MAJOR)
    *value = (int) setting ("major", 9);
  else if (which == CU_ATTRIBUTE_MINOR)
    *value = (int) setting ("minor", 0);
  else
    return INVALID_VALUE;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuDevicePrimaryCtxRetain, (CuContext * context, CuDevice device))
{
  *context = (CuContext) (uintptr_t) (device + 1);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuDevicePrimaryCtxRelease_v2, (CuDevice device))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuCtxSetCurrent, (CuContext context))
{
  return context ? CU_SUCCESS : INVALID_VALUE;
}

EXPORT (CuResult, cuModuleLoadData, (CuModule * module, const void *image))
{
  *module = (CuModule) (uintptr_t) 1;
  return image ? CU_SUCCESS : INVALID_VALUE;
}

EXPORT (CuResult, cuModuleUnload, (CuModule module))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuModuleGetFunction, (CuKernel * kernel, CuModule module, const char *name))
{
  *kernel = (CuKernel) host_kernel_find (name);
  return *kernel ? CU_SUCCESS : INVALID_VALUE;
}

EXPORT (CuResult, cuStreamCreate, (CuStream * stream, unsigned flags))
{
  *stream = (CuStream) (uintptr_t) 1;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuStreamDestroy_v2, (CuStream stream))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuStreamSynchronize, (CuStream stream))
{
  return lost ? LAUNCH_FAILED : CU_SUCCESS;
}

EXPORT (CuResult, cuEventCreate, (CuEvent * event, unsigned flags))
{
  *event = (CuEvent) (uintptr_t) 1;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuEventDestroy_v2, (CuEvent event))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuEventRecord, (CuEvent event, CuStream stream))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuEventSynchronize, (CuEvent event))
{
  return CU_SUCCESS;
}

EXPORT (CuResult, cuLaunchKernel,
        (CuKernel kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
         unsigned block_y, unsigned block_z, unsigned shared, CuStream stream, void **params,
         void **extra))
{
  if (! grid_x || grid_x > 0x7fffffff || grid_y != 1 || grid_z != 1 || block_x != THREADS ||
      block_y != 1 || block_z != 1 || shared || ! stream || extra)
    return INVALID_VALUE;
  if (++launches == setting ("fail", 0))
    lost = 1;
  if (lost)
    return LAUNCH_FAILED;
  ((const HostKernel *) kernel)->run (params[0], grid_x);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemAlloc_v2, (CuPointer * data, size_t bytes))
{
  Piece *piece;

  if (! bytes || used > total () || bytes > total () - used)
    return CU_ERROR_OUT_OF_MEMORY;
  piece        = malloc (sizeof *piece);
  piece->bytes = bytes;
  piece->next  = pieces;
  if (posix_memalign (&piece->data, 256, bytes) != 0)
    {
      free (piece);
      return CU_ERROR_OUT_OF_MEMORY;
    }
  memset (piece->data, 0xff, bytes);
  pieces = piece;
  used += bytes;
  *data = (CuPointer) (uintptr_t) piece->data;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemFree_v2, (CuPointer data))
{
  for (Piece **at = &pieces; *at; at = &(*at)->next)
    if ((*at)->data == (void *) (uintptr_t) data)
      {
        Piece *piece = *at;

        *at = piece->next;
        used -= piece->bytes;
        free (piece->data);
        free (piece);
        return CU_SUCCESS;
      }
  return INVALID_VALUE;
}

EXPORT (CuResult, cuMemGetInfo_v2, (size_t *available, size_t *all))
{
  *all       = total ();
  *available = used < total () ? total () - used : 0;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemHostAlloc, (void **data, size_t bytes, unsigned flags))
{
  *data = malloc (bytes);
  return *data ? CU_SUCCESS : CU_ERROR_OUT_OF_MEMORY;
}

EXPORT (CuResult, cuMemFreeHost, (void *data))
{
  free (data);
  return CU_SUCCESS;
}

/* Whether all of it is the card's. */
static int
is_ours (CuPointer data, size_t bytes)
{
  uintptr_t at = (uintptr_t) data;

  for (Piece *p = pieces; p; p = p->next)
    if (at >= (uintptr_t) p->data && at + bytes <= (uintptr_t) p->data + p->bytes)
      return 1;
  return 0;
}

EXPORT (CuResult, cuMemcpyHtoDAsync_v2,
        (CuPointer to, const void *from, size_t bytes, CuStream stream))
{
  if (lost || ! is_ours (to, bytes))
    return lost ? LAUNCH_FAILED : INVALID_VALUE;
  memcpy ((void *) (uintptr_t) to, from, bytes);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemcpyDtoHAsync_v2,
        (void *to, CuPointer from, size_t bytes, CuStream stream))
{
  if (lost || ! is_ours (from, bytes))
    return lost ? LAUNCH_FAILED : INVALID_VALUE;
  memcpy (to, (const void *) (uintptr_t) from, bytes);
  return CU_SUCCESS;
}
