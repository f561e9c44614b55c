/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prompt-editor.h - where a prompt is written, and what it should not be, folded away.
 *
 * Ctrl+Up and Ctrl+Down weigh the words that are selected, or the one at the cursor.  How
 * many tokens there are stands below; where another chunk begins is marked in the text.
 */
#ifndef DIF_UI_PROMPT_EDITOR_H
#define DIF_UI_PROMPT_EDITOR_H

#include <gtk/gtk.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiPromptsFunc:
 * @user_data: as given
 *
 * Returns: (transfer full) (array zero-terminated=1): prompts of before, newest first
 */
typedef char **(*DifUiPromptsFunc) (gpointer user_data);

/**
 * dif_ui_prompt_editor_new:
 * @settings: has "prompt", "negative-prompt" and "prompt-syntax"
 * @prompts: (nullable): what was written before
 * @user_data: for @prompts
 *
 * Returns: (transfer floating): an editor
 */
GtkWidget *dif_ui_prompt_editor_new (GObject *settings, DifUiPromptsFunc prompts,
                                     gpointer user_data);

/**
 * dif_ui_prompt_editor_set_model:
 * @editor: an editor
 * @model: (nullable): whose tokens count; as of dif_catalog_resolve()
 */
void dif_ui_prompt_editor_set_model (GtkWidget *editor, const char *model);

/**
 * dif_ui_prompt_editor_focus:
 * @editor: an editor, whose prompt gets the focus
 */
void dif_ui_prompt_editor_focus (GtkWidget *editor);

G_END_DECLS

#endif /* DIF_UI_PROMPT_EDITOR_H */
