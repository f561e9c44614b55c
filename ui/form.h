/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.h - all parameters of a task in one widget. */
#ifndef DIF_UI_FORM_H
#define DIF_UI_FORM_H

#include <gtk/gtk.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_form_new:
 * @settings: where the values are kept: a property for every parameter that is
 *   to be shown
 * @task: a task of dif_task_names()
 * @more: (nullable) (array length=n_more): parameters besides the task's own
 * @n_more: how many
 *
 * Labels with mnemonics beside or above their fields: prompts and the model
 * first, then in the order of dif_task_params(), then @more; the advanced ones are folded
 * away, those of @more first.  Higher than the screen, it scrolls.
 *
 * Returns: (transfer floating): the form
 */
GtkWidget *dif_ui_form_new (GObject *settings, const char *task, const DifParam *more,
                            guint n_more);

/**
 * dif_ui_form_attach:
 * @form: as dif_ui_form_new() makes
 * @row: the parameter that @field is for
 * @field: (transfer floating): with a label of its own, shown below the others of
 *   its kind, advanced or not
 *
 * For parameters that this library has no widgets for.
 */
void dif_ui_form_attach (GtkWidget *form, const DifParam *row, GtkWidget *field);

G_END_DECLS

#endif /* DIF_UI_FORM_H */
