/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue-list.c - see queue-list.h. */
#include "config.h"

#include "ui/queue-list.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING 6
#define QUEUE   "dif-ui-queue"
#define JOB     "dif-ui-job"

static DifUiQueue *
queue_of (gpointer list)
{
  return g_object_get_data (list, QUEUE);
}

static void
on_cancel (GtkButton *button, gpointer list)
{
  dif_ui_queue_cancel (queue_of (list), g_object_get_data (G_OBJECT (button), JOB));
}

static void
on_up (GtkButton *button, gpointer list)
{
  dif_ui_queue_move (queue_of (list), g_object_get_data (G_OBJECT (button), JOB), -1);
}

static void
on_down (GtkButton *button, gpointer list)
{
  dif_ui_queue_move (queue_of (list), g_object_get_data (G_OBJECT (button), JOB), 1);
}

static void
on_cancel_all (GtkButton *button, gpointer list)
{
  dif_ui_queue_cancel_all (queue_of (list));
}

static GtkWidget *
add_button (GtkWidget *row, gpointer list, DifUiJob *job, const char *icon, const char *text,
            GCallback func)
{
  GtkWidget *button = dif_ui_icon_button (icon, text);

  g_object_set_data_full (G_OBJECT (button), JOB, dif_ui_job_ref (job),
                          (GDestroyNotify) dif_ui_job_unref);
  g_signal_connect (button, "clicked", func, list);
  gtk_box_pack_start (GTK_BOX (row), button, FALSE, FALSE, 0);
  return button;
}

static char *
title_of (DifUiJob *job)
{
  g_autofree char *label = dif_ui_intent_label (job->verb, job->strength);
  g_autofree char *verb  = dif_ui_plain (label);

  return *job->prompt != '\0' ? g_strdup_printf (_ ("%s: %s"), verb, job->prompt)
                              : g_strdup (verb);
}

static GtkWidget *
new_row (gpointer list, DifUiJob *job, guint i, guint n)
{
  GtkWidget       *row   = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);
  g_autofree char *title = title_of (job);
  GtkWidget       *label = gtk_label_new (title);
  GtkWidget       *up, *down;
  gboolean         waits = job->state == DIF_UI_JOB_WAITING;

  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_set_tooltip_text (label, title);
  gtk_box_pack_start (GTK_BOX (row), label, TRUE, TRUE, 0);
  up   = add_button (row, list, job, "go-up-symbolic", _ ("Sooner"), G_CALLBACK (on_up));
  down = add_button (row, list, job, "go-down-symbolic", _ ("Later"), G_CALLBACK (on_down));
  add_button (row, list, job, "process-stop-symbolic", _ ("Cancel this one"),
              G_CALLBACK (on_cancel));
  gtk_widget_set_sensitive (up, waits && i > 1);
  gtk_widget_set_sensitive (down, waits && i + 1 < n);
  return row;
}

GtkWidget *
dif_ui_queue_list_new (DifUiQueue *queue)
{
  GtkWidget *list = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);

  g_object_set_data (G_OBJECT (list), QUEUE, queue);
  dif_ui_queue_list_update (list);
  return list;
}

void
dif_ui_queue_list_update (GtkWidget *list)
{
  GPtrArray *jobs = dif_ui_queue_jobs (queue_of (list));
  GtkWidget *last;

  dif_ui_empty (list);
  for (guint i = 0; i < jobs->len; i++)
    gtk_box_pack_start (GTK_BOX (list), new_row (list, jobs->pdata[i], i, jobs->len), FALSE, FALSE,
                        0);
  if (jobs->len == 0)
    last = dif_ui_dim_label (_ ("Nothing waits."));
  else
    {
      last = gtk_button_new_with_label (_ ("Cancel All"));
      g_signal_connect (last, "clicked", G_CALLBACK (on_cancel_all), list);
    }
  gtk_widget_set_halign (last, GTK_ALIGN_START);
  gtk_box_pack_start (GTK_BOX (list), last, FALSE, FALSE, 0);
  gtk_widget_show_all (list);
}
