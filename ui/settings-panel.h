/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings-panel.h - those parameters of a task that are not in sight elsewhere. */
#ifndef DIF_UI_SETTINGS_PANEL_H
#define DIF_UI_SETTINGS_PANEL_H

#include <gtk/gtk.h>

#include "ui/host.h"
#include "ui/models.h"

G_BEGIN_DECLS

/**
 * dif_ui_settings_panel_new:
 * @settings: where the values are kept
 * @host: who has parameters besides the tasks' own
 *
 * Returns: (transfer floating): an empty panel
 */
GtkWidget *dif_ui_settings_panel_new (GObject *settings, const DifUiHost *host);

/**
 * dif_ui_settings_panel_show:
 * @panel: a panel
 * @task: a task
 * @model: what is to do it
 *
 * Shows the rows that apply to both, the advanced ones folded away, each with a button
 * that takes it back to its default.
 *
 * Returns: whether there are other rows now, whose letters are not settled yet
 */
gboolean dif_ui_settings_panel_show (GtkWidget *panel, const char *task, const DifUiModel *model);

/**
 * dif_ui_settings_panel_shows:
 * @row: a parameter
 *
 * Returns: whether a panel would have it: others are in the window itself
 */
gboolean dif_ui_settings_panel_shows (const DifParam *row);

G_END_DECLS

#endif /* DIF_UI_SETTINGS_PANEL_H */
