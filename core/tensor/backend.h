/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* backend.h - what a device must implement.
 *
 * ops-*.c have checked shapes and dtypes before any slot is called; a backend
 * computes and may assume.  Every slot that can fail returns FALSE (or NULL)
 * and sets a DIF_BACKEND_ERROR.  The comment at a slot is its specification;
 * backends/ref/ is its executable form.
 *
 * Activations are channels last, in f32 or in the dtype the weights were
 * prepared for, and contiguous but where a slot says that views are taken:
 * tensors whose rows lie apart.  Sums are accumulated in f32 or better.  Outputs
 * never alias inputs except where "may alias" is said.
 */
#ifndef DIF_TENSOR_BACKEND_H
#define DIF_TENSOR_BACKEND_H

#include "tensor/host-array.h"
#include "tensor/tensor.h"

G_BEGIN_DECLS

/** DIF_BACKEND_API: grows when DifBackendClass changes; checked on modules. */
#define DIF_BACKEND_API 8

/**
 * DifConvSpec:
 * @stride: 1 or 2, both directions
 * @pad: zero rows and columns added at top, bottom, left, right
 */
typedef struct
{
  guint stride;
  struct
  {
    guint top, bottom, left, right;
  } pad;
} DifConvSpec;

/**
 * DifRows:
 * @t: where the rows are
 * @offset: elements before row 0 of batch 0
 * @stride: elements from one row (token) to the next
 * @batch: elements from one batch item to the next; 0 to share one item
 *
 * Query, key or value rows inside a fused projection's output: head h of a
 * row lies @offset + row * @stride + h * head_dim.
 */
typedef struct
{
  const DifTensor *t;
  gsize            offset;
  gsize            stride;
  gsize            batch;
} DifRows;

/**
 * DifSegment:
 * @q: queries, @n_queries rows
 * @k: keys, @n_keys rows
 * @v: values, @n_keys rows
 *
 * Tokens that follow others in one sequence, wherever they lie; without
 * queries @q is not read, without keys neither @k nor @v.
 */
typedef struct
{
  DifRows q, k, v;
  gsize   n_queries, n_keys;
} DifSegment;

/** DIF_MAX_SEGMENTS: most segments of a sequence, the first counted. */
#define DIF_MAX_SEGMENTS 4

/**
 * DifAttention:
 * @q: queries, @n_queries rows
 * @k: keys, @n_keys rows
 * @v: values, @n_keys rows
 * @n_batch: batch items
 * @n_heads: heads
 * @head_dim: width of a head, any positive number
 * @scale: factor on q.k before the softmax, usually head_dim^-1/2
 * @causal: row i sees keys 0..i only
 * @n_kv_heads: heads of keys and values, divides @n_heads: head h reads head
 *   h / (n_heads / n_kv_heads); 0 for as many as @n_heads
 * @bias: (nullable): f32 `[n_batch or 1, n_heads or 1, queries or 1, keys]`, added
 *   to the scores after @scale; -INFINITY hides a key (from some, not all, of a
 *   row's keys), so that one row an item is a mask of keys
 * @more: (array length=n_more): segments that follow q, k, v in the sequence
 * @n_more: below DIF_MAX_SEGMENTS
 *
 * Rows of @causal, @bias and the result count through all segments.
 */
typedef struct
{
  DifRows  q, k, v;
  gsize    n_batch, n_queries, n_keys;
  guint    n_heads, head_dim;
  float    scale;
  gboolean causal;

  guint             n_kv_heads;
  const DifTensor  *bias;
  const DifSegment *more;
  guint             n_more;
} DifAttention;

/**
 * DifScaleShift:
 * @scale: (nullable): `[N or 1, C]`
 * @shift: (nullable): `[N or 1, C]`
 * @residual: (nullable): of x's shape and dtype
 * @plus: added to @scale, or the factor itself without one; 0 or 1 in practice
 *
 * x * (plus + scale) + shift + residual, where every item of x `[N, .., C]` has
 * its own vectors, or all share one.  Vectors are f32 or of x's dtype.  All may
 * be views.
 */
typedef struct
{
  const DifTensor *scale, *shift, *residual;
  float            plus;
} DifScaleShift;

/**
 * DifRowNorm:
 * @center: whether the mean is taken off: layer norm, else root mean square norm
 * @n_heads: equal parts of a row that are normalised each by itself
 * @eps: added to the variance or to the mean square
 */
typedef struct
{
  gboolean center;
  guint    n_heads;
  float    eps;
} DifRowNorm;

/**
 * DifRotary:
 * @table: f32 `[T, 2 D]`: factors of a head of D in row t: D of itself, then D of
 *   its partner, signs included
 * @n_heads: heads in a row, of D each
 * @halves: partners are D / 2 apart; else they are neighbours 2 i and 2 i + 1
 * @eps: of the norm before
 *
 * Rotary position embedding: y_i = x_i table[t, i] + x_partner(i) table[t, D + i].
 */
typedef struct
{
  const DifTensor *table;
  guint            n_heads;
  gboolean         halves;
  float            eps;
} DifRotary;

/** DIF_PERMUTE_DIMS: most dimensions that are permuted at once. */
#define DIF_PERMUTE_DIMS 6

/**
 * DifPermutation:
 * @n: 1 to DIF_PERMUTE_DIMS
 * @d: (array length=n): dimensions of what is read, outermost first
 * @stride: (array length=n): elements from one to the next; 0 repeats
 * @offset: the first element
 */
typedef struct
{
  guint n;
  gsize d[DIF_PERMUTE_DIMS], stride[DIF_PERMUTE_DIMS], offset;
} DifPermutation;

/**
 * DifGather:
 * @n_out: rows of an item of the output
 * @n_terms: rows of the input that make one of them
 * @rows: (array): `[n_out, n_terms]`: which rows of the same item; a negative
 *   one stands for a row of zeros
 * @weights: (nullable): `[n_out, n_terms]`: factors of a sum; NULL takes the
 *   greatest instead, element by element (a copy where @n_terms is 1)
 *
 * Host memory: interpolation, pooling and moving pixels differ in this only.
 */
typedef struct
{
  gsize         n_out, n_terms;
  const gint32 *rows;
  const float  *weights;
} DifGather;

/**
 * DifBackend:
 *
 * An open device.  Backends embed this as their first member.
 */
struct _DifBackend
{
  const DifBackendClass *klass;
  gint                   ref_count;
  gsize                  live_bytes; /* handed out by alloc and the *_new slots */
  gsize                  peak_bytes;
};

/**
 * DifBackendClass:
 *
 * A kind of device: its table of functions, each specified above its slot.
 */
struct _DifBackendClass
{
  guint       api;  /* DIF_BACKEND_API */
  const char *name; /* "ref", "cpu", "cuda" */
  const char *description;

  /* Opens the device; @options is what follows "name:" or NULL.
   * NOT_AVAILABLE with the reason if it is not here. */
  DifBackend *(*open) (const char *options, GError **error);
  void (*close) (DifBackend *be);

  /* Whether activations and prepared weights may have this dtype, and the
   * fastest dtype that keeps pictures right.  best_dtype may take a fraction of
   * a second when it is first asked for. */
  gboolean (*supports) (DifBackend *be, DifDtype dtype);
  DifDtype (*best_dtype) (DifBackend *be);

  /* Device memory, 64-byte aligned; freed blocks may be kept for reuse until
   * trim.  Both keep live_bytes and peak_bytes. */
  gpointer (*alloc) (DifBackend *be, gsize bytes, GError **error);
  void (*free) (DifBackend *be, gpointer data, gsize bytes);
  void (*trim) (DifBackend *be);

  /* Copies between host and device memory. */
  gboolean (*upload) (DifBackend *be, gpointer dst, const void *src, gsize bytes, GError **error);
  gboolean (*download) (DifBackend *be, void *dst, gconstpointer src, gsize bytes, GError **error);

  /* Weights, prepared once: converted to @dtype and laid out as the device
   * likes.  Arrays are plain: dif_host_dtype() tells of what elements.
   * linear: @w [N, K], y = x w^T + bias.  conv: @w [O, I, kh, kw].
   * norm: @scale and @shift [C], kept in f32; shift->data may be NULL.  table: [rows, D].
   * Biases [N] are kept in f32; bias->data may be NULL.
   * @bytes (out): memory taken.  Thread-safe is not required. */
  gpointer (*linear_new) (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                          const DifHostArray *bias, gsize *bytes, GError **error);
  gpointer (*conv_new) (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                        const DifHostArray *bias, const DifConvSpec *spec, gsize *bytes,
                        GError **error);
  gpointer (*norm_new) (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift,
                        gsize *bytes, GError **error);
  gpointer (*table_new) (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes,
                         GError **error);
  void (*linear_free) (DifBackend *be, gpointer w);
  void (*conv_free) (DifBackend *be, gpointer w);
  void (*norm_free) (DifBackend *be, gpointer w);
  void (*table_free) (DifBackend *be, gpointer w);

  /* y [.., N] = act (x [.., K] w^T + bias) + residual [.., N] (nullable).
   * y may alias residual. */
  gboolean (*linear) (DifBackend *be, const DifTensor *x, gpointer w, DifAct act,
                      const DifTensor *residual, DifTensor *y, GError **error);

  /* y [.., N] = (x wv^T + bv) * act (x wg^T + bg). */
  gboolean (*glu) (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate, DifAct act,
                   DifTensor *y, GError **error);

  /* y [N, H', W', O] = conv (x [N, H, W, I]) + bias + per_channel [N, O]
   * (nullable, f32, broadcast over H', W') + residual [N, H', W', O]
   * (nullable).  y may alias residual. */
  gboolean (*conv2d) (DifBackend *be, const DifTensor *x, gpointer w, const DifConvSpec *spec,
                      const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                      GError **error);

  /* y = act (normalise each of n_groups groups of C / n_groups channels over
   * all positions of an item: x is [N, .., C], flattened to [N, P, C]).
   * Biased variance, statistics in f32 or better.  y may alias x. */
  gboolean (*group_norm) (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups,
                          float eps, DifAct act, DifTensor *y, GError **error);

  /* y = rows of x [.., C], or each of spec->n_heads parts of a row, normalised
   * with norm's scale and shift [C / n_heads] (nullable: 1 and 0), then, in one
   * pass, @after (nullable).  x may be a view; y may alias x, if that is none. */
  gboolean (*row_norm) (DifBackend *be, const DifTensor *x, gpointer norm, const DifRowNorm *spec,
                        const DifScaleShift *after, DifTensor *y, GError **error);

  /* y = x scaled and shifted.  x may be a view; y may alias x or the residual,
   * if that is none. */
  gboolean (*scale_shift) (DifBackend *be, const DifTensor *x, const DifScaleShift *s,
                           DifTensor *y, GError **error);

  /* y [N, T, n_heads * D] = x rotated, each head first brought to root mean
   * square 1 and scaled by norm [D] if there is one (nullable).  x may be a
   * view; y may alias x, if that is none. */
  gboolean (*rotate) (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec,
                      DifTensor *y, GError **error);

  /* y [n_batch, n_queries, n_heads * head_dim] = softmax (scale q k^T) v. */
  gboolean (*attention) (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error);

  /* y = act (x); y may alias x. */
  gboolean (*activation) (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y,
                          GError **error);

  /* y = act (a) * b, same shape and dtype.  Both may be views; y may alias
   * either, if that is none. */
  gboolean (*multiply) (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b,
                        DifTensor *y, GError **error);

  /* y = x, negative elements times the scale [C] of norm, channel by channel;
   * y may alias x. */
  gboolean (*prelu) (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y,
                     GError **error);

  /* y = a + b, same shape and dtype; y may alias either. */
  gboolean (*add) (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                   GError **error);

  /* y [.., Ca + Cb] = a [.., Ca] beside b [.., Cb]. */
  gboolean (*concat) (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                      GError **error);

  /* y = x's memory read as @p says, within x's span (checked); y has as many
   * elements. */
  gboolean (*permute) (DifBackend *be, const DifTensor *x, const DifPermutation *p, DifTensor *y,
                       GError **error);

  /* y [N, H', W', C]: pixel (i, j) is x's (floor (i H / H'), floor (j W / W')). */
  gboolean (*upsample) (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);

  /* y [N, n_out, C] = sums (or greatest) of rows of x, [N, .., C] flattened to
   * [N, R, C]; @g's rows are below R, checked. */
  gboolean (*gather) (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                      GError **error);

  /* y [n, D] = row ids[i] of the table; ids are host memory, checked. */
  gboolean (*embed) (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                     GError **error);

  /* y = sum over i of coef[i] * x[i], all f32 and of y's shape; y may alias
   * any x. */
  gboolean (*lincomb) (DifBackend *be, guint n, const float *coef, const DifTensor *const *x,
                       DifTensor *y, GError **error);

  /* y = min (max (x, lo), hi), f32; y may alias x. */
  gboolean (*clamp) (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                     GError **error);

  /* y = x converted to y's floating dtype. */
  gboolean (*cast) (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);

  /* Multiply-adds per second of a large matrix product in @dtype, measured
   * now (about a second): the limit that bench quotes.  Optional. */
  double (*limit) (DifBackend *be, DifDtype dtype);

  /* The @options for open of every device of this kind that will do, in order;
   * NOT_AVAILABLE if there is none.  Optional: NULL where there is but one. */
  char **(*list) (GError **error);

  /* Why best_dtype says what it says, part of a sentence.  Optional: NULL where it
   * is always the same. */
  const char *(*why_best) (DifBackend *be);

  /* Waits until all that was asked for is done, for devices that work behind
   * the caller's back; who measures needs it.  Optional. */
  gboolean (*wait) (DifBackend *be, GError **error);

  /* For loops: waits until what was asked for before the last call of this
   * slot is done, so that the caller runs ahead by one turn of the loop and no
   * further.  Optional. */
  gboolean (*pace) (DifBackend *be, GError **error);

  /* Begins a copy to host memory, of what was asked for before, and does not wait for
   * it: it is whole when pace was called twice from here on, or wait once.  One at a
   * time: what comes back is the device's, until the next call.  Optional: NULL
   * where download waits for nothing. */
  gconstpointer (*fetch) (DifBackend *be, gconstpointer src, gsize bytes, GError **error);

  /* Copies inside device memory.  Needed by the graph_* slots. */
  gboolean (*copy) (DifBackend *be, gpointer dst, gconstpointer src, gsize bytes, GError **error);

  /* ---- planning, optional: all three or none ---- */

  /* A device like @be that computes nothing: what it hands out must not be
   * touched, uploads go nowhere, downloads give zeros.  It takes the weights
   * that @be has prepared and keeps @be alive; @be is not used meanwhile. */
  DifBackend *(*plan) (DifBackend *be);

  /* Of a device made by plan: bytes in one piece that make room for all the
   * calls so far, with what ops take in between. */
  gsize (*planned) (DifBackend *plan);

  /* Makes sure of @bytes in one piece for tensors, while there are none; the
   * calls that were planned then find their place in it.  Weights may have to
   * wait in host memory and are brought back where they are used.
   * OUT_OF_MEMORY if that is not enough; @room (out) is what there is then. */
  gboolean (*reserve) (DifBackend *be, gsize bytes, gsize *room, GError **error);

  /* ---- graphs, optional: all four or none ---- */

  /* From graph_begin to graph_end the slots that compute are not done but
   * noted down.  Their tensors are made in a piece of @bytes, as planned, that
   * belongs to the graph, and are freed before graph_end; the host's memory
   * stays out of it (no upload, download, embed, gather).  graph_launch does
   * what was noted, at the same addresses.  Before the first graph_begin the
   * same calls must have been made once for real.  NULL or FALSE with no error
   * set: not now, or not any more; the calls are to be made one by one. */
  gpointer (*graph_begin) (DifBackend *be, gsize bytes, GError **error);
  gboolean (*graph_end) (DifBackend *be, gpointer graph, GError **error);
  gboolean (*graph_launch) (DifBackend *be, gpointer graph, GError **error);
  void (*graph_free) (DifBackend *be, gpointer graph);
};

/**
 * dif_backend_open:
 * @spec: "auto", "cpu", "ref", "cuda", "cuda:1" …
 * @error: return location
 *
 * Declared here, defined in backends/registry.c, so that nobody includes a
 * backend.
 *
 * Errors: DIF_BACKEND_ERROR NOT_AVAILABLE (the message lists what there is).
 *
 * Returns: (transfer full) (nullable): an open device
 */
DIF_API DifBackend *dif_backend_open (const char *spec, GError **error);

/**
 * dif_backend_list:
 * @spec: (nullable): as for dif_backend_open(), or "cuda:all", or several different
 *   cards with commas between: "cuda:0,cuda:2"
 * @error: return location
 *
 * Which devices are meant.  Only for a kind of which all are meant is it looked
 * what there is.
 *
 * Errors: DIF_BACKEND_ERROR NOT_AVAILABLE: also for a list of anything but
 * different cards, at most 64.
 *
 * Returns: (transfer full) (nullable): at least one, each for dif_backend_open()
 */
DIF_API char **dif_backend_list (const char *spec, GError **error);

/**
 * dif_backend_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): names dif_backend_open()
 * may find, best first
 */
DIF_API const char *const *dif_backend_names (void);

/**
 * dif_backend_ref:
 * @be: a backend
 *
 * Returns: (transfer full): @be
 */
DIF_API DifBackend *dif_backend_ref (DifBackend *be);

/**
 * dif_backend_unref:
 * @be: (nullable) (transfer full): a backend; the last reference closes it
 */
DIF_API void dif_backend_unref (DifBackend *be);

/**
 * dif_backend_why_best:
 * @be: a backend
 *
 * Returns: (transfer none): why its best dtype is what it is, part of a sentence
 */
DIF_API const char *dif_backend_why_best (DifBackend *be);

/**
 * dif_backend_account:
 * @be: a backend
 * @delta: bytes taken (positive) or given back (negative)
 *
 * For backends: keeps live_bytes and peak_bytes.
 */
DIF_API void dif_backend_account (DifBackend *be, gssize delta);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifBackend, dif_backend_unref)

G_END_DECLS

#endif /* DIF_TENSOR_BACKEND_H */
