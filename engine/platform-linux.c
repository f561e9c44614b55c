/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* platform-linux.c - Linux: /proc, flock(), dladdr(), prctl(), control groups. */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>

#include "engine/platform.h"

/* Cgroup files say this, or "max", where there is no limit. */
#define NO_LIMIT (G_MAXUINT64 / 4)

static int
fail_errno (GError **error, const char *path, const char *what)
{
  int saved = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "%s: %s: %s", path, what,
               g_strerror (saved));
  return -1;
}

/* ---- folder, lock, socket ---- */

static gboolean
check_private (int fd, const char *folder, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    {
      fail_errno (error, folder, "fstat");
      return FALSE;
    }
  if (st.st_uid == geteuid () && (st.st_mode & 077) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "%s: expected a folder that only its owner, user %u, may enter; "
               "found owner %u and mode %03o",
               folder, (guint) geteuid (), (guint) st.st_uid, (guint) st.st_mode & 0777);
  return FALSE;
}

int
dif_platform_open_folder (const char *folder, GError **error)
{
  int fd;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    return fail_errno (error, folder, "cannot make the folder");
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail_errno (error, folder, "cannot open the folder");
  if (check_private (fd, folder, error))
    return fd;
  close (fd);
  return -1;
}

void
dif_platform_close (int fd)
{
  if (fd >= 0)
    close (fd);
}

int
dif_platform_try_lock (int folder_fd, const char *name, GError **error)
{
  int fd = openat (folder_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  int failed;

  if (fd < 0)
    return fail_errno (error, name, "cannot make the lock");
  do
    failed = flock (fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
  while (failed == EINTR);
  if (failed == 0)
    return fd;
  close (fd);
  g_set_error (error, G_IO_ERROR,
               failed == EWOULDBLOCK ? G_IO_ERROR_BUSY : g_io_error_from_errno (failed),
               "%s: cannot lock: %s", name, g_strerror (failed));
  return -1;
}

/* A path in sockaddr_un has 107 bytes at most; the open folder's name in /proc is
 * always short enough. */
GSocketAddress *
dif_platform_address (int folder_fd, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d/%s", folder_fd, name);

  return g_unix_socket_address_new (path);
}

gboolean
dif_platform_bind (int folder_fd, const char *name, GSocket *socket, GError **error)
{
  g_autoptr (GSocketAddress) address = dif_platform_address (folder_fd, name);

  dif_platform_unbind (folder_fd, name);
  if (! g_socket_bind (socket, address, FALSE, error))
    return FALSE;
  return fchmodat (folder_fd, name, 0600, 0) == 0 || fail_errno (error, name, "chmod") == 0;
}

void
dif_platform_unbind (int folder_fd, const char *name)
{
  unlinkat (folder_fd, name, 0);
}

/* Of the process that called listen() last, or connect(). */
static gboolean
read_peer (GSocket *socket, struct ucred *peer)
{
  socklen_t length = sizeof *peer;

  return getsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_PEERCRED, peer, &length) == 0 &&
         length == sizeof *peer;
}

gboolean
dif_platform_is_own_peer (GSocket *socket)
{
  struct ucred peer;

  return read_peer (socket, &peer) && peer.uid == geteuid ();
}

gint64
dif_platform_peer (GSocket *socket)
{
  struct ucred peer;

  return read_peer (socket, &peer) ? peer.pid : -1 - (gint64) g_socket_get_fd (socket);
}

int
dif_platform_dup (GSocket *socket, GError **error)
{
  int fd = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 0);

  return fd >= 0 ? fd : fail_errno (error, "dif-engine", "cannot hand over its socket");
}

/* ---- processes ---- */

#define END_MS  2000
#define POLL_MS 10

/* A process that is meant, whatever becomes of its number. */
typedef struct
{
  int fd;
  int pid;
} Process;

/* Whether it has ended; its parent need not have asked how. */
static gboolean
has_ended (const Process *process)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", process->pid);
  g_autofree char *text = NULL;
  const char      *name_end;

  if (syscall (SYS_pidfd_send_signal, process->fd, 0, NULL, 0) != 0 ||
      ! g_file_get_contents (path, &text, NULL, NULL))
    return TRUE;
  name_end = strrchr (text, ')');
  return name_end == NULL || g_str_has_prefix (name_end, ") Z") ||
         g_str_has_prefix (name_end, ") X");
}

static gboolean
ends_in_time (const Process *process)
{
  gint64 deadline = g_get_monotonic_time () + END_MS * 1000;

  while (! has_ended (process))
    {
      if (g_get_monotonic_time () >= deadline)
        return FALSE;
      g_usleep (POLL_MS * 1000);
    }
  return TRUE;
}

/* Asked after the process was opened, so that it is that one's program or none. */
static gboolean
check_program (int pid, const char *program, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/exe", pid);
  g_autofree char *path = g_file_read_link (link, NULL);
  g_autofree char *name = path != NULL ? g_path_get_basename (path) : g_strdup ("none");
  char            *gone = g_str_has_suffix (name, " (deleted)") ? strrchr (name, ' ') : NULL;

  if (gone != NULL)
    *gone = '\0';
  if (strcmp (name, program) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "process %d: expected the program %s, found %s; it is left alone", pid, program,
               name);
  return FALSE;
}

int
dif_platform_end_peer (GSocket *socket, const char *program, gboolean *was_killed, GError **error)
{
  struct ucred peer    = { 0 };
  Process      process = { -1, -1 };

  *was_killed = FALSE;
  if (! read_peer (socket, &peer) || peer.pid <= 0 || peer.uid != geteuid ())
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                           "dif-engine: expected a process of this user, found none");
      return -1;
    }
  process.pid = peer.pid;
  process.fd  = (int) syscall (SYS_pidfd_open, peer.pid, 0);
  if (process.fd < 0)
    return errno == ESRCH ? process.pid : fail_errno (error, program, "cannot open the process");
  if (! has_ended (&process))
    {
      if (! check_program (peer.pid, program, error))
        {
          close (process.fd);
          return -1;
        }
      syscall (SYS_pidfd_send_signal, process.fd, SIGTERM, NULL, 0);
      syscall (SYS_pidfd_send_signal, process.fd, SIGCONT, NULL, 0);
      *was_killed = ! ends_in_time (&process);
      if (*was_killed)
        syscall (SYS_pidfd_send_signal, process.fd, SIGKILL, NULL, 0);
    }
  if (*was_killed && ! ends_in_time (&process))
    {
      process.pid = -1;
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                   "process %d: expected it to end within %d ms of being killed, found it there",
                   (int) peer.pid, END_MS);
    }
  close (process.fd);
  return process.pid;
}

void
dif_platform_detach (gpointer unused)
{
  setsid ();
}

char *
dif_platform_program (void)
{
  return g_file_read_link ("/proc/self/exe", NULL);
}

char *
dif_platform_library (gpointer symbol)
{
  Dl_info info = { 0 };

  return dladdr (symbol, &info) != 0 ? g_strdup (info.dli_fname) : NULL;
}

void
dif_platform_on_terminate (GSourceFunc func, gpointer user_data)
{
  g_unix_signal_add (SIGTERM, func, user_data);
  g_unix_signal_add (SIGINT, func, user_data);
}

/* The signal is sent when the parent's *thread* ends (prctl(2)), hence the words in the
 * header.  A parent that ended before the call sends none; one that ends during
 * it is seen here. */
void
dif_platform_end_with_parent (void)
{
  pid_t parent = getppid ();

  if (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid () != parent)
    raise (SIGKILL);
}

/* ---- memory ---- */

/* The number in a file of one; G_MAXUINT64 where there is none or no limit. */
static guint64
read_number (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  char            *end  = NULL;
  guint64          n;

  if (! g_file_get_contents (path, &text, NULL, NULL))
    return G_MAXUINT64;
  n = g_ascii_strtoull (text, &end, 10);
  return end != text && n < NO_LIMIT ? n : G_MAXUINT64;
}

/* In kB, as /proc/meminfo has it. */
static guint64
meminfo (const char *text, const char *key)
{
  const char *at = strstr (text, key);

  return at ? g_ascii_strtoull (at + strlen (key), NULL, 10) * 1024 : G_MAXUINT64;
}

/* The limits of this process's control group and those above it. */
static void
limit_by_groups (guint64 *total, guint64 *available)
{
  g_autofree char *text = NULL;
  char            *line;

  if (! g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL) ||
      (line = strstr (text, "0::/")) == NULL)
    return;
  line += strlen ("0::");
  line[strcspn (line, "\n")] = '\0';
  while (TRUE)
    {
      g_autofree char *folder = g_build_filename ("/sys/fs/cgroup", line, NULL);
      guint64          limit  = read_number (folder, "memory.max");
      guint64          used   = read_number (folder, "memory.current");
      char            *slash  = strrchr (line, '/');

      if (limit != G_MAXUINT64)
        {
          *total = MIN (*total, limit);
          if (used != G_MAXUINT64)
            *available = MIN (*available, limit > used ? limit - used : 0);
        }
      if (slash == NULL || line[1] == '\0')
        return;
      *(slash == line ? slash + 1 : slash) = '\0';
    }
}

void
dif_platform_memory (guint64 *total, guint64 *available)
{
  g_autofree char *text = NULL;

  *total = *available = G_MAXUINT64;
  if (! g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return;
  *total     = meminfo (text, "MemTotal:");
  *available = meminfo (text, "MemAvailable:");
  limit_by_groups (total, available);
}
