/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* socket-dir.c - see socket-dir.h.
 */
#include "config.h"

#include <stdint.h>

#include <glib/gstdio.h>

#include "engine/socket-dir.h"
#include "engine/platform.h"

#define POLL_MS    10
#define CONNECT_MS 2000
#define BACKLOG    64

struct _DifSocketDir
{
  int   folder_fd;
  char *folder;
  char *socket_name;
  char *lock_name;
  char *path;
};

/* The library that computes is the one whose build matters: its file's identity. */
static char *
build_id (void)
{
  g_autoptr (GChecksum) sum     = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char      *library = dif_platform_library ((gpointer) dif_task_names);
  GStatBuf              st;

  g_checksum_update (sum, (const guchar *) DIF_VERSION, -1);
  if (library != NULL && g_stat (library, &st) == 0)
    {
      g_autofree char *text = g_strdup_printf ("%ju %ju %jd %ld %jd", (uintmax_t) st.st_dev,
                                               (uintmax_t) st.st_ino, (intmax_t) st.st_mtim.tv_sec,
                                               st.st_mtim.tv_nsec, (intmax_t) st.st_size);
      g_checksum_update (sum, (const guchar *) text, -1);
    }
  return g_strndup (g_checksum_get_string (sum), 12);
}

static char *
folder_path (void)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");

  if (runtime != NULL && g_path_is_absolute (runtime))
    return g_build_filename (runtime, "gimp-diffusion", NULL);
  return g_build_filename (g_get_user_cache_dir (), "tmp", "gimp-diffusion", NULL);
}

DifSocketDir *
dif_socket_dir_open (GError **error)
{
  g_autofree char *id   = build_id ();
  g_autofree char *name = g_strconcat ("engine-", id, NULL);

  return dif_socket_dir_open_named (name, error);
}

DifSocketDir *
dif_socket_dir_open_named (const char *name, GError **error)
{
  g_autoptr (DifSocketDir) dir = g_new0 (DifSocketDir, 1);

  dir->folder      = folder_path ();
  dir->folder_fd   = -1;
  dir->socket_name = g_strconcat (name, ".socket", NULL);
  dir->lock_name   = g_strconcat (name, ".lock", NULL);
  dir->path        = g_build_filename (dir->folder, dir->socket_name, NULL);

  dir->folder_fd = dif_platform_open_folder (dir->folder, error);
  return dir->folder_fd >= 0 ? g_steal_pointer (&dir) : NULL;
}

void
dif_socket_dir_free (DifSocketDir *dir)
{
  if (dir == NULL)
    return;
  dif_platform_close (dir->folder_fd);
  g_free (dir->folder);
  g_free (dir->socket_name);
  g_free (dir->lock_name);
  g_free (dir->path);
  g_free (dir);
}

const char *
dif_socket_dir_path (DifSocketDir *dir)
{
  return dir->path;
}

int
dif_socket_dir_lock (DifSocketDir *dir, guint wait_ms, GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) wait_ms * 1000;

  while (TRUE)
    {
      g_autoptr (GError) failure = NULL;
      int                lock    = dif_platform_try_lock (dir->folder_fd, dir->lock_name,
                                                          &failure);

      if (lock >= 0)
        return lock;
      if (! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_BUSY))
        {
          g_propagate_prefixed_error (error, g_steal_pointer (&failure), "%s: ", dir->folder);
          return -1;
        }
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return -1;
      if (g_get_monotonic_time () >= deadline)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                       "%s: expected to get its lock within %u ms, found it taken", dir->path,
                       wait_ms);
          return -1;
        }
      g_usleep (POLL_MS * 1000);
    }
}

void
dif_socket_dir_unlock (int lock)
{
  dif_platform_close (lock);
}

static GSocket *
new_socket (DifSocketDir *dir, GError **error)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, error);

  if (socket == NULL)
    g_prefix_error (error, "%s: ", dir->path);
  return socket;
}

GSocket *
dif_socket_dir_listen (DifSocketDir *dir, GError **error)
{
  g_autoptr (GSocket) socket = new_socket (dir, error);

  if (socket == NULL)
    return NULL;
  g_socket_set_listen_backlog (socket, BACKLOG);
  if (dif_platform_bind (dir->folder_fd, dir->socket_name, socket, error) &&
      g_socket_listen (socket, error))
    return g_steal_pointer (&socket);
  g_prefix_error (error, "%s: cannot listen: ", dir->path);
  return NULL;
}

/* What is seen of the other end are the credentials of whoever called listen() last
 * (unix(7), SO_PEERCRED). */
GSocket *
dif_socket_dir_take (DifSocketDir *dir, int fd, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, error);

  if (socket != NULL)
    g_socket_set_listen_backlog (socket, BACKLOG);
  if (socket != NULL && g_socket_listen (socket, error))
    return g_steal_pointer (&socket);
  g_prefix_error (error, "%s: cannot listen: ", dir->path);
  return NULL;
}

/* An engine that many call at once has not taken all of them from its queue yet. */
static gboolean
connect_within (GSocket *socket, GSocketAddress *address, guint wait_ms, GError **error)
{
  for (guint waited = 0;; waited += POLL_MS)
    {
      g_autoptr (GError) failure = NULL;

      if (g_socket_connect (socket, address, NULL, &failure))
        return TRUE;
      if (waited >= wait_ms || ! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      g_usleep (POLL_MS * 1000);
    }
}

GSocket *
dif_socket_dir_connect (DifSocketDir *dir, GError **error)
{
  g_autoptr (GSocketAddress) address = dif_platform_address (dir->folder_fd, dir->socket_name);
  g_autoptr (GSocket)        socket  = new_socket (dir, error);
  g_autoptr (GError)         failure = NULL;

  if (socket == NULL)
    return NULL;
  if (! connect_within (socket, address, CONNECT_MS, &failure))
    {
      if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
          g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s: nobody listens", dir->path);
      else
        g_propagate_prefixed_error (error, g_steal_pointer (&failure),
                                    "%s: cannot connect: ", dir->path);
      return NULL;
    }
  if (! dif_platform_is_own_peer (socket))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s: expected an engine of this user, found another user's", dir->path);
      return NULL;
    }
  return g_steal_pointer (&socket);
}

void
dif_socket_dir_remove (DifSocketDir *dir)
{
  dif_platform_unbind (dir->folder_fd, dir->socket_name);
}
