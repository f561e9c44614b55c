/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cli.h - what the subcommands of `dif` share: options, messages, statuses.
 *
 * Every failure is one line on stderr, written by cli_fail() alone; results go
 * to stdout.
 */
#ifndef DIF_CLI_CLI_H
#define DIF_CLI_CLI_H

#include "dif-parts.h"

G_BEGIN_DECLS

/**
 * CliStatus:
 * @CLI_DONE: what was asked for is there
 * @CLI_FAILED: it is not, and a line on stderr says why
 * @CLI_USAGE: the command line makes no sense
 * @CLI_INTERRUPTED: SIGINT or SIGTERM came
 *
 * Exit statuses.
 */
typedef enum
{
  CLI_DONE        = 0,
  CLI_FAILED      = 1,
  CLI_USAGE       = 2,
  CLI_INTERRUPTED = 130
} CliStatus;

/**
 * CliOption:
 * @name: long name without dashes
 * @letter: short name, or 0
 * @metavar: what help calls its value; NULL for a flag
 * @blurb: one sentence
 * @fallback: (nullable): the default, for help
 * @group: heading it is listed under
 */
typedef struct
{
  const char *name;
  char        letter;
  const char *metavar;
  const char *blurb;
  const char *fallback;
  const char *group;
} CliOption;

/**
 * Cli:
 * @command: the subcommand that runs, for messages
 * @cancellable: cancelled by the first SIGINT or SIGTERM
 */
typedef struct
{
  const char   *command;
  GCancellable *cancellable;
} Cli;

/**
 * CliCommand:
 * @name: subcommand
 * @summary: one line for `dif --help`
 * @usage: what follows the name in its usage line
 * @details: shown after the options: what comes out, an example
 * @list: (nullable): (transfer full): what there is to choose from, shown before @details
 * @options: (array length=n_options): its options
 * @n_options: how many
 * @min_args: least number of arguments that are no options
 * @max_args: greatest number of them
 * @run: does it; @args are parsed
 */
typedef struct _CliCommand CliCommand;

/** CliArgs: a parsed command line. */
typedef struct
{
  GPtrArray *names;  /* const char *, names of the options given, in order */
  GPtrArray *values; /* const char * or NULL (flags), beside them */
  GPtrArray *rest;   /* const char *, arguments that are no options */
} CliArgs;

struct _CliCommand
{
  const char *name;
  const char *summary;
  const char *usage;
  const char *details;
  char *(*list) (void);
  const CliOption *options;
  guint            n_options;
  guint            min_args;
  guint            max_args;
  gboolean (*run) (Cli *cli, const CliArgs *args, GError **error);
};

/* ---- options.c ---- */

/* Parses what follows the subcommand.  Errors: G_OPTION_ERROR. */
CliArgs *cli_args_parse (const CliCommand *command, int argc, char **argv, GError **error);
void     cli_args_free (CliArgs *args);

/* Whether the option was given; its last value, or @fallback. */
gboolean    cli_args_has (const CliArgs *args, const char *name);
const char *cli_args_value (const CliArgs *args, const char *name, const char *fallback);

/* The last value of an option as a whole number in [min, max]. */
gboolean cli_args_int (const CliArgs *args, const char *name, gint64 min, gint64 max,
                       gint64 fallback, gint64 *value, GError **error);

/* The subcommand's --help, on stdout. */
void cli_print_help (const CliCommand *command);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliArgs, cli_args_free)

/* ---- report.c ---- */

/* Prints @error on one line of stderr; returns the exit status it means. */
CliStatus cli_fail (Cli *cli, const GError *error);

/* A line on stderr that is no failure. */
void cli_warn (const char *text);

/* Turns what would end the process by a signal (a failed small allocation, a
 * closed pipe, a file size limit) into an error or one line and status 1. */
void cli_report_init (void);

/* @text for a message: valid UTF-8, at most 60 characters. */
char *cli_shown (const char *text);

/* Writes what is buffered for stdout.  Errors: G_FILE_ERROR. */
gboolean cli_flush (GError **error);

/* ---- interrupt.c ---- */

/* From now on the first SIGINT or SIGTERM cancels, the second ends. */
GCancellable *cli_interrupt_init (void);

/* ---- commands ---- */

/* `dif TASK`: the options are the task's parameters. */
CliStatus cmd_task (Cli *cli, const char *task, int argc, char **argv);
void      cmd_task_help (const char *task);

/* Parses, answers --help, runs, reports. */
CliStatus cli_run (Cli *cli, const CliCommand *command, int argc, char **argv);

G_END_DECLS

#endif /* DIF_CLI_CLI_H */
