/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arguments.h - a task's parameters as arguments of its procedure.
 *
 * Knows no parameter by name: rows of dif_task_params() become arguments, and
 * a config's properties become a request.
 */
#ifndef DIF_PLUGIN_ARGUMENTS_H
#define DIF_PLUGIN_ARGUMENTS_H

#include <libgimp/gimp.h>

#include "dif.h"

G_BEGIN_DECLS

/** DIF_PROCEDURE_PREFIX: before the name of a task, its procedure's name. */
#define DIF_PROCEDURE_PREFIX "plug-in-diffusion-"

/**
 * dif_arguments_add:
 * @procedure: a procedure without arguments
 * @task: a task of dif_task_names()
 *
 * Adds an argument per parameter, those of dif_region_params() included, with
 * the parameter's name and default, unless dif_region_replaces() it.  Of
 * pictures only those become arguments that a layer is named for.
 * Choices are strings, because GIMP 3.0 replaces an unknown choice by the
 * default without a word.  Whole numbers are doubles, because Script-Fu wraps
 * them at 32 bits and cuts fractions off, also without a word.  A list is a
 * string with one element on each line.
 */
void dif_arguments_add (GimpProcedure *procedure, const char *task);

/**
 * dif_arguments_to_request:
 * @config: the arguments
 * @task: the task of dif_arguments_add()
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM naming the argument.
 *
 * Returns: (transfer full) (nullable): the request, without its pictures
 */
DifRequest *dif_arguments_to_request (GimpProcedureConfig *config, const char *task,
                                      GError **error);

/**
 * dif_arguments_allow:
 * @row: a number
 * @value: its value
 *
 * Returns: whether @row can have it
 */
gboolean dif_arguments_allow (const DifParam *row, double value);

/**
 * dif_arguments_add_changes:
 * @procedure: a procedure without arguments
 *
 * Adds an argument for every parameter of any task that a recipe's picture can
 * be given another value of: not those that say where it is.  Left out, they
 * change nothing: numbers are then one less than the least they can be, and
 * texts NULL.  Truth values are texts, "on" or "off".
 */
void dif_arguments_add_changes (GimpProcedure *procedure);

/**
 * dif_arguments_change:
 * @changes: arguments of dif_arguments_add_changes()
 * @task: a task
 * @config: (inout): arguments of dif_arguments_add()
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM naming the argument.
 *
 * Returns: FALSE on error
 */
gboolean dif_arguments_change (GimpProcedureConfig *changes, const char *task,
                               GimpProcedureConfig *config, GError **error);

G_END_DECLS

#endif /* DIF_PLUGIN_ARGUMENTS_H */
