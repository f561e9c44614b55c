/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* gguf.h - tensors of a GGUF file, mapped; every field and offset is checked.
 *
 * Layout: magic, version, counts, keys with values, then of each tensor its
 * name, dimensions (innermost first), type and place; then the data, aligned.
 * Source: ggml-org/ggml, docs/gguf.md.
 */
#ifndef DIF_FORMATS_GGUF_H
#define DIF_FORMATS_GGUF_H

#include "formats/safetensors.h"

G_BEGIN_DECLS

/**
 * dif_gguf_read:
 * @path: a .gguf file
 * @into: receives its tensors; ones of types that have no DifEncoding are
 *   refused unless @want skips them
 * @want: (nullable): chooses and renames
 * @user_data: for @want
 * @error: return location
 *
 * Shapes are outermost first, as elsewhere.  Where a key
 * `comfy.gguf.orig_shape.NAME` says that a tensor was given another shape to be
 * quantized, it has the one before (city96/ComfyUI-GGUF).  The file stays
 * mapped as with dif_safetensors_read().
 *
 * Errors: file errors with the path; DIF_FORMAT_ERROR CORRUPT (cut off, places
 * outside the file, names twice, rows of no whole blocks), UNSUPPORTED (version,
 * type, more than four dimensions).
 *
 * Returns: FALSE on error, @into unchanged
 */
DIF_API gboolean dif_gguf_read (const char *path, DifWeights *into, DifWantFunc want,
                                gpointer user_data,
                                GError **error);

/**
 * dif_gguf_read_bytes:
 * @bytes: contents of a file
 * @name: shown in messages
 * @into: @want: @user_data: @error: as dif_gguf_read()
 *
 * For fuzzing and for tests.
 *
 * Returns: FALSE on error, @into unchanged
 */
DIF_API gboolean dif_gguf_read_bytes (GBytes *bytes, const char *name, DifWeights *into,
                                      DifWantFunc want,
                                      gpointer user_data, GError **error);

/**
 * dif_gguf_names:
 * @path: a .gguf file
 * @error: return location
 *
 * Errors: those of dif_gguf_read() but for types.
 *
 * Returns: (transfer full) (nullable) (element-type utf8): the names of its
 * tensors; free with g_ptr_array_unref()
 */
DIF_API GPtrArray *dif_gguf_names (const char *path, GError **error);

G_END_DECLS

#endif /* DIF_FORMATS_GGUF_H */
