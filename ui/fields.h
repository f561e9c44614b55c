/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fields.h - a widget for a parameter, kept in step with a property.
 *
 * The property is that of any GObject and has the parameter's name: a string
 * for words and lists, a double or an int for numbers, a boolean for switches.
 * Nothing here knows GIMP.
 */
#ifndef DIF_UI_FIELDS_H
#define DIF_UI_FIELDS_H

#include <gtk/gtk.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_field_new:
 * @settings: where the value is kept
 * @task: the task that has it
 * @row: the parameter
 *
 * A spin button for a number (showing a word where it is automatic), a check
 * button for a switch, a combo box for a choice, an entry for a word, a text
 * view for a list; special ones for prompts, models, schedulers and seeds.
 *
 * Returns: (transfer floating) (nullable): the widget with its tooltip; NULL for
 * a picture, which no widget holds
 */
GtkWidget *dif_ui_field_new (GObject *settings, const char *task, const DifParam *row);

/**
 * dif_ui_field_tune:
 * @spin: a GtkSpinButton that shows the parameter
 * @row: the parameter, a number
 *
 * Steps and digits that suit it, and a word where the value is automatic.
 */
void dif_ui_field_tune (GtkWidget *spin, const DifParam *row);

/**
 * dif_ui_field_word:
 * @word: one of a row's choices
 *
 * Returns: (transfer full): what a list shows for it: translated, with a capital if it is
 * a word and not a name such as "f32"
 */
char *dif_ui_field_word (const char *word);

/**
 * dif_ui_field_focus:
 * @field: a field
 *
 * Returns: (transfer none): what a label's mnemonic should give the focus to
 */
GtkWidget *dif_ui_field_focus (GtkWidget *field);

/**
 * dif_ui_field_is_wide:
 * @row: a parameter
 *
 * Returns: whether its field stands below its label and takes the whole width
 */
gboolean dif_ui_field_is_wide (const DifParam *row);

G_END_DECLS

#endif /* DIF_UI_FIELDS_H */
