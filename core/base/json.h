/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json.h - typed, checked access to JSON files; the only door to cJSON.
 *
 * A DifJson is a node that knows its path ("unet/config.json:
 * block_out_channels[2]"), so that a message can name what was expected and
 * what was found.  Getters with a fallback return it when the key is absent or
 * null, and fail when the value has another type or is out of range.  Like a
 * context, a document keeps its first error: getters on a failed document
 * return their fallback, and dif_json_finish() is asked once.
 */
#ifndef DIF_BASE_JSON_H
#define DIF_BASE_JSON_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_JSON_MAX_BYTES: larger texts are refused (TOO_LARGE). */
#define DIF_JSON_MAX_BYTES (100u * 1000 * 1000)

/** DIF_JSON_MAX_DEPTH: deeper nesting is refused (TOO_LARGE). */
#define DIF_JSON_MAX_DEPTH 128

/** DIF_JSON_MAX_VALUES: texts with more values and keys are refused (TOO_LARGE). */
#define DIF_JSON_MAX_VALUES (1u << 22)

/**
 * dif_json_parse:
 * @text: UTF-8, not necessarily NUL-terminated
 * @length: bytes
 * @name: shown in messages, usually the path
 * @error: return location
 *
 * The words NaN, Infinity and -Infinity, which Python's json writes, are
 * numbers here.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT (syntax, duplicate keys, trailing bytes,
 * invalid UTF-8, U+0000), BAD_VALUE (a number beyond a double's range),
 * TOO_LARGE; G_FILE_ERROR NOMEM.
 *
 * Returns: (transfer full) (nullable): the root; free with dif_json_unref()
 */
DifJson *dif_json_parse (const char *text, gsize length, const char *name, GError **error);

/**
 * dif_json_load:
 * @path: a file
 * @error: return location
 *
 * Errors: G_FILE_ERROR/G_IO_ERROR prefixed with the path; those of
 * dif_json_parse().
 *
 * Returns: (transfer full) (nullable): the root of the file's value
 */
DifJson *dif_json_load (const char *path, GError **error);

/**
 * dif_json_new_object:
 * @name: shown in messages
 *
 * Returns: (transfer full): an empty object, to be filled by the setters
 */
DifJson *dif_json_new_object (const char *name);

/**
 * dif_json_ref:
 * @node: a node; keeps its whole document alive
 *
 * Returns: (transfer full): @node
 */
DifJson *dif_json_ref (DifJson *node);

/**
 * dif_json_unref:
 * @node: (nullable) (transfer full): a node
 */
void dif_json_unref (DifJson *node);

/**
 * dif_json_finish:
 * @node: any node of the document
 * @error: return location
 *
 * Returns: FALSE, and sets @error, if a getter failed since the last call
 */
gboolean dif_json_finish (DifJson *node, GError **error);

/* The getters below: @key names a member of the object @node. */

/**
 * dif_json_has:
 * @node: an object
 * @key: a key
 *
 * Returns: whether @key is there and not null
 */
gboolean dif_json_has (DifJson *node, const char *key);

/**
 * dif_json_int:
 * @node: an object
 * @key: a key
 * @fallback: value when absent or null
 * @min: least allowed
 * @max: greatest allowed
 *
 * Numbers are read as doubles: one beyond 2^53 in magnitude fails, since it may
 * not be the one that was written.
 *
 * Returns: the integer (an integral double such as 8.0 counts as one)
 */
gint64 dif_json_int (DifJson *node, const char *key, gint64 fallback, gint64 min, gint64 max);

/**
 * dif_json_double:
 * @node: an object
 * @key: a key
 * @fallback: value when absent or null
 *
 * Returns: the number, which may be infinite; NaN fails
 */
double dif_json_double (DifJson *node, const char *key, double fallback);

/**
 * dif_json_bool:
 * @node: an object
 * @key: a key
 * @fallback: value when absent or null
 *
 * Returns: the truth value
 */
gboolean dif_json_bool (DifJson *node, const char *key, gboolean fallback);

/**
 * dif_json_string:
 * @node: an object
 * @key: a key
 * @fallback: (nullable): value when absent or null
 *
 * Returns: (transfer none) (nullable): the string, owned by the document
 */
const char *dif_json_string (DifJson *node, const char *key, const char *fallback);

/**
 * dif_json_member:
 * @node: an object
 * @key: a key
 *
 * Returns: (transfer none) (nullable): the member, or NULL when absent or null
 */
DifJson *dif_json_member (DifJson *node, const char *key);

/**
 * dif_json_length:
 * @node: an array or object
 *
 * Returns: the number of elements or members; 0 for other values
 */
guint dif_json_length (DifJson *node);

/**
 * dif_json_at:
 * @node: an array or object
 * @i: below dif_json_length()
 *
 * Returns: (transfer none) (nullable): the i-th element or member
 */
DifJson *dif_json_at (DifJson *node, guint i);

/**
 * dif_json_key:
 * @node: a member of an object
 *
 * Returns: (transfer none) (nullable): its key; NULL for elements and roots
 */
const char *dif_json_key (DifJson *node);

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
 * dif_json_type:
 * @node: a node
 *
 * Returns: its type
 */
DifJsonType dif_json_type (DifJson *node);

/**
 * dif_json_value_int: (value of the node itself; fails like dif_json_int())
 * @node: a number
 * @min: least allowed
 * @max: greatest allowed
 *
 * Returns: the integer, or @min on failure
 */
gint64 dif_json_value_int (DifJson *node, gint64 min, gint64 max);

/**
 * dif_json_value_double:
 * @node: a number
 *
 * Returns: the number, which may be infinite, or 0 on failure
 */
double dif_json_value_double (DifJson *node);

/**
 * dif_json_value_string:
 * @node: a string
 *
 * Returns: (transfer none): the string, or "" on failure
 */
const char *dif_json_value_string (DifJson *node);

/**
 * dif_json_value_bool:
 * @node: a truth value
 *
 * Returns: the truth value, or FALSE on failure
 */
gboolean dif_json_value_bool (DifJson *node);

/**
 * dif_json_fail:
 * @node: the node to blame; its path begins the message
 * @code: a DifFormatError
 * @format: printf format: what was expected, what was found
 *
 * Records a failure found by the caller, unless one is recorded already.
 */
void dif_json_fail (DifJson *node, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/**
 * dif_json_fail_value:
 * @node: the node to blame
 * @code: a DifFormatError
 * @expected: what was expected; what was found is added
 *
 * Records a failure like dif_json_fail().
 */
void dif_json_fail_value (DifJson *node, int code, const char *expected);

/**
 * dif_json_set_string: dif_json_set_double: dif_json_set_bool: dif_json_set_null:
 * @node: an object
 * @key: a key, added or replaced; a replaced member is freed
 * @value: its value
 *
 * Setters for objects that are written out again.
 */
void dif_json_set_string (DifJson *node, const char *key, const char *value);
void dif_json_set_double (DifJson *node, const char *key, double value);
void dif_json_set_bool (DifJson *node, const char *key, gboolean value);
void dif_json_set_null (DifJson *node, const char *key);

/**
 * dif_json_set_copy:
 * @node: an object
 * @key: a key, added or replaced
 * @value: a node of any document, copied
 */
void dif_json_set_copy (DifJson *node, const char *key, DifJson *value);

/**
 * dif_json_to_string:
 * @node: a node
 * @pretty: with line breaks and indentation
 *
 * Integral numbers are written without a fraction, others so that reading
 * them back gives the same double.
 *
 * Returns: (transfer full): JSON text
 */
char *dif_json_to_string (DifJson *node, gboolean pretty);

/**
 * dif_json_quote:
 * @text: UTF-8
 *
 * Returns: (transfer full): @text as a JSON string, with its quotes
 */
char *dif_json_quote (const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifJson, dif_json_unref)

G_END_DECLS

#endif /* DIF_BASE_JSON_H */
