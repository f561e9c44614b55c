/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* main.c - finds the subcommand. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"

static const CliCommand *const commands[] = {
  &cmd_info,
  &cmd_import_tokenizer,
  &cmd_schedulers,
  &cmd_make_checkpoint,
#ifdef HAVE_FETCH
  &cmd_pull,
#endif
  &cmd_bench,
  &cmd_selftest,
  &cmd_engine,
};

static const CliCommand *
find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static void
print_overview (void)
{
  const char *const *tasks = dif_task_names ();

  printf ("Usage: dif COMMAND [OPTION]...\n\n"
          "Draws pictures with Stable Diffusion.\n\nCommands that draw:\n");
  for (guint i = 0; tasks[i]; i++)
    printf ("  %-18s%s\n", tasks[i], dif_task_blurb (tasks[i]));
  printf ("\nOther commands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    printf ("  %-18s%s\n", commands[i]->name, commands[i]->summary);
  printf ("\nOther:\n"
          "  %-18s%s\n  %-18s%s\n\n"
          "`dif COMMAND --help` explains a command.  To begin with:\n"
          "  dif txt2img --prompt \"a large red cube\" -o cube.png\n",
          "--help", "Show this text", "--version", "Show the version");
}

CliStatus
cli_run (Cli *cli, const CliCommand *command, int argc, char **argv)
{
  g_autoptr (GError)  error = NULL;
  g_autoptr (CliArgs) args  = cli_args_parse (command, argc, argv, &error);

  if (args && cli_args_has (args, "help"))
    cli_print_help (command);
  else if (args)
    command->run (cli, args, &error);
  if (! error)
    cli_flush (&error);
  return error ? cli_fail (cli, error) : CLI_DONE;
}

/* `dif help COMMAND` */
static gboolean
help_on (const char *name, GError **error)
{
  const CliCommand *command = find_command (name);

  if (command)
    cli_print_help (command);
  else if (g_strv_contains (dif_task_names (), name))
    cmd_task_help (name);
  else
    {
      g_autofree char *shown = cli_shown (name);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unknown command \"%s\"", shown);
      return FALSE;
    }
  return cli_flush (error);
}

static CliStatus
dispatch (Cli *cli, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const char        *name  = argc > 1 ? argv[1] : NULL;
  const CliCommand  *command;

  if (! name)
    g_set_error (&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "expected a command, found none");
  else if (strcmp (name, "--version") == 0)
    {
      printf ("dif %s\n", DIF_VERSION);
      cli_flush (&error);
    }
  else if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 ||
           (strcmp (name, "help") == 0 && argc == 2))
    {
      print_overview ();
      cli_flush (&error);
    }
  else if (strcmp (name, "help") == 0)
    help_on (argv[2], &error);
  else if ((command = find_command (name)))
    {
      cli->command = name;
      return cli_run (cli, command, argc - 2, argv + 2);
    }
  else if (g_strv_contains (dif_task_names (), name))
    {
      cli->command = name;
      return cmd_task (cli, name, argc - 2, argv + 2);
    }
  else
    help_on (name, &error);
  return error ? cli_fail (cli, error) : CLI_DONE;
}

int
main (int argc, char **argv)
{
  Cli cli = { 0 };

  /* names of files and people's prompts; numbers stay as in C */
  setlocale (LC_CTYPE, "");
  cli_report_init ();
  cli.cancellable = cli_interrupt_init ();
  return (int) dispatch (&cli, argc, argv);
}
