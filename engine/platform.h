/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* platform.h - what the engine and its clients need of the operating system.
 *
 * All that differs between systems is behind these functions, one file each:
 * platform-linux.c.  A port is another such file, and a line in meson.build.
 */
#ifndef DIF_ENGINE_PLATFORM_H
#define DIF_ENGINE_PLATFORM_H

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * dif_platform_open_folder:
 * @folder: a path
 * @error: return location
 *
 * Makes the folder if it is not there, and opens it.
 *
 * Errors: G_IO_ERROR with the path, PERMISSION_DENIED when it belongs to
 * somebody else or others may enter it.
 *
 * Returns: a descriptor of the folder, or -1
 */
int dif_platform_open_folder (const char *folder, GError **error);

/**
 * dif_platform_close:
 * @fd: a descriptor of this file's functions, or -1
 */
void dif_platform_close (int fd);

/**
 * dif_platform_try_lock:
 * @folder_fd: an open folder
 * @name: of the lock in it
 * @error: return location
 *
 * Does not wait.  A process that ends, however it does, lets go of its locks.
 *
 * Errors: G_IO_ERROR BUSY (somebody has it), others.
 *
 * Returns: a descriptor that holds the lock until it is closed, or -1
 */
int dif_platform_try_lock (int folder_fd, const char *name, GError **error);

/**
 * dif_platform_address:
 * @folder_fd: an open folder
 * @name: of a socket in it
 *
 * A path of any length will do, and nobody can put another folder in this one's
 * place.
 *
 * Returns: (transfer full): its address, as long as the folder is open
 */
GSocketAddress *dif_platform_address (int folder_fd, const char *name);

/**
 * dif_platform_bind:
 * @folder_fd: an open folder
 * @name: of a socket in it
 * @socket: to be found under that name
 * @error: return location
 *
 * Replaces what was there.  Errors: G_IO_ERROR.
 *
 * Returns: FALSE on error
 */
gboolean dif_platform_bind (int folder_fd, const char *name, GSocket *socket, GError **error);

/**
 * dif_platform_unbind:
 * @folder_fd: an open folder
 * @name: of a socket in it, which nobody finds any more
 */
void dif_platform_unbind (int folder_fd, const char *name);

/**
 * dif_platform_is_own_peer:
 * @socket: a connected socket
 *
 * Returns: whether the other end is a process of this user
 */
gboolean dif_platform_is_own_peer (GSocket *socket);

/**
 * dif_platform_peer:
 * @socket: a connected socket
 *
 * Returns: a number of the process at the other end; of one of whom nothing is known,
 * one that is nobody else's
 */
gint64 dif_platform_peer (GSocket *socket);

/**
 * dif_platform_end_peer:
 * @socket: a connected socket
 * @program: the file name of the program that the other end must be
 * @was_killed: (out): whether that was the only way
 * @error: return location
 *
 * Ends the process at the other end, also one that is stopped or hangs: it is asked
 * to end and, two seconds later, killed.  Returns when it has ended.
 *
 * Errors: G_IO_ERROR PERMISSION_DENIED when it is not this user's or runs another
 * program, which is left alone; TIMED_OUT when the system does not let go of it; others.
 *
 * Returns: its process id, or -1 on error
 */
int dif_platform_end_peer (GSocket *socket, const char *program, gboolean *was_killed,
                           GError **error);

/**
 * dif_platform_dup:
 * @socket: a socket
 * @error: return location
 *
 * Errors: G_IO_ERROR.
 *
 * Returns: another descriptor of it, to be handed to a child; or -1
 */
int dif_platform_dup (GSocket *socket, GError **error);

/**
 * dif_platform_detach:
 * @unused: nothing
 *
 * A GSpawnChildSetupFunc: nothing that is meant for the parent reaches the
 * child.
 */
void dif_platform_detach (gpointer unused);

/**
 * dif_platform_program:
 *
 * Returns: (transfer full) (nullable): the running program's path
 */
char *dif_platform_program (void);

/**
 * dif_platform_library:
 * @symbol: the address of a function
 *
 * Returns: (transfer full) (nullable): the path of the library it is in
 */
char *dif_platform_library (gpointer symbol);

/**
 * dif_platform_memory:
 * @total: (out): bytes that this process may use of the machine
 * @available: (out): of them, those that can be had now
 *
 * What a container allows counts.  Both are G_MAXUINT64 where it cannot be told.
 */
void dif_platform_memory (guint64 *total, guint64 *available);

/**
 * dif_platform_on_terminate:
 * @func: called on the default main context when the process is asked to end
 * @user_data: for @func
 */
void dif_platform_on_terminate (GSourceFunc func, gpointer user_data);

/**
 * dif_platform_end_with_parent:
 *
 * From now on this process is killed when the thread ends that started it: for
 * programs whose parent starts them from the thread that it lives in, as GIMP
 * does.
 */
void dif_platform_end_with_parent (void);

G_END_DECLS

#endif /* DIF_ENGINE_PLATFORM_H */
