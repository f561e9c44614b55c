/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* server.h - the engine: answers clients until it is idle or told to quit. */
#ifndef DIF_ENGINE_SERVER_H
#define DIF_ENGINE_SERVER_H

#include "engine/place.h"

G_BEGIN_DECLS

/** DIF_ENGINE_IDLE_SECONDS: how long a model stays loaded without work, unless told otherwise. */
#define DIF_ENGINE_IDLE_SECONDS 600

/**
 * dif_server_run:
 * @place: where it listens
 * @listen_fd: (transfer full): the descriptor it listens on
 * @idle_seconds: ends after so long without work
 *
 * Runs a main loop on the default context; returns when idle, on a "quit" of
 * a client, on SIGTERM and on SIGINT.
 */
void dif_server_run (DifPlace *place, int listen_fd, guint idle_seconds);

G_END_DECLS

#endif /* DIF_ENGINE_SERVER_H */
