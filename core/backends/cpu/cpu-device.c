/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-device.c - what every op of the cpu backend stands on: whose turn it is,
 * over how many threads, scratch memory, and oneDNN's failures as errors.
 */
#include <omp.h>
#include <sys/mman.h>

#include "backends/cpu/cpu-private.h"
#include "base/error.h"

void
_dif_cpu_out_of_memory (GError **error, gsize bytes)
{
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory: %" G_GSIZE_FORMAT " bytes", bytes);
}

gboolean
_dif_cpu_headroom (GError **error)
{
  const gsize bytes = 32u << 20;
  void       *probe;

  probe = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED)
    {
      _dif_cpu_out_of_memory (error, bytes);
      return FALSE;
    }
  munmap (probe, bytes);
  return TRUE;
}

gboolean
_dif_cpu_check (dnnl_status_t status, const char *what, GError **error)
{
  switch (status)
    {
    case dnnl_success:
      return TRUE;
    case dnnl_out_of_memory:
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "out of memory in oneDNN: %s", what);
      return FALSE;
    case dnnl_unimplemented:
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                   "%s: expected something oneDNN implements on this CPU", what);
      return FALSE;
    default:
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                   "%s: oneDNN reports status %d", what, (int) status);
      return FALSE;
    }
}

/* ---- turns ---- */

DifCpu *
_dif_cpu_begin (DifBackend *be)
{
  DifCpu *cpu = (DifCpu *) be;

  g_mutex_lock (&cpu->lock);
  cpu->outer_threads = omp_get_max_threads ();
  if (cpu->outer_threads != cpu->n_threads)
    omp_set_num_threads (cpu->n_threads);
  return cpu;
}

gboolean
_dif_cpu_end (DifCpu *cpu, gboolean ok)
{
  if (cpu->outer_threads != cpu->n_threads)
    omp_set_num_threads (cpu->outer_threads);
  g_mutex_unlock (&cpu->lock);
  return ok;
}

gsize
_dif_cpu_span (gsize total, int part, int n_parts, gsize *begin)
{
  gsize each = total / (gsize) n_parts, more = total % (gsize) n_parts, i = (gsize) part;

  *begin = i * each + MIN (i, more);
  return each + (i < more);
}

/* OpenMP ends and starts threads when the size of its team changes between two
 * numbers above one: so it is all of them or the caller alone. */
int
_dif_cpu_team (const DifCpu *cpu, gsize n)
{
  return n < 16384 ? 1 : cpu->n_threads;
}

/* ---- scratch ---- */

gpointer
_dif_cpu_buffer (DifCpu *cpu, guint which, gsize bytes, GError **error)
{
  DifCpuBuffer *buffer = &cpu->buffers[which];

  if (buffer->bytes < bytes || ! buffer->data)
    {
      _dif_cpu_pool_free (cpu->tensors, buffer->data);
      buffer->bytes = 0;
      buffer->data  = _dif_cpu_pool_alloc (cpu->tensors, bytes);
      if (! buffer->data)
        _dif_cpu_out_of_memory (error, bytes);
      else
        buffer->bytes = bytes;
    }
  return buffer->data;
}

void
_dif_cpu_drop_buffers (DifCpu *cpu)
{
  for (guint i = 0; i < DIF_CPU_N_BUFFERS; i++)
    {
      _dif_cpu_pool_free (cpu->tensors, cpu->buffers[i].data);
      cpu->buffers[i] = (DifCpuBuffer) { 0 };
    }
}
