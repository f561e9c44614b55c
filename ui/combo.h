/* SPDX-License-Identifier: GPL-3.0-or-later */
/* combo.h - words out of a list, kept in step with a property. */
#ifndef DIF_UI_COMBO_H
#define DIF_UI_COMBO_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** DIF_UI_COMBO_COMMAND: an id that begins with it is no value: the property stays as it is. */
#define DIF_UI_COMBO_COMMAND '\001'

/**
 * dif_ui_combo_bind:
 * @settings: where the value is kept
 * @name: of its string property
 * @combo: entries, each with the value as its id
 *
 * A value that is no entry yet becomes one, under its own name, a path in full.
 */
void dif_ui_combo_bind (GObject *settings, const char *name, GtkComboBoxText *combo);

/**
 * dif_ui_combo_add:
 * @combo: (inout): entries
 * @id: a value
 *
 * Adds an entry for the value unless there is one: above the first command.
 */
void dif_ui_combo_add (GtkComboBoxText *combo, const char *id);

G_END_DECLS

#endif /* DIF_UI_COMBO_H */
