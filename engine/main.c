/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* main.c - dif-engine: keeps models loaded for the programs of one user.
 *
 * Started on demand by a client, which hands it the socket to listen on; it can
 * be started by hand as well.  It says nothing but to those who ask --help.
 */
#include "config.h"

#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/socket-dir.h"
#include "engine/server.h"
#include "engine/warm.h"

#define EXIT_USAGE       2
#define LOCK_MS          2000
#define MAX_IDLE_SECONDS (7 * 24 * 3600)

typedef struct
{
  int      idle_seconds;
  int      listen_fd;
  char    *memory;
  gboolean show_version;
} Options;

static gboolean
parse (Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "idle-seconds", 0, 0, G_OPTION_ARG_INT, &options->idle_seconds,
      "End after so long without work (600)", "SECONDS" },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &options->memory,
      "Weights to keep loaded, in bytes (K, M, G) or as a share of memory (50%)", "SIZE" },
    { "listen-fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options->listen_fd,
      "Descriptor of a socket that listens already", "NUMBER" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->show_version, "Show the version", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) context = NULL;

  context = g_option_context_new ("- keeps diffusion models loaded for GIMP");
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

/* The socket of the dir, unless an engine has it already. */
static GSocket *
listen_here (DifSocketDir *dir, GError **error)
{
  int                 lock   = dif_socket_dir_lock (dir, LOCK_MS, NULL, error);
  g_autoptr (GSocket) other  = lock >= 0 ? dif_socket_dir_connect (dir, NULL) : NULL;
  GSocket            *socket = NULL;

  if (lock < 0)
    return NULL;
  if (other != NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: an engine is listening already",
                 dif_socket_dir_path (dir));
  else
    socket = dif_socket_dir_listen (dir, error);
  dif_socket_dir_unlock (lock);
  return socket;
}

static gboolean
serve (const Options *options, const DifServerLimits *limits, GError **error)
{
  g_autoptr (DifSocketDir) dir    = dif_socket_dir_open (error);
  g_autoptr (GSocket)      socket = NULL;

  if (dir != NULL)
    socket = options->listen_fd >= 0 ? dif_socket_dir_take (dir, options->listen_fd, error)
                                     : listen_here (dir, error);
  if (socket == NULL)
    return FALSE;
  dif_server_run (dir, socket, limits);
  return TRUE;
}

/* Errors are read by whoever started this, who says where translations are; numbers stay as they
 * are in C. */
static void
set_language (void)
{
  const char *folder = g_getenv ("DIF_LOCALE_DIR");

  if (folder == NULL)
    return;
  setlocale (LC_MESSAGES, "");
  bindtextdomain (GETTEXT_PACKAGE, folder);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}

int
main (int argc, char **argv)
{
  Options            options = { DIF_ENGINE_IDLE_SECONDS, -1, NULL, FALSE };
  DifServerLimits    limits  = { 0 };
  g_autoptr (GError) error   = NULL;

  if (! parse (&options, &argc, &argv, &error) ||
      ! dif_warm_parse_budget (options.memory != NULL ? options.memory
                                                      : g_getenv ("DIF_ENGINE_MEMORY"),
                               &limits.memory, &error))
    {
      fprintf (stderr, "dif-engine: %s\n", error->message);
      return EXIT_USAGE;
    }
  set_language ();
  if (options.show_version)
    {
      printf ("dif-engine %s\n", DIF_VERSION);
      return EXIT_SUCCESS;
    }
  limits.idle_seconds = (guint) options.idle_seconds;
  if (! serve (&options, &limits, &error))
    {
      fprintf (stderr, "dif-engine: %s\n", error->message);
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}
