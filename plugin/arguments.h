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
 * Each has its own type, but for a seed, which GIMP's int of 32 bits cannot hold.
 * A list is a string with one element on each line.
 *
 * Script-Fu 3.0 does not keep to types: it cuts the fraction off for an int, and a
 * word that is no choice leaves the default in place, with nothing but a
 * GLib-CRITICAL on stderr (GObject refuses the value, script-fu does not look).
 * Nothing of that reaches this plug-in; test-errors.scm shows it.
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
 * dif_arguments_has:
 * @config: arguments of dif_arguments_add()
 * @name: a parameter
 *
 * Returns: whether it is one of them
 */
gboolean dif_arguments_has (GObject *config, const char *name);

/**
 * dif_arguments_number:
 * @config: arguments of dif_arguments_add()
 * @name: a number among them
 *
 * Returns: its value
 */
double dif_arguments_number (GObject *config, const char *name);

/**
 * dif_arguments_set_number:
 * @config: (inout): arguments of dif_arguments_add()
 * @name: a number; nothing happens if it is not among them
 * @value: its value
 */
void dif_arguments_set_number (GObject *config, const char *name, double value);

/**
 * dif_arguments_add_changes:
 * @procedure: a procedure without arguments
 *
 * Adds an argument for every parameter of any task that a recipe's picture can
 * be given another value of: not those that say where it is.  Left out, they
 * change nothing: numbers are then one less than the least they can be, choices
 * "unchanged", and texts NULL.  Truth values are choices of "on" and "off".
 */
void dif_arguments_add_changes (GimpProcedure *procedure);

/**
 * dif_arguments_given:
 * @changes: arguments of dif_arguments_add_changes()
 *
 * Returns: (transfer full) (array zero-terminated=1): names of those that change
 * something
 */
char **dif_arguments_given (GimpProcedureConfig *changes);

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
