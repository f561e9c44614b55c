/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-private.h - shared by the host's side of the cuda backend.
 *
 * Everything is queued on one stream and finishes in order; only download and
 * what must know a result waits.  A failure of the card shows at the next
 * call, whichever that is.
 */
#ifndef DIF_BACKENDS_CUDA_PRIVATE_H
#define DIF_BACKENDS_CUDA_PRIVATE_H

#include "backends/cuda/cuda-abi.h"
#include "backends/cuda/cuda-arena.h"
#include "backends/cuda/kernels.h"
#include "tensor/backend.h"

G_BEGIN_DECLS

/** DifCudaKernel: index of a kernel, DIF_CUDA_KERNEL_cast and so on. */
typedef enum
{
#define INDEX(name, Args) DIF_CUDA_KERNEL_##name,
  DIF_CUDA_KERNELS (INDEX)
#undef INDEX
      DIF_CUDA_N_KERNELS
} DifCudaKernel;

/** DIF_CUDA_SCRATCH: bytes an op takes at most for what it needs in between; larger
 * products are done a slice of rows at a time. */
#define DIF_CUDA_SCRATCH ((gsize) 128 << 20)

/** DIF_CUDA_LT_WORKSPACE: bytes that cuBLASLt may use. */
#define DIF_CUDA_LT_WORKSPACE ((gsize) 32 << 20)

/** DifCudaStage: a buffer pair, each made when first needed; @done is recorded when the card
 * has read it. */
typedef struct
{
  gpointer host, device;
  CuEvent  done;
} DifCudaStage;

/** DifCuda: an open card. */
typedef struct
{
  DifBackend    parent;
  GMutex        lock; /* one op at a time, whichever thread it comes from */
  DifCudaDriver cu;
  CuDevice      device;
  CuContext     context;
  CuStream      stream;
  CuModule      module;
  CuKernel      kernels[DIF_CUDA_N_KERNELS];
  DifCudaArena *tensors, *weights, *persistent; /* cuda-memory.c says what goes where */
  DifCudaArena *capture_arena;                  /* of tensors, while a graph is noted down */
  DifCudaStage  stages[2];
  guint         next_stage;
  gsize         stage_bytes;
  GThreadPool  *readers; /* cuda-fill.c; NULL if they could not be had */
  guint         n_readers;
  CuEvent       paced[2]; /* of _dif_cuda_pace() */
  guint         next_paced;
  gpointer      fetched; /* pinned: of _dif_cuda_fetch() */
  gsize         fetched_bytes;

  gsize at_first; /* bytes free when it was opened */
  gsize most;     /* bytes to use at most; 0: all there is */

  /* where weights are: cuda-resident.c */
  GQueue  residents;           /* matrices on the card, used last at the tail */
  guint64 op_count;            /* calls of _dif_cuda_begin() */
  guint64 moves, moves_before; /* of matrices to or from the host; at the last graph_begin */
  gsize   largest;             /* bytes of a matrix */

  /* of a plan only */
  DifBackend     *plan_of;
  DifBackendClass own_class;

  gboolean    has_lt;
  DifCudaLt   lt;
  LtHandle    lt_handle;
  GHashTable *plans; /* of products by cuBLASLt */
  gpointer    lt_workspace;
} DifCuda;

/** DifCudaWeight: a matrix [n_out, kh * kw * n_in] of @dtype, channels last, valid after
 * _dif_cuda_need(); the bias in f32 and, if no value loses by it, in @dtype as well. */
typedef struct
{
  gsize    n_out, n_in, kh, kw;
  DifDtype dtype;
  gpointer w; /* NULL while it waits in host memory */
  float   *bias;
  gpointer narrow_bias;
  gsize    bytes;
  gpointer host;     /* pinned copy of w, since it first had to make room */
  guint64  last_use; /* an op_count; 0: never */
  GList    link;     /* among the residents */
} DifCudaWeight;

/** DifCudaNorm: scale and shift, f32; no shift for a norm without. */
typedef struct
{
  float *scale, *shift;
  gsize  bytes;
} DifCudaNorm;

/**
 * DifCudaProduct:
 * @x: [rows, K] of the weight's dtype; an image if @window is given
 * @w: the weight
 * @window: (nullable): what makes rows of K of the image
 * @rows: rows of x and y
 * @first_row: which row of the whole y the first one is; counts for @per_channel
 * @rows_per_item: rows that share a row of @per_channel
 * @per_channel: (nullable): f32 [items, N]
 * @residual: (nullable): [rows, N] of the weight's dtype, may be y
 * @y: [rows, N]
 * @to: dtype of y; f32 goes without residual
 * @act: after the bias, before what is added
 */
typedef struct
{
  const void          *x;
  const DifCudaWeight *w;
  const ConvWindow    *window;
  gsize                rows, first_row, rows_per_item;
  const float         *per_channel;
  const void          *residual;
  void                *y;
  DifDtype             to;
  DifAct               act;
} DifCudaProduct;

/* ---- cuda.c ---- */

/** _dif_cuda_begin: makes the card this thread's and keeps others out till _dif_cuda_end(). */
DifCuda *_dif_cuda_begin (DifBackend *be);

/** _dif_cuda_end: lets others in. Returns: @ok */
gboolean _dif_cuda_end (DifCuda *cuda, gboolean ok);

/** _dif_cuda_kernel_names: by DifCudaKernel. */
extern const char *const _dif_cuda_kernel_names[];

/** _dif_cuda_give_places: the device's halves of the staging buffers back to the tensors'
 * arena. */
void _dif_cuda_give_places (DifCuda *cuda);

/** _dif_cuda_check: turns what the driver says into an error; @what was being done. */
gboolean _dif_cuda_check (DifCuda *cuda, CuResult result, const char *what, GError **error);

/** _dif_cuda_launch: queues @blocks blocks of a kernel; @args is its struct. */
gboolean _dif_cuda_launch (DifCuda *cuda, DifCudaKernel kernel, gsize blocks, const void *args,
                           GError **error);

/** _dif_cuda_each: queues a kernel whose threads share out @n elements. */
gboolean _dif_cuda_each (DifCuda *cuda, DifCudaKernel kernel, gsize n, const void *args,
                         GError **error);

/* ---- cuda-memory.c ---- */

/** _dif_cuda_new_arena: one whose regions are the card's. */
DifCudaArena *_dif_cuda_new_arena (DifCuda *cuda, gsize region);

/** _dif_cuda_limit_memory: on opening: DIF_CUDA_MEMORY, in MiB, is all that is used of the card. */
void _dif_cuda_limit_memory (DifCuda *cuda);

/** _dif_cuda_memory: what is free of the card and what there is, in bytes, as it is limited. */
void _dif_cuda_memory (DifCuda *cuda, gsize *available, gsize *total);

/** _dif_cuda_take: memory of an arena; OUT_OF_MEMORY says what is left. */
gpointer _dif_cuda_take (DifCuda *cuda, DifCudaArena *arena, gsize bytes, GError **error);

/** _dif_cuda_out_of_memory: sets the error that says what is left; @bytes were wanted. */
void _dif_cuda_out_of_memory (DifCuda *cuda, gsize bytes, GError **error);

/** _dif_cuda_pin: @host (out): @bytes of the host's memory that the card reads and writes. */
gboolean _dif_cuda_pin (DifCuda *cuda, gsize bytes, gpointer *host, GError **error);

/** _dif_cuda_next_stage: the next pair, its host buffer there and free to be filled. */
DifCudaStage *_dif_cuda_next_stage (DifCuda *cuda, GError **error);

/** _dif_cuda_send: copies to the card; @from may be done with as one likes once this returns. */
gboolean _dif_cuda_send (DifCuda *cuda, CuPointer to, const void *from, gsize bytes,
                         GError **error);

/** _dif_cuda_start_readers: threads for _dif_cuda_fill(), which does without if there are none. */
void _dif_cuda_start_readers (DifCuda *cuda);
void _dif_cuda_stop_readers (DifCuda *cuda);

/** _dif_cuda_fill: memcpy() of what may not be read from the disk yet, by several threads. */
void _dif_cuda_fill (DifCuda *cuda, gpointer to, gconstpointer from, gsize bytes);

/** _dif_cuda_drop_stages: frees the staging buffers. */
void _dif_cuda_drop_stages (DifCuda *cuda);

gpointer      _dif_cuda_alloc (DifBackend *be, gsize bytes, GError **error);
void          _dif_cuda_free (DifBackend *be, gpointer data, gsize bytes);
void          _dif_cuda_trim (DifBackend *be);
gboolean      _dif_cuda_reserve (DifBackend *be, gsize bytes, gsize *room, GError **error);
gboolean      _dif_cuda_upload (DifBackend *be, gpointer dst, const void *src, gsize bytes,
                                GError **error);
gboolean      _dif_cuda_download (DifBackend *be, void *dst, gconstpointer src, gsize bytes,
                                  GError **error);
gconstpointer _dif_cuda_fetch (DifBackend *be, gconstpointer src, gsize bytes, GError **error);
gboolean      _dif_cuda_copy (DifBackend *be, gpointer dst, gconstpointer src, gsize bytes,
                              GError **error);
gboolean      _dif_cuda_wait (DifBackend *be, GError **error);
gboolean      _dif_cuda_pace (DifBackend *be, GError **error);

/* ---- cuda-resident.c ---- */

/** _dif_cuda_matrix_bytes: of the matrix alone. */
gsize _dif_cuda_matrix_bytes (const DifCudaWeight *w);

/** _dif_cuda_take_matrix: memory for the matrix of @w. */
gpointer _dif_cuda_take_matrix (DifCuda *cuda, const DifCudaWeight *w, GError **error);

/** _dif_cuda_load_resident: @w, whose matrix is on the card, may be sent away from now on. */
void _dif_cuda_load_resident (DifCuda *cuda, DifCudaWeight *w);

/** _dif_cuda_offload_all: before @w is freed. */
void _dif_cuda_offload_all (DifCuda *cuda, DifCudaWeight *w);

/** _dif_cuda_need: brings @w to the card if it is not there; it persistent for this turn. */
gboolean _dif_cuda_need (DifCuda *cuda, DifCudaWeight *w, GError **error);

/* ---- cuda-plan.c ---- */

DifBackend *_dif_cuda_plan (DifBackend *be);
gsize       _dif_cuda_planned (DifBackend *plan);

/* ---- cuda-graph.c ---- */

gpointer _dif_cuda_graph_begin (DifBackend *be, gsize bytes, GError **error);
gboolean _dif_cuda_graph_end (DifBackend *be, gpointer graph, GError **error);
gboolean _dif_cuda_graph_launch (DifBackend *be, gpointer graph, GError **error);
void     _dif_cuda_graph_free (DifBackend *be, gpointer graph);

/* ---- cuda-weight.c ---- */

gpointer _dif_cuda_linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                               const DifHostArray *bias, gsize *bytes, GError **error);
gpointer _dif_cuda_conv_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                             const DifHostArray *bias, const DifConvSpec *spec, gsize *bytes,
                             GError **error);
gpointer _dif_cuda_norm_new (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift,
                             gsize *bytes, GError **error);
gpointer _dif_cuda_table_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes,
                              GError **error);
void     _dif_cuda_weight_free (DifBackend *be, gpointer w);
void     _dif_cuda_norm_free (DifBackend *be, gpointer norm);

/* ---- cuda-lt.c ---- */

/** _dif_cuda_lt_start: opens cuBLASLt if it is there. */
void _dif_cuda_lt_start (DifCuda *cuda);

/** _dif_cuda_lt_stop: closes it. */
void _dif_cuda_lt_stop (DifCuda *cuda);

/** _dif_cuda_lt_workspace: takes what it may use, if there is room and it is not taken yet. */
void _dif_cuda_lt_workspace (DifCuda *cuda);

/**
 * _dif_cuda_lt_product:
 * @bias: (nullable): of the dtype of y, added to every row
 * @done: (out): FALSE if cuBLASLt has nothing for this shape; no error then
 *
 * y = x w^T + bias + residual: of @p no window, no per_channel, no act.
 */
gboolean _dif_cuda_lt_product (DifCuda *cuda, const DifCudaProduct *p, const void *bias,
                               gboolean *done, GError **error);

/* ---- cuda-product.c ---- */

/** _dif_cuda_product: a product by cuBLASLt where it can, by the plain kernel where not. */
gboolean _dif_cuda_product (DifCuda *cuda, const DifCudaProduct *p, GError **error);

gboolean _dif_cuda_linear (DifBackend *be, const DifTensor *x, gpointer w, DifAct act,
                           const DifTensor *residual, DifTensor *y, GError **error);
gboolean _dif_cuda_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate,
                        DifAct act, DifTensor *y, GError **error);
gboolean _dif_cuda_conv2d (DifBackend *be, const DifTensor *x, gpointer w, const DifConvSpec *spec,
                           const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                           GError **error);
double   _dif_cuda_limit (DifBackend *be, DifDtype dtype);

/* ---- cuda-ops.c ---- */

gboolean _dif_cuda_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups,
                               float eps, DifAct act, DifTensor *y, GError **error);
gboolean _dif_cuda_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y,
                               GError **error);
gboolean _dif_cuda_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                        GError **error);
gboolean _dif_cuda_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                           GError **error);
gboolean _dif_cuda_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);
gboolean _dif_cuda_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                           GError **error);
gboolean _dif_cuda_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                          GError **error);
gboolean _dif_cuda_lincomb (DifBackend *be, guint n, const float *coef, const DifTensor *const *x,
                            DifTensor *y, GError **error);
gboolean _dif_cuda_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                          GError **error);
gboolean _dif_cuda_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);

/* ---- cuda-rows.c ---- */

gboolean _dif_cuda_row_norm (DifBackend *be, const DifTensor *x, gpointer norm,
                             const DifRowNorm *spec, const DifScaleShift *after, DifTensor *y,
                             GError **error);
gboolean _dif_cuda_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s,
                                DifTensor *y, GError **error);
gboolean _dif_cuda_rotate (DifBackend *be, const DifTensor *x, gpointer norm,
                           const DifRotary *spec, DifTensor *y, GError **error);
gboolean _dif_cuda_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b,
                             DifTensor *y, GError **error);
gboolean _dif_cuda_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y,
                          GError **error);
gboolean _dif_cuda_permute (DifBackend *be, const DifTensor *x, const DifPermutation *p,
                            DifTensor *y, GError **error);
gboolean _dif_cuda_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error);

/* ---- cuda-image.c, made of kernels.cu ---- */

/** _dif_cuda_image: the kernels, compiled for every card; for cuModuleLoadData. */
extern const char _dif_cuda_image[];

G_END_DECLS

#endif /* DIF_BACKENDS_CUDA_PRIVATE_H */
