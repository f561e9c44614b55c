/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* chat.c - what a language model is told around a prompt. */
#include "text/chat.h"

#include <string.h>

static const DifChatTemplate templates[] = {
  { "qwen3", "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n" },
  { "qwen3-no-think", "<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n" },
};

const DifChatTemplate *
dif_chat_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (templates); i++)
    if (strcmp (templates[i].name, name) == 0)
      return &templates[i];
  return NULL;
}

char *
dif_chat_apply (const DifChatTemplate *chat, const char *prompt)
{
  return g_strconcat (chat->before, prompt, chat->after, NULL);
}
