/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* server.h - the engine: answers clients until it is idle or told to quit. */
#ifndef DIF_ENGINE_SERVER_H
#define DIF_ENGINE_SERVER_H

#include "engine/socket-dir.h"

G_BEGIN_DECLS

/** DIF_ENGINE_IDLE_SECONDS: how long models stay loaded without work, unless told otherwise. */
#define DIF_ENGINE_IDLE_SECONDS 600

/**
 * DifServerLimits:
 * @idle_seconds: ends after so long without work
 * @memory: bytes of weights to keep loaded, as for dif_warm_new()
 */
typedef struct
{
  guint   idle_seconds;
  guint64 memory;
} DifServerLimits;

/**
 * dif_server_run:
 * @dir: where it listens
 * @listener: the socket it listens on
 * @limits: what it may take
 *
 * Runs a main loop on the default context; returns when idle, on a "quit" of
 * a client, on SIGTERM and on SIGINT.
 */
void dif_server_run (DifSocketDir *dir, GSocket *listener, const DifServerLimits *limits);

G_END_DECLS

#endif /* DIF_ENGINE_SERVER_H */
