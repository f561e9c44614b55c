/* SPDX-License-Identifier: GPL-3.0-or-later */
/* widgets.h - what several widgets are made of. */
#ifndef DIF_UI_WIDGETS_H
#define DIF_UI_WIDGETS_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * dif_ui_empty:
 * @container: all that it holds is destroyed
 */
void dif_ui_empty (GtkWidget *container);

/**
 * dif_ui_icon_button:
 * @icon: a name of the icon theme
 * @text: what it does, for people who cannot see it and those who point at it
 *
 * Returns: (transfer floating): a button without a frame
 */
GtkWidget *dif_ui_icon_button (const char *icon, const char *text);

/**
 * dif_ui_dim_label:
 * @text: a remark
 *
 * Returns: (transfer floating): a label that does not draw the eye
 */
GtkWidget *dif_ui_dim_label (const char *text);

/**
 * dif_ui_plain:
 * @text: a label with a mnemonic
 *
 * Returns: (transfer full): it without
 */
char *dif_ui_plain (const char *text);

G_END_DECLS

#endif /* DIF_UI_WIDGETS_H */
