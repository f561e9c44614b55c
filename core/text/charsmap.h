/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* charsmap.h - SentencePiece's precompiled rules of normalization (nmt_nfkc and others). */
#ifndef DIF_TEXT_CHARSMAP_H
#define DIF_TEXT_CHARSMAP_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DifCharsmap: strings and what they are replaced by. */
typedef struct _DifCharsmap DifCharsmap;

/**
 * dif_charsmap_new:
 * @bytes: a precompiled_charsmap: the size of a double array, the array of
 *   32-bit units (low byte first), and the replacements, each ended by 0
 * @where: file, for messages
 * @error: return location
 *
 * A damaged map is found out where it is looked into: what it then says
 * nothing sensible of stays as it is.
 *
 * Source: sentencepiece, normalizer.cc; Darts-clone.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT.
 *
 * Returns: (transfer full) (nullable): the rules
 */
DifCharsmap *dif_charsmap_new (GBytes *bytes, const char *where, GError **error);

/**
 * dif_charsmap_free:
 * @map: (nullable) (transfer full): rules
 */
void dif_charsmap_free (DifCharsmap *map);

/**
 * dif_charsmap_longest:
 * @map: rules
 * @text: UTF-8
 * @left: bytes
 * @length: (out): bytes that are replaced
 *
 * SentencePiece's way: the longest rule that applies at the beginning of @text.
 *
 * Returns: (transfer none) (nullable): the replacement
 */
const char *dif_charsmap_longest (const DifCharsmap *map, const char *text, gsize left,
                                  gsize *length);

/**
 * dif_charsmap_apply:
 * @map: rules
 * @text: UTF-8; U+0000 may be in it
 * @length: bytes
 *
 * The way of the reference, transformers' tokenizers: a grapheme cluster of at
 * most 5 bytes becomes what the shortest rule at its beginning says; otherwise
 * the same is tried for each of its characters.
 *
 * Source: tokenizers, normalizers/precompiled.rs; spm_precompiled, lib.rs.
 *
 * Returns: (transfer full): the normalized text
 */
GString *dif_charsmap_apply (const DifCharsmap *map, const char *text, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifCharsmap, dif_charsmap_free)

G_END_DECLS

#endif /* DIF_TEXT_CHARSMAP_H */
