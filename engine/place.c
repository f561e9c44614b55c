/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* place.c - see place.h.
 *
 * Names are taken relative to the open folder, so that nobody can put another
 * one in its place between the check and the use.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "engine/place.h"

#define LOCK_POLL_MS 10
#define BACKLOG      64

struct _DifPlace
{
  int   folder_fd;
  char *folder;
  char *socket_name;
  char *lock_name;
  char *path;
};

static void
set_errno_error (GError **error, const char *path, const char *what)
{
  int saved = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "%s: %s: %s", path, what,
               g_strerror (saved));
}

/* The library that computes is the one whose build matters: its file's identity. */
static char *
build_id (void)
{
  g_autoptr (GChecksum) sum  = g_checksum_new (G_CHECKSUM_SHA256);
  Dl_info               info = { 0 };
  GStatBuf              st;

  g_checksum_update (sum, (const guchar *) DIF_VERSION, -1);
  if (dladdr ((gpointer) dif_task_names, &info) != 0 && info.dli_fname != NULL &&
      g_stat (info.dli_fname, &st) == 0)
    {
      g_autofree char *text = g_strdup_printf ("%ju %ju %jd %ld %jd", (uintmax_t) st.st_dev,
                                               (uintmax_t) st.st_ino, (intmax_t) st.st_mtim.tv_sec,
                                               st.st_mtim.tv_nsec, (intmax_t) st.st_size);
      g_checksum_update (sum, (const guchar *) text, -1);
    }
  return g_strndup (g_checksum_get_string (sum), 12);
}

static gboolean
check_private (int fd, const char *folder, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    {
      set_errno_error (error, folder, "fstat");
      return FALSE;
    }
  if (st.st_uid != geteuid () || (st.st_mode & 077) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s: expected a folder that only its owner, user %u, may enter; "
                   "found owner %u and mode %03o",
                   folder, (guint) geteuid (), (guint) st.st_uid, (guint) st.st_mode & 0777);
      return FALSE;
    }
  return TRUE;
}

static char *
folder_path (void)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");

  if (runtime != NULL && g_path_is_absolute (runtime))
    return g_build_filename (runtime, "gimp-diffusion", NULL);
  return g_build_filename (g_get_user_cache_dir (), "tmp", "gimp-diffusion", NULL);
}

DifPlace *
dif_place_open (GError **error)
{
  g_autoptr (DifPlace) place = g_new0 (DifPlace, 1);
  g_autofree char     *id    = build_id ();

  place->folder      = folder_path ();
  place->folder_fd   = -1;
  place->socket_name = g_strdup_printf ("engine-%s.socket", id);
  place->lock_name   = g_strdup_printf ("engine-%s.lock", id);
  place->path        = g_build_filename (place->folder, place->socket_name, NULL);

  if (g_mkdir_with_parents (place->folder, 0700) != 0)
    {
      set_errno_error (error, place->folder, "cannot make the folder");
      return NULL;
    }
  place->folder_fd = open (place->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (place->folder_fd < 0)
    {
      set_errno_error (error, place->folder, "cannot open the folder");
      return NULL;
    }
  if (! check_private (place->folder_fd, place->folder, error))
    return NULL;
  return g_steal_pointer (&place);
}

void
dif_place_free (DifPlace *place)
{
  if (place == NULL)
    return;
  if (place->folder_fd >= 0)
    close (place->folder_fd);
  g_free (place->folder);
  g_free (place->socket_name);
  g_free (place->lock_name);
  g_free (place->path);
  g_free (place);
}

const char *
dif_place_path (DifPlace *place)
{
  return place->path;
}

int
dif_place_lock (DifPlace *place, guint wait_ms, GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) wait_ms * 1000;
  int    fd       = openat (place->folder_fd, place->lock_name,
                            O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      set_errno_error (error, place->path, "cannot make its lock");
      return -1;
    }
  while (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        {
          close (fd);
          return -1;
        }
      if (errno != EINTR && (errno != EWOULDBLOCK || g_get_monotonic_time () >= deadline))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                       "%s: expected to get its lock within %u ms, found it taken", place->path,
                       wait_ms);
          close (fd);
          return -1;
        }
      g_usleep (LOCK_POLL_MS * 1000);
    }
  return fd;
}

/* A path in sockaddr_un has 107 bytes at most; the open folder's name in /proc is
 * always short enough. */
static struct sockaddr_un
address_of (DifPlace *place)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", place->folder_fd,
              place->socket_name);
  return address;
}

int
dif_place_listen (DifPlace *place, GError **error)
{
  struct sockaddr_un address = address_of (place);
  int                fd      = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    {
      set_errno_error (error, place->path, "cannot make a socket");
      return -1;
    }
  dif_place_remove (place);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) != 0 ||
      fchmodat (place->folder_fd, place->socket_name, 0600, 0) != 0 || listen (fd, BACKLOG) != 0)
    {
      set_errno_error (error, place->path, "cannot listen");
      close (fd);
      return -1;
    }
  return fd;
}

int
dif_place_connect (DifPlace *place, GError **error)
{
  struct sockaddr_un address = address_of (place);
  int                fd      = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    {
      set_errno_error (error, place->path, "cannot make a socket");
      return -1;
    }
  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    {
      if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s: nobody listens", place->path);
      else
        set_errno_error (error, place->path, "cannot connect");
      close (fd);
      return -1;
    }
  if (! dif_place_is_own_peer (fd))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s: expected an engine of user %u, found another user's", place->path,
                   (guint) geteuid ());
      close (fd);
      return -1;
    }
  return fd;
}

void
dif_place_remove (DifPlace *place)
{
  unlinkat (place->folder_fd, place->socket_name, 0);
}

gboolean
dif_place_is_own_peer (int fd)
{
  struct ucred peer   = { 0 };
  socklen_t    length = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && length == sizeof peer &&
         peer.uid == geteuid ();
}

gssize
dif_place_send (int fd, gconstpointer bytes, gsize n)
{
  return send (fd, bytes, n, MSG_NOSIGNAL);
}
