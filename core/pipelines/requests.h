/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* requests.h - requests for a task by its name, from JSON, and the files that
 * they name.
 */
#ifndef DIF_PIPELINES_REQUESTS_H
#define DIF_PIPELINES_REQUESTS_H

#include "formats/checkpoint.h"
#include "run/request.h"
#include "tasks/tasks.h"

G_BEGIN_DECLS

/**
 * dif_task_label:
 * @task: a task
 *
 * Returns: (transfer none) (nullable): what menus call it, such as "Text to
 * image", to be translated
 */
DIF_API const char *dif_task_label (const char *task);

/**
 * dif_task_blurb:
 * @task: a task
 *
 * Returns: (transfer none) (nullable): one sentence, to be translated
 */
DIF_API const char *dif_task_blurb (const char *task);

/**
 * dif_task_params:
 * @task: a task
 * @n: (out): number of rows
 *
 * Its own and those of families of models, which say so in `families`.
 *
 * Returns: (transfer none) (array length=n) (nullable): its parameters; NULL
 * for an unknown task.  Numbers whose fallback lies below `min` are
 * "automatic" ones: unset means the checkpoint's own value.
 */
DIF_API const DifParam *dif_task_params (const char *task, guint *n);

/**
 * dif_param_is_for:
 * @row: a parameter of a task
 * @c: a model
 *
 * Reads configs only.
 *
 * Returns: whether models of its family have the parameter; a request that sets
 * one which they do not have is refused
 */
DIF_API gboolean dif_param_is_for (const DifParam *row, DifCheckpoint *c);

/**
 * dif_param_families:
 * @row: a parameter of a task
 *
 * Returns: (transfer full) (nullable): the families of models that have it, such as
 * "SDXL"; NULL for all
 */
DIF_API char *dif_param_families (const DifParam *row);

/**
 * dif_request_new:
 * @task: such as "txt2img"
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM for an unknown task.
 *
 * Returns: (transfer full) (nullable): a request with nothing set
 */
DIF_API DifRequest *dif_request_new (const char *task, GError **error);

/**
 * dif_request_model:
 * @rq: a request
 *
 * Returns: (transfer none): its "model", or dif_catalog_default() of its task
 */
DIF_API const char *dif_request_model (DifRequest *rq);

/**
 * dif_request_resolve_files:
 * @rq: a request
 * @error: return location
 *
 * Makes what its adapters and "latents" name absolute paths, so that the request means the
 * same in a process whose folder is another.
 *
 * Errors: those of dif_catalog_resolve_file().
 *
 * Returns: FALSE on error; @rq is of no use then
 */
DIF_API gboolean dif_request_resolve_files (DifRequest *rq, GError **error);

/**
 * dif_request_from_json:
 * @json: as dif_request_to_json() makes
 * @error: return location
 *
 * Errors: those of dif_request_new() and dif_request_set(); DIF_FORMAT_ERROR.
 *
 * Returns: (transfer full) (nullable): a request
 */
DIF_API DifRequest *dif_request_from_json (DifJson *json, GError **error);

G_END_DECLS

#endif /* DIF_PIPELINES_REQUESTS_H */
