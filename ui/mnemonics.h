/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mnemonics.h - every letter once. */
#ifndef DIF_UI_MNEMONICS_H
#define DIF_UI_MNEMONICS_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * dif_ui_mnemonics_settle:
 * @root: a window or another widget with all that it holds
 *
 * Gives every label in it a mnemonic of its own.  Labels are written by different
 * people, in several languages, and which of them meet in a form depends on task
 * and model; where two want the same letter, that of a button stays, then that of
 * the first label, and the other gets a letter of its text that nobody wants, one that
 * begins a word if it can be.  One that has none left goes without.
 */
void dif_ui_mnemonics_settle (GtkWidget *root);

G_END_DECLS

#endif /* DIF_UI_MNEMONICS_H */
