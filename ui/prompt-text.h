/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prompt-text.h - weights in a prompt, and how many tokens it has.
 *
 * Knows neither GTK nor GIMP.  The syntax is that of text/prompt-weights.h.
 */
#ifndef DIF_UI_PROMPT_TEXT_H
#define DIF_UI_PROMPT_TEXT_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_prompt_weigh:
 * @text: a prompt
 * @start: (inout): where the words begin, in bytes
 * @end: (inout): where they end; where @start is, for the word that is there
 * @step: added to their weight, such as 0.1
 *
 * "cube" becomes "(cube:1.1)", that "(cube:1.2)", and "(cube:1.1)" with a step of -0.1
 * "cube" again.  Weights stay from 0 to 4.
 *
 * Returns: (transfer full): the new prompt, in which @start and @end enclose the words
 */
char *dif_ui_prompt_weigh (const char *text, gsize *start, gsize *end, double step);

/**
 * dif_ui_prompt_tokens:
 * @tokenizer: the model's
 * @text: a prompt
 * @is_weighted: whether brackets weigh
 * @edges: (nullable) (element-type gsize): gets the bytes at which another chunk begins:
 *   at the word that its first token is of
 *
 * Returns: how many tokens it has, without begin and end
 */
guint dif_ui_prompt_tokens (DifTokenizer *tokenizer, const char *text, gboolean is_weighted,
                            GArray *edges);

G_END_DECLS

#endif /* DIF_UI_PROMPT_TEXT_H */
