/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda.c - the cuda backend: finding a card, opening it, the class.
 *
 * A module, opened by registry.c.  It links to nothing of NVIDIA's: the driver
 * is opened at run time, so that everything starts where there is none.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/cuda/cuda-library.h"
#include "backends/cuda/cuda-private.h"
#include "base/error.h"

#define LEAST_MAJOR 8
/* what is taken at a time: much, but not all of a small card */
#define REGION_BYTES ((gsize) 64 << 20)
#define REGIONS      16

/* of a staging buffer for what is on its way to the card */
#define STAGE_BYTES ((gsize) 8 << 20)
#define STAGES      64

/* for norms and biases */
#define SMALL_REGION_BYTES ((gsize) 4 << 20)

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
  int      count  = 0;
  char    *end    = NULL;
  gint64   wanted = options && *options ? g_ascii_strtoll (options, &end, 10) : -1;
  CuResult r      = cuda->cu.device_count (&count);

  if (r != CU_SUCCESS || count < 1)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected an NVIDIA card, found none");
      return FALSE;
    }
  if (end && (*end || ! g_ascii_isdigit (*options) || wanted >= count))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected a card's number, 0 to %d, found \"%s\"", count - 1,
                   options);
      return FALSE;
    }
  if (end)
    return try_card (cuda, (int) wanted, error);
  for (int i = 0; i < count; i++)
    {
      if (try_card (cuda, i, i + 1 < count ? NULL : error))
        return TRUE;
    }
  return FALSE;
}

static char **
cuda_list (GError **error)
{
  g_autoptr (GPtrArray) all   = g_ptr_array_new_with_free_func (g_free);
  DifCuda               probe = { 0 };
  int                   count = 0;

  if (! _dif_cuda_open_driver (&probe.cu, error) || ! find_card (&probe, NULL, error))
    return NULL;
  probe.cu.device_count (&count);
  for (int i = 0; i < count; i++)
    if (try_card (&probe, i, NULL))
      g_ptr_array_add (all, g_strdup_printf ("%d", i));
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_steal (all, NULL);
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
      what = _dif_cuda_kernel_names[i];
      r    = cuda->cu.module_kernel (&cuda->kernels[i], cuda->module, _dif_cuda_kernel_names[i]);
    }
  for (guint i = 0; r == CU_SUCCESS && i < G_N_ELEMENTS (cuda->stages); i++)
    {
      what = "making an event";
      r    = cuda->cu.event_create (&cuda->stages[i].done, CU_EVENT_NO_TIMING);
    }
  for (guint i = 0; r == CU_SUCCESS && i < G_N_ELEMENTS (cuda->paced); i++)
    r = cuda->cu.event_create (&cuda->paced[i], CU_EVENT_NO_TIMING);
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
      if (cuda->fetched)
        cuda->cu.host_free (cuda->fetched);
      _dif_cuda_arena_free (cuda->tensors);
      _dif_cuda_arena_free (cuda->weights);
      _dif_cuda_arena_free (cuda->persistent);
      for (guint i = 0; i < G_N_ELEMENTS (cuda->stages); i++)
        if (cuda->stages[i].done)
          cuda->cu.event_destroy (cuda->stages[i].done);
      for (guint i = 0; i < G_N_ELEMENTS (cuda->paced); i++)
        if (cuda->paced[i])
          cuda->cu.event_destroy (cuda->paced[i]);
      if (cuda->module)
        cuda->cu.module_unload (cuda->module);
      if (cuda->stream)
        cuda->cu.stream_destroy (cuda->stream);
      cuda->cu.context_release (cuda->device);
    }
  _dif_cuda_stop_readers (cuda);
  g_mutex_clear (&cuda->lock);
  g_free (cuda);
}

static const DifBackendClass cuda_class;

static DifBackend *
cuda_open (const char *options, GError **error)
{
  DifCuda *cuda = g_new0 (DifCuda, 1);
  gsize    available, total, region;

  cuda->parent.klass     = &cuda_class;
  cuda->parent.ref_count = 1;
  g_mutex_init (&cuda->lock);
  if (! _dif_cuda_open_driver (&cuda->cu, error) || ! find_card (cuda, options, error) ||
      ! start_card (cuda, error))
    {
      /* a card that does not start is not there for us, whatever it reports */
      if (error && *error && (*error)->code >= DIF_BACKEND_ERROR_FAILED)
        (*error)->code = DIF_BACKEND_ERROR_NOT_AVAILABLE;
      cuda_close (&cuda->parent);
      return NULL;
    }
  _dif_cuda_limit_memory (cuda);
  _dif_cuda_memory (cuda, &available, &total);
  region            = MIN (REGION_BYTES, available / REGIONS);
  cuda->stage_bytes = MIN (STAGE_BYTES, available / STAGES);
  cuda->tensors     = _dif_cuda_new_arena (cuda, region);
  cuda->weights     = _dif_cuda_new_arena (cuda, region);
  cuda->persistent  = _dif_cuda_new_arena (cuda, SMALL_REGION_BYTES);
  _dif_cuda_start_readers (cuda);
  _dif_cuda_lt_start (cuda);
  return &cuda->parent;
}

static gboolean
cuda_supports (DifBackend *be, DifDtype dtype)
{
  return dif_dtype_is_float (dtype);
}

static DifDtype
cuda_best_dtype (DifBackend *be)
{
  return DIF_F16;
}

static const DifBackendClass cuda_class = {
  .api          = DIF_BACKEND_API,
  .name         = "cuda",
  .description  = "an NVIDIA card of compute capability 8.0 or newer",
  .open         = cuda_open,
  .close        = cuda_close,
  .list         = cuda_list,
  .supports     = cuda_supports,
  .best_dtype   = cuda_best_dtype,
  .alloc        = _dif_cuda_alloc,
  .free         = _dif_cuda_free,
  .trim         = _dif_cuda_trim,
  .upload       = _dif_cuda_upload,
  .download     = _dif_cuda_download,
  .linear_new   = _dif_cuda_linear_new,
  .conv_new     = _dif_cuda_conv_new,
  .norm_new     = _dif_cuda_norm_new,
  .table_new    = _dif_cuda_table_new,
  .linear_free  = _dif_cuda_weight_free,
  .conv_free    = _dif_cuda_weight_free,
  .norm_free    = _dif_cuda_norm_free,
  .table_free   = _dif_cuda_weight_free,
  .linear       = _dif_cuda_linear,
  .glu          = _dif_cuda_glu,
  .conv2d       = _dif_cuda_conv2d,
  .group_norm   = _dif_cuda_group_norm,
  .row_norm     = _dif_cuda_row_norm,
  .scale_shift  = _dif_cuda_scale_shift,
  .rotate       = _dif_cuda_rotate,
  .multiply     = _dif_cuda_multiply,
  .prelu        = _dif_cuda_prelu,
  .permute      = _dif_cuda_permute,
  .attention    = _dif_cuda_attention,
  .activation   = _dif_cuda_activation,
  .add          = _dif_cuda_add,
  .concat       = _dif_cuda_concat,
  .upsample     = _dif_cuda_upsample,
  .gather       = _dif_cuda_gather,
  .embed        = _dif_cuda_embed,
  .lincomb      = _dif_cuda_lincomb,
  .clamp        = _dif_cuda_clamp,
  .cast         = _dif_cuda_cast,
  .limit        = _dif_cuda_limit,
  .wait         = _dif_cuda_wait,
  .pace         = _dif_cuda_pace,
  .fetch        = _dif_cuda_fetch,
  .copy         = _dif_cuda_copy,
  .plan         = _dif_cuda_plan,
  .planned      = _dif_cuda_planned,
  .reserve      = _dif_cuda_reserve,
  .graph_begin  = _dif_cuda_graph_begin,
  .graph_end    = _dif_cuda_graph_end,
  .graph_launch = _dif_cuda_graph_launch,
  .graph_free   = _dif_cuda_graph_free,
};

const DifBackendClass *dif_backend_module (void);

G_MODULE_EXPORT const DifBackendClass *
dif_backend_module (void)
{
  return &cuda_class;
}
