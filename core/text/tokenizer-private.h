/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tokenizer-private.h - what a kind of tokenizer is, for its file and tokenizer.c. */
#ifndef DIF_TEXT_TOKENIZER_PRIVATE_H
#define DIF_TEXT_TOKENIZER_PRIVATE_H

#include "text/tokenizer-files.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

/**
 * DifTokenizerClass:
 * @name: "clip-bpe", …
 * @model_classes: (array zero-terminated=1): values of tokenizer_class that mean it
 * @size: of its structure, which begins with a DifTokenizer
 * @specials: default special tokens, NULL for none
 * @begins: a prompt begins with the bos token
 * @ends: and ends with the eos token
 * @default_length: where no model_max_length is stated, or Python's "no limit"
 * @max_length: greater ones are refused
 * @fits: whether files that name no class of @model_classes are of this kind
 * @load: reads the vocabulary and whatever else it needs
 * @normalize: (nullable): what it sees of a text
 * @encode: appends the ids of a normalized text without added tokens
 * @show: (nullable): a word of the vocabulary as it was typed
 * @clear: frees what @load made
 *
 * A kind of tokenizer.
 */
typedef struct
{
  const char        *name;
  const char *const *model_classes;
  gsize              size;
  const char        *specials[DIF_N_SPECIAL];
  gboolean           begins, ends;
  guint              default_length, max_length;
  gboolean (*fits) (DifTokenizerFiles *files);
  gboolean (*load) (DifTokenizer *t, DifTokenizerFiles *files, GError **error);
  GString *(*normalize) (DifTokenizer *t, const char *text, gsize length);
  void (*encode) (DifTokenizer *t, const char *text, gsize length, GArray *ids);
  char *(*show) (const char *word);
  void (*clear) (DifTokenizer *t);
} DifTokenizerClass;

/**
 * DifPlaceholder:
 * @word: as it is added
 * @all: the words it stands for: itself and "WORD_1", "WORD_2" ...
 * @id: id of the first of them
 */
typedef struct
{
  char  *word;
  char  *all;
  gint32 id;
} DifPlaceholder;

/**
 * DifTokenizer:
 * @class: its kind
 * @added: words that are one token
 * @placeholders: (nullable) (element-type DifPlaceholder): words that stand for several
 * @chunk: holds @words
 * @words: (element-type utf8): by id, as in the vocabulary; NULL where it has none
 * @special: ids by kind, or -1
 */
struct _DifTokenizer
{
  const DifTokenizerClass *class;
  DifAddedTokens *added;
  GArray         *placeholders;
  GStringChunk   *chunk;
  GPtrArray      *words;
  gint32          special[DIF_N_SPECIAL];
  guint           max_length;
  guint           vocabulary_size;
};

/** The kinds; tokenizer.c has the list. */
extern const DifTokenizerClass _dif_clip_bpe_class;
extern const DifTokenizerClass _dif_byte_bpe_class;
extern const DifTokenizerClass _dif_unigram_class;

G_END_DECLS

#endif /* DIF_TEXT_TOKENIZER_PRIVATE_H */
