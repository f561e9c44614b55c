/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tokenizer-files.h - the files of a tokenizer's folder, and what all kinds read from them. */
#ifndef DIF_TEXT_TOKENIZER_FILES_H
#define DIF_TEXT_TOKENIZER_FILES_H

#include "text/added-tokens.h"
#include "text/trie.h"

G_BEGIN_DECLS

/** DIF_MAX_VOCABULARY: ids are below this, and there are no more words or merges. */
#define DIF_MAX_VOCABULARY 1000000

/** The special tokens in the order in which transformers adds them. */
enum
{
  DIF_SPECIAL_BOS,
  DIF_SPECIAL_EOS,
  DIF_SPECIAL_UNK,
  DIF_SPECIAL_SEP,
  DIF_SPECIAL_PAD,
  DIF_SPECIAL_CLS,
  DIF_SPECIAL_MASK,
  DIF_N_SPECIAL
};

/**
 * DifSpecial:
 * @token: as its file states it; its content is NULL where there is none
 * @is_text: stated as a string, not as an object
 */
typedef struct
{
  DifAddedToken token;
  gboolean      is_text;
} DifSpecial;

/**
 * DifTokenizerFiles:
 * @folder: where they are
 * @config: tokenizer_config.json, or an empty object
 * @map: (nullable): special_tokens_map.json
 * @extra: (nullable): added_tokens.json
 * @main: (nullable): tokenizer.json, else vocab.json, else NULL
 * @spiece: (nullable): path of spiece.model, where there is no @main
 * @whole: @main is tokenizer.json
 * @given: @config is the caller's; the folder's own settings do not count
 * @vocabulary: (nullable): words and ids, inside @main
 * @words: (nullable): ids by word, where @vocabulary is no object
 * @n_words: words of the vocabulary
 * @specials: what the files say of the special tokens
 * @extras: (element-type DifAddedToken): further special tokens
 *
 * The files as far as they are there, and what has been read from them.
 */
typedef struct
{
  const char *folder;
  DifJson    *config;
  DifJson    *map;
  DifJson    *extra;
  DifJson    *main;
  char       *spiece;
  gboolean    whole;
  gboolean    given;
  DifJson    *vocabulary;
  DifTrie    *words;
  guint       n_words;
  DifSpecial  specials[DIF_N_SPECIAL];
  GArray     *extras;
} DifTokenizerFiles;

/**
 * _dif_files_open:
 * @files: (out caller-allocates): to be cleared whatever is returned
 * @folder: where they are
 * @config: (nullable): counted instead of the folder's settings
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR; file errors with the path.
 *
 * Returns: FALSE on error
 */
gboolean _dif_files_open (DifTokenizerFiles *files, const char *folder, DifJson *config,
                          GError **error);

/**
 * _dif_files_clear:
 * @files: opened or zeros
 */
void _dif_files_clear (DifTokenizerFiles *files);

/**
 * _dif_files_lookup:
 * @files: with a vocabulary
 * @word: a word
 *
 * Returns: its id in the vocabulary, or -1
 */
gint32 _dif_files_lookup (DifTokenizerFiles *files, const char *word);

/**
 * _dif_files_add_word:
 * @t: a tokenizer that is being loaded
 * @id: below %DIF_MAX_VOCABULARY
 * @word: copied
 */
void _dif_files_add_word (DifTokenizer *t, gint32 id, const char *word);

/**
 * _dif_files_read_specials:
 * @files: opened
 * @defaults: contents by kind, NULL for none; what the class has without files
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR.
 *
 * Returns: FALSE on error
 */
gboolean _dif_files_read_specials (DifTokenizerFiles *files, const char *const *defaults,
                                   GError **error);

/**
 * _dif_files_read_words:
 * @files: opened
 * @t: gets size and words
 * @error: return location
 *
 * The vocabulary of a byte-pair tokenizer.
 *
 * Errors: DIF_FORMAT_ERROR.
 *
 * Returns: FALSE on error
 */
gboolean _dif_files_read_words (DifTokenizerFiles *files, DifTokenizer *t, GError **error);

/**
 * _dif_files_read_added:
 * @files: with vocabulary and specials
 * @t: gets added tokens and the ids of the special ones
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR.
 *
 * Returns: FALSE on error
 */
gboolean _dif_files_read_added (DifTokenizerFiles *files, DifTokenizer *t, GError **error);

/**
 * _dif_files_read_max_length:
 * @files: opened
 * @t: gets its greatest length
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR.
 *
 * Returns: FALSE on error
 */
gboolean _dif_files_read_max_length (DifTokenizerFiles *files, DifTokenizer *t, GError **error);

G_END_DECLS

#endif /* DIF_TEXT_TOKENIZER_FILES_H */
