/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* weights.h - where models and file formats meet.
 *
 * A format fills a DifWeights: a dictionary from diffusers' canonical tensor
 * names to arrays as they lie in the file.  A model takes them out through a
 * DifLoader (loader.h).
 */
#ifndef DIF_TENSOR_WEIGHTS_H
#define DIF_TENSOR_WEIGHTS_H

#include "base/file.h"
#include "tensor/host-array.h"

G_BEGIN_DECLS

/**
 * dif_weights_new:
 * @name: shown in messages, such as "unet"
 *
 * Returns: (transfer full): an empty dictionary
 */
DIF_API DifWeights *dif_weights_new (const char *name);

/**
 * dif_weights_free:
 * @w: (nullable) (transfer full): a dictionary; drops its hold on the files
 */
DIF_API void dif_weights_free (DifWeights *w);

/**
 * dif_weights_add:
 * @w: a dictionary
 * @name: canonical name
 * @array: where it lies; the data must live as long as @owner, scales are copied
 * @owner: keeps the memory (a mapped file) alive
 *
 * Returns: FALSE if @name is there already
 */
DIF_API gboolean dif_weights_add (DifWeights *w, const char *name, const DifHostArray *array,
                                  GBytes *owner);

/**
 * dif_weights_add_mapped:
 * @w: a dictionary
 * @name: canonical name
 * @array: where it lies in @map
 * @map: a mapped file, which is kept as long as the entry
 *
 * Returns: FALSE if @name is there already
 */
DIF_API gboolean dif_weights_add_mapped (DifWeights *w, const char *name, const DifHostArray *array,
                                         DifFileMap *map);

/**
 * dif_weights_add_from:
 * @w: a dictionary
 * @name: canonical name
 * @array: where it lies: all of @from's array or part of it
 * @from: a dictionary
 * @from_name: a name in it: the new entry holds on to what that one holds on to
 *
 * Returns: FALSE if @name is there already
 */
DIF_API gboolean dif_weights_add_from (DifWeights *w, const char *name, const DifHostArray *array,
                                       DifWeights *from, const char *from_name);

/**
 * dif_weights_rest:
 * @w: a dictionary
 * @name: canonical name
 *
 * The array is not needed any more, or not soon: if it lies in a mapped file, its
 * pages leave the process's memory, and come back from the file if they are read.
 */
DIF_API void dif_weights_rest (DifWeights *w, const char *name);

/**
 * dif_weights_lookup:
 * @w: a dictionary
 * @name: canonical name
 *
 * Returns: (transfer none) (nullable): the array
 */
DIF_API const DifHostArray *dif_weights_lookup (DifWeights *w, const char *name);

/**
 * dif_weights_check:
 * @w: a dictionary
 * @name: canonical name
 * @error: return location
 *
 * To be asked before an array's data are read.
 *
 * Errors: those of dif_file_map_check().
 *
 * Returns: whether the file it lies in, if any, is still as long as it was
 */
DIF_API gboolean dif_weights_check (DifWeights *w, const char *name, GError **error);

/**
 * dif_weights_replace:
 * @w: a dictionary
 * @name: canonical name of an array that is there
 * @array: @owner: as for dif_weights_add()
 */
DIF_API void dif_weights_replace (DifWeights *w, const char *name, const DifHostArray *array,
                                  GBytes *owner);

/**
 * dif_weights_set_scales:
 * @w: a dictionary
 * @name: canonical name
 * @scales: (array length=n): factors, copied
 * @n: 1, or one a row
 *
 * Returns: FALSE if @name is absent or @n is another number
 */
DIF_API gboolean dif_weights_set_scales (DifWeights *w, const char *name, const float *scales,
                                         gsize n);

/**
 * dif_weights_remove:
 * @w: a dictionary
 * @name: canonical name of an array that is there
 */
DIF_API void dif_weights_remove (DifWeights *w, const char *name);

/**
 * dif_weights_name:
 * @w: a dictionary
 *
 * Returns: (transfer none): as given to dif_weights_new()
 */
DIF_API const char *dif_weights_name (DifWeights *w);

/**
 * dif_weights_rename:
 * @w: a dictionary
 * @from: present name
 * @to: new name
 *
 * Returns: FALSE if @from is absent or @to is there already
 */
DIF_API gboolean dif_weights_rename (DifWeights *w, const char *from, const char *to);

/**
 * dif_weights_names:
 * @w: a dictionary
 *
 * Returns: (transfer container) (element-type utf8): sorted names; free with
 * g_ptr_array_unref()
 */
DIF_API GPtrArray *dif_weights_names (DifWeights *w);

/**
 * dif_weights_count_parameters:
 * @w: a dictionary
 *
 * Returns: the number of elements of all arrays that hold numbers: floating
 * ones, and integers with scales
 */
DIF_API guint64 dif_weights_count_parameters (DifWeights *w);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifWeights, dif_weights_free)

G_END_DECLS

#endif /* DIF_TENSOR_WEIGHTS_H */
