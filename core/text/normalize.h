/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* normalize.h - what CLIP's tokenizer does to a text before it looks at it. */
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
 * dif_text_normalize:
 * @text: UTF-8; U+0000 may be in it
 * @length: bytes
 *
 * Normalization form C, then runs of white space to one space, then lower
 * case character by character (no final sigma).  Takes time in proportion to
 * @length, up to the sorting of runs of combining marks.
 *
 * Source: transformers 5, tokenization_clip.py; tokenizers, normalizers/.
 *
 * Returns: (transfer full): the normalized text
 */
GString *dif_text_normalize (const char *text, gsize length);

G_END_DECLS

#endif /* DIF_TEXT_NORMALIZE_H */
