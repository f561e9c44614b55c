/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue-list.h - jobs that run or wait, to be moved and cancelled. */
#ifndef DIF_UI_QUEUE_LIST_H
#define DIF_UI_QUEUE_LIST_H

#include <gtk/gtk.h>

#include "ui/job-queue.h"

G_BEGIN_DECLS

/**
 * dif_ui_queue_list_new:
 * @queue: a queue that outlives the list
 *
 * Returns: (transfer floating): a list of its jobs
 */
GtkWidget *dif_ui_queue_list_new (DifUiQueue *queue);

/**
 * dif_ui_queue_list_update:
 * @list: a list, whose queue has changed
 */
void dif_ui_queue_list_update (GtkWidget *list);

G_END_DECLS

#endif /* DIF_UI_QUEUE_LIST_H */
