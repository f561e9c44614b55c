/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-pack.c - weights from the file's layout and dtype into oneDNN's.
 *
 * A weight of another dtype is converted and packed a slice of outputs at a
 * time: the converted slice is still in the cache when it is packed, so that
 * memory sees one reading and one writing of the weight and no more.
 */
#include <omp.h>

#include "backends/cpu/cpu-private.h"

/* What a core converts before it packs: about half of its second cache. */
#define SLICE_BYTES ((gsize) 512 << 10)

/* A thread's means of moving data from one layout to another. */
typedef struct
{
  dnnl_primitive_t primitive;
  dnnl_memory_t    from, to;
} Packer;

static void
packer_clear (Packer *p)
{
  if (p->from)
    dnnl_memory_destroy (p->from);
  if (p->to)
    dnnl_memory_destroy (p->to);
  if (p->primitive)
    dnnl_primitive_destroy (p->primitive);
}

static dnnl_status_t
packer_init (Packer *p, DifCpu *cpu, const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to)
{
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t         s;

  s = dnnl_reorder_primitive_desc_create (&pd, from, cpu->engine, to, cpu->engine, NULL);
  if (s == dnnl_success)
    s = dnnl_primitive_create (&p->primitive, pd);
  if (s == dnnl_success)
    s = dnnl_memory_create (&p->from, from, cpu->engine, DNNL_MEMORY_NONE);
  if (s == dnnl_success)
    s = dnnl_memory_create (&p->to, to, cpu->engine, DNNL_MEMORY_NONE);
  if (pd)
    dnnl_primitive_desc_destroy (pd);
  return s;
}

static dnnl_status_t
packer_run (const Packer *p, DifCpu *cpu, const void *from, void *to)
{
  dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, p->from }, { DNNL_ARG_TO, p->to } };
  dnnl_status_t   s;

  dnnl_memory_set_data_handle (p->from, (void *) from);
  dnnl_memory_set_data_handle (p->to, to);
  s = dnnl_primitive_execute (p->primitive, cpu->stream, G_N_ELEMENTS (args), args);
  return s == dnnl_success ? dnnl_stream_wait (cpu->stream) : s;
}

gboolean
_dif_cpu_reorder (DifCpu *cpu, const_dnnl_memory_desc_t from, const void *src,
                  const_dnnl_memory_desc_t to, void *dst, GError **error)
{
  Packer        p = { 0 };
  dnnl_status_t s;

  if (! _dif_cpu_headroom (error))
    return FALSE;
  s = packer_init (&p, cpu, from, to);
  if (s == dnnl_success)
    s = packer_run (&p, cpu, src, dst);
  packer_clear (&p);
  return _dif_cpu_check (s, "packing a weight", error);
}

/* a host array as floats or bf16 of the weight's dtype: itself, or converted
 * into working memory */
static const void *
convert (DifCpu *cpu, const DifHostArray *a, DifDtype dtype, GError **error)
{
  gsize n = 0, bytes;
  void *buffer;

  if (dif_host_dtype (a) == dtype)
    return a->data;
  if (! dif_shape_count (&a->shape, &n) || ! g_size_checked_mul (&bytes, n, dif_dtype_size (dtype)))
    {
      _dif_cpu_out_of_memory (error, G_MAXSIZE);
      return NULL;
    }
  buffer = _dif_cpu_buffer (cpu, 1, bytes, error);
  if (buffer && dtype == DIF_BF16)
    _dif_cpu_to_bf16 (cpu, buffer, a->data, dif_host_dtype (a), n);
  else if (buffer)
    _dif_cpu_to_f32 (cpu, buffer, a->data, dif_host_dtype (a), n);
  return buffer;
}

/* A weight cut across its outputs: @n slices of @rows, and a last of @rest. */
typedef struct
{
  gsize rows, n, rest;
  gsize row;    /* elements of an output in the file */
  gsize stride; /* bytes from slice to slice in the packed weight */
  int   axis;   /* of the outputs in oneDNN's order */
} Slices;

/* FALSE where the packed layout cannot be cut that way, or need not be */
static gboolean
cut (const DifCpuWeight *w, Slices *s)
{
  dnnl_format_kind_t kind;
  gint32             n_blocks = 0;
  const dnnl_dims_t *strides = NULL, *blocks = NULL, *axes = NULL;
  gsize              block = 1, size = dif_dtype_size (w->dtype), want;

  s->axis = w->is_conv ? 0 : 1;
  s->row  = w->n_in * w->kh * w->kw;
  if (dnnl_memory_desc_query (w->md, dnnl_query_format_kind, &kind) != dnnl_success ||
      kind != dnnl_blocked ||
      dnnl_memory_desc_query (w->md, dnnl_query_strides, &strides) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_nblks_s32, &n_blocks) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_blks, &blocks) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_idxs, &axes) != dnnl_success)
    return FALSE;
  for (gint32 i = 0; i < n_blocks; i++)
    if ((*axes)[i] == s->axis)
      block *= (gsize) (*blocks)[i];
  want      = MAX (SLICE_BYTES / (s->row * size), 1);
  s->rows   = (want + block - 1) / block * block;
  s->n      = w->n_out / s->rows;
  s->rest   = w->n_out % s->rows;
  s->stride = s->rows / block * (gsize) (*strides)[s->axis] * size;
  return s->n > 1;
}

/* the layout of @rows outputs from @first on: in the file, or in the packed weight */
static dnnl_status_t
slice_md (const DifCpuWeight *w, const Slices *s, const_dnnl_memory_desc_t whole, gsize first,
          gsize rows, dnnl_memory_desc_t *md)
{
  dnnl_dims_t matrix = { (gint64) w->n_in, (gint64) rows }, from = { 0 };
  dnnl_dims_t kernel = { (gint64) rows, (gint64) w->n_in, (gint64) w->kh, (gint64) w->kw };

  from[s->axis] = (gint64) first;
  return dnnl_memory_desc_create_submemory (md, whole, w->is_conv ? kernel : matrix, from);
}

/* @n elements of @a from @first on, as @dtype */
static void
convert_slice (DifCpu *cpu, void *to, DifDtype dtype, const DifHostArray *a, gsize first, gsize n)
{
  const char *from = (const char *) a->data + first * dif_dtype_size (dif_host_dtype (a));

  if (dtype == DIF_BF16)
    _dif_cpu_span_to_bf16 (cpu, to, from, dif_host_dtype (a), n);
  else
    _dif_cpu_span_to_f32 (cpu, to, from, dif_host_dtype (a), n);
}

/* slice @i, through @buffer */
static dnnl_status_t
pack_slice (DifCpu *cpu, const Packer *p, const DifCpuWeight *w, const DifHostArray *a,
            const Slices *s, gsize i, void *buffer)
{
  convert_slice (cpu, buffer, w->dtype, a, i * s->rows * s->row, s->rows * s->row);
  return packer_run (p, cpu, buffer, (char *) w->data + i * s->stride);
}

static dnnl_status_t
pack_slices (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const Slices *s,
             Packer *packers, char *buffer)
{
  gsize         each  = s->rows * s->row * dif_dtype_size (w->dtype);
  dnnl_status_t worst = dnnl_success;

#pragma omp parallel for num_threads(cpu->n_threads) schedule(dynamic)
  for (gsize i = 0; i < s->n; i++)
    {
      int           t      = omp_get_thread_num ();
      dnnl_status_t status = pack_slice (cpu, &packers[t], w, a, s, i, buffer + (gsize) t * each);

      if (status != dnnl_success)
        {
#pragma omp atomic write
          worst = status;
        }
    }
  return worst;
}

/* the outputs that are left behind the last whole slice */
static gboolean
pack_rest (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const Slices *s,
           dnnl_memory_desc_t plain, void *buffer, GError **error)
{
  gsize              first = s->n * s->rows;
  dnnl_memory_desc_t from = NULL, to = NULL;
  gboolean           ok;

  if (s->rest == 0)
    return TRUE;
  ok = _dif_cpu_check (slice_md (w, s, plain, 0, s->rest, &from), "cutting a weight", error) &&
       _dif_cpu_check (slice_md (w, s, w->md, first, s->rest, &to), "cutting a weight", error);
  if (ok)
    {
      convert_slice (cpu, buffer, w->dtype, a, first * s->row, s->rest * s->row);
      ok = _dif_cpu_reorder (cpu, from, buffer, to, w->data, error);
    }
  if (from)
    dnnl_memory_desc_destroy (from);
  if (to)
    dnnl_memory_desc_destroy (to);
  return ok;
}

static gboolean
pack_in_slices (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const Slices *s,
                dnnl_memory_desc_t plain, GError **error)
{
  gsize              n       = (gsize) cpu->n_threads, each;
  g_autofree Packer *packers = g_new0 (Packer, n);
  dnnl_memory_desc_t from = NULL, to = NULL;
  dnnl_status_t      status;
  char              *buffer;
  gboolean           ok;

  each   = s->rows * s->row * dif_dtype_size (w->dtype);
  buffer = _dif_cpu_buffer (cpu, 1, each * n, error);
  if (! buffer || ! _dif_cpu_headroom (error))
    return FALSE;
  status = slice_md (w, s, plain, 0, s->rows, &from);
  if (status == dnnl_success)
    status = slice_md (w, s, w->md, 0, s->rows, &to);
  for (gsize t = 0; t < n && status == dnnl_success; t++)
    status = packer_init (&packers[t], cpu, from, to);
  if (status == dnnl_success)
    status = pack_slices (cpu, w, a, s, packers, buffer);
  ok = _dif_cpu_check (status, "packing a weight", error) &&
       pack_rest (cpu, w, a, s, plain, buffer, error);
  for (gsize t = 0; t < n; t++)
    packer_clear (&packers[t]);
  if (from)
    dnnl_memory_desc_destroy (from);
  if (to)
    dnnl_memory_desc_destroy (to);
  return ok;
}

gboolean
_dif_cpu_pack (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *from,
               dnnl_memory_desc_t plain, GError **error)
{
  Slices      s = { 0 };
  const void *data;

  if (dif_host_dtype (from) != w->dtype && cut (w, &s))
    return pack_in_slices (cpu, w, from, &s, plain, error);
  data = convert (cpu, from, w->dtype, error);
  return data && _dif_cpu_reorder (cpu, plain, data, w->md, w->data, error);
}
