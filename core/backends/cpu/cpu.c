/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu.c - the cpu backend: what the machine offers, memory, and the class.
 *
 * oneDNN multiplies and convolves and picks its own instruction set; the rest
 * is kernels.c, whose table is chosen here, once.  The environment variable
 * DIF_CPU_ISA (sse2, avx2, avx512, avx512_bf16) lowers that choice, and
 * DIF_CPU_WEIGHTS=wide has weights widened once instead of at every use, both
 * for tests.
 */
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/backends.h"
#include "backends/cpu/cpu-private.h"
#include "backends/cpu/cpu-ukernel.h"
#include "base/error.h"

/* ---- the machine ---- */

/* Ordered; a level counts only if all before it are there. */
static const DifCpuKernels *
best_kernels (void)
{
  const char          *limit = g_getenv ("DIF_CPU_ISA");
  const DifCpuKernels *best  = &_dif_cpu_kernels_sse2;
#if defined(__x86_64__)
  const struct
  {
    const DifCpuKernels *kernels;
    gboolean             here;
  } levels[] = {
    { &_dif_cpu_kernels_avx2, __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma") &&
                                  __builtin_cpu_supports ("f16c") },
    { &_dif_cpu_kernels_avx512,
      __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw") &&
          __builtin_cpu_supports ("avx512vl") && __builtin_cpu_supports ("avx512dq") },
    { &_dif_cpu_kernels_avx512_bf16, __builtin_cpu_supports ("avx512bf16") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (levels) && levels[i].here; i++)
    {
      if (limit && strcmp (limit, best->name) == 0)
        break;
      best = levels[i].kernels;
    }
#endif
  return best;
}

/* Cores the process may use; of a core's several hardware threads one counts,
 * since both would share one set of vector units. */
static int
count_cores (void)
{
  cpu_set_t set;
  int       n = 0;

  if (g_getenv ("OMP_NUM_THREADS") || sched_getaffinity (0, sizeof set, &set) != 0)
    return omp_get_max_threads ();
  for (int i = 0; i < CPU_SETSIZE; i++)
    {
      g_autofree char *path = NULL, *text = NULL;
      int              first = i;

      if (! CPU_ISSET (i, &set))
        continue;
      path = g_strdup_printf ("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i);
      if (g_file_get_contents (path, &text, NULL, NULL))
        first = atoi (text);
      if (first == i || first < 0 || first >= CPU_SETSIZE || ! CPU_ISSET (first, &set))
        n++;
    }
  return MAX (n, 1);
}

static gboolean
parse_threads (const char *options, int *n_threads, GError **error)
{
  char  *end;
  gint64 n;

  *n_threads = count_cores ();
  if (! options || ! *options)
    return TRUE;
  n = g_ascii_strtoll (options, &end, 10);
  if (*end || n < 1 || n > 1024)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cpu: expected threads, 1 to 1024, found \"%s\"", options);
      return FALSE;
    }
  *n_threads = (int) n;
  return TRUE;
}

static DifBackend *
cpu_open (const char *options, GError **error)
{
  DifCpu       *cpu;
  int           n_threads;
  dnnl_status_t status;

  if (! parse_threads (options, &n_threads, error))
    return NULL;
  cpu                   = g_new0 (DifCpu, 1);
  cpu->parent.klass     = &dif_backend_cpu;
  cpu->parent.ref_count = 1;
  cpu->kernels          = best_kernels ();
  cpu->n_threads        = n_threads;
  cpu->keep_narrow      = g_strcmp0 (g_getenv ("DIF_CPU_WEIGHTS"), "wide") != 0;
  g_mutex_init (&cpu->lock);
  g_mutex_init (&cpu->choice_lock);
  cpu->tensors = _dif_cpu_pool_new ();
  cpu->weights = _dif_cpu_pool_new ();
  status       = dnnl_engine_create (&cpu->engine, dnnl_cpu, 0);
  if (status == dnnl_success)
    status = dnnl_stream_create (&cpu->stream, cpu->engine, dnnl_stream_default_flags);
  if (! _dif_cpu_check (status, "device cpu: starting oneDNN", error))
    {
      dif_backend_cpu.close (&cpu->parent);
      return NULL;
    }
  cpu->has_bf16 = cpu->kernels == &_dif_cpu_kernels_avx512_bf16 &&
                  (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core_bf16) ==
                      dnnl_cpu_isa_avx512_core_bf16;
  return &cpu->parent;
}

static void
cpu_close (DifBackend *be)
{
  DifCpu *cpu = (DifCpu *) be;

  _dif_cpu_drop_buffers (cpu);
  _dif_cpu_flash_free (cpu->flash);
  if (cpu->stream)
    dnnl_stream_destroy (cpu->stream);
  if (cpu->engine)
    dnnl_engine_destroy (cpu->engine);
  _dif_cpu_pool_destroy (cpu->tensors);
  _dif_cpu_pool_destroy (cpu->weights);
  g_mutex_clear (&cpu->lock);
  g_mutex_clear (&cpu->choice_lock);
  g_free (cpu->why_best);
  g_free (cpu);
}

static gboolean
cpu_supports (DifBackend *be, DifDtype dtype)
{
  return dtype == DIF_F32 || (dtype == DIF_BF16 && ((DifCpu *) be)->has_bf16);
}

/* ---- memory ---- */

static gpointer
cpu_alloc (DifBackend *be, gsize bytes, GError **error)
{
  gpointer data = _dif_cpu_pool_alloc (((DifCpu *) be)->tensors, bytes);

  if (! data)
    {
      _dif_cpu_out_of_memory (error, bytes);
      return NULL;
    }
  dif_backend_account (be, (gssize) bytes);
  return data;
}

static void
cpu_free (DifBackend *be, gpointer data, gsize bytes)
{
  if (! data)
    return;
  _dif_cpu_pool_free (((DifCpu *) be)->tensors, data);
  dif_backend_account (be, -(gssize) bytes);
}

static void
cpu_trim (DifBackend *be)
{
  DifCpu *cpu = _dif_cpu_begin (be);

  _dif_cpu_drop_buffers (cpu);
  _dif_cpu_pool_trim (cpu->tensors);
  _dif_cpu_pool_trim (cpu->weights);
  _dif_cpu_end (cpu, TRUE);
}

static gboolean
cpu_upload (DifBackend *be, gpointer dst, const void *src, gsize bytes, GError **error)
{
  memcpy (dst, src, bytes);
  return TRUE;
}

static gboolean
cpu_download (DifBackend *be, void *dst, gconstpointer src, gsize bytes, GError **error)
{
  memcpy (dst, src, bytes);
  return TRUE;
}

const DifBackendClass dif_backend_cpu = {
  .api         = DIF_BACKEND_API,
  .name        = "cpu",
  .description = "this computer's processor, through oneDNN",
  .open        = cpu_open,
  .close       = cpu_close,
  .supports    = cpu_supports,
  .best_dtype  = _dif_cpu_best_dtype,
  .why_best    = _dif_cpu_why_best,
  .alloc       = cpu_alloc,
  .free        = cpu_free,
  .trim        = cpu_trim,
  .upload      = cpu_upload,
  .download    = cpu_download,
  .linear_new  = _dif_cpu_linear_new,
  .conv_new    = _dif_cpu_conv_new,
  .norm_new    = _dif_cpu_norm_new,
  .table_new   = _dif_cpu_table_new,
  .linear_free = _dif_cpu_weight_free,
  .conv_free   = _dif_cpu_weight_free,
  .norm_free   = _dif_cpu_norm_free,
  .table_free  = _dif_cpu_table_free,
  .linear      = _dif_cpu_linear,
  .glu         = _dif_cpu_glu,
  .conv2d      = _dif_cpu_conv2d,
  .group_norm  = _dif_cpu_group_norm,
  .row_norm    = _dif_cpu_row_norm,
  .scale_shift = _dif_cpu_scale_shift,
  .rotate      = _dif_cpu_rotate,
  .multiply    = _dif_cpu_multiply,
  .prelu       = _dif_cpu_prelu,
  .permute     = _dif_cpu_permute,
  .attention   = _dif_cpu_attention,
  .activation  = _dif_cpu_activation,
  .add         = _dif_cpu_add,
  .concat      = _dif_cpu_concat,
  .upsample    = _dif_cpu_upsample,
  .gather      = _dif_cpu_gather,
  .embed       = _dif_cpu_embed,
  .lincomb     = _dif_cpu_lincomb,
  .clamp       = _dif_cpu_clamp,
  .cast        = _dif_cpu_cast,
  .limit       = _dif_cpu_limit,
};
