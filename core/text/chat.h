/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* chat.h - what a language model is told around a prompt. */
#ifndef DIF_TEXT_CHAT_H
#define DIF_TEXT_CHAT_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifChatTemplate:
 * @name: of the template
 * @before: what stands before the prompt
 * @after: what stands behind it
 *
 * One turn of a chat, the user's, and the beginning of the answer.  The prompt
 * goes between the two as it is, nothing stripped; special tokens written in
 * it are taken as such.
 */
typedef struct
{
  const char *name;
  const char *before;
  const char *after;
} DifChatTemplate;

/**
 * dif_chat_find:
 * @name: "qwen3": Qwen3's that may think (Z-Image); "qwen3-no-think": the same
 *   with an empty thought (FLUX.2 klein)
 *
 * Source: Qwen3's chat_template for one message of the user with
 * add_generation_prompt, enable_thinking true or false.
 *
 * Returns: (transfer none) (nullable): the template of that name
 */
DIF_API const DifChatTemplate *dif_chat_find (const char *name);

/**
 * dif_chat_apply:
 * @chat: a template
 * @prompt: a prompt
 *
 * Returns: (transfer full): the text to encode
 */
DIF_API char *dif_chat_apply (const DifChatTemplate *chat, const char *prompt);

G_END_DECLS

#endif /* DIF_TEXT_CHAT_H */
