/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* place.h - where a program and its clients meet: a private folder with a socket.
 *
 * dif-engine's own is that of dif_place_open(); the painter's window has another.
 *
 * The folder belongs to this user and nobody else may enter it; the socket's
 * name tells builds apart, so that a client never meets the engine of another
 * one.  Whoever holds the lock may start or end an engine.
 */
#ifndef DIF_ENGINE_PLACE_H
#define DIF_ENGINE_PLACE_H

#include "dif.h"

G_BEGIN_DECLS

/** DifPlace: the folder, open, and the names in it. */
typedef struct _DifPlace DifPlace;

/**
 * dif_place_open:
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
DifPlace *dif_place_open (GError **error);

/**
 * dif_place_open_named:
 * @name: of the socket and the lock in the folder, without an ending
 * @error: return location
 *
 * As dif_place_open(), for another program than the engine.
 *
 * Returns: (transfer full) (nullable): the place
 */
DifPlace *dif_place_open_named (const char *name, GError **error);

/**
 * dif_place_free:
 * @place: (nullable) (transfer full): a place
 */
void dif_place_free (DifPlace *place);

/**
 * dif_place_path:
 * @place: a place
 *
 * Returns: (transfer none): the socket's path, for messages
 */
const char *dif_place_path (DifPlace *place);

/**
 * dif_place_lock:
 * @place: a place
 * @wait_ms: how long to wait for it, in milliseconds
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Errors: G_IO_ERROR BUSY (still taken), CANCELLED, others with the path.
 *
 * Returns: what holds the lock until dif_place_unlock(), or -1
 */
int dif_place_lock (DifPlace *place, guint wait_ms, GCancellable *cancellable, GError **error);

/**
 * dif_place_unlock:
 * @lock: what dif_place_lock() returned, also -1
 */
void dif_place_unlock (int lock);

/**
 * dif_place_listen:
 * @place: a place, whose lock is held
 * @error: return location
 *
 * Replaces a socket that nobody listens to any more.
 *
 * Errors: G_IO_ERROR with the path.
 *
 * Returns: (transfer full) (nullable): a listening socket
 */
GSocket *dif_place_listen (DifPlace *place, GError **error);

/**
 * dif_place_take:
 * @place: a place
 * @fd: a listening socket's descriptor, inherited of the process that made it
 * @error: return location
 *
 * Whoever connects from now on sees this process as the other end.
 *
 * Errors: G_IO_ERROR with the path.
 *
 * Returns: (transfer full) (nullable): the socket, which has the descriptor
 */
GSocket *dif_place_take (DifPlace *place, int fd, GError **error);

/**
 * dif_place_connect:
 * @place: a place
 * @error: return location
 *
 * Errors: G_IO_ERROR NOT_FOUND when nobody listens, PERMISSION_DENIED when it is
 * another user who does, others with the path.
 *
 * Returns: (transfer full) (nullable): a connected socket
 */
GSocket *dif_place_connect (DifPlace *place, GError **error);

/**
 * dif_place_remove:
 * @place: a place, whose lock is held
 *
 * Removes the socket's name.
 */
void dif_place_remove (DifPlace *place);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifPlace, dif_place_free)

G_END_DECLS

#endif /* DIF_ENGINE_PLACE_H */
