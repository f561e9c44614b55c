/* SPDX-License-Identifier: GPL-3.0-or-later */
/* results-strip.h - all results of an image, in small, those of one job together.
 *
 * Arrow keys choose one, Enter applies it, Delete discards it; it can be dragged to a
 * canvas; a menu has the rest.
 */
#ifndef DIF_UI_RESULTS_STRIP_H
#define DIF_UI_RESULTS_STRIP_H

#include <gtk/gtk.h>

#include "ui/history.h"
#include "ui/job-queue.h"

G_BEGIN_DECLS

/**
 * DifUiResult:
 * @entry: what is known of it
 * @pixels: (nullable): its picture, as it was drawn; NULL for one that is on disk
 * @job: (nullable): the job that drew it, in this session
 * @thumbnail: (nullable): it in small, once it was needed
 *
 * A result, counted by references.
 */
typedef struct
{
  DifUiEntry *entry;
  DifImage   *pixels;
  DifUiJob   *job;
  GdkPixbuf  *thumbnail;
} DifUiResult;

/**
 * dif_ui_result_new:
 * @entry: (transfer full): what is known of it
 * @pixels: (nullable): its picture
 * @job: (nullable): who drew it
 *
 * Returns: (transfer full): a result
 */
DifUiResult *dif_ui_result_new (DifUiEntry *entry, DifImage *pixels, DifUiJob *job);

/**
 * dif_ui_result_ref: dif_ui_result_unref:
 * @result: a result
 *
 * Returns: (transfer full): @result
 */
DifUiResult *dif_ui_result_ref (DifUiResult *result);
void         dif_ui_result_unref (DifUiResult *result);

/**
 * DifUiResultCommand:
 * @DIF_UI_RESULT_APPLY: onto the canvas
 * @DIF_UI_RESULT_DISCARD: away with it
 * @DIF_UI_RESULT_USE_SETTINGS: all settings become what it was made with
 * @DIF_UI_RESULT_USE_SEED: the seed alone
 * @DIF_UI_RESULT_VARY: more like it
 *
 * What can be done with a result.
 */
typedef enum
{
  DIF_UI_RESULT_APPLY,
  DIF_UI_RESULT_DISCARD,
  DIF_UI_RESULT_USE_SETTINGS,
  DIF_UI_RESULT_USE_SEED,
  DIF_UI_RESULT_VARY
} DifUiResultCommand;

/**
 * DifUiResultsEvents:
 * @show: the mouse or the keyboard is at a result, or at none (NULL)
 * @command: something is to be done with one
 * @thumbnail: (transfer full) (nullable): a result in small
 * @path: (transfer full) (nullable): its file, to be dragged
 *
 * What a strip tells and asks.
 */
typedef struct
{
  void (*show) (DifUiResult *result, gpointer user_data);
  void (*command) (DifUiResult *result, DifUiResultCommand command, gpointer user_data);
  GdkPixbuf *(*thumbnail) (DifUiResult *result, int side, gpointer user_data);
  char *(*path) (DifUiResult *result, gpointer user_data);
} DifUiResultsEvents;

/**
 * dif_ui_results_strip_new:
 * @events: who is told
 * @user_data: for @events
 *
 * Returns: (transfer floating): an empty strip with a line to search in
 */
GtkWidget *dif_ui_results_strip_new (const DifUiResultsEvents *events, gpointer user_data);

/**
 * dif_ui_results_strip_add:
 * @strip: a strip
 * @result: kept; the newest job comes first
 */
void dif_ui_results_strip_add (GtkWidget *strip, DifUiResult *result);

/**
 * dif_ui_results_strip_remove:
 * @strip: a strip
 * @result: goes; the next one has the keyboard then
 */
void dif_ui_results_strip_remove (GtkWidget *strip, DifUiResult *result);

/**
 * dif_ui_results_strip_clear:
 * @strip: a strip, which becomes empty
 */
void dif_ui_results_strip_clear (GtkWidget *strip);

/**
 * dif_ui_results_strip_set_image:
 * @strip: a strip
 * @image_key: (nullable): whose results are shown; NULL for all
 */
void dif_ui_results_strip_set_image (GtkWidget *strip, const char *image_key);

/**
 * dif_ui_results_strip_current:
 * @strip: a strip
 *
 * Returns: (transfer none) (nullable): the result that is chosen
 */
DifUiResult *dif_ui_results_strip_current (GtkWidget *strip);

/**
 * dif_ui_results_strip_choose:
 * @strip: a strip
 * @result: (nullable): is chosen; NULL for none
 */
void dif_ui_results_strip_choose (GtkWidget *strip, DifUiResult *result);

/**
 * dif_ui_results_strip_find:
 * @strip: a strip
 * @job: name of a job
 * @index: of the picture in it
 *
 * Returns: (transfer none) (nullable): the result
 */
DifUiResult *dif_ui_results_strip_find (GtkWidget *strip, const char *job, guint index);

/**
 * dif_ui_results_strip_mark:
 * @strip: a strip
 * @result: one of its results
 * @is_applied: whether it can be seen on the canvas
 */
void dif_ui_results_strip_mark (GtkWidget *strip, DifUiResult *result, gboolean is_applied);

G_END_DECLS

#endif /* DIF_UI_RESULTS_STRIP_H */
