/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* weights.h - where models and file formats meet.
 *
 * A format fills a DifWeights: a dictionary from diffusers' canonical tensor
 * names to arrays as they lie in the file.  A model takes them out through a
 * DifLoader, which checks the shape, has the backend prepare the weight, and
 * keeps the first error.  What was prepared belongs to a DifStore, freed as a
 * whole.
 */
#ifndef DIF_TENSOR_WEIGHTS_H
#define DIF_TENSOR_WEIGHTS_H

#include "tensor/backend.h"

G_BEGIN_DECLS

/** DifLinear: a prepared weight `[n_out, n_in]`. */
struct _DifLinear
{
  gsize    n_out, n_in;
  gpointer prepared;
};

/** DifConv: a prepared weight `[n_out, n_in, kh, kw]`. */
struct _DifConv
{
  gsize       n_out, n_in, kh, kw;
  DifConvSpec spec;
  gpointer    prepared;
};

/** DifNorm: a prepared scale and shift `[n]`. */
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

/* ---- the dictionary ---- */

/**
 * dif_weights_new:
 * @name: shown in messages, such as "unet"
 *
 * Returns: (transfer full): an empty dictionary
 */
DifWeights *dif_weights_new (const char *name);

/**
 * dif_weights_free:
 * @w: (nullable) (transfer full): a dictionary; drops its hold on the files
 */
void dif_weights_free (DifWeights *w);

/**
 * dif_weights_add:
 * @w: a dictionary
 * @name: canonical name
 * @array: where it lies; the data must live as long as @owner
 * @owner: keeps the memory (a mapped file) alive
 *
 * Returns: FALSE if @name is there already
 */
gboolean dif_weights_add (DifWeights *w, const char *name, const DifHostArray *array,
                          GBytes *owner);

/**
 * dif_weights_lookup:
 * @w: a dictionary
 * @name: canonical name
 *
 * Returns: (transfer none) (nullable): the array
 */
const DifHostArray *dif_weights_lookup (DifWeights *w, const char *name);

/**
 * dif_weights_owner:
 * @w: a dictionary
 * @name: canonical name
 *
 * Returns: (transfer none) (nullable): what keeps the array's memory alive, as
 * given to dif_weights_add()
 */
GBytes *dif_weights_owner (DifWeights *w, const char *name);

/**
 * dif_weights_replace:
 * @w: a dictionary
 * @name: canonical name of an array that is there
 * @array: @owner: as for dif_weights_add()
 */
void dif_weights_replace (DifWeights *w, const char *name, const DifHostArray *array,
                          GBytes *owner);

/**
 * dif_weights_rename:
 * @w: a dictionary
 * @from: present name
 * @to: new name
 *
 * Returns: FALSE if @from is absent or @to is there already
 */
gboolean dif_weights_rename (DifWeights *w, const char *from, const char *to);

/**
 * dif_weights_names:
 * @w: a dictionary
 *
 * Returns: (transfer container) (element-type utf8): sorted names; free with
 * g_ptr_array_unref()
 */
GPtrArray *dif_weights_names (DifWeights *w);

/**
 * dif_weights_count_parameters:
 * @w: a dictionary
 *
 * Returns: the number of elements of all floating arrays
 */
guint64 dif_weights_count_parameters (DifWeights *w);

/* ---- taking weights out ---- */

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
DifLoader *dif_loader_new (DifWeights *weights, DifBackend *backend, DifDtype dtype,
                           GCancellable *cancellable);

/**
 * DifWeightFunc:
 * @name: full name
 * @shape: expected dimensions
 * @user_data: as given
 *
 * Told of every weight a model takes.
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
void dif_loader_set_visitor (DifLoader *l, DifWeightFunc func, gpointer user_data);

/**
 * DifPatchFunc:
 * @name: full name
 * @array: where the tensor lies and its dtype, to be changed if the numbers
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
void dif_loader_set_patch (DifLoader *l, DifPatchFunc func, gpointer user_data);

/**
 * dif_loader_set_dtype_of:
 * @l: a loader
 * @prefix: what names begin with
 * @dtype: dtype to prepare those for, instead of the loader's
 *
 * For a network of which a part must not overflow.
 */
void dif_loader_set_dtype_of (DifLoader *l, const char *prefix, DifDtype dtype);

/**
 * dif_loader_enter:
 * @l: a loader
 * @format: printf format of a name part, such as "resnets.%u"
 *
 * Names asked for from now on begin with it and a dot.
 */
void dif_loader_enter (DifLoader *l, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * dif_loader_leave:
 * @l: a loader
 */
void dif_loader_leave (DifLoader *l);

/**
 * dif_loader_has:
 * @l: a loader
 * @name: name inside the current scope
 *
 * Returns: whether the tensor is there; FALSE in a dry run
 */
gboolean dif_loader_has (DifLoader *l, const char *name);

/**
 * dif_loader_fail:
 * @l: a loader
 * @error: (transfer full): kept if it is the first
 */
void dif_loader_fail (DifLoader *l, GError *error);

/**
 * dif_loader_linear:
 * @l: a loader
 * @name: `name.weight` and, if @bias, `name.bias`
 * @n_out: rows
 * @n_in: columns
 * @bias: whether there is a bias
 *
 * A 1x1 convolution's `[N, K, 1, 1]` is accepted as `[N, K]`, and the other
 * way round by dif_loader_conv().
 *
 * Returns: (transfer none): owned by the store; inert after a failure
 */
DifLinear *dif_loader_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in,
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
DifLinear *dif_loader_linear_rows (DifLoader *l, const char *name, gsize n_total, gsize first,
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
DifLinear *dif_loader_linear_stack (DifLoader *l, const char *const *names, guint n, gsize n_each,
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
DifConv *dif_loader_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                          guint stride, int pad);

/** DIF_PAD_RIGHT_BOTTOM: the asymmetric padding of Downsample2D (padding 0). */
#define DIF_PAD_RIGHT_BOTTOM (-1)

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
float *dif_loader_floats (DifLoader *l, const char *name, DifShape shape);

/**
 * dif_loader_made_linear: dif_loader_made_conv:
 * @l: a loader
 * @name: for messages
 * @n_out: rows, or output channels
 * @n_in: columns, or input channels
 * @k: kernel side
 * @spec: stride and padding
 * @w: (nullable): `[n_out, n_in]` or `[n_out, n_in, k, k]`; NULL makes an inert
 *   weight, as in a dry run
 * @bias: (nullable): `[n_out]`
 *
 * Prepares numbers that are not as they lie in the file.
 *
 * Returns: (transfer none): owned by the store
 */
DifLinear *dif_loader_made_linear (DifLoader *l, const char *name, gsize n_out, gsize n_in,
                                   const float *w, const float *bias);
DifConv   *dif_loader_made_conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                                 const DifConvSpec *spec, const float *w, const float *bias);

/**
 * dif_loader_conv_spec:
 * @l: a loader
 * @name: `name.weight` and, if @bias, `name.bias`
 * @n_out: output channels
 * @n_in: input channels
 * @k: kernel side
 * @spec: stride and padding
 * @bias: whether there is a bias
 *
 * Returns: (transfer none): owned by the store
 */
DifConv *dif_loader_conv_spec (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                               const DifConvSpec *spec, gboolean bias);

/**
 * dif_loader_conv_standardized:
 * @l: a loader
 * @name: `name.weight`
 * @n_out: output channels
 * @n_in: input channels
 * @k: kernel side
 * @spec: stride and padding
 *
 * A convolution without bias, each of whose filters is brought to mean 0 and
 * variance 1 (biased, plus 1e-8) before it is prepared.
 *
 * Source: Qiao et al. 2019, "Weight Standardization"; transformers
 * WeightStandardizedConv2d.
 *
 * Returns: (transfer none): owned by the store
 */
DifConv *dif_loader_conv_standardized (DifLoader *l, const char *name, gsize n_out, gsize n_in,
                                       guint k, const DifConvSpec *spec);

/**
 * dif_loader_cut:
 * @l: a loader
 * @name: `name.weight` `[n_out, n_in, k, k]` and, if @bias, `name.bias`: a
 *   convolution whose stride is its side
 * @n_out: output channels
 * @n_in: input channels
 * @k: side of a patch
 * @bias: whether there is a bias
 *
 * A vision transformer's patch embedding, as a product with patches that are
 * laid out as `[n_in, k, k]`.
 *
 * Returns: (transfer none): the weight `[n_out, n_in k k]`
 */
DifLinear *dif_loader_cut (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k,
                           gboolean bias);

/**
 * dif_loader_enlarge:
 * @l: a loader
 * @name: `name.weight` `[n, n, k, k]` and `name.bias`: a transposed convolution
 *   whose stride is its side
 * @n: channels in and out
 * @k: side
 *
 * As a product, to be followed by dif_pixel_shuffle().
 *
 * Source: torch.nn.ConvTranspose2d.
 *
 * Returns: (transfer none): the weight `[k k n, n]`
 */
DifLinear *dif_loader_enlarge (DifLoader *l, const char *name, gsize n, guint k);

/**
 * dif_loader_dtype:
 * @l: a loader
 *
 * Returns: what it prepares for
 */
DifDtype dif_loader_dtype (DifLoader *l);

/**
 * dif_loader_norm:
 * @l: a loader
 * @name: `name.weight`, `name.bias`
 * @n: channels
 *
 * Returns: (transfer none): owned by the store
 */
DifNorm *dif_loader_norm (DifLoader *l, const char *name, gsize n);

/**
 * dif_loader_table:
 * @l: a loader
 * @name: the full last part, such as "token_embedding.weight"
 * @n_rows: rows
 * @n: columns
 *
 * Returns: (transfer none): owned by the store
 */
DifTable *dif_loader_table (DifLoader *l, const char *name, gsize n_rows, gsize n);

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
DifStore *dif_loader_finish (DifLoader *l, GError **error);

/**
 * dif_store_free:
 * @store: (nullable) (transfer full): frees every weight in it
 */
void dif_store_free (DifStore *store);

/**
 * dif_store_bytes:
 * @store: (nullable): a store
 *
 * Returns: memory its weights take, in bytes; 0 for NULL
 */
gsize dif_store_bytes (DifStore *store);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifWeights, dif_weights_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifStore, dif_store_free)

G_END_DECLS

#endif /* DIF_TENSOR_WEIGHTS_H */
