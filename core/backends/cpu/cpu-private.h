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

/** DIF_CPU_N_BUFFERS: 0 is oneDNN's scratchpad, 3 for weights that are widened, the
 * others an op's own. */
#define DIF_CPU_N_BUFFERS 4

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
  gboolean             keep_narrow; /* whether weights stay as narrow as in their file */
  int                  n_threads;
  GMutex               choice_lock; /* for the two below, found when first asked for */
  DifDtype             best;
  char                *why_best;
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

/**
 * _dif_cpu_span_narrow:
 * @cpu: a backend
 * @y: (array length=n): elements of @dtype
 * @x: (array length=n): floats that @dtype holds exactly, or F32 all
 * @dtype: F32, F16 or BF16
 * @n: count
 *
 * Undoes _dif_cpu_span_to_f32(), on the calling thread.
 */
void _dif_cpu_span_narrow (DifCpu *cpu, void *y, const float *x, DifDtype dtype, gsize n);

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
 * @dtype: of activations and products
 * @stored: of @data: @dtype, or half as wide and no less exact: a file's f16 or
 *   bf16 is widened to f32 where it is multiplied
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
  DifDtype           dtype, stored;
  gboolean           is_conv;
  gsize              n_out, n_in, kh, kw;
  DifConvSpec        spec;
  dnnl_memory_desc_t md;
  gpointer           data;
  gsize              bytes;
  float             *bias;
  GPtrArray         *primitives;
} DifCpuWeight;

/** DIF_CPU_KEY_SLICE: DIF_CPU_KEY_THREAD: where a key tells outputs of a slice
 * and the thread, both 0 for the whole weight; describing functions use what is
 * before these. */
#define DIF_CPU_KEY_SLICE  (DIF_CPU_KEY - 1)
#define DIF_CPU_KEY_THREAD (DIF_CPU_KEY - 2)

/**
 * DifCpuCall:
 * @key: what makes the primitive differ: shape, post-ops
 * @rows: rows of @dst, of n_out elements each
 * @sum: whether the post-ops add to what @dst holds
 * @src: x
 * @dst: y
 * @bias: (nullable): instead of the weight's own
 * @extra: operands of the binary post-ops, in order, n_out elements in a row
 *
 * One use of a weight.
 */
typedef struct
{
  gint64       key[DIF_CPU_KEY];
  gsize        rows;
  gboolean     sum;
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
 * DifCpuSlices:
 * @rows: outputs in a slice
 * @n: whole slices
 * @rest: outputs in the last one, 0 if there is none
 * @rest_rows: @rest and what fills up its last block
 * @row: elements of an output in the file
 * @block: outputs that are packed together
 * @block_stride: elements from block to block in the packed weight
 * @stride: elements from slice to slice
 * @joined: whether a slice lies in one piece
 * @axis: of the outputs in oneDNN's order
 *
 * A packed weight cut across its outputs.
 */
typedef struct
{
  gsize    rows, n, rest, rest_rows, row, block, block_stride, stride;
  gboolean joined;
  int      axis;
} DifCpuSlices;

/**
 * _dif_cpu_cut:
 * @w: a weight whose @md is there
 * @s: (out): block, row, axis and joined; slices of one block each
 *
 * Returns: FALSE where the layout cannot be cut that way
 */
gboolean _dif_cpu_cut (const DifCpuWeight *w, DifCpuSlices *s);

/**
 * _dif_cpu_cut_into:
 * @w: the weight
 * @s: (inout): from _dif_cpu_cut()
 * @blocks: how many make a slice
 */
void _dif_cpu_cut_into (const DifCpuWeight *w, DifCpuSlices *s, gsize blocks);

/**
 * _dif_cpu_slice_md:
 * @w: a weight
 * @s: how it is cut
 * @whole: layout of the whole weight: in the file, or packed
 * @first: first output
 * @rows: outputs
 * @md: (out): layout of these
 *
 * Returns: oneDNN's status
 */
dnnl_status_t _dif_cpu_slice_md (const DifCpuWeight *w, const DifCpuSlices *s,
                                 const_dnnl_memory_desc_t whole, gsize first, gsize rows,
                                 dnnl_memory_desc_t *md);

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
 * @template: dtype, is_conv, sizes and spec; how it is stored is decided here
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
 * _dif_cpu_weight_wide:
 * @cpu: a locked backend
 * @w: a weight
 * @error: return location
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: (transfer none) (nullable): its elements in its dtype, as @md says;
 * valid until the next weight is used
 */
const void *_dif_cpu_weight_wide (DifCpu *cpu, const DifCpuWeight *w, GError **error);

/** _dif_cpu_is_slow: whether oneDNN does @pd by plain loops. */
gboolean _dif_cpu_is_slow (const_dnnl_primitive_desc_t pd);

/** _dif_cpu_primitive_fill: completes @p, whose extra arguments are known, from its
 * description. */
dnnl_status_t _dif_cpu_primitive_fill (DifCpu *cpu, const_dnnl_primitive_desc_t pd,
                                       DifCpuPrimitive *p);

/** _dif_cpu_primitive_free: frees a primitive and what it is bound to. */
void _dif_cpu_primitive_free (DifCpuPrimitive *p);

/**
 * _dif_cpu_primitive_new:
 * @cpu: a locked backend
 * @w: a weight
 * @key: which primitive
 * @md: layout of the weight
 * @describe: as for _dif_cpu_weight_new()
 *
 * Returns: (transfer full) (nullable): a primitive; NULL if oneDNN has none, or
 * but a slow one, or memory runs out
 */
DifCpuPrimitive *_dif_cpu_primitive_new (DifCpu *cpu, const DifCpuWeight *w, const gint64 *key,
                                         const_dnnl_memory_desc_t md, DifCpuDescribe describe);

/**
 * _dif_cpu_primitive_run:
 * @cpu: a locked backend
 * @p: a primitive that no other thread runs
 * @call: what to compute
 * @weights: what it is multiplied with
 * @bias: (nullable): what is added
 * @scratch: the scratchpad
 *
 * Returns: oneDNN's status
 */
dnnl_status_t _dif_cpu_primitive_run (DifCpu *cpu, DifCpuPrimitive *p, const DifCpuCall *call,
                                      const void *weights, const float *bias, void *scratch);

/**
 * _dif_cpu_slices_run:
 * @cpu: a locked backend
 * @w: a weight
 * @call: what to compute
 * @describe: as for _dif_cpu_weight_new()
 * @ok: (out): whether it was computed; FALSE with @error set
 * @error: return location
 *
 * A large weight and few rows: every thread takes slices of outputs, and
 * widens each in its own cache.
 *
 * Errors: DIF_BACKEND_ERROR.
 *
 * Returns: FALSE if it is better done, or must be done, with the whole weight;
 * that does not depend on how the weight is stored
 */
gboolean _dif_cpu_slices_run (DifCpu *cpu, DifCpuWeight *w, const DifCpuCall *call,
                              DifCpuDescribe describe, gboolean *ok, GError **error);

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

/* ---- what it is best to compute in (cpu-rate.c) ---- */

/**
 * DifCpuRates:
 * @f32: multiply-adds per second of a product
 * @bf16: the same in bf16
 */
typedef struct
{
  double f32, bf16;
} DifCpuRates;

/**
 * _dif_cpu_identity:
 * @cpu: a backend
 *
 * Returns: (transfer full): a line of all that rates depend on: the CPU, what of
 * it is used, oneDNN, threads
 */
char *_dif_cpu_identity (DifCpu *cpu);

/**
 * _dif_cpu_rates_path:
 * @cpu: a backend
 *
 * Returns: (transfer full): where its rates are kept, in the user's cache folder
 */
char *_dif_cpu_rates_path (DifCpu *cpu);

/**
 * _dif_cpu_rates_read:
 * @path: a file
 * @identity: of the machine
 * @rates: (out): its rates
 *
 * Returns: FALSE if there is no such file, or it is of another machine, or it
 * says what cannot be
 */
gboolean _dif_cpu_rates_read (const char *path, const char *identity, DifCpuRates *rates);

/**
 * _dif_cpu_rates_write:
 * @path: @identity: @rates: as for _dif_cpu_rates_read()
 *
 * Replaces the file whole; that it cannot be written is no error.
 */
void _dif_cpu_rates_write (const char *path, const char *identity, const DifCpuRates *rates);

/** DifCpuNorm: scale [n], then shift [n], which is zeros for a norm without. */
typedef struct
{
  gsize n, bytes;
  float data[];
} DifCpuNorm;

/* ---- ops, the slots of DifBackendClass of the same names ---- */

DifDtype    _dif_cpu_best_dtype (DifBackend *be);
const char *_dif_cpu_why_best (DifBackend *be);

gpointer _dif_cpu_linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                              const DifHostArray *bias, gsize *bytes, GError **error);
gboolean _dif_cpu_linear (DifBackend *be, const DifTensor *x, gpointer w, DifAct act,
                          const DifTensor *residual, DifTensor *y, GError **error);
gboolean _dif_cpu_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate,
                       DifAct act, DifTensor *y, GError **error);

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
gboolean _dif_cpu_row_norm (DifBackend *be, const DifTensor *x, gpointer norm,
                            const DifRowNorm *spec, const DifScaleShift *after, DifTensor *y,
                            GError **error);
gboolean _dif_cpu_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s,
                               DifTensor *y, GError **error);
gboolean _dif_cpu_rotate (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec,
                          DifTensor *y, GError **error);
gboolean _dif_cpu_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b,
                            DifTensor *y, GError **error);
gboolean _dif_cpu_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y,
                         GError **error);
gboolean _dif_cpu_permute (DifBackend *be, const DifTensor *x, const DifPermutation *p,
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
