/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-pack.c - weights from the file's layout and dtype into oneDNN's.
 *
 * A weight of another dtype is converted and packed a slice of outputs at a
 * time: the converted slice is still in the cache when it is packed, so that
 * memory sees one reading and one writing of the weight and no more.
 */
#include <omp.h>
#include <string.h>

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

gboolean
_dif_cpu_cut (const DifCpuWeight *w, DifCpuSlices *s)
{
  dnnl_format_kind_t kind;
  gint32             n_blocks = 0;
  const dnnl_dims_t *strides = NULL, *blocks = NULL, *axes = NULL;
  gsize              all;

  s->axis  = w->is_conv ? 0 : 1;
  s->row   = w->n_in * w->kh * w->kw;
  s->block = 1;
  if (dnnl_memory_desc_query (w->md, dnnl_query_format_kind, &kind) != dnnl_success ||
      kind != dnnl_blocked ||
      dnnl_memory_desc_query (w->md, dnnl_query_strides, &strides) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_nblks_s32, &n_blocks) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_blks, &blocks) != dnnl_success ||
      dnnl_memory_desc_query (w->md, dnnl_query_inner_idxs, &axes) != dnnl_success)
    return FALSE;
  for (gint32 i = 0; i < n_blocks; i++)
    if ((*axes)[i] == s->axis)
      s->block *= (gsize) (*blocks)[i];
  s->block_stride = (gsize) (*strides)[s->axis];
  all             = (w->n_out + s->block - 1) / s->block * s->block_stride;
  s->joined       = all * dif_dtype_size (w->dtype) == dnnl_memory_desc_get_size (w->md);
  _dif_cpu_cut_into (w, s, 1);
  return TRUE;
}

void
_dif_cpu_cut_into (const DifCpuWeight *w, DifCpuSlices *s, gsize blocks)
{
  s->rows      = s->block * blocks;
  s->n         = w->n_out / s->rows;
  s->rest      = w->n_out % s->rows;
  s->rest_rows = (s->rest + s->block - 1) / s->block * s->block;
  s->stride    = s->block_stride * blocks;
}

dnnl_status_t
_dif_cpu_slice_md (const DifCpuWeight *w, const DifCpuSlices *s, const_dnnl_memory_desc_t whole,
                   gsize first, gsize rows, dnnl_memory_desc_t *md)
{
  dnnl_dims_t matrix = { (gint64) w->n_in, (gint64) rows }, from = { 0 };
  dnnl_dims_t kernel = { (gint64) rows, (gint64) w->n_in, (gint64) w->kh, (gint64) w->kw };

  from[s->axis] = (gint64) first;
  return dnnl_memory_desc_create_submemory (md, whole, w->is_conv ? kernel : matrix, from);
}

/* A thread's working memory: a slice as in the file, and packed, both in the
 * weight's dtype; the second where it is stored narrower. */
typedef struct
{
  void  *plain;
  float *packed;
} Work;

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

/* slice @i */
static dnnl_status_t
pack_slice (DifCpu *cpu, const Packer *p, const DifCpuWeight *w, const DifHostArray *a,
            const DifCpuSlices *s, gsize i, const Work *work)
{
  char         *to = (char *) w->data + i * s->stride * dif_dtype_size (w->stored);
  dnnl_status_t status;

  convert_slice (cpu, work->plain, w->dtype, a, i * s->rows * s->row, s->rows * s->row);
  if (w->stored == w->dtype)
    return packer_run (p, cpu, work->plain, to);
  status = packer_run (p, cpu, work->plain, work->packed);
  _dif_cpu_span_narrow (cpu, to, work->packed, w->stored, s->stride);
  return status;
}

static dnnl_status_t
pack_slices (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const DifCpuSlices *s,
             const Packer *packers, const Work *work)
{
  dnnl_status_t worst = dnnl_success;

#pragma omp parallel for num_threads(cpu->n_threads) schedule(dynamic)
  for (gsize i = 0; i < s->n; i++)
    {
      int           t      = omp_get_thread_num ();
      dnnl_status_t status = pack_slice (cpu, &packers[t], w, a, s, i, &work[t]);

      if (status != dnnl_success)
        {
#pragma omp atomic write
          worst = status;
        }
    }
  return worst;
}

/* The outputs that are left behind the last whole slice, filled up to whole
 * blocks with zeros where they are narrowed. */
static gboolean
pack_rest (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const DifCpuSlices *s,
           dnnl_memory_desc_t plain, const Work *work, GError **error)
{
  gboolean           narrow = w->stored != w->dtype, ok;
  gsize              first = s->n * s->rows, rows = narrow ? s->rest_rows : s->rest;
  gsize              n    = s->rest_rows / s->block * s->block_stride;
  dnnl_memory_desc_t from = NULL, to = NULL;

  if (s->rest == 0)
    return TRUE;
  ok = _dif_cpu_check (_dif_cpu_slice_md (w, s, plain, 0, rows, &from), "cutting a weight",
                       error) &&
       _dif_cpu_check (_dif_cpu_slice_md (w, s, w->md, narrow ? 0 : first, rows, &to),
                       "cutting a weight", error);
  if (ok)
    {
      memset (work->plain, 0, rows * s->row * dif_dtype_size (w->dtype));
      convert_slice (cpu, work->plain, w->dtype, a, first * s->row, s->rest * s->row);
      ok = _dif_cpu_reorder (cpu, from, work->plain, to, narrow ? work->packed : w->data, error);
      if (narrow)
        _dif_cpu_span_narrow (cpu, (guint16 *) w->data + s->n * s->stride, work->packed, w->stored,
                              n);
    }
  if (from)
    dnnl_memory_desc_destroy (from);
  if (to)
    dnnl_memory_desc_destroy (to);
  return ok;
}

/* working memory for every thread */
static gboolean
share_out (DifCpu *cpu, const DifCpuWeight *w, const DifCpuSlices *s, Work *work, GError **error)
{
  gsize plain  = (s->rows * s->row * dif_dtype_size (w->dtype) + 63) & ~(gsize) 63;
  gsize packed = w->stored == w->dtype ? 0 : (s->stride * sizeof (float) + 63) & ~(gsize) 63;
  char *buffer = _dif_cpu_buffer (cpu, 1, (plain + packed) * (gsize) cpu->n_threads, error);

  for (int t = 0; t < cpu->n_threads && buffer; t++, buffer += plain + packed)
    work[t] = (Work) { buffer, (float *) (gpointer) (buffer + plain) };
  return buffer != NULL;
}

static gboolean
pack_in_slices (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *a, const DifCpuSlices *s,
                dnnl_memory_desc_t plain, GError **error)
{
  gsize              n       = (gsize) cpu->n_threads;
  g_autofree Packer *packers = g_new0 (Packer, n);
  g_autofree Work   *work    = g_new0 (Work, n);
  dnnl_memory_desc_t from = NULL, to = NULL;
  dnnl_status_t      status;
  gboolean           ok;

  if (! share_out (cpu, w, s, work, error) || ! _dif_cpu_headroom (error))
    return FALSE;
  status = _dif_cpu_slice_md (w, s, plain, 0, s->rows, &from);
  if (status == dnnl_success)
    status = _dif_cpu_slice_md (w, s, w->md, 0, s->rows, &to);
  for (gsize t = 0; t < n && status == dnnl_success; t++)
    status = packer_init (&packers[t], cpu, from, to);
  if (status == dnnl_success)
    status = pack_slices (cpu, w, a, s, packers, work);
  ok = _dif_cpu_check (status, "packing a weight", error) &&
       pack_rest (cpu, w, a, s, plain, work, error);
  for (gsize t = 0; t < n; t++)
    packer_clear (&packers[t]);
  if (from)
    dnnl_memory_desc_destroy (from);
  if (to)
    dnnl_memory_desc_destroy (to);
  return ok;
}

/* the whole weight at once */
static gboolean
pack_whole (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *from, dnnl_memory_desc_t plain,
            GError **error)
{
  const void *data   = convert (cpu, from, w->dtype, error);
  gsize       bytes  = dnnl_memory_desc_get_size (w->md);
  void       *packed = w->data;

  if (data && w->stored != w->dtype)
    packed = _dif_cpu_buffer (cpu, 3, bytes, error);
  if (! data || ! packed || ! _dif_cpu_reorder (cpu, plain, data, w->md, packed, error))
    return FALSE;
  if (packed != w->data)
    _dif_cpu_span_narrow (cpu, w->data, packed, w->stored, bytes / sizeof (float));
  return TRUE;
}

gboolean
_dif_cpu_pack (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *from,
               dnnl_memory_desc_t plain, GError **error)
{
  DifCpuSlices s = { 0 };

  if (dif_host_dtype (from) == w->dtype || ! _dif_cpu_cut (w, &s))
    return pack_whole (cpu, w, from, plain, error);
  _dif_cpu_cut_into (w, &s, MAX (SLICE_BYTES / (s.row * s.block * dif_dtype_size (w->dtype)), 1));
  if (s.n <= 1 || (w->stored != w->dtype && ! s.joined))
    return pack_whole (cpu, w, from, plain, error);
  return pack_in_slices (cpu, w, from, &s, plain, error);
}
