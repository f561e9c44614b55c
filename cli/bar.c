/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bar.c - progress on one line of a terminal. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bar.h"

#define REDRAW_MICROSECONDS 100000
#define BAR_CELLS           24

void
cli_bar_init (CliBar *bar, gboolean quiet)
{
  const char *term = g_getenv ("TERM");

  memset (bar, 0, sizeof *bar);
  bar->enabled = ! quiet && isatty (STDERR_FILENO) && g_strcmp0 (term, "dumb") != 0;
}

static guint
terminal_columns (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void
append_time (GString *line, double seconds)
{
  guint s = (guint) (seconds + 0.5);

  if (s >= 3600)
    g_string_append_printf (line, "  %u:%02u:%02u left", s / 3600, s / 60 % 60, s % 60);
  else if (s >= 60)
    g_string_append_printf (line, "  %u:%02u min left", s / 60, s % 60);
  else
    g_string_append_printf (line, "  %u s left", s);
}

void
cli_bar_update (const DifProgress *progress, gpointer data)
{
  CliBar             *bar  = data;
  gint64              now  = g_get_monotonic_time ();
  guint               full = (guint) (CLAMP (progress->fraction, 0, 1) * BAR_CELLS + 0.5);
  g_autoptr (GString) line = NULL;

  if (! bar->enabled)
    return;
  if (bar->shown && strcmp (bar->stage, progress->stage) == 0 &&
      progress->step < progress->n_steps && now - bar->drawn < REDRAW_MICROSECONDS)
    return;
  line = g_string_new ("[");
  for (guint i = 0; i < BAR_CELLS; i++)
    g_string_append_c (line, i < full ? '#' : '.');
  g_string_append_printf (line, "] %s %u/%u", progress->stage, progress->step, progress->n_steps);
  if (progress->seconds_left >= 0)
    append_time (line, progress->seconds_left);
  if (line->len >= terminal_columns ())
    g_string_truncate (line, terminal_columns () - 1);
  fprintf (stderr, "\r\033[K%s", line->str);
  fflush (stderr);
  g_strlcpy (bar->stage, progress->stage, sizeof bar->stage);
  bar->shown = TRUE;
  bar->drawn = now;
}

void
cli_bar_clear (CliBar *bar)
{
  if (bar->shown)
    fputs ("\r\033[K", stderr);
  bar->shown = FALSE;
}
