/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keepsake.h - the last few results of an image as bytes that stay with it.
 *
 * Knows neither GTK nor GIMP.  The bytes may be a stranger's: whatever they say is checked.
 */
#ifndef DIF_UI_KEEPSAKE_H
#define DIF_UI_KEEPSAKE_H

#include "ui/history.h"

G_BEGIN_DECLS

/** DIF_UI_KEEPSAKE_BYTES: DIF_UI_KEEPSAKE_RESULTS: more is not kept. */
#define DIF_UI_KEEPSAKE_BYTES   (4u * 1024 * 1024)
#define DIF_UI_KEEPSAKE_RESULTS 12

/**
 * dif_ui_keepsake_new:
 * @history: results
 * @image_key: whose are kept
 *
 * Returns: (transfer full) (nullable): the newest of them; NULL for none
 */
GBytes *dif_ui_keepsake_new (DifUiHistory *history, const char *image_key);

/**
 * DifUiKeepsakeFunc:
 * @entry: (transfer full): a result
 * @picture: its picture
 * @user_data: as given
 */
typedef void (*DifUiKeepsakeFunc) (DifUiEntry *entry, DifImage *picture, gpointer user_data);

/**
 * dif_ui_keepsake_foreach:
 * @bytes: whatever was kept
 * @image_key: whose results count
 * @func: called for every result that makes sense, the newest first
 * @user_data: for @func
 */
void dif_ui_keepsake_foreach (GBytes *bytes, const char *image_key, DifUiKeepsakeFunc func,
                              gpointer user_data);

G_END_DECLS

#endif /* DIF_UI_KEEPSAKE_H */
