/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt-weights.h - prompts with emphasis, and prompts of any length.
 *
 * THE RULE
 *
 * Syntax ("weighted" only).  `(text)` multiplies the weight of what is inside
 * by 1.1, `[text]` divides it by 1.1, `(text:1.3)` multiplies it by the number
 * instead: a decimal number with an optional sign, after the last colon before
 * the closing parenthesis, blanks around it allowed.  Brackets nest, and their
 * factors multiply.  A closing bracket belongs to the nearest open one of its
 * kind; one that has none is an ordinary letter, and an opening one that is
 * never closed reaches to the end.  A backslash before ( ) [ ] : or another
 * backslash makes that an ordinary letter; before anything else it is one
 * itself.  Weights beyond +-DIF_PROMPT_MAX_WEIGHT are refused.
 *
 * Tokens.  Neighbours of the same weight are joined; each piece is tokenized
 * by itself and the tokens are put one behind the other ("long": the whole
 * text is one piece of weight 1).
 *
 * Chunks.  The tokens are cut into runs of length - 2 (75 for CLIP); each run
 * becomes a chunk: begin, run, end, padding up to length (77).  No token is
 * left out.  A text without tokens is one chunk.  Where a negative prompt
 * goes with the prompt, the shorter of the two gets chunks without tokens
 * until they have the same number.
 *
 * Embeddings.  Each chunk is encoded by itself.  In every chunk that has a
 * token of a weight other than 1, each token's embedding is multiplied by its
 * weight (begin, end and padding have 1), and then the whole chunk by the
 * quotient of its means, over all numbers, before and after that; where that
 * quotient is no finite number it is left out.  The chunks' embeddings are put
 * one behind the other, [1, n_chunks * length, width].  A pooled embedding, for
 * encoders that have one, is the first chunk's.
 *
 * So a prompt without brackets that fits one chunk is encoded as ever, bit for
 * bit.  This is what AUTOMATIC1111's web UI does with its emphasis called
 * "Original", without its BREAK, its editing and alternation of prompts, and
 * without its search for a comma near the end of a chunk.
 */
#ifndef DIF_TEXT_PROMPT_WEIGHTS_H
#define DIF_TEXT_PROMPT_WEIGHTS_H

#include "text/tokenizer.h"

G_BEGIN_DECLS

/** DIF_PROMPT_MAX_CHUNKS: longer prompts are refused. */
#define DIF_PROMPT_MAX_CHUNKS 64u

/** DIF_PROMPT_MAX_WEIGHT: weights of greater magnitude are refused. */
#define DIF_PROMPT_MAX_WEIGHT 1000.0

/** DIF_PROMPT_MAX_DEPTH: more brackets inside each other are refused. */
#define DIF_PROMPT_MAX_DEPTH 256u

/**
 * DifPromptSyntax:
 * @DIF_PROMPT_PLAIN: as diffusers reads it: brackets are letters, and what
 *   does not fit one chunk is left out
 * @DIF_PROMPT_LONG: brackets are letters, any length
 * @DIF_PROMPT_WEIGHTED: brackets weigh, any length
 *
 * How a prompt is read.
 */
typedef enum
{
  DIF_PROMPT_PLAIN,
  DIF_PROMPT_LONG,
  DIF_PROMPT_WEIGHTED
} DifPromptSyntax;

/**
 * dif_prompt_syntax_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): "plain", "long",
 * "weighted": in the order of the enumeration
 */
DIF_API const char *const *dif_prompt_syntax_names (void);

/**
 * DifPromptPart:
 * @text: a piece of a prompt, brackets and escapes resolved
 * @weight: its weight
 */
typedef struct
{
  char  *text;
  double weight;
} DifPromptPart;

/**
 * dif_prompt_parse:
 * @text: a prompt in the weighted syntax
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for a weight that is too large and for
 * brackets nested too deep.
 *
 * Returns: (transfer full) (nullable) (element-type DifPromptPart): pieces
 * that are not empty, neighbours of different weights; free with
 * g_array_unref()
 */
DIF_API GArray *dif_prompt_parse (const char *text, GError **error);

/**
 * DifPrompt:
 * @n_chunks: at least 1
 * @length: ids in a chunk, the tokenizer's
 * @ids: `[n_chunks, length]`
 * @weights: `[n_chunks, length]`
 * @n_dropped: tokens left out ("plain" only)
 *
 * A prompt ready to be encoded, for one tokenizer.
 */
typedef struct
{
  guint   n_chunks, length;
  gint32 *ids;
  float  *weights;
  guint   n_dropped;
} DifPrompt;

/**
 * dif_prompt_new:
 * @t: a tokenizer
 * @text: a prompt
 * @syntax: how to read it
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: those of dif_tokenizer_split() and
 * dif_prompt_parse(); more than %DIF_PROMPT_MAX_CHUNKS chunks.
 *
 * Returns: (transfer full) (nullable): its chunks
 */
DIF_API DifPrompt *dif_prompt_new (DifTokenizer *t, const char *text, DifPromptSyntax syntax,
                                   GError **error);

/**
 * dif_prompt_pad:
 * @p: a prompt
 * @t: its tokenizer
 * @n_chunks: chunks to have at least; new ones hold no tokens
 */
DIF_API void dif_prompt_pad (DifPrompt *p, DifTokenizer *t, guint n_chunks);

/**
 * dif_prompt_is_weighted:
 * @p: a prompt
 * @chunk: which chunk
 *
 * Returns: whether a token of it has a weight other than 1
 */
DIF_API gboolean dif_prompt_is_weighted (const DifPrompt *p, guint chunk);

/**
 * dif_prompt_free:
 * @p: (nullable) (transfer full): a prompt
 */
DIF_API void dif_prompt_free (DifPrompt *p);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifPrompt, dif_prompt_free)

G_END_DECLS

#endif /* DIF_TEXT_PROMPT_WEIGHTS_H */
