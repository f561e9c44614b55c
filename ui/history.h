/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history.h - results on disk, so many bytes at most, and nothing half written.
 *
 * Knows neither GTK nor GIMP.  A result is two files of a private folder, ID.png and
 * ID.json; either is written beside its place and then moved there, the text last: a
 * result is there when its text is.  What a crash left over goes when the folder is
 * opened.
 */
#ifndef DIF_UI_HISTORY_H
#define DIF_UI_HISTORY_H

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiEntry:
 * @id: of the result: its place in the order of time
 * @image_key: of the image that it was drawn for
 * @job: results of one job have it in common
 * @index: its number among them
 * @time: when it came, in microseconds since 1970
 * @verb: as of dif_ui_intent_word()
 * @prompt: what was asked for
 * @seed: of its job
 * @width: @height: of the picture
 * @x: @y: @area_width: @area_height: the part of the canvas that it covers
 * @safety: the verdict on it
 * @recipe: JSON text: how it was made
 * @settings: JSON text: all settings that it was made with
 *
 * A result, but for its pixels.
 */
typedef struct
{
  char     *id, *image_key, *job;
  guint     index;
  gint64    time;
  char     *verb, *prompt;
  guint64   seed;
  guint     width, height;
  int       x, y, area_width, area_height;
  DifSafety safety;
  char     *recipe, *settings;
} DifUiEntry;

/** DifUiHistory: a folder of results. */
typedef struct _DifUiHistory DifUiHistory;

/**
 * dif_ui_entry_free:
 * @entry: (nullable) (transfer full): an entry
 */
void dif_ui_entry_free (DifUiEntry *entry);

/**
 * dif_ui_entry_copy:
 * @entry: an entry
 *
 * Returns: (transfer full): a copy
 */
DifUiEntry *dif_ui_entry_copy (const DifUiEntry *entry);

/**
 * dif_ui_entry_to_json: dif_ui_entry_from_json:
 * @entry: an entry
 * @text: JSON text of one
 * @length: its length in bytes
 * @error: return location
 *
 * Errors: those of dif_json_parse() and of members that are missing or make no sense.
 *
 * Returns: (transfer full) (nullable): JSON text; the entry
 */
char       *dif_ui_entry_to_json (const DifUiEntry *entry);
DifUiEntry *dif_ui_entry_from_json (const char *text, gsize length, GError **error);

/**
 * dif_ui_history_new:
 * @folder: made if it is not there; only this user may enter it
 * @max_bytes: what it holds at most
 *
 * Reads what is there.  A folder that cannot be had makes a history that keeps nothing;
 * dif_ui_history_add() says why.
 *
 * Returns: (transfer full): a history
 */
DifUiHistory *dif_ui_history_new (const char *folder, guint64 max_bytes);

/**
 * dif_ui_history_free:
 * @history: (nullable) (transfer full): a history; its files stay
 */
void dif_ui_history_free (DifUiHistory *history);

/**
 * dif_ui_history_set_max:
 * @history: a history
 * @max_bytes: what it holds at most; the oldest results go at once
 */
void dif_ui_history_set_max (DifUiHistory *history, guint64 max_bytes);

/**
 * dif_ui_history_bytes:
 * @history: a history
 *
 * Returns: what its files take
 */
guint64 dif_ui_history_bytes (DifUiHistory *history);

/**
 * dif_ui_history_entries:
 * @history: a history
 *
 * Returns: (transfer none) (element-type DifUiEntry): the newest first
 */
GPtrArray *dif_ui_history_entries (DifUiHistory *history);

/**
 * dif_ui_history_add:
 * @history: a history
 * @entry: a result, which gets its id and time if it has none
 * @picture: its picture
 * @error: return location
 *
 * The oldest results make room for it.  Errors: G_IO_ERROR, G_FILE_ERROR and
 * GDK_PIXBUF_ERROR with the path; nothing is left of it then.
 *
 * Returns: FALSE on error
 */
gboolean dif_ui_history_add (DifUiHistory *history, DifUiEntry *entry, DifImage *picture,
                             GError **error);

/**
 * dif_ui_history_path:
 * @history: a history
 * @id: of a result
 *
 * Returns: (transfer full): of its picture, a PNG file
 */
char *dif_ui_history_path (DifUiHistory *history, const char *id);

/**
 * dif_ui_history_load:
 * @history: a history
 * @id: of a result
 * @error: return location
 *
 * Errors: GDK_PIXBUF_ERROR, G_FILE_ERROR.
 *
 * Returns: (transfer full) (nullable): its picture, in 8 bit
 */
DifImage *dif_ui_history_load (DifUiHistory *history, const char *id, GError **error);

/**
 * dif_ui_history_remove:
 * @history: a history
 * @id: of a result, which goes with its files
 */
void dif_ui_history_remove (DifUiHistory *history, const char *id);

/**
 * dif_ui_history_clear:
 * @history: a history; all its results go
 */
void dif_ui_history_clear (DifUiHistory *history);

/**
 * dif_ui_picture_to_pixbuf: dif_ui_picture_from_pixbuf:
 * @picture: one or three channels
 * @pixbuf: 8 bit
 *
 * Returns: (transfer full) (nullable): the other; NULL if memory runs out
 */
GdkPixbuf *dif_ui_picture_to_pixbuf (DifImage *picture);
DifImage  *dif_ui_picture_from_pixbuf (GdkPixbuf *pixbuf);

G_END_DECLS

#endif /* DIF_UI_HISTORY_H */
