/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.h - what the window remembers: settings overall and of images, prompts, sizes.
 *
 * Knows neither GTK nor GIMP.  A key file that is replaced as a whole.
 */
#ifndef DIF_UI_STORE_H
#define DIF_UI_STORE_H

#include <glib.h>

G_BEGIN_DECLS

/** DIF_UI_STORE_IMAGES: DIF_UI_STORE_PROMPTS: older ones are forgotten. */
#define DIF_UI_STORE_IMAGES  50
#define DIF_UI_STORE_PROMPTS 200

/** DifUiStore: what is remembered. */
typedef struct _DifUiStore DifUiStore;

/**
 * dif_ui_store_new:
 * @folder: made when something is saved
 *
 * A file that makes no sense is an empty one.
 *
 * Returns: (transfer full): what was saved there
 */
DifUiStore *dif_ui_store_new (const char *folder);

/**
 * dif_ui_store_free:
 * @store: (nullable) (transfer full): a store
 */
void dif_ui_store_free (DifUiStore *store);

/**
 * dif_ui_store_save:
 * @store: a store
 *
 * Returns: FALSE if it could not be written
 */
gboolean dif_ui_store_save (DifUiStore *store);

/**
 * dif_ui_store_settings:
 * @store: a store
 * @image_key: (nullable): of an image; NULL for those used last, of whichever image
 *
 * Returns: (transfer full) (nullable): JSON text of its settings; NULL for none
 */
char *dif_ui_store_settings (DifUiStore *store, const char *image_key);

/**
 * dif_ui_store_set_settings:
 * @store: a store
 * @image_key: (nullable): as of dif_ui_store_settings(); an image's are those used last, too
 * @text: JSON text
 */
void dif_ui_store_set_settings (DifUiStore *store, const char *image_key, const char *text);

/**
 * dif_ui_store_prompts:
 * @store: a store
 *
 * Returns: (transfer full) (array zero-terminated=1): each once, the newest first
 */
char **dif_ui_store_prompts (DifUiStore *store);

/**
 * dif_ui_store_add_prompt:
 * @store: a store
 * @prompt: becomes the newest, unless it is empty
 */
void dif_ui_store_add_prompt (DifUiStore *store, const char *prompt);

/**
 * dif_ui_store_number: dif_ui_store_set_number:
 * @store: a store
 * @name: of a number, such as "history-mebibytes"
 * @fallback: where it was never set
 * @number: its value
 *
 * Returns: its value
 */
gint64 dif_ui_store_number (DifUiStore *store, const char *name, gint64 fallback);
void   dif_ui_store_set_number (DifUiStore *store, const char *name, gint64 number);

G_END_DECLS

#endif /* DIF_UI_STORE_H */
