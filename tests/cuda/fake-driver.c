/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fake-driver.c - a libcuda.so.1 whose card is the host.
 *
 * The module under test opens it as it would open NVIDIA's.  Memory is the
 * host's, filled with NaN so that what is read before it is written shows; a
 * launch runs the kernel at once.  DIF_FAKE_CUDA says what the card is like,
 * as in "driver=12040,major=7,minor=5,cards=0,memory=64,pinned=8,fail=3":
 * memory, of the card and pinned, in MiB (`kib` in KiB); launch number `fail` and all that
 * follows fail.  Unset, it is a good one.
 *
 * While a stream is captured, kernels, products and copies on the card are noted
 * down with their arguments and run when the graph is launched.  A capture is its
 * thread's own, as the real one is when so begun: others go on meanwhile.  Whatever asks
 * for memory, waits or has to do with host memory spoils the capture: the real
 * one lets some of that pass.  What it cannot show: work that goes on behind
 * the caller's back, so a missing wait, and what a real graph does with kernels
 * that are loaded late.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stddef.h>
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
  LAUNCH_FAILED       = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  INVALID_VALUE       = 1
};

typedef struct Piece Piece;

/* a piece of the card's memory */
struct Piece
{
  Piece *next;
  void  *data;
  size_t bytes;
};

typedef struct Note Note;

/* something to be done when the graph is launched */
struct Note
{
  Note *next;
  int (*run) (void *data);
  _Alignas (max_align_t) char data[];
};

struct CuGraph_
{
  Note *first, **end;
};

struct CuExec_
{
  CuGraph graph;
};

static pthread_mutex_t memory = PTHREAD_MUTEX_INITIALIZER; /* guards the next three lines */
static Piece          *pieces;
static size_t          used, used_before; /* now, and when the card was opened */
static size_t          pinned;

static atomic_long launches, graphs, captures, waits, allocations, arrivals;
static atomic_int  lost;

static _Thread_local CuGraph capture; /* the one being captured */
static _Thread_local int     is_spoiled;

static long
setting (const char *name, long otherwise)
{
  const char *all = getenv ("DIF_FAKE_CUDA"), *at = all ? strstr (all, name) : NULL;

  return at && at[strlen (name)] == '=' ? atol (at + strlen (name) + 1) : otherwise;
}

static size_t
total (void)
{
  return used_before + ((size_t) setting ("kib", setting ("memory", 8192) << 10) << 10);
}

/* for tests: in which order the threads of a phase run */
EXPORT (void, fake_cuda_set_order, (int downwards))
{
  host_kernel_set_order (downwards);
}

/* for tests: how often something has been asked for since the card was opened */
EXPORT (long, fake_cuda_count, (const char *what))
{
  return strcmp (what, "launches") == 0      ? launches
         : strcmp (what, "graphs") == 0      ? graphs
         : strcmp (what, "captures") == 0    ? captures
         : strcmp (what, "waits") == 0       ? waits
         : strcmp (what, "arrivals") == 0    ? arrivals
         : strcmp (what, "allocations") == 0 ? allocations
                                             : -1;
}

/* for libcublasLt too: whether it is noted down, to be run on a copy of @data later */
EXPORT (int, fake_cuda_note, (int (*run) (void *data), const void *data, size_t bytes))
{
  Note *note;

  if (! capture)
    return 0;
  note       = malloc (sizeof *note + bytes);
  note->next = NULL;
  note->run  = run;
  memcpy (note->data, data, bytes);
  *capture->end = note;
  capture->end  = &note->next;
  return 1;
}

/* Whether a capture forbids the call; it is of no use from then on. */
static int
forbidden (void)
{
  is_spoiled |= capture != NULL;
  return capture != NULL;
}

EXPORT (CuResult, cuInit, (unsigned flags))
{
  launches = graphs = captures = waits = allocations = arrivals = 0;

  lost = 0;
  pthread_mutex_lock (&memory);
  used_before = used;
  pthread_mutex_unlock (&memory);
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
  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  waits++;
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
  return forbidden () ? CAPTURE_UNSUPPORTED : lost ? LAUNCH_FAILED
                                                   : CU_SUCCESS;
}

/* a kernel with its arguments */
typedef struct
{
  const HostKernel *kernel;
  unsigned          blocks;
  _Alignas (max_align_t) char args[1024]; /* a struct of the kernel's */
} Launch;

static int
run_launch (void *data)
{
  Launch *launch = data;

  if (++launches == setting ("fail", 0))
    lost = 1;
  if (! lost)
    launch->kernel->run (launch->args, launch->blocks);
  return lost ? LAUNCH_FAILED : CU_SUCCESS;
}

EXPORT (CuResult, cuLaunchKernel,
        (CuKernel kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
         unsigned block_y, unsigned block_z, unsigned shared, CuStream stream, void **params,
         void **extra))
{
  Launch launch = { (const HostKernel *) kernel, grid_x, { 0 } };

  if (! grid_x || grid_x > 0x7fffffff || grid_y != 1 || grid_z != 1 || block_x != THREADS ||
      block_y != 1 || block_z != 1 || shared || ! stream || extra)
    return INVALID_VALUE;
  if (launch.kernel->bytes > sizeof launch.args)
    return INVALID_VALUE;
  memcpy (launch.args, params[0], launch.kernel->bytes);
  return fake_cuda_note (run_launch, &launch, sizeof launch) ? CU_SUCCESS : run_launch (&launch);
}

/* with the memory locked */
static CuResult
take (CuPointer *data, size_t bytes)
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

static CuResult
give_back (CuPointer data)
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

EXPORT (CuResult, cuMemAlloc_v2, (CuPointer * data, size_t bytes))
{
  CuResult result;

  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  allocations++;
  pthread_mutex_lock (&memory);
  result = take (data, bytes);
  pthread_mutex_unlock (&memory);
  return result;
}

EXPORT (CuResult, cuMemFree_v2, (CuPointer data))
{
  CuResult result;

  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  pthread_mutex_lock (&memory);
  result = give_back (data);
  pthread_mutex_unlock (&memory);
  return result;
}

EXPORT (CuResult, cuMemGetInfo_v2, (size_t *available, size_t *all))
{
  pthread_mutex_lock (&memory);
  *all       = total ();
  *available = used < total () ? total () - used : 0;
  pthread_mutex_unlock (&memory);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemHostAlloc, (void **data, size_t bytes, unsigned flags))
{
  size_t *piece;

  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  pthread_mutex_lock (&memory);
  piece = pinned + bytes > (size_t) setting ("pinned", 8192) << 20 ? NULL : malloc (bytes + 64);
  if (piece)
    {
      *piece = bytes;
      pinned += bytes;
      *data = (char *) piece + 64;
    }
  pthread_mutex_unlock (&memory);
  return piece ? CU_SUCCESS : CU_ERROR_OUT_OF_MEMORY;
}

EXPORT (CuResult, cuMemFreeHost, (void *data))
{
  size_t *piece = (size_t *) (void *) ((char *) data - 64);

  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  pthread_mutex_lock (&memory);
  pinned -= *piece;
  pthread_mutex_unlock (&memory);
  free (piece);
  return CU_SUCCESS;
}

/* Whether all of it is the card's. */
static int
is_ours (CuPointer data, size_t bytes)
{
  uintptr_t at    = (uintptr_t) data;
  int       found = 0;

  pthread_mutex_lock (&memory);
  for (Piece *p = pieces; p && ! found; p = p->next)
    found = at >= (uintptr_t) p->data && at + bytes <= (uintptr_t) p->data + p->bytes;
  pthread_mutex_unlock (&memory);
  return found;
}

EXPORT (CuResult, cuMemcpyHtoDAsync_v2,
        (CuPointer to, const void *from, size_t bytes, CuStream stream))
{
  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  if (lost || ! is_ours (to, bytes))
    return lost ? LAUNCH_FAILED : INVALID_VALUE;
  memcpy ((void *) (uintptr_t) to, from, bytes);
  arrivals++;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemcpyDtoHAsync_v2,
        (void *to, CuPointer from, size_t bytes, CuStream stream))
{
  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  if (lost || ! is_ours (from, bytes))
    return lost ? LAUNCH_FAILED : INVALID_VALUE;
  memcpy (to, (const void *) (uintptr_t) from, bytes);
  return CU_SUCCESS;
}

typedef struct
{
  CuPointer to, from;
  size_t    bytes;
} Copy;

static int
run_copy (void *data)
{
  const Copy *copy = data;

  if (lost || ! is_ours (copy->to, copy->bytes) || ! is_ours (copy->from, copy->bytes))
    return lost ? LAUNCH_FAILED : INVALID_VALUE;
  memcpy ((void *) (uintptr_t) copy->to, (const void *) (uintptr_t) copy->from, copy->bytes);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuMemcpyDtoDAsync_v2,
        (CuPointer to, CuPointer from, size_t bytes, CuStream stream))
{
  Copy copy = { to, from, bytes };

  return fake_cuda_note (run_copy, &copy, sizeof copy) ? CU_SUCCESS : run_copy (&copy);
}

/* ---- graphs ---- */

EXPORT (CuResult, cuStreamBeginCapture_v2, (CuStream stream, int mode))
{
  if (capture || mode != CU_CAPTURE_THREAD_LOCAL)
    return INVALID_VALUE;
  capture      = calloc (1, sizeof *capture);
  capture->end = &capture->first;
  is_spoiled   = 0;
  captures++;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuGraphDestroy, (CuGraph graph))
{
  Note *next;

  for (Note *note = graph->first; note; note = next)
    {
      next = note->next;
      free (note);
    }
  free (graph);
  return CU_SUCCESS;
}

EXPORT (CuResult, cuStreamEndCapture, (CuStream stream, CuGraph *graph))
{
  if (! capture)
    return INVALID_VALUE;
  *graph  = capture;
  capture = NULL;
  if (! is_spoiled)
    return CU_SUCCESS;
  cuGraphDestroy (*graph);
  *graph = NULL;
  return CAPTURE_INVALIDATED;
}

/* An instance has a life of its own: it takes the notes along. */
EXPORT (CuResult, cuGraphInstantiateWithFlags,
        (CuExec * exec, CuGraph graph, unsigned long long flags))
{
  if (capture || ! graph->first || flags)
    return INVALID_VALUE;
  *exec           = malloc (sizeof **exec);
  (*exec)->graph  = malloc (sizeof *graph);
  *(*exec)->graph = *graph;
  graph->first    = NULL;
  return CU_SUCCESS;
}

EXPORT (CuResult, cuGraphLaunch, (CuExec exec, CuStream stream))
{
  int result = lost ? LAUNCH_FAILED : CU_SUCCESS;

  if (forbidden ())
    return CAPTURE_UNSUPPORTED;
  graphs++;
  for (Note *note = exec->graph->first; note && result == CU_SUCCESS; note = note->next)
    result = note->run (note->data);
  return result;
}

EXPORT (CuResult, cuGraphExecDestroy, (CuExec exec))
{
  cuGraphDestroy (exec->graph);
  free (exec);
  return CU_SUCCESS;
}
