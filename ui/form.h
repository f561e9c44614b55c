/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.h - all parameters of a task in one widget. */
#ifndef DIF_UI_FORM_H
#define DIF_UI_FORM_H

#include <gtk/gtk.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiMakeWidget:
 * @row: a parameter
 * @label: (out) (transfer none) (nullable): of the widget's labels the one that is to
 *   stand in line with the form's own
 * @user_data: as given
 *
 * Returns: (transfer floating) (nullable): a widget for the parameter with a label of
 * its own; NULL for dif_ui_field_new()'s
 */
typedef GtkWidget *(*DifUiMakeWidget) (const DifParam *row, GtkWidget **label,
                                       gpointer user_data);

/**
 * DifUiForm:
 * @settings: where the values are kept: a property for every parameter that is
 *   to be shown
 * @task: a task of dif_task_names()
 * @more: (nullable) (array length=n_more): parameters besides the task's own
 * @n_more: how many
 * @make: (nullable): makes widgets of another toolkit
 * @user_data: for @make
 *
 * What a form is about.
 */
typedef struct
{
  GObject        *settings;
  const char     *task;
  const DifParam *more;
  guint           n_more;
  DifUiMakeWidget make;
  gpointer        user_data;
} DifUiForm;

/**
 * dif_ui_form_new:
 * @about: what it is about
 *
 * Labels beside or above their fields: prompts and the model first, then in the
 * order of dif_task_params(), then @more; the advanced ones are folded away, those of
 * @more first.  Rows that the chosen model has no use for are hidden.  Higher than the
 * screen, it scrolls.  dif_ui_mnemonics_settle() is left to the caller, who knows what
 * stands around it.
 *
 * Returns: (transfer floating): the form
 */
GtkWidget *dif_ui_form_new (const DifUiForm *about);

/**
 * dif_ui_form_focus:
 * @form: as dif_ui_form_new() makes, in a window
 *
 * Gives the focus to what people fill in first.
 */
void dif_ui_form_focus (GtkWidget *form);

/**
 * dif_ui_form_forget_hidden:
 * @settings: those of a form
 * @task: what the form is for
 *
 * Gives parameters that the chosen model has no use for their defaults: what an earlier
 * model was given must not make this one refuse.
 */
void dif_ui_form_forget_hidden (GObject *settings, const char *task);

G_END_DECLS

#endif /* DIF_UI_FORM_H */
