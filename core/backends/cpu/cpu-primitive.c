/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-primitive.c - oneDNN's primitives with the memory objects of their arguments. */
#include <string.h>

#include "backends/cpu/cpu-private.h"

void
_dif_cpu_primitive_free (DifCpuPrimitive *p)
{
  dnnl_memory_t all[] = { p->src, p->weights, p->bias, p->dst, p->scratch };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i])
      dnnl_memory_destroy (all[i]);
  for (guint i = 0; i < DIF_CPU_MAX_EXTRA; i++)
    if (p->extra[i])
      dnnl_memory_destroy (p->extra[i]);
  if (p->primitive)
    dnnl_primitive_destroy (p->primitive);
  g_free (p);
}

gboolean
_dif_cpu_is_slow (const_dnnl_primitive_desc_t pd)
{
  const char *name = "";

  dnnl_primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &name);
  return strstr (name, "ref") != NULL;
}

static dnnl_status_t
memory_for (DifCpu *cpu, const_dnnl_primitive_desc_t pd, dnnl_query_t what, int arg,
            dnnl_memory_t *memory)
{
  const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md (pd, what, arg);

  if (! md || dnnl_memory_desc_get_size (md) == 0)
    return dnnl_success;
  return dnnl_memory_create (memory, md, cpu->engine, DNNL_MEMORY_NONE);
}

dnnl_status_t
_dif_cpu_primitive_fill (DifCpu *cpu, const_dnnl_primitive_desc_t pd, DifCpuPrimitive *p)
{
  dnnl_status_t            s = dnnl_primitive_create (&p->primitive, pd);
  const_dnnl_memory_desc_t scratch;

  if (s == dnnl_success)
    s = memory_for (cpu, pd, dnnl_query_src_md, 0, &p->src);
  if (s == dnnl_success)
    s = memory_for (cpu, pd, dnnl_query_weights_md, 0, &p->weights);
  if (s == dnnl_success)
    s = memory_for (cpu, pd, dnnl_query_weights_md, 1, &p->bias);
  if (s == dnnl_success)
    s = memory_for (cpu, pd, dnnl_query_dst_md, 0, &p->dst);
  if (s == dnnl_success)
    s = memory_for (cpu, pd, dnnl_query_scratchpad_md, 0, &p->scratch);
  for (guint i = 0; i < p->n_extra && s == dnnl_success; i++)
    s = memory_for (cpu, pd, dnnl_query_exec_arg_md, p->extra_arg[i], &p->extra[i]);
  scratch          = dnnl_primitive_desc_query_md (pd, dnnl_query_scratchpad_md, 0);
  p->scratch_bytes = scratch ? dnnl_memory_desc_get_size (scratch) : 0;
  return s;
}

DifCpuPrimitive *
_dif_cpu_primitive_new (DifCpu *cpu, const DifCpuWeight *w, const gint64 *key,
                        const_dnnl_memory_desc_t md, DifCpuDescribe describe)
{
  DifCpuPrimitive      *p  = g_new0 (DifCpuPrimitive, 1);
  dnnl_primitive_desc_t pd = NULL;
  gboolean              ok;

  memcpy (p->key, key, sizeof p->key);
  ok = _dif_cpu_headroom (NULL) && describe (cpu, w, key, md, &pd, p) == dnnl_success &&
       ! _dif_cpu_is_slow (pd) && _dif_cpu_primitive_fill (cpu, pd, p) == dnnl_success;
  if (pd)
    dnnl_primitive_desc_destroy (pd);
  if (! ok)
    g_clear_pointer (&p, _dif_cpu_primitive_free);
  return p;
}

static void
bind_memory (dnnl_exec_arg_t *args, int *n, int arg, dnnl_memory_t memory, const void *data)
{
  dnnl_memory_set_data_handle (memory, (void *) data);
  args[(*n)++] = (dnnl_exec_arg_t) { arg, memory };
}

dnnl_status_t
_dif_cpu_primitive_run (DifCpu *cpu, DifCpuPrimitive *p, const DifCpuCall *call,
                        const void *weights, const float *bias, void *scratch)
{
  dnnl_exec_arg_t args[5 + DIF_CPU_MAX_EXTRA];
  int             n = 0;
  dnnl_status_t   s;

  bind_memory (args, &n, DNNL_ARG_SRC, p->src, call->src);
  bind_memory (args, &n, DNNL_ARG_WEIGHTS, p->weights, weights);
  bind_memory (args, &n, DNNL_ARG_DST, p->dst, call->dst);
  if (p->bias)
    bind_memory (args, &n, DNNL_ARG_BIAS, p->bias, bias);
  if (p->scratch)
    bind_memory (args, &n, DNNL_ARG_SCRATCHPAD, p->scratch, scratch);
  for (guint i = 0; i < p->n_extra; i++)
    bind_memory (args, &n, p->extra_arg[i], p->extra[i], call->extra[i]);
  s = dnnl_primitive_execute (p->primitive, cpu->stream, n, args);
  return s == dnnl_success ? dnnl_stream_wait (cpu->stream) : s;
}
