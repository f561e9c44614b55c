/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* report.c - the one place that writes to stderr and chooses exit statuses. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Long enough for the longest message with a path in it. */
#define LINE_BYTES 4096

/* Writes "dif: TEXT" as one line without allocating. */
static void
write_line (const char *text, const char *hint)
{
  char  line[LINE_BYTES];
  gsize length = (gsize) g_snprintf (line, sizeof line - 1, "dif: %s%s", text, hint);

  length = MIN (length, sizeof line - 2);
  for (gsize i = 0; i < length; i++)
    if (g_ascii_iscntrl (line[i]))
      line[i] = ' ';
  line[length] = '\n';
  for (gsize done = 0; done <= length;)
    {
      ssize_t n = write (STDERR_FILENO, line + done, length + 1 - done);

      if (n < 0 && errno != EINTR)
        return;
      done += n > 0 ? (gsize) n : 0;
    }
}

void
cli_warn (const char *text)
{
  write_line (text, "");
}

CliStatus
cli_fail (Cli *cli, const GError *error)
{
  char     hint[128] = "";
  gboolean usage     = error->domain == G_OPTION_ERROR || error->domain == DIF_REQUEST_ERROR;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      write_line ("interrupted", "");
      return CLI_INTERRUPTED;
    }
  if (usage)
    g_snprintf (hint, sizeof hint, "; try 'dif %s%s--help'", cli->command ? cli->command : "",
                cli->command ? " " : "");
  write_line (error->message, hint);
  return usage ? CLI_USAGE : CLI_FAILED;
}

/* GLib ends the process when a small allocation fails: let it end in order. */
static GLogWriterOutput
log_writer (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  const char *message = "";

  for (gsize i = 0; i < n_fields; i++)
    if (strcmp (fields[i].key, "MESSAGE") == 0)
      message = fields[i].value;
  if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR))
    {
      write_line (strstr (message, "failed to allocate") ? "out of memory" : message, "");
      _exit (CLI_FAILED);
    }
  return g_log_writer_default (level, fields, n_fields, NULL);
}

/* A mapped model file that shrinks is read past its end. */
static void
on_bus_error (int number)
{
  write_line ("a model file became shorter while it was read", "");
  _exit (CLI_FAILED);
}

void
cli_report_init (void)
{
  signal (SIGBUS, on_bus_error);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  g_log_set_writer_func (log_writer, NULL, NULL);
}

char *
cli_shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) strnlen (text, 240));

  return g_utf8_strlen (valid, -1) > 60 ? g_utf8_substring (valid, 0, 60)
                                        : g_steal_pointer (&valid);
}

gboolean
cli_flush (GError **error)
{
  if (fflush (stdout) == 0 && ! ferror (stdout))
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
               "standard output: %s", g_strerror (errno));
  return FALSE;
}
