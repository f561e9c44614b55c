/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sentencepiece.h - SentencePiece's model file, read. */
#ifndef DIF_TEXT_SENTENCEPIECE_H
#define DIF_TEXT_SENTENCEPIECE_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_PIECE_MAX_BYTES: longer pieces are refused. */
#define DIF_PIECE_MAX_BYTES 512

/**
 * DifPieceType: values of SentencePiece's own enumeration
 * @DIF_PIECE_NORMAL: text
 * @DIF_PIECE_UNKNOWN: stands for what no piece is
 * @DIF_PIECE_CONTROL: never text
 * @DIF_PIECE_USER_DEFINED: text that is always one piece
 * @DIF_PIECE_UNUSED: never taken
 * @DIF_PIECE_BYTE: one byte of what no piece is, "<0x41>"
 */
typedef enum
{
  DIF_PIECE_NORMAL = 1,
  DIF_PIECE_UNKNOWN,
  DIF_PIECE_CONTROL,
  DIF_PIECE_USER_DEFINED,
  DIF_PIECE_UNUSED,
  DIF_PIECE_BYTE
} DifPieceType;

/**
 * DifPiece:
 * @text: valid UTF-8, not empty
 * @score: logarithm of its probability
 * @type: what it is
 */
typedef struct
{
  char        *text;
  float        score;
  DifPieceType type;
} DifPiece;

/**
 * DifSentencePiece:
 * @pieces: (element-type DifPiece): by id
 * @model_type: 1 unigram, 2 byte pairs, 3 words, 4 characters
 * @byte_fallback: bytes stand for what no piece is
 * @whitespace_as_suffix: blanks belong to the word before them
 * @unk_id: id of the unknown piece
 * @charsmap: (nullable): rules of normalization
 * @add_dummy_prefix: a text begins with a blank
 * @remove_extra_whitespaces: neither two blanks on end nor any at the ends
 * @escape_whitespaces: a blank is written U+2581
 */
typedef struct
{
  GArray  *pieces;
  gint32   model_type;
  gboolean byte_fallback, whitespace_as_suffix;
  gint32   unk_id;
  GBytes  *charsmap;
  gboolean add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
} DifSentencePiece;

/**
 * dif_sentencepiece_parse:
 * @bytes: a ModelProto
 * @where: file, for messages
 * @error: return location
 *
 * Source: sentencepiece, sentencepiece_model.proto; Protocol Buffers, encoding.
 *
 * Errors: DIF_FORMAT_ERROR CORRUPT, BAD_VALUE and TOO_LARGE.
 *
 * Returns: (transfer full) (nullable): the model
 */
DifSentencePiece *dif_sentencepiece_parse (GBytes *bytes, const char *where, GError **error);

/**
 * dif_sentencepiece_free:
 * @sp: (nullable) (transfer full): a model
 */
void dif_sentencepiece_free (DifSentencePiece *sp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifSentencePiece, dif_sentencepiece_free)

G_END_DECLS

#endif /* DIF_TEXT_SENTENCEPIECE_H */
