/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-private.h - what cJSON does not check or keep, found on the text beforehand; for json.c. */
#ifndef DIF_BASE_JSON_PRIVATE_H
#define DIF_BASE_JSON_PRIVATE_H

#include "dif-types.h"

G_BEGIN_DECLS

/* A number that cJSON does not read: the @ordinal-th of the text, which is a whole number beyond
 * 2^53 with @length digits from byte @at, or (@length 0) NaN or an infinity, @value. */
typedef struct
{
  guint  ordinal, length;
  gsize  at;
  double value;
} DifJsonOdd;

/* Checks encoding, characters in strings, spelling of numbers and words, depth and number of values
 * of @text (the grammar is left to cJSON), and overwrites NaN and infinities with 0 and blanks.
 * Returns the odd numbers in order; NULL with an error of dif_json_parse(). */
GArray *_dif_json_scan (char *text, gsize length, const char *name, GError **error);

/* Sets @error to "@name: line, column: what" for the byte @at of @text; returns FALSE. */
gboolean _dif_json_fail_at (const char *text, gsize at, const char *name, int code, GError **error,
                            const char *format, ...) G_GNUC_PRINTF (6, 7);

G_END_DECLS

#endif /* DIF_BASE_JSON_PRIVATE_H */
