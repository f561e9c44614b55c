/* SPDX-License-Identifier: GPL-3.0-or-later */
/* style-row.h - the choice of a style, and a button that makes one of the settings. */
#ifndef DIF_UI_STYLE_ROW_H
#define DIF_UI_STYLE_ROW_H

#include <gtk/gtk.h>

#include "ui/models.h"

G_BEGIN_DECLS

/**
 * dif_ui_style_row_new:
 * @settings: has "style", which is a style's id; choosing one sets what it says
 * @focus: (out) (transfer none): what a label's mnemonic should give the focus to
 *
 * Returns: (transfer floating): the row
 */
GtkWidget *dif_ui_style_row_new (GObject *settings, GtkWidget **focus);

/**
 * dif_ui_style_row_set_model:
 * @row: a row
 * @model: whose styles are offered
 */
void dif_ui_style_row_set_model (GtkWidget *row, const DifUiModel *model);

/**
 * dif_ui_style_row_frame:
 * @row: a row
 * @settings: (inout): a copy of the row's settings, whose prompts the style frames
 */
void dif_ui_style_row_frame (GtkWidget *row, GObject *settings);

G_END_DECLS

#endif /* DIF_UI_STYLE_ROW_H */
