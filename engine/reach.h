/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* reach.h - finding the engine, or starting one. */
#ifndef DIF_ENGINE_REACH_H
#define DIF_ENGINE_REACH_H

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * dif_reach_engine:
 * @may_start: whether to start one where none is running
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * May wait for another client that starts one.  The client makes the socket and
 * hands it to the engine that it starts, so it can connect at once and nothing has
 * to be waited for but the answer.
 *
 * Errors: G_IO_ERROR NOT_FOUND when none is running and none may be started, or
 * there is no such program; CANCELLED; others.
 *
 * Returns: (transfer full) (nullable): a connected socket
 */
GSocket *dif_reach_engine (gboolean may_start, GCancellable *cancellable, GError **error);

/**
 * dif_reach_end:
 * @was_killed: (out): whether it did not end when it was asked to
 * @error: return location
 *
 * Ends the engine by signals, also one that is stopped or hangs; returns when it has
 * ended.
 *
 * Errors: G_IO_ERROR NOT_FOUND when none is running; those of dif_platform_end_peer().
 *
 * Returns: its process id, or -1 on error
 */
int dif_reach_end (gboolean *was_killed, GError **error);

G_END_DECLS

#endif /* DIF_ENGINE_REACH_H */
