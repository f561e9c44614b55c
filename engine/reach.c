/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* reach.c - whoever holds the folder's lock may start an engine; others find it then. */
#include "config.h"

#include "engine/socket-dir.h"
#include "engine/platform.h"
#include "engine/reach.h"

#define ENGINE_FD 3
#define LOCK_MS   5000

static char *
find_engine (void)
{
  const char      *named  = g_getenv ("DIF_ENGINE");
  g_autofree char *self   = dif_platform_program ();
  g_autofree char *folder = self != NULL ? g_path_get_dirname (self) : NULL;
  g_autofree char *beside = folder != NULL ? g_build_filename (folder, "dif-engine", NULL) : NULL;

  if (named != NULL && *named != '\0')
    return g_file_test (named, G_FILE_TEST_IS_EXECUTABLE) ? g_strdup (named) : NULL;
  if (beside != NULL && g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  return g_build_filename (DIF_LIBEXECDIR, "dif-engine", NULL);
}

static gboolean
spawn_engine (GSocket *listener, GError **error)
{
  g_autofree char                *program  = find_engine ();
  const char                     *seconds  = g_getenv ("DIF_ENGINE_IDLE_SECONDS");
  g_autofree char                *fd       = g_strdup_printf ("--listen-fd=%d", ENGINE_FD);
  g_autofree char                *idle     = NULL;
  const char                     *argv[]   = { program, fd, NULL, NULL };
  g_autoptr (GSubprocess)         process  = NULL;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  int own;

  if (program == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                           "DIF_ENGINE: expected a program, found none");
      return FALSE;
    }
  if (seconds != NULL && *seconds != '\0')
    argv[2] = idle = g_strdup_printf ("--idle-seconds=%s", seconds);
  own = dif_platform_dup (listener, error);
  if (own < 0)
    return FALSE;
  g_subprocess_launcher_set_cwd (launcher, "/");
  g_subprocess_launcher_set_child_setup (launcher, dif_platform_detach, NULL, NULL);
  g_subprocess_launcher_take_fd (launcher, own, ENGINE_FD);
  process = g_subprocess_launcher_spawnv (launcher, argv, error);
  return process != NULL;
}

/* Under the lock: whoever comes second finds the first one's engine. */
static GSocket *
connect_or_start (DifSocketDir *dir, GError **error)
{
  g_autoptr (GError)  failure  = NULL;
  g_autoptr (GSocket) listener = NULL;
  GSocket            *socket   = dif_socket_dir_connect (dir, &failure);

  if (socket != NULL || ! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      if (socket == NULL)
        g_propagate_error (error, g_steal_pointer (&failure));
      return socket;
    }
  listener = dif_socket_dir_listen (dir, error);
  if (listener != NULL && spawn_engine (listener, error))
    socket = dif_socket_dir_connect (dir, error);
  if (listener != NULL && socket == NULL)
    dif_socket_dir_remove (dir);
  return socket;
}

int
dif_reach_end (gboolean *was_killed, GError **error)
{
  g_autofree char         *path    = find_engine ();
  g_autofree char         *program = g_path_get_basename (path != NULL ? path : "dif-engine");
  g_autoptr (DifSocketDir) dir     = dif_socket_dir_open (error);
  g_autoptr (GSocket)      socket  = dir != NULL ? dif_socket_dir_connect (dir, error) : NULL;

  return socket != NULL ? dif_platform_end_peer (socket, program, was_killed, error) : -1;
}

GSocket *
dif_reach_engine (gboolean may_start, GCancellable *cancellable, GError **error)
{
  g_autoptr (DifSocketDir) dir     = dif_socket_dir_open (error);
  g_autoptr (GError)       failure = NULL;
  GSocket                 *socket;
  int                      lock;

  if (dir == NULL)
    return NULL;
  socket = dif_socket_dir_connect (dir, &failure);
  if (socket != NULL || ! may_start ||
      ! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      if (socket == NULL)
        g_propagate_error (error, g_steal_pointer (&failure));
      return socket;
    }
  lock = dif_socket_dir_lock (dir, LOCK_MS, cancellable, error);
  if (lock < 0)
    return NULL;
  socket = connect_or_start (dir, error);
  dif_socket_dir_unlock (lock);
  return socket;
}
