/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.h - parameters as an object's properties, without GIMP.
 *
 * What a GimpProcedureConfig is inside GIMP: for the window, which has one for all
 * tasks, and for the demo and the tests.
 */
#ifndef DIF_UI_SETTINGS_H
#define DIF_UI_SETTINGS_H

#include <glib-object.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiSettingsMore:
 * @data: of a host
 * @task: a task
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): parameters that it has besides its own
 */
typedef const DifParam *(*DifUiSettingsMore) (gpointer data, const char *task, guint *n);

/**
 * dif_ui_settings_new:
 * @task: a task of dif_task_names()
 *
 * Returns: (transfer full): an object with a property for every parameter
 */
GObject *dif_ui_settings_new (const char *task);

/**
 * dif_ui_settings_new_all:
 * @more: (nullable): parameters besides the tasks' own, the same at every call
 * @data: for @more
 *
 * Returns: (transfer full): an object with a property for every parameter of any task,
 * as the first has it where tasks differ in one, and a property "style"
 */
GObject *dif_ui_settings_new_all (DifUiSettingsMore more, gpointer data);

/**
 * dif_ui_settings_copy:
 * @settings: an object of this file
 *
 * Returns: (transfer full): another one like it
 */
GObject *dif_ui_settings_copy (GObject *settings);

/**
 * dif_ui_settings_is_default:
 * @settings: any object
 * @name: a property of it
 *
 * Returns: whether it is as it was at first
 */
gboolean dif_ui_settings_is_default (GObject *settings, const char *name);

/**
 * dif_ui_settings_reset:
 * @settings: any object
 * @name: (nullable): a property, which gets its default; NULL for all
 */
void dif_ui_settings_reset (GObject *settings, const char *name);

/**
 * dif_ui_settings_to_json:
 * @settings: an object of this file
 *
 * Returns: (transfer full): JSON text: an object with those properties that are not
 * as they were at first
 */
char *dif_ui_settings_to_json (GObject *settings);

/**
 * dif_ui_settings_from_json:
 * @settings: (inout): an object of this file
 * @text: (nullable): JSON text of dif_ui_settings_to_json()
 *
 * Every property becomes what the text says or its default.  What the text says of
 * properties that are not there, or that they do not allow, is left out: it may be of
 * another version, or a stranger's.
 */
void dif_ui_settings_from_json (GObject *settings, const char *text);

/**
 * dif_ui_settings_number: dif_ui_settings_set_number: dif_ui_settings_text:
 * dif_ui_settings_set_text:
 * @settings: an object of this file
 * @name: a property
 * @number: @text: its value; nothing happens where there is no such property
 *
 * Returns: its value; 0 and "" where there is no such property; texts are (transfer full)
 */
double dif_ui_settings_number (GObject *settings, const char *name);
void   dif_ui_settings_set_number (GObject *settings, const char *name, double number);
char  *dif_ui_settings_text (GObject *settings, const char *name);
void   dif_ui_settings_set_text (GObject *settings, const char *name, const char *text);

G_END_DECLS

#endif /* DIF_UI_SETTINGS_H */
