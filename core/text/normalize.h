/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* normalize.h - characters and normal forms of a text, as the reference's tokenizers see them. */
#ifndef DIF_TEXT_NORMALIZE_H
#define DIF_TEXT_NORMALIZE_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifCharClass:
 * @DIF_CHAR_OTHER: neither of those below
 * @DIF_CHAR_LETTER: `\p{L}`
 * @DIF_CHAR_NUMBER: `\p{N}`
 * @DIF_CHAR_SPACE: `\s`, Unicode's White_Space
 */
typedef enum
{
  DIF_CHAR_OTHER,
  DIF_CHAR_LETTER,
  DIF_CHAR_NUMBER,
  DIF_CHAR_SPACE
} DifCharClass;

/**
 * dif_char_class:
 * @c: a character
 *
 * Returns: how the tokenizer's regular expression sees it
 */
DifCharClass dif_char_class (gunichar c);

/**
 * dif_text_is_valid:
 * @text: bytes; U+0000 may be among them
 * @length: how many
 *
 * Returns: whether they are UTF-8
 */
gboolean dif_text_is_valid (const char *text, gsize length);

/**
 * dif_char_is_word:
 * @c: a character
 *
 * Returns: whether it is of a word, `\w`
 */
gboolean dif_char_is_word (gunichar c);

/**
 * DifTextForm:
 * @DIF_TEXT_NFC: normalization form C
 * @DIF_TEXT_NFKC: normalization form KC
 */
typedef enum
{
  DIF_TEXT_NFC,
  DIF_TEXT_NFKC
} DifTextForm;

/**
 * dif_text_to_form:
 * @text: UTF-8; U+0000 may be in it
 * @length: bytes
 * @form: which
 *
 * That of Unicode 9, which the reference has: to it characters added later
 * neither combine nor decompose.  Takes time in proportion to @length, up to
 * the sorting of runs of combining marks.
 *
 * Source: tokenizers, normalizers/unicode.rs; UAX #15.
 *
 * Returns: (transfer full): the text in that form
 */
GString *dif_text_to_form (const char *text, gsize length, DifTextForm form);

/**
 * dif_text_append_lower:
 * @out: gets the lower case of @c
 * @c: a character
 *
 * Lower case character by character (no final sigma).
 */
void dif_text_append_lower (GString *out, gunichar c);

G_END_DECLS

#endif /* DIF_TEXT_NORMALIZE_H */
