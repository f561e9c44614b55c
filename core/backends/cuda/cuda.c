/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda.c - the cuda backend: finding a card, its memory, launching, the class.
 *
 * A module, opened by registry.c.  It links to nothing of NVIDIA's: the driver
 * is opened at run time, so that everything starts where there is none.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/cuda/cuda-library.h"
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

#define MAX_BLOCKS   ((gsize) 0x7fffffff)
#define LEAST_MAJOR  8
#define REGION_BYTES ((gsize) 64 << 20)

static const char *const names[] = {
#define NAME(name, Args) #name,
  DIF_CUDA_KERNELS (NAME)
#undef NAME
};

/* ---- errors ---- */

static void
out_of_memory (DifCuda *cuda, gsize bytes, GError **error)
{
  gsize available = 0, total = 0;

  cuda->cu.mem_info (&available, &total);
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory on the card: expected room for %.1f MiB, found %.1f of %.1f MiB free",
               (double) bytes / 1048576, (double) available / 1048576, (double) total / 1048576);
}

gboolean
_dif_cuda_check (DifCuda *cuda, CuResult result, const char *what, GError **error)
{
  const char *name = "unknown", *text = "unknown";

  if (result == CU_SUCCESS)
    return TRUE;
  if (result == CU_ERROR_OUT_OF_MEMORY)
    {
      out_of_memory (cuda, 0, error);
      return FALSE;
    }
  cuda->cu.error_name (result, &name);
  cuda->cu.error_string (result, &text);
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
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
                   names[kernel], MAX_BLOCKS, blocks);
      return FALSE;
    }
  return _dif_cuda_check (cuda,
                          cuda->cu.launch (cuda->kernels[kernel], (unsigned) blocks, 1, 1, THREADS,
                                           1, 1, 0, cuda->stream, params, NULL),
                          names[kernel], error);
}

gboolean
_dif_cuda_each (DifCuda *cuda, DifCudaKernel kernel, gsize n, const void *args, GError **error)
{
  /* threads beyond what a card can hold go over their elements in strides */
  return _dif_cuda_launch (cuda, kernel, MIN ((n + THREADS - 1) / THREADS, 1 << 16), args, error);
}

/* ---- memory ---- */

static gpointer
get_region (gsize bytes, gpointer user_data)
{
  DifCuda  *cuda = user_data;
  CuPointer data = 0;

  return cuda->cu.mem_alloc (&data, bytes) == CU_SUCCESS ? (gpointer) (guintptr) data : NULL;
}

static void
put_region (gpointer region, gpointer user_data)
{
  DifCuda *cuda = user_data;

  cuda->cu.mem_free ((CuPointer) (guintptr) region);
}

gpointer
_dif_cuda_take (DifCuda *cuda, DifCudaArena *arena, gsize bytes, GError **error)
{
  gpointer data = _dif_cuda_arena_take (arena, bytes);

  if (! data)
    {
      /* what the other arena keeps for later may be enough */
      _dif_cuda_arena_trim (arena == cuda->tensors ? cuda->weights : cuda->tensors);
      data = _dif_cuda_arena_take (arena, bytes);
    }
  if (! data)
    out_of_memory (cuda, bytes, error);
  return data;
}

static gpointer
cuda_alloc (DifBackend *be, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  gpointer data = _dif_cuda_take (cuda, cuda->tensors, bytes, error);

  if (data)
    dif_backend_account (be, (gssize) bytes);
  _dif_cuda_end (cuda, data != NULL);
  return data;
}

static void
cuda_free (DifBackend *be, gpointer data, gsize bytes)
{
  DifCuda *cuda;

  if (! data)
    return;
  cuda = _dif_cuda_begin (be);
  _dif_cuda_arena_give (cuda->tensors, data);
  dif_backend_account (be, -(gssize) bytes);
  _dif_cuda_end (cuda, TRUE);
}

static void
cuda_trim (DifBackend *be)
{
  DifCuda *cuda = _dif_cuda_begin (be);

  _dif_cuda_drop_stages (cuda);
  _dif_cuda_arena_trim (cuda->tensors);
  _dif_cuda_arena_trim (cuda->weights);
  _dif_cuda_end (cuda, TRUE);
}

static gboolean
cuda_upload (DifBackend *be, gpointer dst, const void *src, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuResult r    = cuda->cu.copy_in ((CuPointer) (guintptr) dst, src, bytes, cuda->stream);

  /* the caller may do with @src as it likes once this returns */
  if (r == CU_SUCCESS)
    r = cuda->cu.stream_wait (cuda->stream);
  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "copying to the card", error));
}

static gboolean
cuda_download (DifBackend *be, void *dst, gconstpointer src, gsize bytes, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuResult r    = cuda->cu.copy_out (dst, (CuPointer) (guintptr) src, bytes, cuda->stream);

  if (r == CU_SUCCESS)
    r = cuda->cu.stream_wait (cuda->stream);
  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "copying from the card", error));
}

static gboolean
cuda_wait (DifBackend *be, GError **error)
{
  DifCuda *cuda = _dif_cuda_begin (be);
  CuResult r    = cuda->cu.stream_wait (cuda->stream);

  return _dif_cuda_end (cuda, _dif_cuda_check (cuda, r, "waiting for the card", error));
}

/* ---- opening ---- */

/* Whether card @i will do; @error says why not. */
static gboolean
try_card (DifCuda *cuda, int i, GError **error)
{
  char     name[128] = "unknown";
  int      major = 0, minor = 0;
  CuResult r = cuda->cu.device_get (&cuda->device, i);

  if (r == CU_SUCCESS)
    r = cuda->cu.device_attribute (&major, CU_ATTRIBUTE_MAJOR, cuda->device);
  if (r == CU_SUCCESS)
    r = cuda->cu.device_attribute (&minor, CU_ATTRIBUTE_MINOR, cuda->device);
  if (! _dif_cuda_check (cuda, r, "asking for a card", error))
    return FALSE;
  if (major < LEAST_MAJOR)
    {
      cuda->cu.device_name (name, sizeof name, cuda->device);
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda:%d: expected compute capability %d.0 or newer, found %d.%d (%s)", i,
                   LEAST_MAJOR, major, minor, name);
      return FALSE;
    }
  return TRUE;
}

/* The card that @options names, or the first that will do. */
static gboolean
find_card (DifCuda *cuda, const char *options, GError **error)
{
  int      count = 0;
  char    *end   = NULL;
  gint64   wish  = options && *options ? g_ascii_strtoll (options, &end, 10) : -1;
  CuResult r     = cuda->cu.device_count (&count);

  if (r != CU_SUCCESS || count < 1)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected an NVIDIA card, found none");
      return FALSE;
    }
  if (end && (*end || ! g_ascii_isdigit (*options) || wish >= count))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected a card's number, 0 to %d, found \"%s\"", count - 1,
                   options);
      return FALSE;
    }
  if (end)
    return try_card (cuda, (int) wish, error);
  for (int i = 0; i < count; i++)
    {
      if (try_card (cuda, i, i + 1 < count ? NULL : error))
        return TRUE;
    }
  return FALSE;
}

static gboolean
start_card (DifCuda *cuda, GError **error)
{
  const char *what = "starting the card";
  CuResult    r    = cuda->cu.context_retain (&cuda->context, cuda->device);

  if (r == CU_SUCCESS)
    r = cuda->cu.context_set (cuda->context);
  if (r == CU_SUCCESS)
    r = cuda->cu.stream_create (&cuda->stream, CU_STREAM_NONBLOCKING);
  if (r == CU_SUCCESS)
    {
      what = "loading the kernels";
      r    = cuda->cu.module_load (&cuda->module, _dif_cuda_image);
    }
  for (guint i = 0; r == CU_SUCCESS && i < DIF_CUDA_N_KERNELS; i++)
    {
      what = names[i];
      r    = cuda->cu.module_kernel (&cuda->kernels[i], cuda->module, names[i]);
    }
  for (guint i = 0; r == CU_SUCCESS && i < G_N_ELEMENTS (cuda->stages); i++)
    {
      what = "making an event";
      r    = cuda->cu.event_create (&cuda->stages[i].done, CU_EVENT_NO_TIMING);
    }
  return _dif_cuda_check (cuda, r, what, error);
}

static void
cuda_close (DifBackend *be)
{
  DifCuda *cuda = (DifCuda *) be;

  if (cuda->context)
    {
      cuda->cu.context_set (cuda->context);
      if (cuda->stream)
        cuda->cu.stream_wait (cuda->stream);
      _dif_cuda_lt_stop (cuda);
      _dif_cuda_drop_stages (cuda);
      _dif_cuda_arena_free (cuda->tensors);
      _dif_cuda_arena_free (cuda->weights);
      for (guint i = 0; i < G_N_ELEMENTS (cuda->stages); i++)
        if (cuda->stages[i].done)
          cuda->cu.event_destroy (cuda->stages[i].done);
      if (cuda->module)
        cuda->cu.module_unload (cuda->module);
      if (cuda->stream)
        cuda->cu.stream_destroy (cuda->stream);
      cuda->cu.context_release (cuda->device);
    }
  g_mutex_clear (&cuda->lock);
  g_free (cuda);
}

static const DifBackendClass cuda_class;

static DifBackend *
cuda_open (const char *options, GError **error)
{
  DifCuda           *cuda   = g_new0 (DifCuda, 1);
  DifCudaArenaSource source = { get_region, put_region, cuda };

  cuda->parent.klass     = &cuda_class;
  cuda->parent.ref_count = 1;
  g_mutex_init (&cuda->lock);
  if (! _dif_cuda_open_driver (&cuda->cu, error) || ! find_card (cuda, options, error) ||
      ! start_card (cuda, error))
    {
      cuda_close (&cuda->parent);
      return NULL;
    }
  cuda->tensors = _dif_cuda_arena_new (source, REGION_BYTES);
  cuda->weights = _dif_cuda_arena_new (source, REGION_BYTES);
  _dif_cuda_lt_start (cuda);
  return &cuda->parent;
}

static gboolean
cuda_supports (DifBackend *be, DifDtype dtype)
{
  return dtype <= DIF_F16;
}

static DifDtype
cuda_best_dtype (DifBackend *be)
{
  return DIF_F16;
}

static const DifBackendClass cuda_class = {
  .api         = DIF_BACKEND_API,
  .name        = "cuda",
  .description = "an NVIDIA card of compute capability 8.0 or newer",
  .open        = cuda_open,
  .close       = cuda_close,
  .supports    = cuda_supports,
  .best_dtype  = cuda_best_dtype,
  .alloc       = cuda_alloc,
  .free        = cuda_free,
  .trim        = cuda_trim,
  .upload      = cuda_upload,
  .download    = cuda_download,
  .linear_new  = _dif_cuda_linear_new,
  .conv_new    = _dif_cuda_conv_new,
  .norm_new    = _dif_cuda_norm_new,
  .table_new   = _dif_cuda_table_new,
  .linear_free = _dif_cuda_weight_free,
  .conv_free   = _dif_cuda_weight_free,
  .norm_free   = _dif_cuda_norm_free,
  .table_free  = _dif_cuda_weight_free,
  .linear      = _dif_cuda_linear,
  .geglu       = _dif_cuda_geglu,
  .conv2d      = _dif_cuda_conv2d,
  .group_norm  = _dif_cuda_group_norm,
  .layer_norm  = _dif_cuda_layer_norm,
  .attention   = _dif_cuda_attention,
  .activation  = _dif_cuda_activation,
  .add         = _dif_cuda_add,
  .concat      = _dif_cuda_concat,
  .upsample    = _dif_cuda_upsample,
  .gather      = _dif_cuda_gather,
  .embed       = _dif_cuda_embed,
  .lincomb     = _dif_cuda_lincomb,
  .clamp       = _dif_cuda_clamp,
  .cast        = _dif_cuda_cast,
  .limit       = _dif_cuda_limit,
  .wait        = cuda_wait,
};

const DifBackendClass *dif_backend_module (void);

G_MODULE_EXPORT const DifBackendClass *
dif_backend_module (void)
{
  return &cuda_class;
}
