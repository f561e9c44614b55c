/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safetensors.h - memory-mapped tensors; every field and offset is checked.
 *
 * Layout: 8 bytes little-endian header length, a JSON object of that length,
 * then the data.  Source: huggingface/safetensors, README "Format".
 */
#ifndef DIF_FORMATS_SAFETENSORS_H
#define DIF_FORMATS_SAFETENSORS_H

#include "tensor/weights.h"

G_BEGIN_DECLS

/** DIF_SAFETENSORS_MAX_HEADER: longer headers are refused, in bytes. */
#define DIF_SAFETENSORS_MAX_HEADER (100u * 1000 * 1000)

/**
 * DifWantFunc:
 * @name: a tensor in the file
 * @user_data: as given
 *
 * Returns: (transfer full) (nullable): name to file it under; NULL to skip it
 */
typedef char *(*DifWantFunc) (const char *name, gpointer user_data);

/**
 * dif_safetensors_read:
 * @path: a .safetensors file
 * @into: receives its tensors; ones of dtypes other than F32, F16, BF16, F64,
 *   F8_E4M3, F8_E5M2, I64, I32, I8 and U8 are refused unless @want skips them
 * @want: (nullable): chooses and renames
 * @user_data: for @want
 * @error: return location
 *
 * The file stays mapped as long as @into (or what took from it) lives: dif_file_map()
 * says what happens if somebody cuts it short meanwhile.
 *
 * Errors: file errors with the path; DIF_FORMAT_ERROR CORRUPT (cut off,
 * offsets out of range, overlapping or with holes, shape and size disagree,
 * duplicate names), TOO_LARGE (header), UNSUPPORTED (dtype, more than four
 * dimensions, a pickled file); those of dif_json_parse().
 *
 * Returns: FALSE on error, @into unchanged
 */
DIF_API gboolean dif_safetensors_read (const char *path, DifWeights *into, DifWantFunc want,
                                       gpointer user_data, GError **error);

/**
 * dif_safetensors_names:
 * @path: a .safetensors file
 * @error: return location
 *
 * Errors: those of dif_safetensors_read() but for dtypes.
 *
 * Returns: (transfer full) (nullable) (element-type utf8): the names of its
 * tensors; free with g_ptr_array_unref()
 */
DIF_API GPtrArray *dif_safetensors_names (const char *path, GError **error);

/**
 * dif_safetensors_read_bytes:
 * @bytes: contents of a file
 * @name: shown in messages
 * @into: @want: @user_data: @error: as dif_safetensors_read()
 *
 * For fuzzing and for tests.
 *
 * Returns: FALSE on error, @into unchanged
 */
DIF_API gboolean dif_safetensors_read_bytes (GBytes *bytes, const char *name, DifWeights *into,
                                             DifWantFunc want, gpointer user_data, GError **error);

/**
 * dif_safetensors_metadata:
 * @path: a .safetensors file
 * @key: a key of its `__metadata__`
 * @value: (out) (transfer full) (nullable): the text, NULL if there is none
 * @error: return location
 *
 * Errors: those of dif_safetensors_read().
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_safetensors_metadata (const char *path, const char *key, char **value,
                                           GError **error);

/** DifSafetensorsWriter: writes a file piece by piece. */
typedef struct _DifSafetensorsWriter DifSafetensorsWriter;

/**
 * dif_safetensors_writer_new:
 *
 * Returns: (transfer full): a writer without tensors
 */
DIF_API DifSafetensorsWriter *dif_safetensors_writer_new (void);

/**
 * dif_safetensors_writer_free:
 * @w: (nullable) (transfer full): a writer; an unfinished file is removed
 */
DIF_API void dif_safetensors_writer_free (DifSafetensorsWriter *w);

/**
 * dif_safetensors_writer_declare:
 * @w: a writer
 * @name: tensor name
 * @dtype: element type
 * @shape: dimensions
 *
 * All tensors are declared before the file is opened.
 */
DIF_API void dif_safetensors_writer_declare (DifSafetensorsWriter *w, const char *name,
                                             DifDtype        dtype,
                                             const DifShape *shape);

/**
 * dif_safetensors_writer_open:
 * @w: a writer
 * @path: the file appears here, whole, at dif_safetensors_writer_close()
 * @error: return location
 *
 * What is written goes to a temporary file in the same folder first; a device
 * or pipe is written directly.
 *
 * Errors: G_FILE_ERROR, prefixed with the path; DIF_FORMAT_ERROR TOO_LARGE when
 * the sizes overflow.
 *
 * Returns: FALSE on error; nothing is left behind
 */
DIF_API gboolean dif_safetensors_writer_open (DifSafetensorsWriter *w, const char *path,
                                              GError **error);

/**
 * dif_safetensors_writer_put:
 * @w: an open writer
 * @data: the next bytes of the tensors, in order of declaration
 * @bytes: how many; calls need not fall on tensor boundaries
 * @error: return location
 *
 * Errors: G_FILE_ERROR, prefixed with the path, such as NOSPC.
 *
 * Returns: FALSE on error; the temporary file is gone and the writer can only
 * be freed
 */
DIF_API gboolean dif_safetensors_writer_put (DifSafetensorsWriter *w, const void *data, gsize bytes,
                                             GError **error);

/**
 * dif_safetensors_writer_close:
 * @w: an open writer, every byte put
 * @error: return location
 *
 * Returns: FALSE on error; no file is left then
 */
DIF_API gboolean dif_safetensors_writer_close (DifSafetensorsWriter *w, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifSafetensorsWriter, dif_safetensors_writer_free)

G_END_DECLS

#endif /* DIF_FORMATS_SAFETENSORS_H */
