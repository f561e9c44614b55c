/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-scan.h - what cJSON does not check, checked on the text beforehand. */
#ifndef DIF_BASE_JSON_SCAN_H
#define DIF_BASE_JSON_SCAN_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifJsonOddKind:
 * @DIF_JSON_ODD_NAN: the word NaN
 * @DIF_JSON_ODD_PLUS_INFINITY: the word Infinity
 * @DIF_JSON_ODD_MINUS_INFINITY: the word -Infinity
 * @DIF_JSON_ODD_INEXACT: a whole number that no double holds exactly
 *
 * Numbers that need care after cJSON has read them.
 */
typedef enum
{
  DIF_JSON_ODD_NAN,
  DIF_JSON_ODD_PLUS_INFINITY,
  DIF_JSON_ODD_MINUS_INFINITY,
  DIF_JSON_ODD_INEXACT
} DifJsonOddKind;

/**
 * DifJsonOdd:
 * @ordinal: which number of the text it is, counted from 0 in reading order
 * @kind: what is odd about it
 */
typedef struct
{
  guint          ordinal;
  DifJsonOddKind kind;
} DifJsonOdd;

/**
 * dif_json_scan:
 * @text: a text that cJSON will parse; the words NaN, Infinity and -Infinity
 *   are overwritten with 0 and blanks
 * @length: bytes
 * @name: shown in messages
 * @error: return location
 *
 * Checks the encoding, the characters inside strings, the spelling of numbers
 * and words, the depth and the number of values.  The grammar is left to
 * cJSON.
 *
 * Errors: as dif_json_parse().
 *
 * Returns: (transfer full) (nullable) (element-type DifJsonOdd): odd numbers
 * in order
 */
GArray *dif_json_scan (char *text, gsize length, const char *name, GError **error);

/**
 * dif_json_position:
 * @text: a text
 * @offset: bytes from its beginning
 * @line: (out): counted from 1
 * @column: (out): in bytes, counted from 1
 */
void dif_json_position (const char *text, gsize offset, guint *line, guint *column);

G_END_DECLS

#endif /* DIF_BASE_JSON_SCAN_H */
