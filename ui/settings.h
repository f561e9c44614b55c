/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.h - a task's parameters as an object's properties, without GIMP.
 *
 * What a GimpProcedureConfig is inside GIMP, for the demo and the tests.
 */
#ifndef DIF_UI_SETTINGS_H
#define DIF_UI_SETTINGS_H

#include <glib-object.h>

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_settings_new:
 * @task: a task of dif_task_names()
 *
 * Returns: (transfer full): an object with a property for every parameter
 */
GObject *dif_ui_settings_new (const char *task);

G_END_DECLS

#endif /* DIF_UI_SETTINGS_H */
