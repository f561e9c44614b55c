/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json.h - typed, checked access to JSON files; the only door to cJSON.
 *
 * A DifJson is a node that knows its path ("unet/config.json: block_out_channels[2]"), so that a
 * message can name what was expected and what was found.  Getters with a fallback return it when
 * the key is absent or null, and fail when the value has another type or is out of range.  Like a
 * context, a document keeps its first error: getters on a failed document return their fallback,
 * and dif_json_finish() is asked once.
 */
#ifndef DIF_BASE_JSON_H
#define DIF_BASE_JSON_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_JSON_MAX_BYTES: DIF_JSON_MAX_DEPTH: DIF_JSON_MAX_VALUES: larger texts, deeper nesting,
 * more values and keys are refused (TOO_LARGE). */
#define DIF_JSON_MAX_BYTES  (100u * 1000 * 1000)
#define DIF_JSON_MAX_DEPTH  128
#define DIF_JSON_MAX_VALUES (1u << 22)

/**
 * DifJsonType:
 * @DIF_JSON_NULL: null
 * @DIF_JSON_BOOL: true or false
 * @DIF_JSON_NUMBER: a number
 * @DIF_JSON_STRING: a string
 * @DIF_JSON_ARRAY: an array of nodes
 * @DIF_JSON_OBJECT: an object of nodes
 *
 * What a node holds.
 */
typedef enum
{
  DIF_JSON_NULL,
  DIF_JSON_BOOL,
  DIF_JSON_NUMBER,
  DIF_JSON_STRING,
  DIF_JSON_ARRAY,
  DIF_JSON_OBJECT
} DifJsonType;

/**
 * dif_json_parse: dif_json_load: dif_json_new_object:
 * @text: UTF-8, not necessarily NUL-terminated
 * @length: bytes
 * @name: shown in messages, usually the path
 * @path: a file
 * @error: return location
 *
 * The words NaN, Infinity and -Infinity, which Python's json writes, are numbers here.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT (syntax, duplicate keys, trailing bytes, invalid UTF-8, U+0000),
 * BAD_VALUE (a number beyond a double's range), TOO_LARGE; G_FILE_ERROR NOMEM; those of
 * dif_file_read() for a path.
 *
 * Returns: (transfer full) (nullable): the root, freed by dif_json_unref(); an empty object from
 * dif_json_new_object()
 */
DIF_API DifJson *dif_json_parse (const char *text, gsize length, const char *name, GError **error);
DIF_API DifJson *dif_json_load (const char *path, GError **error);
DIF_API DifJson *dif_json_new_object (const char *name);

/**
 * dif_json_ref: dif_json_unref:
 * @node: (nullable for unref): a node; a reference keeps its whole document alive
 *
 * Returns: (transfer full): @node
 */
DIF_API DifJson *dif_json_ref (DifJson *node);
DIF_API void     dif_json_unref (DifJson *node);

/**
 * dif_json_finish:
 * @node: any node of the document
 * @error: return location
 *
 * Returns: FALSE, and sets @error, if a getter failed since the last call
 */
DIF_API gboolean dif_json_finish (DifJson *node, GError **error);

/**
 * dif_json_has: dif_json_member: dif_json_int: dif_json_double: dif_json_bool: dif_json_string:
 * @node: an object
 * @key: a key
 * @fallback: (nullable): value when absent or null
 * @min: least whole number allowed
 * @max: greatest whole number allowed
 *
 * An integral double such as 8.0 counts as a whole number, up to 2^53 in magnitude; digits alone
 * are exact to the last of 64 bits.  A double may be infinite; NaN fails.
 *
 * Returns: (transfer none) (nullable): whether the member is there and not null; the member, NULL
 * if it is not; its value, owned by the document
 */
DIF_API gboolean    dif_json_has (DifJson *node, const char *key);
DIF_API DifJson    *dif_json_member (DifJson *node, const char *key);
DIF_API gint64      dif_json_int (DifJson *node, const char *key, gint64 fallback, gint64 min,
                                  gint64 max);
DIF_API double      dif_json_double (DifJson *node, const char *key, double fallback);
DIF_API gboolean    dif_json_bool (DifJson *node, const char *key, gboolean fallback);
DIF_API const char *dif_json_string (DifJson *node, const char *key, const char *fallback);

/**
 * dif_json_require_int:
 * @node: an object
 * @key: a key
 * @min: least whole number allowed
 * @max: greatest whole number allowed
 *
 * As dif_json_int(), but a key that is absent or null fails, too.
 *
 * Returns: the value, or @min on failure
 */
DIF_API gint64 dif_json_require_int (DifJson *node, const char *key, gint64 min, gint64 max);

/**
 * dif_json_type: dif_json_length: dif_json_at: dif_json_key:
 * @node: a node
 * @i: an index
 *
 * Returns: (transfer none) (nullable): what it holds; the number of its elements or members, 0 for
 * other values; the @i-th of them, NULL beyond; its own key, NULL for elements and roots
 */
DIF_API DifJsonType dif_json_type (DifJson *node);
DIF_API guint       dif_json_length (DifJson *node);
DIF_API DifJson    *dif_json_at (DifJson *node, guint i);
DIF_API const char *dif_json_key (DifJson *node);

/**
 * dif_json_value_int: dif_json_value_double: dif_json_value_string: dif_json_value_bool:
 * @node: a node, whose own value is read; fails like the getters of members
 * @min: least whole number allowed
 * @max: greatest whole number allowed
 *
 * Returns: (transfer none): the value; @min, 0, "" or FALSE on failure
 */
DIF_API gint64      dif_json_value_int (DifJson *node, gint64 min, gint64 max);
DIF_API double      dif_json_value_double (DifJson *node);
DIF_API const char *dif_json_value_string (DifJson *node);
DIF_API gboolean    dif_json_value_bool (DifJson *node);

/**
 * dif_json_fail: dif_json_fail_value:
 * @node: the node to blame; its path begins the message
 * @code: a DifFormatError
 * @format: printf format: what was expected, what was found
 * @expected: what was expected; what was found is added
 *
 * Records a failure found by the caller, unless one is recorded already.
 */
DIF_API void dif_json_fail (DifJson *node, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);
DIF_API void dif_json_fail_value (DifJson *node, int code, const char *expected);

/**
 * dif_json_set_string: dif_json_set_double: dif_json_set_bool: dif_json_set_null:
 * dif_json_set_copy:
 * @node: an object
 * @key: a key, added or replaced; a replaced member is freed
 * @value: its value; a node of any document is copied
 */
DIF_API void dif_json_set_string (DifJson *node, const char *key, const char *value);
DIF_API void dif_json_set_double (DifJson *node, const char *key, double value);
DIF_API void dif_json_set_bool (DifJson *node, const char *key, gboolean value);
DIF_API void dif_json_set_null (DifJson *node, const char *key);
DIF_API void dif_json_set_copy (DifJson *node, const char *key, DifJson *value);

/**
 * dif_json_to_string: dif_json_quote:
 * @node: a node
 * @pretty: with line breaks and indentation
 * @text: UTF-8
 *
 * Integral numbers are written without a fraction, others so that reading them back gives the
 * same double, NaN and infinities as Python spells them.
 *
 * Returns: (transfer full): JSON text; @text as a JSON string, with its quotes
 */
DIF_API char *dif_json_to_string (DifJson *node, gboolean pretty);
DIF_API char *dif_json_quote (const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifJson, dif_json_unref)

G_END_DECLS

#endif /* DIF_BASE_JSON_H */
