/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* main.c - dif-engine: keeps a model loaded for the programs of one user.
 *
 * Started on demand by a client, which hands it the socket to listen on; it can
 * be started by hand as well.  It says nothing but to those who ask --help.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/place.h"
#include "engine/server.h"

#define EXIT_USAGE       2
#define LOCK_MS          2000
#define MAX_IDLE_SECONDS (7 * 24 * 3600)

typedef struct
{
  int      idle_seconds;
  int      listen_fd;
  gboolean show_version;
} Options;

static gboolean
parse (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "idle-seconds", 0, 0, G_OPTION_ARG_INT, &options->idle_seconds,
      "End after so long without work (600)", "SECONDS" },
    { "listen-fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options->listen_fd,
      "Descriptor of a socket that listens already", "NUMBER" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->show_version, "Show the version", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- keeps a diffusion model loaded for GIMP");
  g_option_context_add_main_entries (context, entries, NULL);
  if (! g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   "expected options only, found \"%s\"", (*argv)[1]);
      return FALSE;
    }
  if (options->idle_seconds < 1 || options->idle_seconds > MAX_IDLE_SECONDS)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--idle-seconds: expected 1 to %d, found %d", MAX_IDLE_SECONDS,
                   options->idle_seconds);
      return FALSE;
    }
  return TRUE;
}

/* The socket of the place, unless an engine has it already. */
static int
listen_here (DifPlace *place, GError **error)
{
  int lock = dif_place_lock (place, LOCK_MS, NULL, error);
  int fd   = -1;
  int other;

  if (lock < 0)
    return -1;
  other = dif_place_connect (place, NULL);
  if (other >= 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: an engine is listening already",
                   dif_place_path (place));
      close (other);
    }
  else
    {
      fd = dif_place_listen (place, error);
    }
  close (lock);
  return fd;
}

int
main (int argc, char **argv)
{
  Options              options = { DIF_ENGINE_IDLE_SECONDS, -1, FALSE };
  g_autoptr (GError)   error   = NULL;
  g_autoptr (DifPlace) place   = NULL;

  if (! parse (&options, &argc, &argv, &error))
    {
      fprintf (stderr, "dif-engine: %s\n", error->message);
      return EXIT_USAGE;
    }
  if (options.show_version)
    {
      printf ("dif-engine %s\n", DIF_VERSION);
      return EXIT_SUCCESS;
    }
  place = dif_place_open (&error);
  if (place != NULL && options.listen_fd < 0)
    options.listen_fd = listen_here (place, &error);
  if (place == NULL || options.listen_fd < 0)
    {
      fprintf (stderr, "dif-engine: %s\n", error->message);
      return EXIT_FAILURE;
    }
  fcntl (options.listen_fd, F_SETFD, FD_CLOEXEC);
  dif_server_run (place, options.listen_fd, (guint) options.idle_seconds);
  return EXIT_SUCCESS;
}
