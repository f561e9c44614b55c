/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* request.h - what is asked for: values of a task's parameters, checked.
 *
 * A request is filled by name from any front end; every value is checked
 * against its DifParam row when it is set.  What is not set takes the
 * checkpoint's own value or diffusers' default when the task runs.
 */
#ifndef DIF_RUN_REQUEST_H
#define DIF_RUN_REQUEST_H

#include "base/image.h"
#include "base/json.h"
#include "base/params.h"

G_BEGIN_DECLS

/** DIF_PROMPT_MAX_BYTES: longer prompts are refused. */
#define DIF_PROMPT_MAX_BYTES (4u * 1024 * 1024)

/**
 * dif_request_new_for:
 * @task: its name, kept as it is
 * @params: (array length=n): the rows it may have values for, kept as they are
 * @n: how many
 *
 * Returns: (transfer full): a request with nothing set
 */
DIF_API DifRequest *dif_request_new_for (const char *task, const DifParam *params, guint n);

/**
 * dif_request_copy:
 * @rq: a request
 *
 * Returns: (transfer full): an independent copy
 */
DIF_API DifRequest *dif_request_copy (DifRequest *rq);

/**
 * dif_request_free:
 * @rq: (nullable) (transfer full): a request
 */
DIF_API void dif_request_free (DifRequest *rq);

/**
 * dif_request_task:
 * @rq: a request
 *
 * Returns: (transfer none): its task
 */
DIF_API const char *dif_request_task (DifRequest *rq);

/**
 * dif_request_param:
 * @rq: a request
 * @name: a parameter
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM if the task has none of that name.
 *
 * Returns: (transfer none) (nullable): its row
 */
DIF_API const DifParam *dif_request_param (DifRequest *rq, const char *name, GError **error);

/**
 * dif_request_set:
 * @rq: a request
 * @name: a parameter of the task
 * @text: its value as text; for a list, one more element
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM naming the parameter, what was expected
 * and what was found (unknown name, not a number, out of range, NaN, invalid
 * UTF-8, too long, not one of the choices).
 *
 * Returns: FALSE on error, @rq unchanged
 */
DIF_API gboolean dif_request_set (DifRequest *rq, const char *name, const char *text,
                                  GError **error);

/**
 * dif_request_set_number:
 * @rq: a request
 * @name: an INT, DOUBLE or BOOL parameter
 * @value: its value
 * @error: return location
 *
 * Errors: as dif_request_set().
 *
 * Returns: FALSE on error, @rq unchanged
 */
DIF_API gboolean dif_request_set_number (DifRequest *rq, const char *name, double value,
                                         GError **error);

/**
 * dif_request_has:
 * @rq: a request
 * @name: a parameter of the task
 *
 * Returns: whether it was set
 */
DIF_API gboolean dif_request_has (DifRequest *rq, const char *name);

/**
 * dif_request_unset:
 * @rq: a request
 * @name: a parameter of the task
 *
 * Makes it as if it had never been set.
 */
DIF_API void dif_request_unset (DifRequest *rq, const char *name);

/**
 * dif_request_missing:
 * @rq: a request
 *
 * Returns: (transfer none) (nullable): a required image that is not given, and
 * nothing in its place
 */
DIF_API const DifParam *dif_request_missing (DifRequest *rq);

/**
 * dif_request_number:
 * @rq: a request
 * @name: an INT, DOUBLE or BOOL parameter
 *
 * Returns: its value, or the row's fallback when unset
 */
DIF_API double dif_request_number (DifRequest *rq, const char *name);

/**
 * dif_request_text:
 * @rq: a request
 * @name: a STRING or CHOICE parameter
 *
 * Returns: (transfer none) (nullable): its value, or the row's default text
 */
DIF_API const char *dif_request_text (DifRequest *rq, const char *name);

/**
 * dif_request_list:
 * @rq: a request
 * @name: a STRINGS parameter
 *
 * Returns: (transfer none) (array zero-terminated=1): its elements
 */
DIF_API const char *const *dif_request_list (DifRequest *rq, const char *name);

/**
 * dif_request_set_image:
 * @rq: a request
 * @name: an IMAGE parameter
 * @image: kept, not copied
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM.
 *
 * Returns: FALSE on error, @rq unchanged
 */
DIF_API gboolean dif_request_set_image (DifRequest *rq, const char *name, DifImage *image,
                                        GError **error);

/**
 * dif_request_image:
 * @rq: a request
 * @name: an IMAGE parameter
 *
 * Returns: (transfer none) (nullable): the image, if it was set
 */
DIF_API DifImage *dif_request_image (DifRequest *rq, const char *name);

/**
 * dif_request_to_json:
 * @rq: a request
 *
 * Returns: (transfer full): an object with "task" and the parameters that are
 * set; images are left out
 */
DIF_API DifJson *dif_request_to_json (DifRequest *rq);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifRequest, dif_request_free)

G_END_DECLS

#endif /* DIF_RUN_REQUEST_H */
