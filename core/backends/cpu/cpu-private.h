/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-private.h - what the files of the cpu backend share.
 *
 * Every op runs between _dif_cpu_begin() and _dif_cpu_end(): one at a time, on
 * the backend's own number of threads, because oneDNN's scratch memory and the
 * primitives' memory objects are shared.
 */
#ifndef DIF_BACKENDS_CPU_PRIVATE_H
#define DIF_BACKENDS_CPU_PRIVATE_H

#include <oneapi/dnnl/dnnl.h>

#include "backends/cpu/cpu-pool.h"
#include "backends/cpu/kernels.h"
#include "tensor/backend.h"

G_BEGIN_DECLS

/**
 * DifCpuBuffer:
 *
 * Working memory that grows and is kept; its content is undefined between ops.
 */
typedef struct
{
  gpointer data;
  gsize    bytes;
} DifCpuBuffer;

/** DIF_CPU_N_BUFFERS: 0 is oneDNN's scratchpad, the others an op's own. */
#define DIF_CPU_N_BUFFERS 3

/** DifCpuFlash: attention's micro-kernels, see cpu-ukernel.h. */
typedef struct _DifCpuFlash DifCpuFlash;

/**
 * DifCpu:
 *
 * The open backend.
 */
typedef struct
{
  DifBackend           parent;
  const DifCpuKernels *kernels;
  gboolean             has_bf16;
  int                  n_threads;
  dnnl_engine_t        engine;
  dnnl_stream_t        stream;
  GMutex               lock;
  int                  outer_threads; /* the caller's, put back by end */
  DifCpuPool          *tensors, *weights;
  DifCpuBuffer         buffers[DIF_CPU_N_BUFFERS];
  DifCpuFlash         *flash;
} DifCpu;

/**
 * _dif_cpu_begin:
 * @be: a cpu backend
 *
 * Returns: @be, locked, with OpenMP set to its threads
 */
DifCpu *_dif_cpu_begin (DifBackend *be);

/**
 * _dif_cpu_end:
 * @cpu: a backend locked by _dif_cpu_begin()
 * @ok: passed through
 *
 * Returns: @ok
 */
gboolean _dif_cpu_end (DifCpu *cpu, gboolean ok);

/**
 * _dif_cpu_buffer:
 * @cpu: a backend
 * @which: below DIF_CPU_N_BUFFERS
 * @bytes: how many are needed
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: (transfer none) (nullable): at least @bytes of working memory,
 * valid until the next call for the same buffer
 */
gpointer _dif_cpu_buffer (DifCpu *cpu, guint which, gsize bytes, GError **error);

/**
 * _dif_cpu_drop_buffers:
 * @cpu: a backend
 *
 * Gives all working memory back to the pool.
 */
void _dif_cpu_drop_buffers (DifCpu *cpu);

/**
 * _dif_cpu_out_of_memory:
 * @error: return location
 * @bytes: what was asked for
 *
 * Sets DIF_BACKEND_ERROR OUT_OF_MEMORY.
 */
void _dif_cpu_out_of_memory (GError **error, gsize bytes);

/**
 * _dif_cpu_headroom:
 * @error: return location
 *
 * oneDNN 3.6 and 3.7 crash when an allocation of their own fails while they
 * describe or generate a kernel, so each such call asks first whether there is
 * room for what they take (a few MiB at most).
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: whether 32 MiB can still be mapped
 */
gboolean _dif_cpu_headroom (GError **error);

/**
 * _dif_cpu_check:
 * @status: from oneDNN
 * @what: what was tried, for the message
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY, UNSUPPORTED or FAILED, from @status.
 *
 * Returns: whether @status is success
 */
gboolean _dif_cpu_check (dnnl_status_t status, const char *what, GError **error);

/**
 * _dif_cpu_team:
 * @cpu: a backend
 * @n: elements to be treated
 *
 * Returns: how many threads that is worth
 */
int _dif_cpu_team (const DifCpu *cpu, gsize n);

/**
 * _dif_cpu_span:
 * @total: items, rows, …
 * @part: which share, below @n_parts
 * @n_parts: shares
 * @begin: (out): first item of the share
 *
 * Returns: items in the share
 */
gsize _dif_cpu_span (gsize total, int part, int n_parts, gsize *begin);

/**
 * _dif_cpu_to_f32:
 * @cpu: a backend
 * @y: (array length=n): floats
 * @x: @n elements of @dtype
 * @dtype: F32, F16 or BF16
 * @n: count
 *
 * In parallel.
 */
void _dif_cpu_to_f32 (DifCpu *cpu, float *y, const void *x, DifDtype dtype, gsize n);

/**
 * _dif_cpu_to_bf16:
 * @cpu: a backend
 * @y: (array length=n): bf16
 * @x: @n elements of @dtype
 * @dtype: F32, F16 or BF16
 * @n: count
 *
 * In parallel; nearest, ties to even.
 */
void _dif_cpu_to_bf16 (DifCpu *cpu, guint16 *y, const void *x, DifDtype dtype, gsize n);

/**
 * _dif_cpu_span_to_f32: _dif_cpu_span_to_bf16:
 * @cpu: @y: @x: @dtype: @n: as _dif_cpu_to_f32() and _dif_cpu_to_bf16()
 *
 * On the calling thread.
 */
void _dif_cpu_span_to_f32 (DifCpu *cpu, float *y, const void *x, DifDtype dtype, gsize n);
void _dif_cpu_span_to_bf16 (DifCpu *cpu, guint16 *y, const void *x, DifDtype dtype, gsize n);

/* ---- prepared weights (cpu-weight.c) ---- */

/** DIF_CPU_KEY: numbers that tell one primitive of a weight from another. */
#define DIF_CPU_KEY 8

/** DIF_CPU_MAX_EXTRA: most operands of binary post-ops. */
#define DIF_CPU_MAX_EXTRA 2

/**
 * DifCpuPrimitive:
 *
 * A oneDNN primitive for one shape and set of post-ops, with memory objects
 * whose addresses are set at every run.
 */
typedef struct
{
  gint64           key[DIF_CPU_KEY];
  dnnl_primitive_t primitive;
  dnnl_memory_t    src, weights, bias, dst, scratch, extra[DIF_CPU_MAX_EXTRA];
  int              extra_arg[DIF_CPU_MAX_EXTRA];
  guint            n_extra;
  gsize            scratch_bytes;
} DifCpuPrimitive;

/**
 * DifCpuWeight:
 * @dtype: of activations and of @data
 * @is_conv: whether it multiplies by a oneDNN convolution; a 1x1 convolution
 *   without padding or stride is a matrix
 * @n_out: N or O
 * @n_in: K or I
 * @kh: rows of the kernel, 1 for a matrix
 * @kw: columns of the kernel
 * @spec: stride and padding
 * @md: how @data is laid out
 * @data: the packed weight
 * @bytes: memory of @data and @bias
 * @bias: (nullable): [n_out] f32
 * @primitives: of DifCpuPrimitive, all for the layout @md
 */
typedef struct
{
  DifDtype           dtype;
  gboolean           is_conv;
  gsize              n_out, n_in, kh, kw;
  DifConvSpec        spec;
  dnnl_memory_desc_t md;
  gpointer           data;
  gsize              bytes;
  float             *bias;
  GPtrArray         *primitives;
} DifCpuWeight;

/**
 * DifCpuCall:
 * @key: what makes the primitive differ: shape, post-ops
 * @src: x
 * @dst: y
 * @bias: (nullable): instead of the weight's own
 * @extra: operands of the binary post-ops, in order
 *
 * One use of a weight.
 */
typedef struct
{
  gint64       key[DIF_CPU_KEY];
  const void  *src;
  void        *dst;
  const float *bias;
  const void  *extra[DIF_CPU_MAX_EXTRA];
} DifCpuCall;

/**
 * DifCpuDescribe:
 * @cpu: a backend
 * @w: a weight
 * @key: which primitive
 * @weights_md: layout of the weight, or one with format any
 * @pd: (out): primitive description
 * @prim: extra_arg and n_extra are filled in
 *
 * Returns: oneDNN's status
 */
typedef dnnl_status_t (*DifCpuDescribe) (DifCpu *cpu, const DifCpuWeight *w, const gint64 *key,
                                         const_dnnl_memory_desc_t weights_md,
                                         dnnl_primitive_desc_t *pd, DifCpuPrimitive *prim);

/**
 * _dif_cpu_reorder:
 * @cpu: a locked backend
 * @from: layout of @src
 * @src: data
 * @to: layout of @dst
 * @dst: (out): the same values
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: whether @dst was written
 */
gboolean _dif_cpu_reorder (DifCpu *cpu, const_dnnl_memory_desc_t from, const void *src,
                           const_dnnl_memory_desc_t to, void *dst, GError **error);

/**
 * _dif_cpu_pack:
 * @cpu: a locked backend
 * @w: a weight whose @md and @data are there
 * @from: as it lies in the file, of any floating dtype
 * @plain: the file's layout in @w's dtype
 * @error: return location
 *
 * Fills @w's data.  In parallel.
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: whether it is filled
 */
gboolean _dif_cpu_pack (DifCpu *cpu, const DifCpuWeight *w, const DifHostArray *from,
                        dnnl_memory_desc_t plain, GError **error);

/**
 * _dif_cpu_weight_new:
 * @cpu: a locked backend
 * @template: dtype, is_conv, sizes and spec
 * @w: as it lies in the file
 * @bias: as it lies in the file; data may be NULL
 * @describe: makes primitive descriptions
 * @key: a representative use, for which the layout is chosen
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: (transfer full) (nullable): the packed weight
 */
DifCpuWeight *_dif_cpu_weight_new (DifCpu             *cpu, const DifCpuWeight *template,
                                   const DifHostArray *w, const DifHostArray *bias,
                                   DifCpuDescribe describe, const gint64 *key, GError **error);

/**
 * _dif_cpu_weight_free:
 * @be: a cpu backend
 * @w: (nullable) (transfer full): a DifCpuWeight
 */
void _dif_cpu_weight_free (DifBackend *be, gpointer w);

/**
 * _dif_cpu_weight_run:
 * @cpu: a locked backend
 * @w: a weight
 * @call: what to compute
 * @describe: as for _dif_cpu_weight_new()
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: whether it was computed
 */
gboolean _dif_cpu_weight_run (DifCpu *cpu, DifCpuWeight *w, const DifCpuCall *call,
                              DifCpuDescribe describe, GError **error);

/**
 * _dif_cpu_md:
 * @md: (out): a memory description
 * @n: dimensions
 * @dims: (array length=n): in oneDNN's logical order
 * @dtype: F32 or BF16
 * @tag: layout
 *
 * Returns: oneDNN's status
 */
dnnl_status_t _dif_cpu_md (dnnl_memory_desc_t *md, int n, const gint64 *dims, DifDtype dtype,
                           dnnl_format_tag_t tag);

/**
 * _dif_cpu_matmul:
 * @cpu: a locked backend
 * @x: (array): [rows, K]
 * @rows: how many
 * @w: a matrix
 * @bias: (nullable): [N], instead of the weight's own
 * @act: applied to the product and bias
 * @residual: (nullable): [rows, N], added last; may be @y
 * @y: [rows, N]
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: whether @y was computed
 */
gboolean _dif_cpu_matmul (DifCpu *cpu, const void *x, gsize rows, DifCpuWeight *w,
                          const float *bias, DifAct act, const void *residual, void *y,
                          GError **error);

/* ---- ops, the slots of DifBackendClass of the same names ---- */

gpointer _dif_cpu_linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                              const DifHostArray *bias, gsize *bytes, GError **error);
gboolean _dif_cpu_linear (DifBackend *be, const DifTensor *x, gpointer w, DifAct act,
                          const DifTensor *residual, DifTensor *y, GError **error);
gboolean _dif_cpu_geglu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate,
                         DifTensor *y, GError **error);

gpointer _dif_cpu_conv_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                            const DifHostArray *bias, const DifConvSpec *spec, gsize *bytes,
                            GError **error);
gboolean _dif_cpu_conv2d (DifBackend *be, const DifTensor *x, gpointer w, const DifConvSpec *spec,
                          const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                          GError **error);

gpointer _dif_cpu_norm_new (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift,
                            gsize *bytes, GError **error);
void     _dif_cpu_norm_free (DifBackend *be, gpointer w);
gboolean _dif_cpu_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups,
                              float eps, DifAct act, DifTensor *y, GError **error);
gboolean _dif_cpu_layer_norm (DifBackend *be, const DifTensor *x, gpointer norm, float eps,
                              DifTensor *y, GError **error);

gboolean _dif_cpu_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error);

gpointer _dif_cpu_table_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes,
                             GError **error);
void     _dif_cpu_table_free (DifBackend *be, gpointer w);
gboolean _dif_cpu_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                         GError **error);
gboolean _dif_cpu_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y,
                              GError **error);
gboolean _dif_cpu_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                       GError **error);
gboolean _dif_cpu_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                          GError **error);
gboolean _dif_cpu_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);
gboolean _dif_cpu_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                          GError **error);
gboolean _dif_cpu_lincomb (DifBackend *be, guint n, const float *coef, const DifTensor *const *x,
                           DifTensor *y, GError **error);
gboolean _dif_cpu_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                         GError **error);
double   _dif_cpu_limit (DifBackend *be, DifDtype dtype);
gboolean _dif_cpu_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);

G_END_DECLS

#endif /* DIF_BACKENDS_CPU_PRIVATE_H */
