/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tasks.h - the list of tasks. */
#ifndef DIF_TASKS_TASKS_H
#define DIF_TASKS_TASKS_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_task_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): tasks, such as
 * "txt2img"
 */
DIF_API const char *const *dif_task_names (void);

/**
 * dif_task_find:
 * @name: a task
 *
 * Returns: (transfer none) (nullable): its class
 */
DIF_API const DifTaskClass *dif_task_find (const char *name);

G_END_DECLS

#endif /* DIF_TASKS_TASKS_H */
