/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* options.c - options from a table: parsing them and explaining them.
 *
 * GOption would need one static variable per option and speaks the locale's
 * numbers; these tables are partly made at run time from DifParam rows.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define HELP_COLUMNS 80
#define BLURB_COLUMN 30

static const CliOption help_option = { "help", 'h', NULL, "Show this text", NULL, "Other" };

static const CliOption *
find_long (const CliCommand *command, const char *name, gsize length)
{
  for (guint i = 0; i < command->n_options; i++)
    if (strlen (command->options[i].name) == length &&
        strncmp (command->options[i].name, name, length) == 0)
      return &command->options[i];
  return length == 4 && strncmp (name, "help", 4) == 0 ? &help_option : NULL;
}

static const CliOption *
find_letter (const CliCommand *command, char letter)
{
  for (guint i = 0; i < command->n_options; i++)
    if (command->options[i].letter && command->options[i].letter == letter)
      return &command->options[i];
  return letter == help_option.letter ? &help_option : NULL;
}

/* Reads the option at argv[*at]; a value may be the argument after it. */
static gboolean
parse_option (const CliCommand *command, CliArgs *args, int argc, char **argv, int *at,
              GError **error)
{
  const char      *word    = argv[*at], *value;
  gboolean         is_long = word[1] == '-';
  gsize            length  = is_long ? strcspn (word + 2, "=") : 1;
  const CliOption *option  = is_long ? find_long (command, word + 2, length)
                                     : find_letter (command, word[1]);

  if (! option)
    {
      g_autofree char *name  = g_strndup (word, is_long ? length + 2 : strlen (word));
      g_autofree char *shown = cli_shown (name);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "unknown option %s",
                   shown);
      return FALSE;
    }
  value = is_long ? (word[2 + length] ? word + 3 + length : NULL) : (word[2] ? word + 2 : NULL);
  if (! option->metavar && value)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--%s: expected no value, found one", option->name);
      return FALSE;
    }
  if (option->metavar && ! value)
    value = *at + 1 < argc ? argv[++*at] : NULL;
  if (option->metavar && ! value)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--%s: expected %s, found nothing", option->name, option->metavar);
      return FALSE;
    }
  g_ptr_array_add (args->names, (gpointer) option->name);
  g_ptr_array_add (args->values, (gpointer) value);
  return TRUE;
}

static gboolean
check_rest (const CliCommand *command, const CliArgs *args, GError **error)
{
  if (cli_args_has (args, "help"))
    return TRUE;
  if (args->rest->len > command->max_args)
    {
      g_autofree char *shown = cli_shown (args->rest->pdata[command->max_args]);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unexpected argument \"%s\"",
                   shown);
      return FALSE;
    }
  if (args->rest->len < command->min_args)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   "expected dif %s %s, found too few arguments", command->name, command->usage);
      return FALSE;
    }
  return TRUE;
}

CliArgs *
cli_args_parse (const CliCommand *command, int argc, char **argv, GError **error)
{
  g_autoptr (CliArgs) args        = g_new0 (CliArgs, 1);
  gboolean            options_end = FALSE;

  args->names  = g_ptr_array_new ();
  args->values = g_ptr_array_new ();
  args->rest   = g_ptr_array_new ();
  for (int i = 0; i < argc; i++)
    {
      if (! options_end && strcmp (argv[i], "--") == 0)
        options_end = TRUE;
      else if (options_end || argv[i][0] != '-' || ! argv[i][1])
        g_ptr_array_add (args->rest, argv[i]);
      else if (! parse_option (command, args, argc, argv, &i, error))
        return NULL;
    }
  if (! check_rest (command, args, error))
    return NULL;
  return g_steal_pointer (&args);
}

void
cli_args_free (CliArgs *args)
{
  if (! args)
    return;
  g_ptr_array_unref (args->names);
  g_ptr_array_unref (args->values);
  g_ptr_array_unref (args->rest);
  g_free (args);
}

static int
last_index (const CliArgs *args, const char *name)
{
  for (int i = (int) args->names->len - 1; i >= 0; i--)
    if (strcmp (args->names->pdata[i], name) == 0)
      return i;
  return -1;
}

gboolean
cli_args_has (const CliArgs *args, const char *name)
{
  return last_index (args, name) >= 0;
}

const char *
cli_args_value (const CliArgs *args, const char *name, const char *fallback)
{
  int i = last_index (args, name);

  return i >= 0 ? args->values->pdata[i] : fallback;
}

gboolean
cli_args_int (const CliArgs *args, const char *name, gint64 min, gint64 max, gint64 fallback,
              gint64 *value, GError **error)
{
  const char *text = cli_args_value (args, name, NULL);

  if (! text)
    {
      *value = fallback;
      return TRUE;
    }
  if (! g_ascii_string_to_signed (text, 10, min, max, value, NULL))
    {
      g_autofree char *shown = cli_shown (text);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--%s: expected a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                   ", found \"%s\"",
                   name, min, max, shown);
      return FALSE;
    }
  return TRUE;
}

/* ---- help ---- */

/* Prints words with line breaks, from @column on. */
static void
print_wrapped (const char *text, guint indent, guint column)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (guint i = 0; words[i]; i++)
    {
      guint width = (guint) g_utf8_strlen (words[i], -1);

      if (i > 0 && column + 1 + width > HELP_COLUMNS)
        {
          printf ("\n%*s", (int) indent, "");
          column = indent;
        }
      else if (i > 0)
        {
          putchar (' ');
          column++;
        }
      fputs (words[i], stdout);
      column += width;
    }
  putchar ('\n');
}

static void
print_option (const CliOption *option)
{
  g_autoptr (GString) left  = g_string_new (NULL);
  g_autoptr (GString) right = g_string_new (option->blurb);

  if (option->letter)
    g_string_printf (left, "  -%c, --%s", option->letter, option->name);
  else
    g_string_printf (left, "  --%s", option->name);
  if (option->metavar)
    g_string_append_printf (left, " %s", option->metavar);
  if (option->fallback)
    g_string_append_printf (right, " (default: %s)", option->fallback);
  fputs (left->str, stdout);
  if (left->len + 2 > BLURB_COLUMN)
    printf ("\n%*s", BLURB_COLUMN, "");
  else
    printf ("%*s", (int) (BLURB_COLUMN - left->len), "");
  print_wrapped (right->str, BLURB_COLUMN, BLURB_COLUMN);
}

void
cli_print_help (const CliCommand *command)
{
  const char      *group = NULL;
  g_autofree char *list  = command->list ? command->list () : NULL;

  printf ("Usage: dif %s %s\n\n", command->name, command->usage);
  print_wrapped (command->summary, 0, 0);
  for (guint i = 0; i < command->n_options; i++)
    {
      const CliOption *option = &command->options[i];

      if (! group || strcmp (group, option->group) != 0)
        printf ("\n%s:\n", option->group);
      group = option->group;
      print_option (option);
    }
  if (! group || strcmp (group, help_option.group) != 0)
    printf ("\n%s:\n", help_option.group);
  print_option (&help_option);
  if (list)
    {
      putchar ('\n');
      print_wrapped (list, 0, 0);
    }
  if (command->details)
    printf ("\n%s", command->details);
}
