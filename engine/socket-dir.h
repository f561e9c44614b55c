/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* socket-dir.h - where a program and its clients meet: a private folder with a socket.
 *
 * dif-engine's own is that of dif_socket_dir_open(); the painter's window has another.
 *
 * The folder belongs to this user and nobody else may enter it; the socket's
 * name tells builds apart, so that a client never meets the engine of another
 * one.  Whoever holds the lock may start or end an engine.
 */
#ifndef DIF_ENGINE_SOCKET_DIR_H
#define DIF_ENGINE_SOCKET_DIR_H

#include "dif.h"

G_BEGIN_DECLS

/** DifSocketDir: the folder, open, and the names in it. */
typedef struct _DifSocketDir DifSocketDir;

/**
 * dif_socket_dir_open:
 * @error: return location
 *
 * Makes the folder `gimp-diffusion` below the user's runtime folder
 * ($XDG_RUNTIME_DIR), or below `tmp` in the user's cache folder where there is
 * none.
 *
 * Errors: G_IO_ERROR with the path, PERMISSION_DENIED when it belongs to
 * somebody else or others may enter it.
 *
 * Returns: (transfer full) (nullable): the place
 */
DifSocketDir *dif_socket_dir_open (GError **error);

/**
 * dif_socket_dir_open_named:
 * @name: of the socket and the lock in the folder, without an ending
 * @error: return location
 *
 * As dif_socket_dir_open(), for another program than the engine.
 *
 * Returns: (transfer full) (nullable): the place
 */
DifSocketDir *dif_socket_dir_open_named (const char *name, GError **error);

/**
 * dif_socket_dir_free:
 * @dir: (nullable) (transfer full): a place
 */
void dif_socket_dir_free (DifSocketDir *dir);

/**
 * dif_socket_dir_path:
 * @dir: a place
 *
 * Returns: (transfer none): the socket's path, for messages
 */
const char *dif_socket_dir_path (DifSocketDir *dir);

/**
 * dif_socket_dir_lock:
 * @dir: a place
 * @wait_ms: how long to wait for it, in milliseconds
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Errors: G_IO_ERROR BUSY (still taken), CANCELLED, others with the path.
 *
 * Returns: what holds the lock until dif_socket_dir_unlock(), or -1
 */
int dif_socket_dir_lock (DifSocketDir *dir, guint wait_ms, GCancellable *cancellable,
                         GError **error);

/**
 * dif_socket_dir_unlock:
 * @lock: what dif_socket_dir_lock() returned, also -1
 */
void dif_socket_dir_unlock (int lock);

/**
 * dif_socket_dir_listen:
 * @dir: a dir, whose lock is held
 * @error: return location
 *
 * Replaces a socket that nobody listens to any more.
 *
 * Errors: G_IO_ERROR with the path.
 *
 * Returns: (transfer full) (nullable): a listening socket
 */
GSocket *dif_socket_dir_listen (DifSocketDir *dir, GError **error);

/**
 * dif_socket_dir_take:
 * @dir: a place
 * @fd: a listening socket's descriptor, inherited of the process that made it
 * @error: return location
 *
 * Whoever connects from now on sees this process as the other end.
 *
 * Errors: G_IO_ERROR with the path.
 *
 * Returns: (transfer full) (nullable): the socket, which has the descriptor
 */
GSocket *dif_socket_dir_take (DifSocketDir *dir, int fd, GError **error);

/**
 * dif_socket_dir_connect:
 * @dir: a place
 * @error: return location
 *
 * Errors: G_IO_ERROR NOT_FOUND when nobody listens, PERMISSION_DENIED when it is
 * another user who does, others with the path.
 *
 * Returns: (transfer full) (nullable): a connected socket
 */
GSocket *dif_socket_dir_connect (DifSocketDir *dir, GError **error);

/**
 * dif_socket_dir_remove:
 * @dir: a dir, whose lock is held
 *
 * Removes the socket's name.
 */
void dif_socket_dir_remove (DifSocketDir *dir);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifSocketDir, dif_socket_dir_free)

G_END_DECLS

#endif /* DIF_ENGINE_SOCKET_DIR_H */
