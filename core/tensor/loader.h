/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* loader.h - weights on their way from the dictionary to the device.
 *
 * A model describes each weight it wants by a DifWeightSpec; the loader finds
 * the tensors, checks their shapes, may have them changed, brings them into
 * the form the spec asks for, decodes what the backend does not take as it
 * lies in the file, has the backend prepare it, and keeps the first error.
 * What was prepared belongs to a DifStore, freed as a whole.
 */
#ifndef DIF_TENSOR_LOADER_H
#define DIF_TENSOR_LOADER_H

#include "tensor/backend.h"
#include "tensor/weights.h"

G_BEGIN_DECLS

/**
 * DifSide:
 * @rank: rows of @down
 * @area: kh * kw, 1 beside a linear weight
 * @down: prepared `[rank, n_in]`, or `[rank, n_in, kh, kw]` beside a convolution
 * @up: prepared linear weight `[n_out, rank]`, with what is added to the bias
 *
 * A low-rank change of a weight, computed beside it: y += up (down (x)).
 *
 * Source: Hu et al. 2021; peft, tuners/lora/layer.py, `forward` of what is not merged.
 */
typedef struct
{
  gsize    rank, area;
  gpointer down, up;
} DifSide;

/** DifLinear: a prepared weight `[n_out, n_in]`; @side may be NULL. */
struct _DifLinear
{
  gsize    n_out, n_in;
  gpointer prepared;
  DifSide *side;
};

/** DifConv: a prepared weight `[n_out, n_in, kh, kw]`; @side may be NULL. */
struct _DifConv
{
  gsize       n_out, n_in, kh, kw;
  DifConvSpec spec;
  gpointer    prepared;
  DifSide    *side;
};

/** DifNorm: a prepared scale and shift, or a scale alone, `[n]`. */
struct _DifNorm
{
  gsize    n;
  gpointer prepared;
};

/** DifTable: a prepared embedding table `[n_rows, n]`. */
struct _DifTable
{
  gsize    n_rows, n;
  gpointer prepared;
};

/**
 * DifWeightKind:
 * @DIF_WEIGHT_LINEAR: a DifLinear
 * @DIF_WEIGHT_CONV: a DifConv
 * @DIF_WEIGHT_NORM: a DifNorm
 * @DIF_WEIGHT_TABLE: a DifTable
 * @DIF_WEIGHT_SCALE: a DifNorm without shift
 *
 * What is made.
 */
typedef enum
{
  DIF_WEIGHT_LINEAR,
  DIF_WEIGHT_CONV,
  DIF_WEIGHT_NORM,
  DIF_WEIGHT_TABLE,
  DIF_WEIGHT_SCALE
} DifWeightKind;

/**
 * DifWeightForm:
 * @DIF_FORM_AS_STORED: as it lies in the file
 * @DIF_FORM_STANDARDIZED: a convolution each of whose filters is brought to
 *   mean 0 and variance 1 (biased, plus 1e-8)
 * @DIF_FORM_PATCHES: a linear weight `[n_out, n_in k k]` from a convolution
 *   whose stride is its side: a vision transformer's patch embedding, as a
 *   product with patches laid out as `[n_in, k, k]`
 * @DIF_FORM_ENLARGING: a linear weight `[k k n_out, n_in]` from a transposed
 *   convolution `[n_in, n_out, k, k]` whose stride is its side, to be followed
 *   by dif_pixel_shuffle()
 *
 * What is done to the numbers.
 *
 * Sources: Qiao et al. 2019, "Weight Standardization"; transformers
 * WeightStandardizedConv2d; torch.nn.ConvTranspose2d.
 */
typedef enum
{
  DIF_FORM_AS_STORED,
  DIF_FORM_STANDARDIZED,
  DIF_FORM_PATCHES,
  DIF_FORM_ENLARGING
} DifWeightForm;

/** DIF_MAX_STACK: most weights that make one. */
#define DIF_MAX_STACK 4

/**
 * DifWeightSpec:
 * @kind: what is made
 * @form: what is done to the numbers
 * @names: tensors `NAME.weight` and, with @bias, `NAME.bias` (of a table just
 *   `NAME`); of several linear ones, up to the first NULL, the rows are stacked
 * @n_out: rows of each, or output channels
 * @n_in: columns, or input channels; not for norms
 * @n_stored: rows of a linear weight in the file, if others than @n_out
 * @first: first row to take of those
 * @k: kernel side
 * @conv: stride and padding
 * @bias: whether there is a bias; norms and tables know themselves
 *
 * A weight that a model wants.
 */
typedef struct
{
  DifWeightKind kind;
  DifWeightForm form;
  const char   *names[DIF_MAX_STACK];
  gsize         n_out, n_in;
  gsize         n_stored, first;
  guint         k;
  DifConvSpec   conv;
  gboolean      bias;
} DifWeightSpec;

/**
 * dif_loader_new:
 * @weights: (nullable): what to take from; NULL makes a dry run in which every
 *   weight exists and nothing is prepared (to count and to list shapes)
 * @backend: who prepares
 * @dtype: dtype to prepare for
 * @cancellable: (nullable): checked at every weight
 *
 * Returns: (transfer full): a loader; free by dif_loader_finish()
 */
DIF_API DifLoader *dif_loader_new (DifWeights *weights, DifBackend *backend, DifDtype dtype,
                                   GCancellable *cancellable);

/**
 * DifWeightFunc:
 * @name: full name
 * @shape: expected dimensions
 * @user_data: as given
 *
 * Called for every weight a model takes.
 */
typedef void (*DifWeightFunc) (const char *name, const DifShape *shape, gpointer user_data);

/**
 * dif_loader_set_visitor:
 * @l: a loader
 * @func: called for every tensor asked for, in the model's order
 * @user_data: for @func
 *
 * For `make-checkpoint` and `info`, which need the list of tensors a config
 * calls for.
 */
DIF_API void dif_loader_set_visitor (DifLoader *l, DifWeightFunc func, gpointer user_data);

/**
 * DifPatchFunc:
 * @name: full name
 * @array: where the tensor lies and its encoding, to be changed if the numbers
 *   shall be others; its shape stays
 * @owner: (out): (transfer full): owns the new numbers; set with @array
 * @user_data: as given
 * @error: return location
 *
 * Changes a weight on its way from the file to the device.
 *
 * Returns: FALSE on error
 */
typedef gboolean (*DifPatchFunc) (const char *name, DifHostArray *array, GBytes **owner,
                                  gpointer user_data, GError **error);

/**
 * dif_loader_set_patch:
 * @l: a loader
 * @func: called for every tensor found, before the device prepares it
 * @user_data: for @func
 */
DIF_API void dif_loader_set_patch (DifLoader *l, DifPatchFunc func, gpointer user_data);

/**
 * dif_loader_set_dtype_of:
 * @l: a loader
 * @prefix: what names begin with
 * @dtype: dtype to prepare those for, instead of the loader's
 *
 * For a network of which a part must not overflow.
 */
DIF_API void dif_loader_set_dtype_of (DifLoader *l, const char *prefix, DifDtype dtype);

/**
 * dif_loader_enter:
 * @l: a loader
 * @format: printf format of a name part, such as "resnets.%u"
 *
 * Names asked for from now on begin with it and a dot.
 */
DIF_API void dif_loader_enter (DifLoader *l, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * dif_loader_leave:
 * @l: a loader
 */
DIF_API void dif_loader_leave (DifLoader *l);

/**
 * dif_loader_has:
 * @l: a loader
 * @name: name inside the current scope
 *
 * Returns: whether the tensor is there; FALSE in a dry run
 */
DIF_API gboolean dif_loader_has (DifLoader *l, const char *name);

/**
 * dif_loader_fail:
 * @l: a loader
 * @error: (transfer full): kept if it is the first
 */
DIF_API void dif_loader_fail (DifLoader *l, GError *error);

/**
 * dif_loader_weight:
 * @l: a loader
 * @spec: what is wanted
 *
 * A 1x1 convolution's `[N, K, 1, 1]` is accepted as `[N, K]`, and the other
 * way round.
 *
 * Returns: (transfer none): the DifLinear, DifConv, DifNorm or DifTable that
 * the spec calls for, owned by the store; inert after a failure and in a dry
 * run
 */
DIF_API gpointer dif_loader_weight (DifLoader *l, const DifWeightSpec *spec);

/**
 * dif_loader_linear:
 * @l: a loader
 * @name: `name.weight` and, if @bias, `name.bias`
 * @n_out: rows
 * @n_in: columns
 * @bias: whether there is a bias
 *
 * Returns: (transfer none): owned by the store
 */
DIF_API DifLinear *dif_loader_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in,
                                      gboolean bias);

/**
 * dif_loader_linear_rows:
 * @l: a loader
 * @name: as dif_loader_linear()
 * @n_total: rows of the weight in the file
 * @first: first row to take
 * @n_out: rows to take
 * @n_in: columns
 * @bias: whether there is a bias
 *
 * Returns: (transfer none): the weight made of those rows
 */
DIF_API DifLinear *dif_loader_linear_rows (DifLoader *l, const char *name, gsize n_total,
                                           gsize first,
                                           gsize n_out, gsize n_in, gboolean bias);

/**
 * dif_loader_linear_stack:
 * @l: a loader
 * @names: (array length=n): weights of @n_in columns each
 * @n: 1 to 4
 * @n_each: rows of each
 * @n_in: columns
 * @bias: whether each has a bias
 *
 * One product instead of several: q, k and v, or k and v.
 *
 * Returns: (transfer none): the weight `[n * n_each, n_in]`
 */
DIF_API DifLinear *dif_loader_linear_stack (DifLoader *l, const char *const *names, guint n,
                                            gsize n_each,
                                            gsize n_in, gboolean bias);

/**
 * dif_loader_conv:
 * @l: a loader
 * @name: `name.weight`, `name.bias`
 * @n_out: output channels
 * @n_in: input channels
 * @k: kernel side, 1 or 3
 * @stride: 1 or 2
 * @pad: zeros on every side; DIF_PAD_RIGHT_BOTTOM pads right and bottom by one
 *
 * Returns: (transfer none): owned by the store
 */
DIF_API DifConv *dif_loader_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                                  guint stride, int pad);

/** DIF_PAD_RIGHT_BOTTOM: the asymmetric padding of Downsample2D (padding 0). */
#define DIF_PAD_RIGHT_BOTTOM (-1)

/**
 * dif_loader_norm:
 * @l: a loader
 * @name: `name.weight`, `name.bias`
 * @n: channels
 *
 * Returns: (transfer none): owned by the store
 */
DIF_API DifNorm *dif_loader_norm (DifLoader *l, const char *name, gsize n);

/**
 * dif_loader_scale:
 * @l: a loader
 * @name: `name.weight`
 * @n: channels
 *
 * Returns: (transfer none): a norm without shift, or what else is one factor a
 * channel; owned by the store
 */
DIF_API DifNorm *dif_loader_scale (DifLoader *l, const char *name, gsize n);

/**
 * dif_loader_table:
 * @l: a loader
 * @name: the full last part, such as "token_embedding.weight"
 * @n_rows: rows
 * @n: columns
 *
 * Returns: (transfer none): owned by the store
 */
DIF_API DifTable *dif_loader_table (DifLoader *l, const char *name, gsize n_rows, gsize n);

/**
 * dif_loader_floats:
 * @l: a loader
 * @name: the full last part, such as "cls_token"
 * @shape: expected dimensions
 *
 * Copies a tensor into the host's memory, for numbers that a model treats
 * itself.
 *
 * Returns: (transfer full) (nullable): its elements; NULL after a failure and
 * in a dry run
 */
DIF_API float *dif_loader_floats (DifLoader *l, const char *name, DifShape shape);

/**
 * dif_loader_dtype:
 * @l: a loader
 *
 * Returns: what it prepares for
 */
DIF_API DifDtype dif_loader_dtype (DifLoader *l);

/**
 * dif_loader_finish:
 * @l: (transfer full): a loader
 * @error: return location
 *
 * Errors: DIF_MODEL_ERROR MISSING_WEIGHT, SHAPE (tensor, expected, found);
 * DIF_BACKEND_ERROR; G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): what was prepared
 */
DIF_API DifStore *dif_loader_finish (DifLoader *l, GError **error);

/**
 * dif_store_free:
 * @store: (nullable) (transfer full): frees every weight in it
 */
DIF_API void dif_store_free (DifStore *store);

/**
 * dif_store_bytes:
 * @store: (nullable): a store
 *
 * Returns: memory its weights take, in bytes; 0 for NULL
 */
DIF_API gsize dif_store_bytes (DifStore *store);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifStore, dif_store_free)

G_END_DECLS

#endif /* DIF_TENSOR_LOADER_H */
